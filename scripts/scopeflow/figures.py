"""Pictures by which a person judges a run (matplotlib, drawn on given axes)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from scipy import sparse

from scopeflow.outlines import footprint_lines
from scopeflow.spans import LEAST_PX, axis_span

# Of the Okabe-Ito palette, which stays apart for the colour-blind.
RAW, CALCIUM, SPIKES, ROWS, COLUMNS, OUT = (
    "#999999", "#0072B2", "#D55E00", "#0072B2", "#E69F00", "#CC79A7",
)  # fmt: skip

MARKS = 400  # faulty frames that are drawn
CONTOUR_LEVEL = 0.4  # of a footprint's peak


def draw_footprints(
    ax: Axes,
    image: np.ndarray,
    A: sparse.csr_array,
    unit_id: np.ndarray,
    centres: np.ndarray,
    accepted: np.ndarray,
) -> None:
    """Draw an image with the outline of every footprint at 0.4 of its peak.

    Those that do not meet the criteria of accept are dashed.
    """
    low, high = np.quantile(image, [0.01, 0.998])
    ax.imshow(image, cmap="gray", vmin=low, vmax=max(high, low + 1e-6))
    colours = ["#56B4E9", "#E69F00", "#009E73", "#F0E442", "#D55E00", "#CC79A7"]
    own_colours = [colours[k % len(colours)] for k in range(A.shape[0])]
    styles = ["solid" if meets else "dashed" for meets in accepted]
    draw_outlines(ax, A, image.shape[1], own_colours, styles)
    for k in range(A.shape[0] if A.shape[0] <= 100 else 0):
        place = {"xy": centres[k, ::-1], "ha": "center", "va": "center"}
        ax.annotate(str(unit_id[k]), color="white", fontsize=5, alpha=0.8, **place)
    ax.set(xlabel="width (px)", ylabel="height (px)")
    dashed = int(np.sum(~np.asarray(accepted, dtype=bool)))
    ax.set_title(
        f"maximum projection and {A.shape[0]} footprints (outline at {CONTOUR_LEVEL} of the peak)"
        + (f"\ndashed: {dashed} that do not meet accept" if dashed else "")
    )
    ax.set(xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))


def draw_outlines(
    ax: Axes, A: sparse.csr_array, width: int, colours: list[str], styles: list[str]
) -> None:
    """Draw the outline of each footprint of an image of a given width, at 0.4 of its peak."""
    # Not by ax.contour, which takes ten times as long, and all lines in one collection.
    lines, looks = [], []
    for k in range(A.shape[0]):
        own = slice(A.indptr[k], A.indptr[k + 1])
        found = footprint_lines(A.indices[own], A.data[own], width, CONTOUR_LEVEL)
        lines += found
        looks += [(colours[k], styles[k])] * len(found)
    if lines:
        drawn, dashes = zip(*looks, strict=True)
        ax.add_collection(LineCollection(lines, colors=drawn, linewidths=0.8, linestyles=dashes))


def draw_motion(ax: Axes, time_s: np.ndarray, motion: np.ndarray, good: np.ndarray) -> None:
    """Draw the correction over time and mark the frames that were left out."""
    ax.plot(time_s, motion[:, 0], color=ROWS, lw=0.7, label="height")
    ax.plot(time_s, motion[:, 1], color=COLUMNS, lw=0.7, label="width")
    draw_left_out(ax, time_s, ~good)
    left_out = f", {np.sum(~good)} frames left out (pink)" if (~good).any() else ""
    ax.set(xlabel="time (s)", ylabel="correction (px)", title="motion" + left_out)
    ax.set_ylim(axis_span(motion, LEAST_PX))
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), fontsize=7, ncols=2)


def draw_left_out(ax: Axes, time_s: np.ndarray, left_out: np.ndarray) -> None:
    """Mark frames, at most `MARKS`, and leave room so that the first and the last are seen."""
    for t in time_s[left_out][:MARKS]:
        ax.axvline(t, color=OUT, lw=0.7, alpha=0.6)
    rim = 0.005 * (time_s[-1] - time_s[0]) if len(time_s) > 1 else 0.5
    ax.set_xlim(time_s[0] - rim, time_s[-1] + rim)


def draw_attrition(ax: Axes, steps: list[tuple[str, int]]) -> None:
    """Draw how many candidates are left after each test, and units after each step."""
    names, counts = zip(*steps, strict=True)
    places = np.arange(len(names))
    ax.barh(places, counts, color=to_rgba(CALCIUM, 0.7))
    for place, count in zip(places, counts, strict=True):
        ax.annotate(f" {count}", (count, place), va="center", fontsize=8)
    ax.set_yticks(places, names)
    ax.invert_yaxis()
    ax.set_xlim(0, max(*counts, 1) * 1.15)
    ax.set(xlabel="number left", title="from candidates to cells")


def draw_traces(
    ax: Axes,
    time_s: np.ndarray,
    unit_id: np.ndarray,
    traces: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> None:
    """Draw raw trace, fit and deconvolved activity of a few units, one above the other.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    time_s : ndarray of float, shape (frame,)
        Time of the frames.
    unit_id : ndarray of int
        Labels of the units drawn.
    traces : list of tuple of ndarray
        Raw trace, fitted calcium with baseline, and S of each unit, in camera counts.
    """
    for row, (raw, fit, spikes) in enumerate(traces):
        height = max(np.nanmax(raw) - np.nanmin(raw), 1e-6)
        base = len(traces) - 1 - row
        low = np.nanmin(raw)
        ax.plot(time_s, base + 0.85 * (raw - low) / height, color=RAW, lw=0.5)
        ax.plot(time_s, base + 0.85 * (fit - low) / height, color=CALCIUM, lw=0.9)
        shown = spikes > 0
        ax.vlines(
            time_s[shown],
            base - 0.1,
            base - 0.1 + 0.6 * spikes[shown] / height,
            color=SPIKES,
            lw=0.7,
        )
        ax.annotate(f" {height:.0f}", (time_s[-1], base + 0.4), fontsize=6, annotation_clip=False)
    ax.set_yticks(np.arange(len(traces))[::-1] + 0.4, [str(u) for u in unit_id])
    ax.set_xlim(time_s[0], time_s[-1])
    ax.set(xlabel="time (s)", ylabel="unit_id")
    ax.set_title(
        "raw trace (gray), fit (blue), activity S (orange); range in counts on the right",
        fontsize=9,
    )
