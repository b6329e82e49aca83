"""Page of all sessions: each number of the cohort's table side by side, outliers marked."""

import html
import re
from collections.abc import Sequence
from urllib.parse import quote

import numpy as np
import pandas as pd
from bokeh.layouts import column, gridplot
from bokeh.models import (
    BasicTicker,
    ColumnDataSource,
    DataTable,
    FixedTicker,
    HTMLTemplateFormatter,
    NumberFormatter,
    OpenURL,
    Range1d,
    StringFormatter,
    TableColumn,
    TapTool,
)
from bokeh.plotting import figure

from scopeflow.cohort_figure import (
    OUT,
    PANELS,
    TICKS_MAX,
    animal_colours,
    least_span,
    verdict,
)
from scopeflow.report import style
from scopeflow.report.page import Section, page
from scopeflow.spans import axis_span

WIDTH = 390


def cohort_page(rows: pd.DataFrame, numbers: Sequence[str]) -> str:
    """Return the text of the page over all sessions.

    Parameters
    ----------
    rows : DataFrame
        The cohort's table: a row for each session and variant, with ``session``,
        ``variant``, ``outliers`` (names of columns) and the numbers.
    numbers : sequence of str
        Columns that are drawn; those that are missing are left out.

    Returns
    -------
    str
        HTML that loads nothing. It lies beside the folders of the sessions.
    """
    numbers = [name for name in numbers if name in rows and rows[name].notna().any()]
    outliers = rows["outliers"].fillna("").astype(str)
    data = {name: rows[name].tolist() for name in rows.columns if name not in numbers}
    data |= {name: rows[name].to_numpy(dtype=float) for name in numbers}
    data["outliers"] = outliers.tolist()
    data["href"] = [
        f"{quote(str(s))}/{quote(str(v))}/report.html"
        for s, v in zip(rows["session"], rows["variant"], strict=True)
    ]
    several = rows["variant"].nunique() > 1
    pairs = zip(rows["session"].astype(str), rows["variant"].astype(str), strict=True)
    data["place"] = [f"{s} ({v})" if several else s for s, v in pairs]
    animals = rows["animal"].astype(str) if "animal" in rows else pd.Series("", rows.index)
    colours = animal_colours(rows)
    data["animal"] = animals.tolist()
    data["band"] = [colours.get(animal, style.BLUE) for animal in animals]
    source = ColumnDataSource(data, name="sessions")
    charts = [_chart(source, name, outliers) for name in numbers]
    grid = gridplot(charts, ncols=3, toolbar_location=None)
    odd = outliers[outliers != ""]
    told = "".join(
        f"<li><a href='{html.escape(data['href'][i])}'>{html.escape(data['place'][i])}</a>: "
        f"{html.escape(words)}</li>"
        for i, words in zip(np.flatnonzero(outliers != ""), odd, strict=True)
    )
    none = verdict(rows) if "not tested" in verdict(rows) else "None stands out"
    told = f'<ul id="outliers">{told}</ul>' if told else f'<p id="outliers">{none}.</p>'
    key = ", ".join(
        f'<span style="border-bottom: 4px solid {colour}">{html.escape(name) or "none"}</span>'
        for name, colour in colours.items()
    )
    sections = [
        Section(
            "outliers-section", "Sessions that stand out",
            "Good: none, or sessions that you know to be special. Bad: the same session in many "
            "numbers; a run of sessions of one animal. An outlier is a session to look at, not "
            "one to leave out.", told,
        ),
        Section(
            "numbers", "All sessions side by side",
            "A point is a session, in the order of the sheet; orange stands out, the other colours "
            "are animals. An axis spans at least a tenth of the value. A click opens the report of "
            "the session; a choice in one picture or in the table shows in all.",
            f'<p id="animals">Animals: {key}.</p>',
            {"numbers-figure": column(grid, _table(source, numbers))},
        ),
    ]  # fmt: skip
    lead = f"<p>{len(rows)} results of {rows['session'].nunique()} sessions</p>"
    return page("All sessions", lead, sections, {})


def _chart(source: ColumnDataSource, name: str, outliers: pd.Series):
    odd = outliers.map(lambda words: name in re.split(r"[\s,;]+", words)).to_numpy()
    source.data[f"{name}-colour"] = [
        OUT if marked else band for marked, band in zip(odd, source.data["band"], strict=True)
    ]
    source.data["number"] = np.arange(len(odd))
    values = source.data[name]
    fig = figure(
        title=name, width=WIDTH, height=250, name=f"chart-{name}",
        y_axis_label=PANELS.get(name, name), tools="box_select,tap,reset", toolbar_location=None,
        x_range=Range1d(-0.5, max(len(odd), 1) - 0.5),
        y_range=Range1d(*axis_span(values, least_span(values))),
    )  # fmt: skip
    if len(odd) <= TICKS_MAX:
        fig.xaxis.ticker = FixedTicker(ticks=list(range(len(odd))))
        fig.xaxis.major_label_overrides = dict(enumerate(source.data["place"]))
        fig.xaxis.major_label_orientation = 0.9
    else:
        fig.xaxis.ticker = BasicTicker(min_interval=1)
        fig.xaxis.axis_label = "session, in the order of the sheet"
    fig.xgrid.visible = False
    dots = fig.scatter(
        "number", name, source=source, size=8, color=f"{name}-colour", alpha=0.8,
        nonselection_alpha=0.25,
    )  # fmt: skip
    tips = [("session", "@place"), ("animal", "@animal"), (name, f"@{{{name}}}"),
            ("stands out in", "@outliers")]  # fmt: skip
    style.add_hover(fig, tips, [dots])
    fig.select_one(TapTool).callback = OpenURL(url="@href")
    return fig


def _table(source: ColumnDataSource, numbers: Sequence[str]) -> DataTable:
    link = HTMLTemplateFormatter(template='<a href="<%= href %>"><%= value %></a>')
    columns = [
        TableColumn(field="place", title="session", formatter=link, width=150),
        TableColumn(field="animal", title="animal", formatter=StringFormatter(), width=90),
        TableColumn(field="outliers", title="outliers", formatter=StringFormatter(), width=160),
    ]
    columns += [
        TableColumn(
            field=n, title=n, formatter=NumberFormatter(format="0.[000]"), width=8 * len(n) + 14
        )
        for n in numbers
    ]
    return DataTable(
        source=source, columns=columns, width=style.WIDTH, height=420, index_position=None,
        autosize_mode="none", reorderable=False, name="table",
    )  # fmt: skip
