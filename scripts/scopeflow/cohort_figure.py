"""The sessions of a cohort in one picture: a panel for each number, outliers by name."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scopeflow.cohort import SESSIONS_MIN
from scopeflow.spans import axis_span

# Of the Okabe-Ito palette. Animals take turns, outliers have a colour of their own.
ANIMALS = ["#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#999999", "#000000"]
OUT = "#D55E00"
LEAST_SHARE = 0.1  # of the value: an axis spans no less
TICKS_MAX = 40  # rows of the table that have their names below
PANELS = {
    "n_units": "cells",
    "accepted_frac": "share of cells accepted",
    "snr_median": "snr of cells (median)",
    "spatial_r_median": "spatial_r of cells (median)",
    "tau_decay_s_median": "decay time (s, median)",
    "diameter_px_median": "width of cells (px, median)",
    "noise_counts_median": "noise of traces (counts, median)",
    "motion_rms_px": "motion, rms (px)",
    "motion_max_px": "motion, largest (px)",
    "left_out_frac": "share of frames left out",
    "cpu_per_frame_ms": "processor time per frame (ms)",
    "peak_mb": "memory of the largest step (MB)",
}
COLUMNS = 4
NAMED = 6  # outliers named in one panel
LEGEND_MAX = 20  # animals in the legend


def animal_colours(found: pd.DataFrame) -> dict[str, str]:
    """Return the colour of each animal, in the order of the table; without animals of ""."""
    animals = found["animal"].astype(str) if "animal" in found else pd.Series("", found.index)
    names = dict.fromkeys(animals)
    return {name: ANIMALS[i % len(ANIMALS)] for i, name in enumerate(names)}


def verdict(found: pd.DataFrame) -> str:
    """Return how many rows stand out, or that too few were there to tell."""
    if found.groupby("variant").size().max() < SESSIONS_MIN:
        return f"fewer than {SESSIONS_MIN} sessions: not tested for outliers"
    n_out = int((found["outliers"].fillna("") != "").sum())
    return f"{n_out} stand out" if n_out != 1 else "1 stands out"


def least_span(values: np.ndarray) -> float:
    """Return the least span of an axis for values, so that small differences look small."""
    known = values[np.isfinite(values)]
    return max(LEAST_SHARE * float(np.abs(np.median(known))), 1e-9) if known.size else 1.0


def draw_cohort(found: pd.DataFrame) -> Figure:
    """Draw the table of `scopeflow.cohort.table`, which must have at least one row.

    Returns
    -------
    Figure
        In each panel the variants stand side by side, and within a variant the sessions in
        the order of the sheet, so that a trend over days shows.
    """
    n_rows = math.ceil(len(PANELS) / COLUMNS)
    variants = list(dict.fromkeys(found["variant"]))
    width = max(16.0, 4 * min(len(variants), 8))
    figure = Figure(figsize=(width, 3.2 * n_rows), layout="constrained")
    sessions = {name: i for i, name in enumerate(dict.fromkeys(found["session"]))}
    order = found["session"].map(sessions).to_numpy()
    place = found["variant"].map({name: i for i, name in enumerate(variants)}).to_numpy()
    x = place + 0.8 * ((order + 0.5) / len(sessions) - 0.5)
    colours = animal_colours(found)
    animals = found["animal"].astype(str) if "animal" in found else pd.Series("", found.index)
    own = animals.map(colours).to_numpy()
    for ax, (column, label) in zip(
        figure.subplots(n_rows, COLUMNS).flat, PANELS.items(), strict=True
    ):
        _draw_panel(ax, x, found, column, own)
        ax.set(ylabel=label, xlim=(-0.5, len(variants) - 0.5))
        if len(found) <= TICKS_MAX:
            several = len(variants) > 1
            pairs = zip(found["session"], found["variant"], strict=True)
            names = [f"{s} ({v})" if several else s for s, v in pairs]
            ax.set_xticks(x, names, rotation=45, ha="right", rotation_mode="anchor", fontsize=7)
        else:
            ax.set_xticks(range(len(variants)), variants, rotation=30 if len(variants) > 3 else 0)
    by = ", by variant" if len(variants) > 1 else f", variant {variants[0]}"
    figure.suptitle(
        f"{len(sessions)} sessions in the order of the sheet{by}; {verdict(found)} "
        "(orange diamond: more than 3.5 robust standard deviations from the variant's median)"
    )
    if "animal" in found and len(colours) <= LEGEND_MAX:
        marks = [
            Line2D([], [], ls="", marker="o", ms=4, color=colour, label=name or "no animal")
            for name, colour in colours.items()
        ]
        figure.legend(
            handles=marks, loc="outside lower center", ncols=10, title="animal", fontsize=8
        )
    return figure


def _draw_panel(
    ax: Axes, x: np.ndarray, found: pd.DataFrame, column: str, colours: np.ndarray
) -> None:
    y = found[column].to_numpy(np.float64)
    out = np.array([column in names.split("; ") for names in found["outliers"]])
    ax.scatter(x[~out], y[~out], s=18, c=colours[~out], alpha=0.8)
    ax.plot(x[out], y[out], "D", color=OUT, ms=5)
    ax.set_ylim(axis_span(y, least_span(y)))
    for j, i in enumerate(np.flatnonzero(out)[:NAMED]):  # neighbours at different heights
        ax.annotate(
            found["session"].iloc[i], (x[i], y[i]), xytext=(5, 3 - 8 * (j % 3)),
            textcoords="offset points", fontsize=7, color=OUT,
        )  # fmt: skip
    if out.sum() > NAMED:
        ax.set_title(f"{out.sum()} outliers, {NAMED} named", fontsize=8)
    if not np.isfinite(y).any():
        ax.text(0.5, 0.5, "not measured", ha="center", va="center", transform=ax.transAxes)
