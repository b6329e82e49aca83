"""Page of an animal: its sessions laid over each other, and which cells were found again."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from bokeh.layouts import column, row
from bokeh.models import (
    BasicTicker,
    ColorBar,
    ColumnDataSource,
    CustomJS,
    LinearColorMapper,
    Select,
)
from bokeh.palettes import Cividis256, Viridis256
from bokeh.plotting import figure

from scopeflow.report import style
from scopeflow.report.page import Section, table
from scopeflow.report.pictures import encoded, in_range, limits

ON_DARK = Viridis256[80:]
SHIFT_COLUMNS = [
    "session", "aligned", "is_template", "transform", "shift_height_px", "shift_width_px",
    "rotation_deg", "score", "fit", "fit_by_chance", "overlap", "n_units",
]  # fmt: skip
# How columns of the tables are called; of others the name is spelt out.
HEADS = {
    "is_template": "template", "n_units": "units",
    "first_session": "first", "second_session": "second", "n_first": "units of the first",
    "n_second": "units of the second", "n_matched": "matched",
    "n_by_chance": "matched by chance", "share_same": "share of one cell",
}  # fmt: skip
UNITS = {"_px2": " (1/px²)", "_px": " (px)", "_deg": " (degrees)"}
# Rows and columns of the matrix that are drawn; more would not be seen.
CELLS_DRAWN = 3000
FOUND, NOT_FOUND = 200, 20  # places in the palette


def overlay(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return two images in green and magenta, which become white where they agree.

    Parameters
    ----------
    first, second : ndarray of float, shape (height, width)
        NaN where there is nothing.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    a, b = (in_range(image, limits(image, 0.5, 0.998)) for image in (first, second))
    return np.stack([b, a, b], axis=-1)


def alignment_section(
    images: np.ndarray, names: list[str], template: int, shifts: pd.DataFrame, corner: tuple
) -> Section:
    """Return the aligned images, each over that of the template, and how each was moved.

    Parameters
    ----------
    images : ndarray of float, shape (session, height, width)
        In the common field; NaN where a session saw nothing.
    names : list of str
        Of the sessions.
    template : int
        Index of the session that the others were aligned to.
    shifts : DataFrame
        A row for each session.
    corner : tuple of float
        Row and column of the field's first pixel, in px of the template.
    """
    shape = images.shape[1:]
    top, left = corner
    urls = [encoded(overlay(images[template], image)) for image in images]
    plain = [encoded(in_range(image, limits(image, 0.01, 0.998))) for image in images]
    start = next((i for i in range(len(names)) if i != template), template)
    ranges = {
        "x_range": (left - 0.5, left + shape[1] - 0.5),
        "y_range": (top + shape[0] - 0.5, top - 0.5),
    }
    both = style.image_figure("over the template", shape, "overlay", 560, **ranges)
    linked = {"x_range": both.x_range, "y_range": both.y_range}
    alone = style.image_figure("the session alone", shape, "alone", 560, **linked)
    sources = []
    for fig, chosen in ((both, urls[start]), (alone, plain[start])):
        source = ColumnDataSource({"url": [chosen]})
        place = {"x": left - 0.5, "y": top - 0.5, "w": shape[1], "h": shape[0]}
        fig.image_url("url", source=source, anchor="top_left", **place)
        sources.append(source)
    choice = Select(title="session", value=names[start], options=names, name="session", width=200)
    choice.js_on_change(
        "value",
        CustomJS(
            args={"sources": sources, "urls": [urls, plain], "names": names},
            code="const k = names.indexOf(cb_obj.value);"
            "sources.forEach((source, i) => { source.data = {url: [urls[i][k]]}; });",
        ),
    )
    shown = [name for name in SHIFT_COLUMNS if name in shifts]
    unclear = np.flatnonzero((shifts["aligned"] != "yes").to_numpy())
    return Section(
        "alignment",
        "Alignment",
        "Green is the template, magenta the session, white where they agree. Good: vessels and "
        "cells white throughout. Bad: green and magenta side by side (shifted), white in one "
        "corner only (rotated or deformed: see cross_register.transform), or a session marked in "
        "the table: it fits hardly better than a mirrored image does and takes part in no match.",
        table(_heads(shown), _cells(shifts[shown]), id="shifts", marked=unclear),
        {"alignment-figure": column(choice, row(both, alone))},
    )


def _heads(names: Iterable[str]) -> list[str]:
    """Return names of columns in words: they may break, so that the table fits the page."""
    heads = []
    for name in names:
        words = HEADS.get(name)
        if words is None:
            median = name.endswith("_median")
            words = name.removesuffix("_median")
            unit = next((end for end in UNITS if words.endswith(end)), "")
            words = words.removesuffix(unit).replace("_", " ").replace(" per", "")
            words += UNITS.get(unit, "") + (", median" if median else "")
        heads.append(words)
    return heads


def _cells(rows: pd.DataFrame) -> list[list]:
    def text(value: object) -> object:
        if isinstance(value, float):
            return "" if np.isnan(value) else f"{value:.3g}"
        return value

    return [[text(value) for value in values] for values in rows.itertuples(index=False)]


def cells_section(
    cells: pd.DataFrame, mappings: pd.DataFrame, image: np.ndarray, corner
) -> Section:
    """Return every cell on the template, and in which sessions it was found.

    Parameters
    ----------
    cells : DataFrame
        A row for each cell: ``cell``, ``n_sessions``, ``n_possible``, ``height_px``,
        ``width_px``, ``probability_min``.
    mappings : DataFrame
        A row for each cell, a column for each session with its ``unit_id`` or nothing.
    image : ndarray of float, shape (height, width)
        The template in the common field.
    corner : tuple of float
        Row and column of its first pixel in px.
    """
    shape, (top, left) = image.shape, corner
    fig = style.image_figure(
        "cells, coloured by the number of sessions they were found in", shape, "cells", 620,
        x_range=(left - 0.5, left + shape[1] - 0.5), y_range=(top + shape[0] - 0.5, top - 0.5),
    )  # fmt: skip
    picture = encoded(in_range(image, limits(image, 0.01, 0.998)))
    fig.image_url(
        "url", source=ColumnDataSource({"url": [picture]}), anchor="top_left",
        x=left - 0.5, y=top - 0.5, w=shape[1], h=shape[0],
    )  # fmt: skip
    found = mappings.notna().to_numpy()
    data = {name: cells[name].to_numpy() for name in cells.columns}
    data["where"] = [", ".join(mappings.columns[own]) for own in found]
    colours = LinearColorMapper(palette=ON_DARK, low=1, high=max(mappings.shape[1], 2))
    dots = fig.scatter(
        "width_px", "height_px", source=ColumnDataSource(data, name="cells-source"), size=9,
        line_color={"field": "n_sessions", "transform": colours}, fill_color=None, line_width=2,
    )  # fmt: skip
    whole = BasicTicker(min_interval=1)
    bar = ColorBar(color_mapper=colours, title="sessions", width=10, ticker=whole)
    fig.add_layout(bar, "right")
    tips = [
        ("cell", "@cell"), ("found in", "@n_sessions of @n_possible: @where"),
        ("least probability", "@probability_min{0.00}"),
    ]  # fmt: skip
    style.add_hover(fig, tips, [dots])
    counts = cells["n_sessions"].value_counts().sort_index()
    rows = [(n, count, f"{100 * count / len(cells):.0f} %") for n, count in counts.items()]
    return Section(
        "cells",
        "Cells",
        "Good: many cells found in all sessions that saw their place, all over the field. Bad: "
        "cells found again in one part of the field only (alignment), or hardly any (another "
        "plane).",
        table(["in sessions", "cells", "share"], rows, id="persistence", numbers=(0, 1, 2)),
        {"cells-figure": row(fig, _matrix(found, list(mappings.columns)))},
    )


def _matrix(found: np.ndarray, names: list[str]):
    """Return the matrix of cells and sessions, cells of most sessions first."""
    weight = found @ (2.0 ** -np.arange(found.shape[1]))
    order = np.lexsort((-weight, -found.sum(axis=1)))[:CELLS_DRAWN]
    shown = np.where(found[order], FOUND, NOT_FOUND).astype(np.uint8)
    fig = figure(
        title="cells (rows) in sessions (columns)", x_range=names, width=480, height=620,
        y_range=(len(order), 0), y_axis_label="cell, those of most sessions first",
        x_axis_label="session", tools="ypan,ywheel_zoom,reset,save", name="matrix",
    )  # fmt: skip
    fig.toolbar.logo = None
    fig.xaxis.major_label_orientation = 0.9
    mapper = LinearColorMapper(palette=Cividis256, low=0, high=255)
    fig.image([shown], x=0, y=0, dw=len(names), dh=len(order), color_mapper=mapper)
    for place, words in ((FOUND, "found"), (NOT_FOUND, "not found, or outside the field")):
        key = {"marker": "square", "size": 12, "color": Cividis256[place]}
        fig.scatter(names[:1], [-1e6], legend_label=words, **key)  # a point that is not seen
    style.legend_above(fig)
    fig.legend.click_policy = "none"
    return fig


def pairs_section(
    scores: pd.DataFrame, pairs: pd.DataFrame, control: pd.DataFrame, model: pd.DataFrame
) -> Section:
    """Return how well pairs of sessions match, and what chance alone would give.

    Parameters
    ----------
    scores : DataFrame
        A row for each pair of sessions.
    pairs : DataFrame
        A row for each match.
    control : DataFrame
        Matches when one session is displaced on purpose: ``axis``, ``shift_px``, ``match_rate``.
    model : DataFrame
        One row: the fitted mixture.
    """
    figures = []
    for name, words in (
        ("distance_px", "distance of the centres (px)"),
        ("footprint_r", "correlation of the footprints"),
        ("probability", "probability of one cell"),
    ):  # fmt: skip
        values = pairs[name].to_numpy(dtype=float)
        values = values[np.isfinite(values)]
        low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
        counts, edges = np.histogram(values, 40, (low, high if high > low else low + 1))
        fig = figure(
            width=390, height=240, x_axis_label=words, y_axis_label="matches",
            tools="save", toolbar_location=None, name=f"histogram-{name}",
        )  # fmt: skip
        fig.quad(
            left=edges[:-1], right=edges[1:], top=counts, bottom=0, color=style.BLUE,
            line_color="white",
        )  # fmt: skip
        figures.append(fig)
    parts = {"matches-figure": row(*figures)}
    if len(control):
        parts["control-figure"] = _control(control)
    return Section(
        "matches",
        "Matches",
        "Good: distances well below the width of a cell, probabilities near 1, and far fewer "
        "matches once a session is displaced on purpose. Bad: as many matches displaced as in "
        "place: they would be there by chance.",
        table(_heads(scores), _cells(scores), id="scores")
        + "<details><summary>The fitted mixture</summary>"
        + table(_heads(model), _cells(model), id="model")
        + "</details>",
        parts,
    )


def _control(control: pd.DataFrame):
    fig = figure(
        title="matches when one session is displaced on purpose", width=600, height=280,
        name="control", x_axis_label="displacement (px)", tools="save", toolbar_location=None,
        y_axis_label="matched units, share of the possible",
    )  # fmt: skip
    for axis, colour in (("height", style.BLUE), ("width", style.ORANGE)):
        own = ColumnDataSource(control[control["axis"] == axis][["shift_px", "match_rate"]])
        fig.line("shift_px", "match_rate", source=own, color=colour, legend_label=f"along {axis}")
        fig.scatter("shift_px", "match_rate", source=own, color=colour, size=6)
    fig.y_range.start = 0
    style.legend_above(fig)
    return fig
