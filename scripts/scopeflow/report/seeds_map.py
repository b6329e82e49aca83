"""Section of the seeds: candidates on the maximum projection, and what became of them."""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from bokeh.models import ColumnDataSource, Legend

from scopeflow.report import style
from scopeflow.report.page import Section, table
from scopeflow.report.pictures import encoded, in_range, limits
from scopeflow.seed_fates import KEPT, attrition, fates, tests_of

# What a test asks, for people.
QUESTIONS = {
    "events": "bright often, or bright enough once",
    "intensity": "brighter than its surroundings",
    "gmm": "range of the trace is not that of noise (mixture of Gaussians)",
    "pnr": "peak of the slow trace over its noise",
    "ks": "trace is further from normal than those of empty sites (Kolmogorov-Smirnov)",
    "merge": "not a second seed of one cell",
}
COLOURS = {
    KEPT: style.GREEN, "events": style.ORANGE, "intensity": style.ORANGE, "gmm": style.SKY,
    "pnr": style.RED, "ks": style.PINK, "merge": "#F0E442",
}  # fmt: skip


def tests_off(settings: Mapping) -> list[str]:
    """Return the tests that the section ``seeds`` of the config leaves out: all pass them."""
    off = {"gmm": not settings["gmm"], "ks": settings["ks_alpha"] is None}
    return [test for test, is_off in off.items() if is_off]


def seeds_section(seeds: pd.DataFrame, max_proj: np.ndarray, off: Collection[str] = ()) -> Section:
    """Return the candidates on an image, coloured by the test that dropped them.

    Parameters
    ----------
    seeds : DataFrame
        Table of seeds; ``height`` and ``width`` in px.
    max_proj : ndarray, shape (height, width)
    off : collection of str
        Tests that were left out.
    """
    fate = fates(seeds)
    fig = style.image_figure(
        "candidates on the maximum projection", max_proj.shape, "seeds", 860, lod_threshold=None
    )
    style.add_image(fig, encoded(in_range(max_proj, limits(max_proj, 0.01, 0.998))), max_proj.shape)
    items = []
    shown = [c for c in ("count", "score", "peak_to_peak", "pnr", "ks_p") if c in seeds]
    for name in [*tests_of(seeds), KEPT]:
        own = fate == name
        if not own.any():
            continue
        columns = {c: seeds[c].to_numpy(np.float32)[own] for c in ("height", "width", *shown)}
        columns["candidate"] = seeds["candidate"].to_numpy(np.int32)[own]
        dots = fig.scatter(
            "width", "height", source=ColumnDataSource({**columns, "fate": fate[own].tolist()}),
            size=8, marker="circle" if name == KEPT else "x", fill_color=None,
            line_color=COLOURS.get(name, style.GREEN), line_width=1.8,
        )  # fmt: skip
        words = "kept" if name == KEPT else f"dropped by {name}"
        items.append((f"{words} ({own.sum()})", [dots]))
        tips = [("candidate", "@candidate"), ("fate", "@fate"), *((c, f"@{c}") for c in shown)]
        style.add_hover(fig, tips, [dots])
    fig.add_layout(Legend(items=items, click_policy="hide", **style.DARK), "right")
    rows = []
    for r in attrition(seeds).itertuples():
        counts = ("off", "") if r.test in off else (r.fail, r.dropped)
        rows.append((r.test, QUESTIONS.get(r.test, ""), *counts, r.left))
    head = ["test", "asks", "fail it", "dropped here", "left"]
    rows.insert(0, ("candidates", "", "", "", len(seeds)))
    return Section(
        "seeds",
        "Seeds",
        "Good: a kept seed (circle) on every cell that you see, crosses on vessels, noise and "
        "edges. Bad: visible cells with a cross - the colour names the test to relax - or circles "
        "on empty tissue. A click on the legend hides a colour.",
        table(head, rows, id="attrition", numbers=(2, 3, 4)),
        {"seeds-figure": fig},
    )
