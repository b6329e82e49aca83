"""Figures of the benchmark, after the paper's figures 18 and 19."""

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]


def against_frames(runs: pd.DataFrame) -> Figure:
    """Draw time and memory against the number of frames, a line for each number of cells.

    And for each height of the image, if there are several.
    """
    sizes = ["height_px"] if runs["height_px"].nunique() > 1 else []
    return _two_panels(runs, "n_frames", "frames", [*sizes, "n_true", "cores"])


def against_cores(runs: pd.DataFrame) -> Figure:
    """Draw time and memory against the number of processes, a line for each recording."""
    return _two_panels(runs, "cores", "processes", ["session"])


def _two_panels(runs: pd.DataFrame, column: str, label: str, by: list[str]) -> Figure:
    figure, axes = plt.subplots(1, 3, figsize=(15, 4), layout="constrained")
    by = [name for name in by if name in runs]  # without a truth nobody knows the cells
    groups = runs.groupby(by, dropna=False)
    for (key, own), colour in zip(groups, COLOURS * len(runs), strict=False):
        own = own.sort_values(column)
        name = ", ".join(_named(part, what) for what, part in zip(by, key, strict=False))
        for ax, value in zip(axes, ("wall_s", "cpu_s", "peak_mb"), strict=True):
            ax.plot(own[column], own[value], "o-", color=colour, label=name)
        if column == "n_frames":
            axes[0].plot(own[column], own["decoding_s"], ":", color=colour)
    axes[0].set(xlabel=label, ylabel="time (s)", title="time (dotted: decoding alone)")
    axes[1].set(xlabel=label, ylabel="processor time (s)", title="processor time")
    axes[2].set(xlabel=label, ylabel="memory (MB)", title="largest memory of all processes")
    for ax in axes:
        ax.set_ylim(bottom=0)
    axes[0].legend(fontsize=7)
    return figure


def _named(value: object, what: str) -> str:
    if what == "session":
        return str(value)
    words = {"n_true": "cells", "cores": "processes", "height_px": "px high"}
    return f"{'?' if pd.isna(value) else format(value, 'g')} {words[what]}"


def of_steps(steps: pd.DataFrame) -> Figure:
    """Draw how long each step took, as a bar for each run."""
    runs = steps[["session", "cores"]].drop_duplicates().apply(tuple, axis=1).to_list()
    figure, ax = plt.subplots(figsize=(12, 1.5 + 0.5 * len(runs)), layout="constrained")
    colours = plt.get_cmap("tab20")
    steps = steps.assign(step=steps["step"].str.split(".").str[0])
    names = list(dict.fromkeys(steps["step"]))
    for i, (session, cores) in enumerate(runs):
        own = steps[(steps["session"] == session) & (steps["cores"] == cores)]
        left = 0.0
        for j, name in enumerate(names):
            seconds = own.loc[own["step"] == name, "wall_s"].sum()
            ax.barh(i, seconds, left=left, color=colours(j % 20), label=name if i == 0 else None)
            left += seconds
    ax.set_yticks(range(len(runs)), [f"{s}, {c} processes" for s, c in runs])
    ax.set(xlabel="time (s), iterations together", title="time of each step")
    ax.legend(fontsize=7, ncols=2, bbox_to_anchor=(1.01, 1), loc="upper left")
    return figure
