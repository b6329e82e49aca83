"""Section of the units: choose one on the map, in the table or by the arrows, and see it."""

import numpy as np
import pandas as pd
from bokeh.layouts import column, row
from bokeh.models import (
    Button,
    ColorBar,
    ColumnDataSource,
    CustomJS,
    DataTable,
    Div,
    LinearColorMapper,
    NumberFormatter,
    NumericInput,
    Range1d,
    Select,
    StringFormatter,
    TableColumn,
    TapTool,
)
from bokeh.palettes import Cividis256, Viridis256
from bokeh.plotting import figure

from scopeflow.report import style, unit_script
from scopeflow.report.page import Section
from scopeflow.report.pictures import encoded, in_range, limits
from scopeflow.report.unit_data import OUTLINE_LEVEL, Cutouts

# Columns that can be chosen for colour and order, with the format of the table.
COLUMNS = {
    "unit_id": "0", "accepted": "0", "snr": "0.0", "spatial_r": "0.000", "size_px": "0",
    "diameter_px": "0.0", "event_rate_hz": "0.000", "sigma": "0.00", "b0": "0.0",
    "tau_decay_s": "0.00", "tau_rise_s": "0.000",
}  # fmt: skip
LABELS = {
    "snr": "signal to noise", "spatial_r": "agreement with the movie", "size_px": "size (px)",
    "diameter_px": "width (px)", "sigma": "noise (counts)", "b0": "baseline (counts)",
    "tau_decay_s": "decay (s)", "tau_rise_s": "rise (s)", "event_rate_hz": "events (Hz)",
    "accepted": "meets accept", "label": "after curation", "parts": "merged from",
    "centroid_height": "centre, height (px)", "centroid_width": "centre, width (px)",
}  # fmt: skip
HALF = style.WIDTH // 2
ON_DARK = Viridis256[80:]  # the dark end would be lost on an image


def units_section(
    units: pd.DataFrame,
    cut: Cutouts,
    lines: tuple[list, list],
    max_proj: np.ndarray,
    time_span: tuple[float, float],
    bin_frames: int,
) -> Section:
    """Return the unit browser.

    Parameters
    ----------
    units : DataFrame
        A row for each unit: the columns of `COLUMNS` and `LABELS`, and ``c0``, ``g0``, ``g1``.
    cut : Cutouts
        Footprints.
    lines : tuple of list
        Columns and rows of the outlines.
    max_proj : ndarray, shape (height, width)
    time_span : tuple of float
        First and last time in s.
    bin_frames : int
        Frames that one point of a trace stands for.
    """
    if not len(units):
        return Section("units", "Units", GUIDE, '<p id="no-units">No cell was found.</p>')
    data = {name: units[name].to_numpy() for name in units}
    data |= {"left": cut.left, "top": cut.top, "xs": lines[0], "ys": lines[1]}
    data["shade"] = data["snr"]
    source = ColumnDataSource(data, name="units")
    picture = encoded(in_range(max_proj, limits(max_proj, 0.01, 0.998)))
    background = ColumnDataSource({"url": [picture]})
    chooser = Select(
        title="colour and order by", value="snr", options=list(COLUMNS), width=180, name="column"
    )
    field, mapper, bar = _map(source, background, max_proj.shape)
    side = cut.data.shape[1]
    small, near, models = _close_ups(source, background, side, max_proj.shape)
    traces, trace_models = _traces(time_span)
    pulse, pulse_models = _pulse()
    words = Div(text="", width=280, name="unit-words")
    heading = Div(text="", width=HALF - 60, name="unit-heading")
    unit_table = _table(source, units)
    number = NumericInput(title="unit_id", value=None, width=100, name="number")
    shown = [[name, LABELS[name]] for name in LABELS if name in units]
    show = CustomJS(
        args={
            "units": source, "words": words, "heading": heading, "number": number, "side": side,
            "shown": shown, "column": chooser, **models, **trace_models, **pulse_models,
        },
        code=unit_script.SHOW,
    )  # fmt: skip
    source.selected.js_on_change("indices", show)
    steps = []
    for name, step in (("previous", -1), ("next", 1)):
        button = Button(label=name, width=90, name=name)
        arguments = {"units": source, "column": chooser, "step": step}
        button.js_on_click(CustomJS(args=arguments, code=unit_script.MOVE, name=f"go-{name}"))
        steps.append(button)
    find = CustomJS(args={"units": source, "number": number}, code=unit_script.FIND)
    number.js_on_change("value", find)
    arguments = {"units": source, "column": chooser, "mapper": mapper, "bar": bar,
                 "heading": heading, "table": unit_table}  # fmt: skip
    chooser.js_on_change("value", CustomJS(args=arguments, code=unit_script.COLOUR))
    side_column = column(row(*steps, number, chooser), heading, unit_table)
    layout = column(
        row(field, side_column), *traces, row(small, near, pulse, words), name="unit-browser"
    )
    note = (
        "Every frame is drawn"
        if bin_frames == 1
        else f"One point stands for {bin_frames} frames: lowest and highest of the raw trace, "
        "highest of fit and S"
    )
    return Section(
        "units",
        "Units",
        GUIDE,
        "<p>Choose a unit on the map, in the table, by its number, or with the arrow keys.</p>",
        {"unit-browser": layout},
        f'<p class="note" id="decimation">{note}; values are rounded to a 254th of the '
        "trace's range or an eighth of its noise. Outlines are drawn at "
        f"{OUTLINE_LEVEL} of a footprint's peak. The exact traces are in units.zarr.</p>",
        unit_script.START,
    )


GUIDE = (
    "Good: a compact footprint on a spot of the maximum projection; a raw trace with sharp rises "
    "and slow decays that the fit follows; the mean event on the pulse response. Bad: a fit "
    "that misses transients or follows noise, steps at the same time in many units (motion), "
    "a mean event that decays faster or slower than the pulse response (see temporal)."
)


def _map(source: ColumnDataSource, background: ColumnDataSource, shape: tuple[int, int]):
    """Return the field with the outlines of all units."""
    fig = style.image_figure("units on the maximum projection", shape, "unit-map", HALF - 20)
    style.add_image(fig, background, shape)
    shade = source.data["shade"]
    low, high = np.nanquantile(shade, [0.02, 0.98])
    mapper = LinearColorMapper(palette=ON_DARK, low=low, high=max(high, low + 1e-9))
    patches = fig.patches(
        "xs", "ys", source=source, fill_alpha=0.15, line_width=1.5,
        fill_color={"field": "shade", "transform": mapper},
        line_color={"field": "shade", "transform": mapper},
        selection_line_color=style.RED, selection_line_width=3, selection_fill_alpha=0.1,
        nonselection_fill_alpha=0.15, nonselection_line_alpha=1,
    )  # fmt: skip
    tips = [
        ("unit", "@unit_id"),
        ("signal to noise", "@snr{0.0}"),
        ("agreement", "@spatial_r{0.00}"),
    ]
    style.add_hover(fig, tips, [patches])
    fig.add_tools(TapTool(renderers=[patches], mode="replace"))
    bar = ColorBar(color_mapper=mapper, title="snr", width=10, name="colour-bar")
    fig.add_layout(bar, "right")
    return fig, mapper, bar


def _table(source: ColumnDataSource, units: pd.DataFrame) -> DataTable:
    columns = [
        TableColumn(
            field=name, title=title, formatter=NumberFormatter(format=form),
            width=max(62, 8 * len(title) + 14),
        )
        for name, form in COLUMNS.items()
        for title in [LABELS[name] if "(" in LABELS.get(name, "") else name]
    ]  # fmt: skip
    if "label" in units:
        columns.append(TableColumn(field="label", title="label", formatter=StringFormatter()))
    return DataTable(
        source=source, columns=columns, width=HALF - 60, height=380, index_position=None,
        name="unit-table", autosize_mode="none", reorderable=False,
    )  # fmt: skip


def _close_ups(source, background, side, shape):
    """Return footprint and surroundings of the chosen unit, and what the script changes."""
    xs, ys = Range1d(0, side), Range1d(side, 0)
    ranges = {"x_range": xs, "y_range": ys}
    small = style.image_figure("footprint", (side, side), "footprint", 290, **ranges)
    image = ColumnDataSource(
        {"image": [np.zeros((side, side), np.float32)], "x": [0.0], "y": [0.0]}
    )
    colours = LinearColorMapper(palette=Cividis256, low=0, high=1)
    drawn = small.image("image", x="x", y="y", dw=side, dh=side, source=image, color_mapper=colours)
    style.add_hover(small, [("height, width", "$y{0}, $x{0}"), ("value", "@image{0.00}")], [drawn])
    near = style.image_figure("around it", (side, side), "around", 290, **ranges)
    style.add_image(near, background, shape)
    patches = near.patches(
        "xs", "ys", source=source, fill_alpha=0, line_color=style.SKY, line_width=1.5,
        selection_line_color=style.RED, selection_line_width=3, selection_fill_alpha=0,
        nonselection_line_alpha=1, nonselection_fill_alpha=0,
    )  # fmt: skip
    style.add_hover(near, [("unit", "@unit_id")], [patches])
    near.add_tools(TapTool(renderers=[patches], mode="replace"))
    return small, near, {"footprint": image, "near_x": xs, "near_y": ys}


def _traces(time_span: tuple[float, float]):
    """Return the curves of the chosen unit, and the sources that the script fills."""
    span = Range1d(*time_span, bounds=time_span)
    # Without a point a range would have no start until a unit is chosen.
    at = [time_span[0]]
    raw = ColumnDataSource({"time_s": at, "value": [0.0]}, name="raw")
    fit = ColumnDataSource({"time_s": at, "fit": [0.0], "calcium": [0.0]}, name="fit")
    spikes = ColumnDataSource({"time_s": at, "zero": [0.0], "height": [0.0]}, name="spikes")
    upper = style.curve_figure("raw trace and fit", "counts", "trace", 270, x_range=span)
    upper.line("time_s", "value", source=raw, color="#999999", legend_label="raw YrA")
    upper.line("time_s", "fit", source=fit, color=style.BLUE, line_width=1.6, legend_label="fit")
    lower = style.curve_figure("calcium C and activity S", "counts", "activity", 215, x_range=span)
    lower.line("time_s", "calcium", source=fit, color=style.BLUE, legend_label="C")
    lower.segment(
        "time_s", "zero", "time_s", "height", source=spikes, color=style.RED, line_width=1.5,
        legend_label="S",
    )  # fmt: skip
    for fig in (upper, lower):
        style.legend_above(fig)
        fig.min_border_left = 70
    models = {"raw": raw, "fit": fit, "spikes": spikes, "raw_title": upper.title}
    return (upper, lower), models


def _pulse():
    """Return the pulse response beside what the raw trace does at events."""
    pulse = ColumnDataSource({"time_s": [0.0], "value": [0.0]}, name="pulse")
    event = ColumnDataSource({"time_s": [0.0], "value": [0.0]}, name="event")
    fig = figure(
        title="pulse response", width=300, height=320, x_axis_label="time after the event (s)",
        y_axis_label="of the event's height", tools="save", name="pulse-figure",
        toolbar_location=None,
    )  # fmt: skip
    fig.line("time_s", "value", source=event, color="#999999", legend_label="mean event")
    fig.line("time_s", "value", source=pulse, color=style.BLUE, line_width=2, legend_label="model")
    style.legend_above(fig)
    return fig, {"pulse": pulse, "event": event}
