"""Section of merges and drops: what became of every first footprint."""

import numpy as np
from bokeh.models import ColumnDataSource, Legend

from scopeflow.report import style
from scopeflow.report.page import Section, table
from scopeflow.report.pictures import encoded, in_range, limits
from scopeflow.unit_ends import MERGE, PERSON, SPATIAL, TEMPORAL, End

COLOURS = {SPATIAL: style.ORANGE, TEMPORAL: style.SKY, MERGE: style.PINK, PERSON: style.RED}
WHY = {
    SPATIAL: "spatial.min_size_px, spatial.max_size_px, spatial.sparse_penalty",
    TEMPORAL: "temporal.snr_min",
    MERGE: "merge.correlation_min",
    PERSON: "the table of labels",
}


def changes_section(
    found: list[End],
    places: dict[int, tuple[np.ndarray, np.ndarray]],
    lineage: dict[str, list[int]],
    max_proj: np.ndarray,
    n_first: int,
    n_left: int,
) -> Section:
    """Return merges and drops, with their last outlines on an image.

    Parameters
    ----------
    found : list of End
    places : dict
        Columns and rows of the last outline, by label.
    lineage : dict of list
        Labels that went into each merged unit.
    max_proj : ndarray, shape (height, width)
    n_first, n_left : int
        Number of first footprints, and of units after curation.
    """
    fig = style.image_figure(
        "units that were merged or dropped, where they were last", max_proj.shape, "changes", 760
    )
    bounds = limits(max_proj, 0.01, 0.998)
    style.add_image(fig, encoded(in_range(max_proj, bounds)), max_proj.shape)
    items = []
    for reason, colour in COLOURS.items():
        own = [end for end in found if end.reason == reason and end.unit_id in places]
        if not own:
            continue
        source = {
            "xs": [places[end.unit_id][0] for end in own],
            "ys": [places[end.unit_id][1] for end in own],
            "unit_id": [end.unit_id for end in own],
            "step": [end.step for end in own],
        }
        drawn = fig.patches(
            "xs", "ys", source=ColumnDataSource(source), fill_alpha=0.1, fill_color=colour,
            line_color=colour, line_width=2,
        )  # fmt: skip
        style.add_hover(fig, [("unit", "@unit_id"), ("in", "@step")], [drawn])
        items.append((f"{reason} ({len(own)})", [drawn]))
    if items:
        legend = Legend(items=items, click_policy="hide", **style.DARK)
        fig.add_layout(legend, "right")
    rows = [
        (e.unit_id, e.step, e.reason, "" if e.into is None else e.into, WHY[e.reason])
        for e in found
    ]
    heads = ["unit", "in", "what", "into", "decided by"]
    family = [(unit, ", ".join(map(str, parts))) for unit, parts in lineage.items()]
    body = f'<p id="balance">{n_first} first footprints, {n_left} units left.</p>'
    after = f"<details open><summary>{len(rows)} units that ended</summary>"
    after += table(heads, rows, id="ends", numbers=(0, 3)) + "</details>" if rows else "</details>"
    if family:
        after += "<h3>Lineage</h3>" + table(["unit", "was merged from"], family, id="lineage")
    return Section(
        "changes",
        "Merges and drops",
        "Good: what was dropped lies on vessels, edges or haze, and merged units are pieces of one "
        "cell. Bad: an outline around a cell that you see, or two cells merged into one: the key "
        "that decided stands in the table.",
        body,
        {"changes-figure": fig} if items else {},
        after,
    )
