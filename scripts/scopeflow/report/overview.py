"""Sections of words and tables: at a glance, settings, time and memory, versions."""

import html
from collections.abc import Sequence

import numpy as np
import pandas as pd
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure

from scopeflow.report import style
from scopeflow.report.page import Section, table
from scopeflow.report.records import Setting

BAD_SHARE = 0.02  # of the frames: more than this is worth a look
WORSE = 0.01  # share of the sharpness, and correlation, by which a correction may fall short
SIZE_RANGE = 0.7, 1.3  # of the stated diameter; results hold for this


def glance(facts: dict, quality: pd.DataFrame, warnings: list[tuple[str, str]]) -> Section:
    """Return the first section: what was found, and what wants a look.

    Parameters
    ----------
    facts : dict
        ``n_frames``, ``fps_hz``, ``duration_s``, ``height``, ``width``, ``n_bad``,
        ``n_unplaced``, ``diameter_px`` (stated), ``kinetics``; where a person labelled units,
        ``n_curated`` and ``curation``, as in ``curated.zarr``; ``sharpness`` and ``agreement``
        of the mean image before and after the correction of motion.
    quality : DataFrame
        A row for each unit, with ``accepted``, ``snr``, ``diameter_px``.
    warnings : list of tuple
        Step and words.
    """
    n, n_units = facts["n_frames"], len(quality)
    rows, looks = [], []

    def add(name: str, words: str, look: bool = False) -> None:
        if look:
            looks.append(len(rows))
        rows.append((name, words, "look here" if look else ""))

    add("recording", f"{n} frames of {facts['height']} x {facts['width']} px, "
        f"{facts['fps_hz']:.4g} Hz, {facts['duration_s']:.0f} s")  # fmt: skip
    bad, lost = facts["n_bad"], facts["n_unplaced"]
    add("frames left out", f"{bad} bad, {lost} not placed, of {n}", bad + lost > BAD_SHARE * n)
    if "sharpness" in facts:
        add("correction of motion", *_correction(facts["sharpness"], facts["agreement"]))
    n_good = int(quality["accepted"].sum())
    add("units", f"{n_units}, of which {n_good} meet the criteria of accept",
        n_units == 0 or n_good < n_units / 2)  # fmt: skip
    curation = facts.get("curation") or {}
    if any(curation.get(key) for key in ("rejected", "merged", "split")):
        add("after curation", f"{facts['n_curated']} ({_curated(curation)})")
    if n_units:
        add("signal to noise", _spread(quality["snr"]), quality["snr"].median() < 5)
        ratio = quality["diameter_px"].median() / facts["diameter_px"]
        add("width of the cells", f"{_spread(quality['diameter_px'])} px; stated: "
            f"{facts['diameter_px']:g} px", n_units >= 5 and not _within(ratio))  # fmt: skip
    kinetics = facts["kinetics"]
    if "tau_decay_s" in kinetics:
        add("kinetics", f"decay {kinetics['tau_decay_s']:.3g} s, rise "
            f"{kinetics['tau_rise_s']:.3g} s ({kinetics['source']})",
            kinetics["source"] == "prior")  # fmt: skip
    add("warnings", str(len(warnings)), bool(warnings))
    told = "".join(
        f"<li><b>{html.escape(step)}</b>: {html.escape(words)}</li>" for step, words in warnings
    )
    told = f'<ul id="warnings">{told}</ul>' if told else '<p id="warnings">No step warned.</p>'
    return Section(
        "glance",
        "At a glance",
        "Good: nothing to look at, few frames left out, cells as wide as you stated, most units "
        "accepted. Bad: a row marked below; the section of that step shows why.",
        table(["", "", ""], rows, id="facts", marked=looks) + "<h3>Warnings</h3>" + told,
    )


def _correction(sharpness: Sequence[float], agreement: Sequence[float]) -> tuple[str, bool]:
    """Return whether images became better, in words, and whether one should look."""
    words = (
        f"sharpness {sharpness[0]:.3g} before, {sharpness[1]:.3g} after; correlation with the mean "
        f"{agreement[0]:.3f} before, {agreement[1]:.3f} after"
    )
    worse = sharpness[1] < (1 - WORSE) * sharpness[0] or agreement[1] < agreement[0] - WORSE
    better = sharpness[1] > (1 + WORSE) * sharpness[0] or agreement[1] > agreement[0] + WORSE
    verdict = "worse" if worse else "better" if better else "as good as without"
    return f"{verdict}: {words}", bool(worse)


def _curated(curation: dict) -> str:
    """Return what a person did to the units, in words."""
    counts = {
        "dropped": len(curation.get("rejected", [])),
        "merged into another": sum(len(m) - 1 for m in curation.get("merged", {}).values()),
        "split": len(curation.get("split", {})),
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def _spread(values: pd.Series) -> str:
    low, middle, high = np.nanquantile(values, [0.1, 0.5, 0.9])
    return f"median {middle:.3g} (10th to 90th percentile: {low:.3g} to {high:.3g})"


def _within(ratio: float) -> bool:
    return SIZE_RANGE[0] <= ratio <= SIZE_RANGE[1]


def settings_section(settings: list[Setting], row: dict) -> Section:
    """Return the settings; those that differ from the default stand first.

    Parameters
    ----------
    settings : list of Setting
    row : dict
        The session's row of the sheet.
    """
    head = ["key", "value", "default"]
    changed = [(s.key, s.value, s.default) for s in settings if s.changed]
    rest = [(s.key, s.value, s.default) for s in settings]
    marked = [i for i, s in enumerate(settings) if s.changed]
    known = [(key, value) for key, value in row.items() if value not in ("", None)]
    first = (
        table(head, changed, id="changed", marked=range(len(changed)))
        if changed
        else '<p id="changed">Every setting has its default.</p>'
    )
    return Section(
        "settings",
        "Settings",
        "Settings that differ from their defaults are marked. Good: you know of each why it was "
        "changed. null means that the value follows from cell_diameter_px or the frame rate.",
        f"{first}<details><summary>All {len(rest)} settings, and the row of the sheet</summary>"
        f'<div class="columns">{table(head, rest, id="all-settings", marked=marked)}'
        f"{table(['column', 'value'], known, id='sheet-row')}</div></details>",
    )


def costs_section(costs: pd.DataFrame) -> Section:
    """Return time and memory of the steps, as measured when each ran last."""
    guide = (
        "Steps behind the units, whichever variant computed them; pictures, report and exports do "
        "not count. Time is that of the clock, memory the largest seen (what processes share "
        "counts once). cohort.csv has the same numbers. Good: no step near the memory it "
        "may use (mem_mb). A step that takes most of the time on a slow disk is waiting for it."
    )
    if costs.empty:
        return Section("costs", "Time and memory", guide, "<p>No step left a measurement.</p>")
    rows = [
        (r.step, _number(r.wall_s, 1), _number(r.cpu_s, 1), _number(r.memory_mb, 0))
        for r in costs.itertuples()
    ]
    rows.append(("all", _number(costs["wall_s"].sum(), 1), _number(costs["cpu_s"].sum(), 1),
                 _number(costs["memory_mb"].max(), 0)))  # fmt: skip
    head = ["step", "time (s)", "processor time (s)", "memory (MB)"]
    return Section(
        "costs",
        "Time and memory",
        guide,
        table(head, rows, id="steps", numbers=(1, 2, 3)),
        {"costs-bars": _bars(costs)},
    )


def _number(value: float, digits: int) -> str:
    return "too short" if np.isnan(value) else f"{value:.{digits}f}"


def _bars(costs: pd.DataFrame):
    steps = costs["step"].tolist()
    source = ColumnDataSource({name: costs[name].fillna(0).tolist() for name in costs})
    fig = figure(
        y_range=steps[::-1], width=style.WIDTH // 2, height=60 + 22 * len(steps), name="costs",
        title="time of each step", x_axis_label="time (s)", tools="save", toolbar_location=None,
    )  # fmt: skip
    bars = fig.hbar(y="step", right="wall_s", height=0.7, source=source, color=style.BLUE)
    fig.x_range.start = 0
    tips = [("step", "@step"), ("time", "@wall_s{0.0} s"), ("memory", "@memory_mb{0} MB")]
    style.add_hover(fig, tips, [bars])
    return fig


def versions_section(attrs: dict) -> Section:
    """Return what made the result: versions, and the variant that computed each step."""
    versions = {attrs["package"]: attrs["package_version"], **attrs["versions"]}
    return Section(
        "versions",
        "Versions",
        "What you need to cite or to repeat this result. A step computed by another variant is "
        "shared with it, because all settings up to there are equal.",
        f'<div class="columns">{table(["package", "version"], versions.items(), id="packages")}'
        f"{table(['step', 'computed by variant'], attrs['computed_by'].items(), id='owners')}"
        "</div>",
    )
