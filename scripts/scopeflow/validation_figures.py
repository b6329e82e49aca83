"""Figures of the validation, after the paper's figures 15 and 16."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from scopeflow.validation import MEASURES

NAMES = {"f1": "F1", "footprint_r": "footprint r", "calcium_r": "calcium r",
         "spikes_r": "spikes r (5-frame bins)"}  # fmt: skip
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7"]
STYLES = {"Minian": ":", "CaImAn": "--"}


def medians(summary: pd.DataFrame, published: pd.DataFrame) -> Figure:
    """Draw F1 and the median correlations against the signal level (figure 15)."""
    figure, axes = plt.subplots(1, len(MEASURES), figsize=(16, 4), layout="constrained")
    numbers = sorted(summary["n_cells"].unique())
    top = summary["signal_level"].max()
    for ax, name in zip(axes, MEASURES, strict=True):
        for n_cells, colour in zip(numbers, COLOURS * len(numbers), strict=False):
            own = summary[summary["n_cells"] == n_cells].sort_values("signal_level")
            error = [own[name] - own[f"{name}_low"], own[f"{name}_high"] - own[name]]
            label = f"{n_cells} cells"
            ax.errorbar(own["signal_level"], own[name], np.array(error), color=colour, marker="o",
                        ms=4, capsize=2, label=label)  # fmt: skip
            for tool, style in STYLES.items():
                of_tool = published[
                    (published["tool"] == tool)
                    & (published["n_cells"] == n_cells)
                    & (published["signal_level"] <= top)
                ].sort_values("signal_level")
                if len(of_tool):
                    ax.plot(of_tool["signal_level"], of_tool[name], style, color=colour, lw=1,
                            label=f"{label}, {tool} (published)")  # fmt: skip
        ax.set(xlabel="signal level (noise: 0.1)", ylabel=NAMES[name], title=NAMES[name])
    axes[0].legend(fontsize=7)
    figure.suptitle("median over the cells; points: median over recordings, bars: their range")
    return figure


def spread(scores: pd.DataFrame) -> Figure:
    """Draw mean and standard deviation of the correlations (figure 16)."""
    names = [name for name in MEASURES if name != "f1"]
    figure, axes = plt.subplots(1, len(names), figsize=(12, 4), layout="constrained")
    for ax, name in zip(axes, names, strict=True):
        for n_cells, colour in zip(sorted(scores["n_cells"].unique()), COLOURS * 9, strict=False):
            own = scores[scores["n_cells"] == n_cells].groupby("signal_level")
            mean, sd = own[f"{name}_mean"].mean(), own[f"{name}_sd"].mean()
            ax.errorbar(mean.index, mean, sd, color=colour, marker="o", ms=4, capsize=2,
                        label=f"{n_cells} cells")  # fmt: skip
        ax.set(xlabel="signal level (noise: 0.1)", ylabel=NAMES[name], title=NAMES[name])
    axes[0].legend(fontsize=7)
    figure.suptitle("mean over the cells; bars: standard deviation")
    return figure


def neighbours(table: pd.DataFrame) -> Figure:
    """Draw which share of the cells was found against the distance to the nearest one."""
    figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
    for (level, own), colour in zip(table.groupby("signal_level"), COLOURS * 9, strict=False):
        ax.plot(own["from_px"], own["recall"], "o-", color=colour, label=f"signal {level:g}")
    ax.set(xlabel="distance to the nearest cell (px, lower end of the range)",
           ylabel="share of cells found", ylim=(0, 1.03))  # fmt: skip
    ax.legend()
    return figure
