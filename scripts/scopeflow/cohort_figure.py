"""The sessions of a cohort in one picture: a panel for each number, outliers by name."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

USUAL, OUT = "#0072B2", "#D55E00"  # of the Okabe-Ito palette
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
    for ax, (column, label) in zip(
        figure.subplots(n_rows, COLUMNS).flat, PANELS.items(), strict=True
    ):
        _draw_panel(ax, x, found, column)
        ax.set(ylabel=label, xlim=(-0.5, len(variants) - 0.5))
        ax.set_xticks(range(len(variants)), variants, rotation=30 if len(variants) > 3 else 0)
    n_out = int((found["outliers"] != "").sum())
    figure.suptitle(
        f"{len(sessions)} sessions in the order of the sheet, by variant; {n_out} rows stand out "
        "(orange: more than 3.5 robust standard deviations from the variant's median)"
    )
    return figure


def _draw_panel(ax: Axes, x: np.ndarray, found: pd.DataFrame, column: str) -> None:
    y = found[column].to_numpy(np.float64)
    out = np.array([column in names.split("; ") for names in found["outliers"]])
    ax.plot(x[~out], y[~out], "o", color=USUAL, ms=4, alpha=0.7)
    ax.plot(x[out], y[out], "D", color=OUT, ms=5)
    ax.margins(y=0.1)
    for j, i in enumerate(np.flatnonzero(out)[:NAMED]):  # neighbours at different heights
        ax.annotate(
            found["session"].iloc[i], (x[i], y[i]), xytext=(5, 3 - 8 * (j % 3)),
            textcoords="offset points", fontsize=7, color=OUT,
        )  # fmt: skip
    if out.sum() > NAMED:
        ax.set_title(f"{out.sum()} outliers, {NAMED} named", fontsize=8)
    if not np.isfinite(y).any():
        ax.text(0.5, 0.5, "not measured", ha="center", va="center", transform=ax.transAxes)
