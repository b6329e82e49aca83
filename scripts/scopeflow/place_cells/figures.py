"""Figures of place cells (matplotlib)."""

import math

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scopeflow.place_cells.arena import LINEAR, Place
from scopeflow.place_cells.maps import Layout

# Of the Okabe-Ito palette, which stays apart for the colour-blind.
TO, BACK, ACTIVE, OTHER, CHANCE = "#0072B2", "#E69F00", "#D55E00", "#999999", "#000000"
DIRECTIONS = ("towards the end", "back")
EXAMPLES = 8  # maps of an open field that are drawn


def session_figure(
    place: Place,
    time_s: np.ndarray,
    layout: Layout,
    bin_cm: float,
    table: pd.DataFrame,
    rate: np.ndarray,
    title: str,
) -> Figure:
    """Draw the run, the time spent, the tests, and the maps of the place cells.

    Parameters
    ----------
    place : Place
        Of the animal.
    time_s : ndarray of float, shape (frame,)
        Times of the frames.
    layout : Layout
        Of the maps.
    bin_cm : float
        Width of a bin.
    table : DataFrame
        Rows of `classify.examine`.
    rate : ndarray of float32, shape (unit_id, direction, height, width)
        Maps, counts per s.
    title : str
        Above the figure.
    """
    figure = plt.figure(figsize=(13, 11), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[1, 1.6])
    axes = top.subplots(1, 3, width_ratios=[1.6, 1, 1])
    found = table["place_cell"].to_numpy(dtype=bool)
    if place.track == LINEAR:
        _draw_run(axes[0], place, time_s, layout.bins)
        _draw_time(axes[1], layout, bin_cm)
    else:
        _draw_path(axes[0], place, layout.bins)
        _draw_field_time(axes[1], layout, bin_cm)
    _draw_tests(axes[2], table, found)
    if not found.any():
        ax = bottom.subplots()
        ax.text(0.5, 0.5, "no place cell was found", ha="center", va="center")
        ax.set_axis_off()
    elif place.track == LINEAR:
        order = np.flatnonzero(found)[order_of_fields(rate[found])]
        draw_sorted(bottom.subplots(1, 2), rate[order], bin_cm)
    else:
        best = np.flatnonzero(found)
        best = best[np.argsort(-table["information_bits"].to_numpy()[best], kind="stable")]
        _draw_examples(bottom, rate, table, best[:EXAMPLES], bin_cm)
    figure.suptitle(f"{title}: {found.sum()} place cells of {len(found)} cells")
    return figure


def order_of_fields(rate: np.ndarray) -> np.ndarray:
    """Return the order of cells by direction, then by the place of their highest rate."""
    flat = np.nan_to_num(rate.reshape(len(rate), math.prod(rate.shape[1:])), nan=-1.0)
    return np.argsort(flat.argmax(axis=1), kind="stable")


def draw_sorted(axes: np.ndarray, rate: np.ndarray, bin_cm: float) -> None:
    """Draw maps of cells as rows, each scaled to its highest rate; one axes per direction."""
    scaled = _scaled(rate)
    for plane, (ax, name) in enumerate(zip(axes, DIRECTIONS, strict=True)):
        length = scaled.shape[3] * bin_cm
        extent = (0, length, len(scaled) - 0.5, -0.5)
        image = ax.imshow(scaled[:, plane, 0], aspect="auto", cmap="viridis", vmin=0, vmax=1,
                          extent=extent, interpolation="nearest")  # fmt: skip
        ax.set(xlabel="place on the track (cm)", title=f"runs {name}")
    axes[0].set_ylabel("place cell, sorted by place")
    axes[-1].figure.colorbar(image, ax=list(axes), label="rate / highest rate of the cell")


def _scaled(rate: np.ndarray) -> np.ndarray:
    top = np.nanmax(rate, axis=(1, 2, 3), keepdims=True)
    return rate / np.where(top > 0, top, 1)


def _draw_run(ax: Axes, place: Place, time_s: np.ndarray, bins: np.ndarray) -> None:
    along = place.xy_cm[:, 0]
    ax.plot(time_s, along, color=OTHER, lw=0.6, label="not used")
    half = bins >= 0
    back = half & (np.nan_to_num(place.velocity_cm_s[:, 0]) < 0)
    for colour, chosen, name in ((TO, half & ~back, DIRECTIONS[0]), (BACK, back, DIRECTIONS[1])):
        ax.plot(time_s, np.where(chosen, along, np.nan), color=colour, lw=1, label=name)
    ax.set(xlabel="time (s)", ylabel="place on the track (cm)", title="the animal's run")
    ax.set_xlim(time_s[0], time_s[-1])
    ax.legend(fontsize=7, loc="upper right")


def _draw_time(ax: Axes, layout: Layout, bin_cm: float) -> None:
    at = (np.arange(layout.shape[2]) + 0.5) * bin_cm
    for time, colour, name in zip(
        layout.occupancy[0].reshape(layout.shape)[:, 0], (TO, BACK), DIRECTIONS, strict=True
    ):
        ax.plot(at, time, color=colour, label=name)
    ax.set(xlabel="place on the track (cm)", ylabel="time in a bin (s, smoothed)", ylim=(0, None),
           title=f"time used, {layout.n_trials} trials")  # fmt: skip
    ax.legend(fontsize=7)


def _draw_path(ax: Axes, place: Place, bins: np.ndarray) -> None:
    ax.plot(*place.xy_cm.T, color=OTHER, lw=0.4)
    ax.plot(*np.where((bins >= 0)[:, None], place.xy_cm, np.nan).T, color=TO, lw=0.6)
    ax.set(xlabel="x (cm)", ylabel="y (cm)", title="path (blue: used)", aspect="equal")
    ax.invert_yaxis()


def _draw_field_time(ax: Axes, layout: Layout, bin_cm: float) -> None:
    time = np.where(layout.visited[0], layout.occupancy[0].reshape(layout.shape)[0], np.nan)
    image = _draw_map(ax, time, bin_cm)
    ax.figure.colorbar(image, ax=ax, label="time in a bin (s, smoothed)")
    ax.set_title(f"time used, {layout.n_trials} trials")


def _draw_map(ax: Axes, values: np.ndarray, bin_cm: float):
    extent = (0, values.shape[1] * bin_cm, values.shape[0] * bin_cm, 0)
    ax.set(xlabel="x (cm)", ylabel="y (cm)")
    return ax.imshow(values, cmap="viridis", vmin=0, extent=extent, interpolation="nearest")


def _draw_tests(ax: Axes, table: pd.DataFrame, found: np.ndarray) -> None:
    over = table["information_bits"] / table["information_chance_95"].clip(lower=1e-9)
    stable = table["stability_z"] - table["stability_chance_95"]
    for chosen, colour, name in ((~found, OTHER, "others"), (found, ACTIVE, "place cells")):
        ax.scatter(over[chosen], stable[chosen], s=12, color=colour, label=name)
    ax.axvline(1, color=CHANCE, lw=0.6)
    ax.axhline(0, color=CHANCE, lw=0.6)
    ax.set(xlabel="information / 95th percentile of chance",
           ylabel="stability (z) less that of chance", title="tests")  # fmt: skip
    ax.legend(fontsize=7)


def _draw_examples(figure, rate, table, cells, bin_cm: float) -> None:
    axes = figure.subplots(2, EXAMPLES // 2, squeeze=False).ravel()
    for ax in axes[len(cells) :]:
        ax.set_axis_off()
    for ax, k in zip(axes, cells, strict=False):
        _draw_map(ax, rate[k, 0], bin_cm)
        row = table.iloc[k]
        ax.set_title(
            f"unit {row['unit_id']}: {row['information_bits']:.2f} bits, "
            f"up to {row['peak_rate']:.3g} counts/s",
            fontsize=8,
        )


def across_figure(
    names: tuple[str, str],
    rates: tuple[np.ndarray, np.ndarray],
    bin_cm: tuple[float, float],
    r: np.ndarray,
    r_any_two: np.ndarray,
    control: pd.DataFrame,
    title: str,
) -> Figure:
    """Draw two sessions' maps of the same place cells, their correlations, and the control.

    Parameters
    ----------
    names : tuple of str
        Of the sessions.
    rates : tuple of ndarray, each of shape (match, direction, height, width)
        Maps of cells that are place cells in both.
    bin_cm : tuple of float
        Width of their bins.
    r, r_any_two : ndarray of float
        Correlations of matched maps, and of any two.
    control : DataFrame
        Of `across.artificial_shifts`.
    title : str
        Above the figure.
    """
    figure = plt.figure(figsize=(14, 10), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[1.5, 1])
    linear = rates[0].shape[1] == 2 and rates[0].shape[2] == 1
    if not len(rates[0]) or not linear:
        ax = top.subplots()
        word = "no cell is a place cell in both sessions"
        ax.text(0.5, 0.5, "maps of an open field: see maps.zarr" if len(rates[0]) else word,
                ha="center", va="center")  # fmt: skip
        ax.set_axis_off()
    else:
        order = order_of_fields(rates[0])
        for part, name, rate, width in zip(top.subfigures(1, 2), names, rates, bin_cm, strict=True):
            draw_sorted(part.subplots(1, 2), rate[order], width)
            part.suptitle(f"{name} (sorted by {names[0]})", fontsize=10)
    axes = bottom.subplots(1, 3)
    _draw_correlations(axes[0], r, r_any_two)
    _draw_profiles(axes[1], control)
    _draw_grid(axes[2], control)
    figure.suptitle(title)
    return figure


def _draw_correlations(ax: Axes, r: np.ndarray, r_any_two: np.ndarray) -> None:
    edges = np.linspace(-1, 1, 41)
    for values, colour, name in ((r_any_two, OTHER, "any two"), (r, ACTIVE, "matched")):
        values = values[np.isfinite(values)]
        if len(values):
            weights = np.full(len(values), 1 / len(values))
            ax.hist(values, edges, weights=weights, color=colour, alpha=0.7,
                    label=f"{name}: {len(values)}, mean {values.mean():.2f}")  # fmt: skip
    ax.set(xlabel="correlation of the maps (r)", ylabel="share of pairs", xlim=(-1, 1))
    if ax.get_legend_handles_labels()[0]:
        ax.legend(fontsize=7)


def _draw_profiles(ax: Axes, control: pd.DataFrame) -> None:
    for axis, other, colour in (("height", "width", TO), ("width", "height", BACK)):
        own = control[control[f"shift_{other}_px"] == 0].sort_values(f"shift_{axis}_px")
        ax.plot(own[f"shift_{axis}_px"], own["r_mean"], ".-", ms=3, color=colour,
                label=f"along {axis}")  # fmt: skip
    ax.axhline(0, color=CHANCE, lw=0.6)
    ax.set(xlabel="artificial shift (px)", ylabel="mean correlation of the maps (r)")
    ax.legend(fontsize=7)


def _draw_grid(ax: Axes, control: pd.DataFrame) -> None:
    counts = control["shift_height_px"].value_counts()
    rows = sorted(counts.index[counts > 1])  # those of the grid, not of the profile
    table = control.pivot_table(
        index="shift_height_px", columns="shift_width_px", values="r_mean", dropna=False
    )
    table = table.reindex(index=rows, columns=rows)
    step = rows[1] - rows[0] if len(rows) > 1 else 1
    extent = (rows[0] - step / 2, rows[-1] + step / 2, rows[-1] + step / 2, rows[0] - step / 2)
    image = ax.imshow(table.to_numpy(), cmap="viridis", extent=extent, vmin=0, vmax=1)
    ax.figure.colorbar(image, ax=ax, label="mean correlation of the maps (r)")
    ax.set(xlabel="artificial shift in width (px)", ylabel="in height (px)")
