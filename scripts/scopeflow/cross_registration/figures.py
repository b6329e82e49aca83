"""Pictures by which a person judges the cross-registration of an animal."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import sparse

from scopeflow.cross_registration.pairs import Placed
from scopeflow.cross_registration.pictures import picture
from scopeflow.cross_registration.probability import Model
from scopeflow.cross_registration.register import Cells, Field, Match
from scopeflow.outlines import footprint_lines

# Of the Okabe-Ito palette, which stays apart for the colour-blind.
MATCHED = "#F0E442"  # units with a partner; others in the hue of their session
FIRST_ALONE, SECOND_ALONE = "#D55E00", "#56B4E9"
UNSEEN = 0.25  # gray of what a session that is shown did not see
DIMMED = 0.6  # of the brightness of images behind outlines
SECOND = "#E69F00"
SAME, DIFFERENT = "#0072B2", "#D55E00"
LEVEL = 0.4  # of a footprint's peak, at which it is outlined
PANELS_MAX = 9  # pairs of sessions with outlines; more are chosen evenly


def overlay(sessions: list[Cells], field: Field, cell_diameter_px: float) -> Figure:
    """Draw the aligned images of two or three sessions at a time in red, green and blue."""
    n = len(sessions)
    starts = sorted({max(min(k, n - 3), 0) for k in range(0, n, 3)})
    figure, axes = _panels(len(starts))
    for ax, start in zip(axes, starts, strict=True):
        shown = range(start, min(start + 3, n))
        image = np.zeros((*field.images[0].shape, 3))
        for colour, k in enumerate(shown):
            image[..., colour] = _brightness(field.images[k], cell_diameter_px)
        if len(shown) == 2:  # red and cyan: what both show is white
            image[..., 2] = image[..., 1]
        image[~_seen_by_all(field, shown)] = UNSEEN
        ax.imshow(image, extent=_extent(field))
        colours = ("red", "green", "blue") if len(shown) != 2 else ("red", "cyan")
        words = []
        for colour, k in zip(colours, shown, strict=False):
            aligned = "" if field.alignments[k].is_clear else " (not aligned)"
            words.append(f"{colour}: {sessions[k].name}{aligned}")
        ax.set(xlabel="width (px)", ylabel="height (px)")
        ax.set_title("\n".join(words), fontsize=9)
    figure.suptitle("what sessions share is white; what one of them did not see is gray")
    return figure


def _seen_by_all(field: Field, sessions: Iterable[int]) -> np.ndarray:
    """Return which pixels of the common field all of some sessions saw, (height, width)."""
    return np.isfinite([field.images[k] for k in sessions]).all(axis=0)


def _red_and_cyan(field: Field, first: int, second: int) -> np.ndarray:
    """Return the images of two sessions as one, dimmed, (height, width, 3)."""
    red, cyan = (np.nan_to_num(_gray(field.images[k])) for k in (first, second))
    image = DIMMED * np.stack([red, cyan, cyan], axis=-1)
    image[~_seen_by_all(field, (first, second))] = UNSEEN
    return image


def _brightness(image: np.ndarray, cell_diameter_px: float) -> np.ndarray:
    """Return cells of an image between 0 and 1; 0 where nothing was seen."""
    band = np.maximum(picture(image, cell_diameter_px), 0)
    band[~np.isfinite(image)] = 0
    return np.clip(band / max(float(np.quantile(band, 0.998)), 1e-6), 0, 1)


def _extent(field: Field) -> tuple[float, float, float, float]:
    top, left, height, width = field.frame
    return left - 0.5, left + width - 0.5, top + height - 0.5, top - 0.5


def _panels(n: int) -> tuple[Figure, np.ndarray]:
    n_cols = min(n, 3)
    n_rows = -(-n // n_cols)
    figure, axes = plt.subplots(
        n_rows, n_cols, figsize=(6.5 * n_cols, 6 * n_rows), layout="constrained", squeeze=False
    )
    for ax in axes.ravel()[n:]:
        ax.set_axis_off()
    return figure, axes.ravel()[:n]


def outlines(sessions: list[Cells], field: Field, matches: list[Match], kept: set) -> Figure:
    """Draw the outlines of matched units of pairs of sessions, and those of the others.

    Parameters
    ----------
    sessions, field, matches
        Of `register`.
    kept : set of tuple
        Matches ``(first, unit, second, unit)`` that the mappings hold.
    """
    with_template = [m for m in matches if field.template in (m.first, m.second)]
    picks = np.unique(np.linspace(0, len(with_template) - 1, PANELS_MAX).round().astype(int))
    chosen = [with_template[k] for k in picks] if with_template else []
    figure, axes = _panels(max(len(chosen), 1))
    for ax, m in zip(axes, chosen, strict=False):
        pairs = zip(m.pairs.first[m.kept].tolist(), m.pairs.second[m.kept].tolist(), strict=True)
        joined = [(i, j) for i, j in pairs if (m.first, i, m.second, j) in kept]
        own, other = ({pair[side] for pair in joined} for side in (0, 1))
        for k, partners, alone in ((m.first, own, FIRST_ALONE), (m.second, other, SECOND_ALONE)):
            placed = field.sessions[k]
            _outline(ax, placed, field, set(range(len(placed.mass))) - partners, alone)
            _outline(ax, placed, field, partners, MATCHED)
        extent = _extent(field)
        ax.imshow(_red_and_cyan(field, m.first, m.second), extent=extent)
        ax.set(xlabel="width (px)", ylabel="height (px)", xlim=extent[:2], ylim=extent[2:])
        ax.set_title(
            f"{sessions[m.first].name} (image red) and {sessions[m.second].name} (cyan): "
            f"{len(joined)} matched (yellow)\nwithout a partner: orange and blue", fontsize=9,
        )  # fmt: skip
    if not chosen:
        axes[0].set_title("no two sessions were compared")
    return figure


def _gray(image: np.ndarray) -> np.ndarray:
    known = image[np.isfinite(image)]
    low, high = np.quantile(known, [0.01, 0.998])
    return np.clip((image - low) / max(high - low, 1e-6), 0, 1)


def _outline(ax, placed: Placed, field: Field, units: set[int], colour: str) -> None:
    lines = [line for unit in sorted(units) for line in _contours(placed.A, unit, field)]
    ax.add_collection(LineCollection(lines, colors=colour, linewidths=0.9))


def _contours(A: sparse.csr_array, unit: int, field: Field) -> list[np.ndarray]:
    """Return the outlines of a footprint as lines (point, (column, row)) in the common field."""
    own = slice(A.indptr[unit], A.indptr[unit + 1])
    lines = footprint_lines(A.indices[own], A.data[own], field.frame[3], LEVEL)
    corner = np.array([field.frame[1], field.frame[0]])
    return [line + corner for line in lines]


def distributions(matches: list[Match], model: Model, distance_max_px: float) -> Figure:
    """Draw distance and footprint correlation of near pairs, with the fitted mixture."""
    d, r, p = (
        np.concatenate([np.zeros(0), *parts])
        for parts in (
            [m.pairs.distance_px for m in matches],
            [m.pairs.footprint_r for m in matches],
            [m.probability for m in matches],
        )
    )
    away_d, away_r = (
        np.concatenate([np.zeros(0), *(getattr(x, name) for m in matches for x in m.displaced)])
        for name in ("distance_px", "footprint_r")
    )
    figure, axes = plt.subplots(1, 3, figsize=(17, 5), layout="constrained")
    edges = np.linspace(0, model.radius_px, 49)
    _, _, bars = axes[0].hist(d, edges, color="#DDDDDD", label="all near pairs")
    x = np.linspace(0, model.radius_px, 300)
    scale = len(d) * (edges[1] - edges[0])
    for density, colour, label in zip(
        model.distance_densities(x), (SAME, DIFFERENT), ("same cell", "different cells"),
        strict=True,
    ):  # fmt: skip
        axes[0].plot(x, scale * density, color=colour, label=f"fitted: {label}")
    axes[0].axvline(distance_max_px, color="black", ls="--", lw=1, label="distance_max_px")
    axes[0].set(xlabel="distance (px)", ylabel="pairs of units", title="distance of near pairs")
    axes[0].legend(fontsize=8)

    bins = np.linspace(0, 1, 41)
    near, away = d < distance_max_px, away_d < distance_max_px
    weights = np.full(away.sum(), 1 / max(len(matches[0].displaced), 1) if matches else 1.0)
    axes[1].hist(r[near], bins, color=SAME, alpha=0.6, label="aligned")
    axes[1].hist(
        away_r[away],
        bins,
        color=DIFFERENT,
        alpha=0.6,
        label="one session displaced",
        weights=weights,
    )
    axes[1].set(xlabel="footprint correlation", ylabel="pairs of units")
    axes[1].set_title(f"footprint correlation of pairs within {distance_max_px:g} px")
    axes[1].legend(fontsize=8)

    some = np.linspace(0, len(d) - 1, min(len(d), 5000)).astype(int)
    dots = axes[2].scatter(d[some], r[some], c=p[some], s=5, cmap="cividis", vmin=0, vmax=1)
    figure.colorbar(dots, ax=axes[2], label="probability of one cell")
    axes[2].set(xlabel="distance (px)", ylabel="footprint correlation", ylim=(-0.03, 1.03))
    axes[2].set_title("probability that a pair is one cell")
    return figure


def control(curve: pd.DataFrame, distance_max_px: float) -> Figure:
    """Draw matches and their likeness against shifts imposed on the second session."""
    figure, axes = plt.subplots(1, 2, figsize=(13, 4.5), layout="constrained")
    for axis, colour in (("height", SAME), ("width", SECOND)):
        own = curve[curve["axis"] == axis]
        for ax, value in zip(axes, ("match_rate", "footprint_r"), strict=True):
            ax.plot(own["shift_px"], own[value], "o-", ms=4, color=colour, label=f"along {axis}")
    axes[0].set(ylabel="matched units, share of the possible", ylim=(-0.03, 1.03))
    axes[1].set(ylabel="mean footprint correlation of the matches", ylim=(-0.03, 1.03))
    for ax in axes:
        ax.set(xlabel="shift imposed on the second session (px)")
        ax.axvspan(-distance_max_px, distance_max_px, color="#EEEEEE", zorder=0)
        ax.legend(fontsize=8)
    figure.suptitle("control: real matches vanish when a session is displaced (gray: within "
                    "distance_max_px)")  # fmt: skip
    return figure


def overview(sessions: list[Cells], scores: pd.DataFrame, n_sessions: np.ndarray) -> Figure:
    """Draw the match rate of any two sessions, and in how many sessions cells were found."""
    n = len(sessions)
    names = [s.name for s in sessions]
    position = {name: k for k, name in enumerate(names)}
    rates = np.full((n, n), np.nan)
    for row in scores.itertuples():
        i, j = position[row.first_session], position[row.second_session]
        rates[i, j] = rates[j, i] = row.match_rate
    side = max(4.5, 0.28 * n)
    figure, axes = plt.subplots(1, 2, figsize=(2 * side + 2, side), layout="constrained")
    shown = axes[0].imshow(rates, vmin=0, vmax=1, cmap="cividis")
    figure.colorbar(shown, ax=axes[0], label="matched units, share of the possible")
    axes[0].set_xticks(range(n), names, rotation=90, fontsize=8)
    axes[0].set_yticks(range(n), names, fontsize=8)
    axes[0].set_title("match rate of any two sessions (white: not compared)")
    axes[1].hist(n_sessions, np.arange(0.5, n + 1), color=SAME, rwidth=0.9)
    axes[1].xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[1].set(xlabel="sessions in which a cell was found", ylabel="cells")
    axes[1].set_title(f"{len(n_sessions)} cells over {n} sessions")
    return figure
