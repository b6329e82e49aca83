"""Static pictures of the steps of a session, for Snakemake's report and for print."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from scopeflow.figures import CALCIUM, COLUMNS, RAW, ROWS, draw_left_out
from scopeflow.spans import LEAST_PX, axis_span, count_bins

# What to call the arrays of the preview of the filters, in their order.
FILTER_STEPS = {
    "raw": "raw", "glow": "glow removed", "denoise": "denoised",
    "background": "background removed",
}  # fmt: skip
# First test that a candidate failed, in colours that stay apart for the colour-blind.
DROPPED = ["#E69F00", "#56B4E9", "#D55E00", "#CC79A7", "#F0E442"]
KEPT = "#009E73"


def draw_recording(frames: pd.DataFrame) -> Figure:
    """Draw brightness and change of the frames against time; faulty ones are marked."""
    fig, (upper, lower) = plt.subplots(2, 1, figsize=(11, 5), sharex=True, layout="constrained")
    time_s = frames["time_s"].to_numpy()
    for name, colour in (("max", COLUMNS), ("mean", CALCIUM), ("min", RAW)):
        upper.plot(time_s, frames[name], color=colour, lw=0.6, label=name)
    lower.plot(time_s, frames["difference"], color=CALCIUM, lw=0.6)
    bad = (frames["status"] != "").to_numpy()
    for ax in (upper, lower):
        draw_left_out(ax, time_s, bad)
    upper.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, fontsize=8)
    pink = " (pink)" if bad.any() else ""
    upper.set(ylabel="counts", title=f"brightness; {bad.sum()} of {len(bad)} frames bad{pink}")
    lower.set(xlabel="time (s)", ylabel="counts", title="mean change from the frame before")
    return fig


def draw_filters(preview: dict[str, np.ndarray], time_s: float, index: int) -> Figure:
    """Draw one frame after each filter, and the histogram of its counts."""
    fig, axes = plt.subplots(
        2, len(FILTER_STEPS), figsize=(14, 6), height_ratios=[3, 1], layout="constrained"
    )
    for (name, words), (ax, hist) in zip(FILTER_STEPS.items(), axes.T, strict=True):
        frame = preview[name][index]
        low, high = np.quantile(frame, [0.005, 0.998])
        shown = ax.imshow(frame, cmap="gray", vmin=low, vmax=max(high, low + 1))
        place = ax.inset_axes([1.03, 0, 0.05, 1])  # as tall as the image
        fig.colorbar(shown, cax=place, label="counts")
        ax.set(title=words, xlabel="width (px)", ylabel="height (px)")
        hist.hist(frame.ravel(), count_bins(frame), color=CALCIUM, log=True)
        hist.set(xlabel="counts", ylabel="pixels")
    fig.suptitle(f"the frame at {time_s:.1f} s")
    return fig


def draw_motion(
    time_s: np.ndarray,
    motion: np.ndarray,
    confidence: np.ndarray,
    left_out: np.ndarray,
    lowest: float,
    preview: dict[str, np.ndarray],
) -> Figure:
    """Draw the correction and its confidence, and means and maxima before and after it.

    `lowest` is the confidence that a frame needs.
    """
    fig = plt.figure(figsize=(14, 9), layout="constrained")
    grid = fig.add_gridspec(3, 4, height_ratios=[1, 0.7, 2.2])
    shifts, trust = fig.add_subplot(grid[0, :]), fig.add_subplot(grid[1, :])
    shifts.plot(time_s, motion[:, 0], color=ROWS, lw=0.6, label="height")
    shifts.plot(time_s, motion[:, 1], color=COLUMNS, lw=0.6, label="width")
    shifts.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, fontsize=8)
    pink = " (pink)" if left_out.any() else ""
    title = f"{left_out.sum()} good frames could not be placed{pink}"
    shifts.set(ylabel="correction (px)", title=title, ylim=axis_span(motion, LEAST_PX))
    trust.plot(time_s, confidence, color=CALCIUM, lw=0.6)
    trust.axhline(lowest, color="black", lw=0.8, ls="--")
    trust.set(xlabel="time (s)", ylabel="confidence\n(sd of the correlation)",
              title=f"dashed: {lowest:g}, which a frame needs")  # fmt: skip
    trust.set_ylim(bottom=0)
    for ax in (shifts, trust):
        draw_left_out(ax, time_s, left_out)
    sharp = preview["sharpness"]
    pictures = [(kind, when) for kind in ("mean", "max") for when in ("before", "after")]
    for i, (kind, when) in enumerate(pictures):
        ax = fig.add_subplot(grid[2, i])
        low, high = np.quantile(preview[f"{kind}_after"], [0.01, 0.999])
        image = preview[f"{kind}_{when}"]
        ax.imshow(image, cmap="gray", vmin=low, vmax=max(high, low + 1e-6))
        words = f", sharpness {sharp[i]:.3g}" if kind == "mean" else ""
        ax.set(xlabel="width (px)", ylabel="height (px)", title=f"{kind} {when}{words}")
    return fig


def draw_seeds(max_proj: np.ndarray, seeds: pd.DataFrame, fate: np.ndarray) -> Figure:
    """Draw candidates on the maximum projection, coloured by the test that dropped them."""
    fig, ax = plt.subplots(figsize=(9, 8), layout="constrained")
    low, high = np.quantile(max_proj, [0.01, 0.998])
    ax.imshow(max_proj, cmap="gray", vmin=low, vmax=max(high, low + 1e-6))
    names = [name for name in dict.fromkeys(fate) if name != "kept"]
    for i, name in enumerate([*names, "kept"]):
        own = fate == name
        kept = name == "kept"
        ax.scatter(
            seeds["width"][own], seeds["height"][own], s=26, marker="o" if kept else "x",
            color=KEPT if kept else DROPPED[i % len(DROPPED)], facecolor="none" if kept else None,
            linewidths=1.2, label=f"{'kept' if kept else f'dropped by {name}'} ({own.sum()})",
        )  # fmt: skip
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=8)
    ax.set(xlabel="width (px)", ylabel="height (px)", title=f"{len(seeds)} candidates")
    return fig


def draw_footprints(totals: dict[str, np.ndarray], counts: dict[str, int]) -> Figure:
    """Draw the sum of the footprints after each step.

    Parameters
    ----------
    totals : dict of ndarray, shape (height, width)
        Sum of the footprints by the name of the step.
    counts : dict of int
        Number of units by the name of the step.
    """
    n = len(totals)
    size = (1 + 4.5 * n, 4.4)
    fig, axes = plt.subplots(1, n, figsize=size, squeeze=False, layout="constrained")
    for ax, (name, total) in zip(axes[0], totals.items(), strict=True):
        shown = ax.imshow(total, cmap="cividis", vmin=0, vmax=2)
        ax.set(xlabel="width (px)", ylabel="height (px)", title=f"{name}: {counts[name]} units")
    fig.colorbar(shown, ax=axes[0], label="sum of footprints (1)")
    return fig
