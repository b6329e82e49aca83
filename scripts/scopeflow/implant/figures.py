"""The figure of a session's synthetic cells."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Of the Okabe-Ito palette, which stays apart for the colour-blind.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKERS = "osD^vP*"


def draw_implants(cells: pd.DataFrame, ranking: pd.DataFrame, title: str) -> Figure:
    """Draw recall and correlations against amplitude, and the scores of the variants.

    Parameters
    ----------
    cells : DataFrame
        Rows of all variants, with ``variant`` and ``amplitude_counts``.
    ranking : DataFrame
        Of `rank.ranked`, with ``variant``.
    title : str
        Above the figure.
    """
    figure, axes = plt.subplots(1, 4, figsize=(17, 4.6), layout="constrained")
    for i, variant in enumerate(ranking["variant"]):
        own = cells[cells["variant"] == variant]
        groups = own.groupby("level")
        x = groups["amplitude_counts"].mean().to_numpy()
        style = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)],
                 "label": variant, "ms": 5, "lw": 1.2}  # fmt: skip
        axes[0].plot(x, groups["found"].mean(), **style)
        for ax, name in ((axes[1], "calcium_r"), (axes[2], "spikes_r")):
            ax.plot(x, groups[name].median(), **style)
    ticks = cells.groupby("level")["amplitude_counts"].mean().to_numpy()
    for ax, name in zip(
        axes,
        ("share found", "calcium r (median of found)", "spikes r, 0.25 s (median of found)"),
        strict=False,
    ):
        ax.set(xlabel="height of transients (counts)", ylabel=name, xscale="log", ylim=(0, 1.03))
        ax.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks])
        ax.minorticks_off()
        ax.grid(alpha=0.3)
    axes[0].legend(fontsize=7)
    _draw_scores(axes[3], ranking)
    figure.suptitle(title)
    return figure


def _draw_scores(ax: Axes, ranking: pd.DataFrame) -> None:
    places = np.arange(len(ranking))
    ax.barh(places, ranking["score"], color=COLOURS[0], height=0.5, label="synthetic cells")
    if "true_score" in ranking:
        ax.plot(ranking["true_score"], places, "D", color=COLOURS[1], label="true cells")
        ax.legend(fontsize=7, loc="lower right")
    ax.set_yticks(places, ranking["variant"])
    ax.invert_yaxis()
    ax.set(xlabel="score", xlim=(0, 1), title="the best first")
