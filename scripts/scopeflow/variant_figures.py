"""All variants of a session in one picture: outlines, and traces of the same cells."""

import math
from dataclasses import dataclass

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import sparse

from scopeflow.figures import CALCIUM, RAW, SPIKES, draw_outlines

# Of the Okabe-Ito palette, which stays apart for the colour-blind; light enough for a dark image.
SHARED, ALONE = "#56B4E9", "#E69F00"
IMAGES_PER_ROW = 4


@dataclass(frozen=True)
class Trace:
    """Raw trace, fit and S of a unit over the window that is shown, in counts, (frame,)."""

    raw: np.ndarray
    fit: np.ndarray
    S: np.ndarray


@dataclass(frozen=True)
class Panel:
    """What is drawn of one variant.

    Attributes
    ----------
    name : str
        The variant.
    words : str
        Its numbers, for the title.
    image : ndarray, shape (height, width)
        Maximum projection.
    A : csr_array, shape (unit_id, pixel)
        Footprints.
    is_shared : ndarray of bool, shape (unit_id,)
        Units that the reference has as well; of the reference, those that all have.
    time_s : ndarray of float, shape (frame,)
        Times of the window.
    traces : list of Trace or None
        For each example cell, in the order of `draw_variants`; None where this variant
        lacks it.
    """

    name: str
    words: str
    image: np.ndarray
    A: sparse.csr_array
    is_shared: np.ndarray
    time_s: np.ndarray
    traces: list[Trace | None]


def draw_variants(panels: list[Panel], labels: list[str], title: str) -> Figure:
    """Draw all variants of a session.

    Parameters
    ----------
    panels : list of Panel
        One for each variant, the reference first.
    labels : list of str
        Names of the example cells.
    title : str
        Of the figure.

    Returns
    -------
    Figure
        Above, an image for each variant with its outlines; below, a column of traces for
        each example cell, the variants one below the other on one scale.
    """
    n_rows, n_cols = math.ceil(len(panels) / IMAGES_PER_ROW), min(len(panels), IMAGES_PER_ROW)
    height = 4.3 * n_rows + 0.3 + 0.55 * len(panels) * len(labels)
    figure = plt.figure(figsize=(4.2 * max(n_cols, 3), height), layout="constrained")
    above, below = figure.subfigures(
        2, 1, height_ratios=[4.3 * n_rows, 0.3 + 0.55 * len(panels) * max(len(labels), 1)]
    )
    for ax, panel in zip(above.subplots(n_rows, n_cols, squeeze=False).flat, panels, strict=False):
        _draw_image(ax, panel)
    for ax in above.axes[len(panels) :]:
        ax.set_axis_off()
    above.legend(
        handles=[
            Line2D([], [], color=SHARED, label="also in default (in default: in every variant)"),
            Line2D([], [], color=ALONE, label="not in default (in default: not in every variant)"),
        ],
        loc="outside lower center", ncols=2, fontsize=8,
    )  # fmt: skip
    ax = below.subplots()
    if labels:
        _draw_traces(ax, panels, labels)
    else:
        ax.text(0.5, 0.5, "default has no cell", ha="center", va="center")
        ax.set_axis_off()
    figure.suptitle(title)
    return figure


def _draw_image(ax: Axes, panel: Panel) -> None:
    low, high = np.quantile(panel.image, [0.01, 0.998])
    ax.imshow(panel.image, cmap="gray", vmin=low, vmax=max(high, low + 1e-6))
    colours = [SHARED if shared else ALONE for shared in panel.is_shared]
    draw_outlines(ax, panel.A, panel.image.shape[1], colours, ["solid"] * len(colours))
    height, width = panel.image.shape
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    ax.set(xlabel="width (px)", ylabel="height (px)")
    ax.set_title(f"{panel.name}\n{panel.words}", fontsize=9)


def _draw_traces(ax: Axes, panels: list[Panel], labels: list[str]) -> None:
    """Draw each example cell as a group of lines, one for each variant, on one scale."""
    n, ticks, names = len(panels), [], []
    for i, label in enumerate(labels):
        shown = [panel.traces[i] for panel in panels]
        known = [trace for trace in shown if trace is not None]
        low = min(float(np.nanmin(trace.raw)) for trace in known)
        scale = max(max(float(np.nanmax(trace.raw)) for trace in known) - low, 1e-6)
        for j, (panel, trace) in enumerate(zip(panels, shown, strict=True)):
            base = -(i * (n + 0.6) + j)
            ticks.append(base + 0.4)
            names.append(f"{label}, {panel.name}" if j == 0 else panel.name)
            if trace is None:
                middle = (panel.time_s[0] + panel.time_s[-1]) / 2
                ax.text(middle, base + 0.4, "no such cell", ha="center", va="center", fontsize=7)
                continue
            ax.plot(panel.time_s, base + 0.9 * (trace.raw - low) / scale, color=RAW, lw=0.5)
            ax.plot(panel.time_s, base + 0.9 * (trace.fit - low) / scale, color=CALCIUM, lw=0.9)
            active = trace.S > 0
            foot = base - 0.08
            ax.vlines(
                panel.time_s[active], foot, foot + 0.6 * trace.S[active] / scale,
                color=SPIKES, lw=0.8,
            )  # fmt: skip
        top = -(i * (n + 0.6)) + 0.95
        ax.annotate(f"{scale:.0f} counts", (1.0, top), xycoords=("axes fraction", "data"),
                    ha="right", va="bottom", fontsize=7)  # fmt: skip
    ax.set_yticks(ticks, names, fontsize=7)
    times = [panel.time_s for panel in panels]
    ax.set_xlim(min(t[0] for t in times), max(t[-1] for t in times))
    ax.set(xlabel="time (s)", ylabel="unit_id in default, variant")
    ax.set_title(
        "the same cells in each variant, one scale for each cell (its range on the right): raw "
        "trace gray, fit blue, activity S orange",
        fontsize=9,
    )
