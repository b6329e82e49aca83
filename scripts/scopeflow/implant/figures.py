"""The figure of a session's synthetic cells."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Of the Okabe-Ito palette, which stays apart for the colour-blind.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKERS = "osD^vP*"


PANELS = {
    "recall": "share found",
    "merged": "share merged with a real cell",
    "calcium_r": "calcium r (median of found)",
    "spikes_r": "spikes r, 0.25 s (median of found)",
}
MERGED_TOP = 0.2  # of that axis at least, so that a single merge does not fill it


def draw_implants(levels: pd.DataFrame, ranking: pd.DataFrame, title: str) -> Figure:
    """Draw recall, false merges and correlations against amplitude, and the variants' scores.

    Parameters
    ----------
    levels : DataFrame
        Of `rank.by_level`.
    ranking : DataFrame
        Of `rank.ranked`, with ``variant``.
    title : str
        Above the figure.
    """
    figure, axes = plt.subplot_mosaic(
        [["recall", "merged", "score"], ["calcium_r", "spikes_r", "score"]],
        figsize=(14, 8), layout="constrained",
    )  # fmt: skip
    levels = levels.sort_values("amplitude_counts")
    tops = dict.fromkeys(PANELS, 1.0)
    tops["merged"] = float(np.clip(levels["merged"].max(), MERGED_TOP, 1))
    ticks = levels.groupby("level")["amplitude_counts"].mean().to_numpy()
    for name, text in PANELS.items():
        ax = axes[name]
        for i, variant in enumerate(ranking["variant"]):
            own = levels[levels["variant"] == variant]
            ax.plot(own["amplitude_counts"], own[name], color=COLOURS[i % len(COLOURS)],
                    marker=MARKERS[i % len(MARKERS)], label=variant, ms=5, lw=1.2)  # fmt: skip
        ax.set(xlabel="height of transients (counts)", ylabel=text, xscale="log")
        ax.set_ylim(-0.03 * tops[name], 1.03 * tops[name])
        ax.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks])
        ax.minorticks_off()
        ax.grid(alpha=0.3)
    axes["recall"].legend(fontsize=7)
    _draw_scores(axes["score"], ranking)
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
