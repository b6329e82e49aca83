"""Rule ``compare``: two results of one recording side by side."""

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from scopeflow import comparison
from scopeflow.logs import job_log, logger
from scopeflow.metrics import shifted
from scopeflow.stores import new_store

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

EXAMPLES = 8


def main(smk: "Snakemake") -> None:
    mpl.use("agg")
    from matplotlib import pyplot as plt  # after the choice of the backend

    settings = smk.params.settings
    first = comparison.read_result(smk.input.first, settings["first_step"])
    second = comparison.read_result(smk.input.second, settings["second_step"])
    matches, offset = comparison.match(first, second)
    numbers = comparison.summary(first, second, matches)
    logger.info("%s", ", ".join(f"{name} {value:.4g}" for name, value in numbers.items()))
    for name, table in {"matches": matches, "summary": pd.DataFrame([numbers])}.items():
        with new_store(smk.output[name]) as part:
            table.to_csv(part, sep="\t", index=False, float_format="%.4f", na_rep="nan")

    figure, axes = plt.subplots(2, 2, figsize=(15, 11), layout="constrained")
    moved = shifted(first.A, offset, first.shape)
    _draw_overlay(axes[0, 0], moved, second.A, first.shape, settings)
    _draw_traces(axes[0, 1], first.C, second.C, matches)
    for ax, name in zip(axes[1], ("footprint_r", "calcium_r"), strict=True):
        ax.hist(matches[name].dropna(), bins=np.linspace(0, 1, 41), color="#0072B2")
        words = name.replace("_", " ")
        ax.set(xlabel=words, ylabel="matched units")
        ax.set_title(f"{words}, median {numbers[name + '_median']:.3f}")
    figure.suptitle(
        f"{smk.wildcards.comparison}: {numbers['n_matched']} matches of {numbers['n_first']} and "
        f"{numbers['n_second']} units, F1 {numbers['f1']:.3f}"
    )
    with new_store(smk.output.figure) as part:
        figure.savefig(part, dpi=110, format="png")


def _draw_overlay(ax, A, B, shape: tuple[int, int], settings: dict) -> None:
    """Draw the first in red and the second in cyan: what both have is white."""
    red, cyan = (
        (m.max(axis=0).toarray() if m.shape[0] else np.zeros(shape)).reshape(shape) for m in (A, B)
    )
    red, cyan = (image / max(image.max(), 1e-12) for image in (red, cyan))
    ax.imshow(np.dstack([red, cyan, cyan]))
    ax.set(xlabel="width (px)", ylabel="height (px)",
           title=f"{settings['first']} (red) and {settings['second']} (cyan)")  # fmt: skip
    ax.title.set_fontsize(8)


def _draw_traces(ax, C, D, matches: pd.DataFrame) -> None:
    """Draw traces of matched units, from the best to the worst agreement."""
    order = matches.sort_values("calcium_r", ascending=False).reset_index(drop=True)
    picks = np.unique(np.linspace(0, len(order) - 1, min(EXAMPLES, len(order))).round().astype(int))
    labels = []
    for base, row in enumerate(order.iloc[picks[::-1]].itertuples()):
        for trace, colour in ((C[row.first], "#D55E00"), (D[row.second], "#0072B2")):
            low, high = np.nanmin(trace), np.nanmax(trace)
            ax.plot(base + 0.9 * (trace - low) / max(high - low, 1e-12), color=colour, lw=0.7)
        labels.append(f"{row.first} | {row.second}\nr {row.calcium_r:.2f}")
    ax.set_yticks(np.arange(len(labels)) + 0.4, labels, fontsize=7)
    ax.set(xlabel="frame compared", ylabel="units (first | second)")
    ax.set_title("calcium of matched units, scaled: first orange, second blue", fontsize=9)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake)
