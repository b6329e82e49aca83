"""The figures and widgets of the page, and where they stand; no data and no decisions."""

from dataclasses import dataclass

from bokeh.layouts import column, row
from bokeh.models import (
    Button,
    ColorBar,
    ColumnDataSource,
    CustomJS,
    CustomJSTickFormatter,
    DataTable,
    Div,
    FixedTicker,
    LinearColorMapper,
    NumberFormatter,
    RangeSlider,
    Select,
    Slider,
    Span,
    TableColumn,
    TabPanel,
    Tabs,
    TextInput,
    Title,
    Toggle,
)
from bokeh.palettes import Cividis256, Greys256, Inferno256
from bokeh.plotting import figure

from scopeflow.pages.curation.client import KEYS, KEYS_HERE

IMAGE_PX = 310  # inner size of an image on the screen
TRACE_PX = 800
SIDE_PX = 440
# Okabe and Ito's colours, told apart with any kind of colour vision.
LABEL_COLOURS = {
    "keep": "#56B4E9", "drop": "#D55E00", "merge": "#CC79A7", "split": "#F0E442", "": "#9a9a9a",
}  # fmt: skip
CHOSEN_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#CC79A7", "#D55E00", "#0072B2")
RAW, FIT, ACTIVITY = "#9a9a9a", "#0072B2", "#D55E00"


@dataclass
class Images:
    """The three linked images and the average of events, with their sources."""

    field: figure
    activity: figure
    movie: figure
    mini: figure
    field_image: ColumnDataSource
    activity_image: ColumnDataSource
    movie_image: ColumnDataSource
    mini_image: ColumnDataSource
    mini_stack: ColumnDataSource
    mini_label: Title
    outlines: ColumnDataSource
    chosen: ColumnDataSource
    numbers: ColumnDataSource
    colour_bar: ColorBar


@dataclass
class Traces:
    """The two figures of traces, linked in time."""

    unit: figure
    group: figure
    raw: ColumnDataSource
    fit: ColumnDataSource
    activity: ColumnDataSource
    rows: ColumnDataSource
    cursors: list[Span]


@dataclass
class Controls:
    """Buttons, lists and tables."""

    buttons: dict[str, Button]
    order: Select
    colour: Select
    backdrop: Select
    neighbours: Toggle
    background: Toggle
    contrast: RangeSlider
    scale: Toggle
    note: TextInput
    slider: Slider
    play: Button
    speed: Select
    status: Div
    message: Div
    about: Div
    units: DataTable
    pairs: DataTable
    pairs_text: Div
    others: Select
    agreement: Div
    differences: DataTable
    tabs: Tabs


def make_images(shape: tuple[int, int]) -> Images:
    """Return the images; all show the field of view in px, row 0 on top."""
    height, width = shape
    scale = IMAGE_PX / max(height, width)
    size = {"frame_width": round(width * scale), "frame_height": round(height * scale)}
    ranges = {"x_range": (-0.5, width - 0.5), "y_range": (height - 0.5, -0.5)}
    sources = {
        name: ColumnDataSource({"image": [], "x": [], "y": [], "dw": [], "dh": []})
        for name in ("field", "activity", "movie", "mini")
    }
    figures: dict[str, figure] = {}
    looks = {
        "field": ("all footprints", Greys256, 255),
        "activity": ("A·C of the chosen units", Inferno256, 255),
        "movie": ("movie", Greys256, 255),
    }
    for name, (title, palette, top) in looks.items():
        if figures:
            ranges = {"x_range": figures["field"].x_range, "y_range": figures["field"].y_range}
        plot = figure(
            title=title, tools="pan,wheel_zoom,box_zoom,reset,tap", active_scroll="wheel_zoom",
            x_axis_label="width (px)", y_axis_label="height (px)", background_fill_color="black",
            html_id=name, name=name, **size, **ranges,
        )  # fmt: skip
        _image(plot, sources[name], palette, top)
        if figures:  # all are linked: one bar of tools is enough
            plot.toolbar_location = None
        figures[name] = plot
    mini = figure(
        title="mean of the largest events", tools="", frame_width=140, frame_height=140,
        x_axis_label="width (px)", y_axis_label="height (px)", background_fill_color="black",
        html_id="mini", name="mini", x_range=(0, 1), y_range=(1, 0),
    )  # fmt: skip
    _image(mini, sources["mini"], Greys256, 255)
    label = Title(text="", align="right", text_font_style="normal")
    mini.add_layout(label, "below")
    outlines = ColumnDataSource({"xs": [], "ys": [], "colour": [], "dash": []})
    chosen = ColumnDataSource({"xs": [], "ys": [], "colour": []})
    numbers = ColumnDataSource({"x": [], "y": [], "text": [], "colour": []})
    figures["field"].multi_line(
        "xs", "ys", line_color="colour", line_dash="dash", line_width=1.6, source=outlines,
        selection_line_alpha=1, nonselection_line_alpha=1,
    )  # fmt: skip
    for plot in figures.values():
        plot.multi_line("xs", "ys", line_color="colour", line_width=2.5, source=chosen,
                        nonselection_line_alpha=1)  # fmt: skip
        plot.text("x", "y", "text", text_color="colour", text_font_size="12px", source=numbers,
                  text_font_style="bold", nonselection_text_alpha=1)  # fmt: skip
    mini.multi_line("xs", "ys", line_color="colour", line_width=1.5, source=chosen)
    bar = ColorBar(
        color_mapper=LinearColorMapper(palette=Cividis256, low=0, high=1), height=8,
        label_standoff=3, padding=2, margin=0, visible=False,
    )  # fmt: skip
    figures["field"].add_layout(bar, "below")
    return Images(
        *(figures[name] for name in looks), mini,
        *(sources[name] for name in sources), ColumnDataSource({"frames": [], "time_s": []}),
        label, outlines, chosen, numbers, bar,
    )  # fmt: skip


def _image(plot: figure, source: ColumnDataSource, palette, top: int) -> None:
    mapper = LinearColorMapper(palette=palette, low=0, high=top)
    plot.image("image", x="x", y="y", dw="dw", dh="dh", color_mapper=mapper, source=source)
    plot.grid.visible = False
    plot.toolbar.logo = None


def make_traces(end_s: float) -> Traces:
    """Return the figures of traces, from 0 s to the end of the recording."""
    tools = "xpan,xwheel_zoom,xbox_zoom,reset,tap"
    unit = figure(
        title="", frame_width=TRACE_PX, frame_height=125, tools=tools, html_id="trace",
        active_scroll="xwheel_zoom", x_range=(0, end_s), name="trace",
        x_axis_label="time (s)", y_axis_label="camera counts", output_backend="canvas",
    )  # fmt: skip
    group = figure(
        title="", frame_width=TRACE_PX, frame_height=135, tools=tools, html_id="group",
        active_scroll="xwheel_zoom", x_range=unit.x_range, name="group",
        x_axis_label="time (s)", y_axis_label="unit_id",
    )  # fmt: skip
    raw, fit, activity = (ColumnDataSource({"x": [], "y": []}) for _ in range(3))
    rows = ColumnDataSource({"xs": [], "ys": [], "colour": [], "alpha": []})
    unit.line("x", "y", source=raw, color=RAW, legend_label="raw (YrA)")
    unit.line("x", "y", source=fit, color=FIT, line_width=2, legend_label="fit (C + baseline)")
    unit.line("x", "y", source=activity, color=ACTIVITY, legend_label="activity (S)")
    unit.legend.orientation, unit.legend.click_policy = "horizontal", "hide"
    unit.legend.padding, unit.legend.margin, unit.legend.border_line_color = 0, 2, None
    unit.legend.label_text_font_size = "11px"
    unit.add_layout(unit.legend[0], "above")  # over the traces it would hide some of them
    group.multi_line("xs", "ys", line_color="colour", line_alpha="alpha", source=rows)
    cursors = [Span(location=0, dimension="height", line_color="black") for _ in range(2)]
    for plot, cursor in zip((unit, group), cursors, strict=True):
        plot.add_layout(cursor)
        plot.toolbar.logo = None
    group.grid.visible = False
    group.yaxis.ticker = FixedTicker(ticks=[])
    return Traces(unit, group, raw, fit, activity, rows, cursors)


def make_controls(
    n_frames: int, columns: list[str], orders: list[tuple[str, str]], others: list[str]
) -> Controls:
    """Return the controls; nothing happens on them yet."""
    words = {
        "previous": "◀ previous", "next": "next ▶", "group_back": "◀ group", "group_on": "group ▶",
        "keep": "keep (k)", "drop": "drop (d)", "merge": "merge (m)", "split": "split (s)",
        "clear": "clear (c)", "undo": "undo (u)", "redo": "redo (r)", "open": "next open (o)",
        "event": "next event (e)", "zoom": "zoom (z)",
        "find": "Find pairs that may be one cell", "difference": "next difference",
    }  # fmt: skip
    buttons = {
        name: Button(label=label, html_id=name, name=name, width=20 + 8 * len(label))
        for name, label in words.items()
    }
    buttons["keep"].button_type, buttons["drop"].button_type = "primary", "warning"
    number = NumberFormatter(format="0.00")
    units = _table(
        "units", {"unit_id": None, "label": None, "value": number, "note": None},
        {"label": "", "value": ""},
    )  # fmt: skip
    pairs = _table(
        "pairs", {"first": None, "second": None, "overlap": number, "correlation": number,
                  "distance_px": NumberFormatter(format="0.0")},
    )  # fmt: skip
    differences = _table("differences", {"unit_id": None, "yours": None, "theirs": None})
    pairs_text = Div(text="Pairs that share pixels and rise together. Click one to choose both; "
                          "m makes them one.", width=SIDE_PX - 20)  # fmt: skip
    other = Select(title="Compare with rater", options=["", *others], value="", html_id="others")
    agreement = Div(text="" if others else _NO_RATERS, width=SIDE_PX - 20, html_id="agreement")
    keys = "".join(
        f"<tr><td><kbd>{'space' if key == ' ' else key}</kbd></td><td>{what}</td></tr>"
        for key, what in (KEYS | KEYS_HERE).items()
    )
    about = Div(text=f"{_HELP}<table>{keys}</table>", width=SIDE_PX - 20, html_id="help")
    tabs = Tabs(
        tabs=[
            TabPanel(child=units, title="Units"),
            TabPanel(child=column(buttons["find"], pairs_text, pairs), title="Merges"),
            TabPanel(child=column(other, agreement, buttons["difference"], differences),
                     title="Raters"),
            TabPanel(child=about, title="Help"),
        ],
        width=SIDE_PX, html_id="tabs",
    )  # fmt: skip
    return Controls(
        buttons,
        Select(title="Order by", options=orders, value="unit_id", width=190, html_id="order"),
        Select(title="Colour by", options=["label", *columns], value="label", width=150,
               html_id="colour"),
        Select(title="Outlines on", options=["footprints", "max projection"], value="footprints",
               width=130, html_id="backdrop"),
        Toggle(label="neighbours (g)", html_id="neighbours", width=130),
        Toggle(label="movie less background", active=True, html_id="background", width=180),
        RangeSlider(title="counts, black to white", start=0, end=255,
                    value=(0, 255), step=1, width=250, html_id="contrast"),
        Toggle(label="rows: each to its peak", active=True, html_id="scale", width=170),
        TextInput(title="Note (n)", width=240, html_id="note", max_length=500),
        Slider(title="frame", start=0, end=max(n_frames - 1, 1), value=0, step=1, width=430,
               html_id="frame", name="frame"),
        Button(label="▶ play", html_id="play", width=90),
        Select(options=[("0.5", "half speed"), ("1", "real time"), ("2", "2 × real time"),
                        ("5", "5 × real time")], value="1", width=120, html_id="speed"),
        Div(text="", html_id="status", width=900), Div(text="", html_id="message", width=900),
        about, units, pairs, pairs_text, other, agreement, differences, tabs,
    )  # fmt: skip


def _table(name: str, fields: dict, titles: dict[str, str] | None = None) -> DataTable:
    titles = titles or {}
    columns = []
    for field, formatter in fields.items():
        extra = {} if formatter is None else {"formatter": formatter}
        columns.append(
            TableColumn(field=field, title=titles.get(field) or field, sortable=False, **extra)
        )
    table = DataTable(
        source=ColumnDataSource({field: [] for field in fields}), columns=columns, html_id=name,
        width=SIDE_PX - 20, height=270, index_position=None, selectable=True, reorderable=False,
    )  # fmt: skip
    # New values in as many rows as before are not drawn otherwise.
    redraw = CustomJS(args={"view": table.view}, code="view.change.emit()")
    table.source.js_on_change("data", redraw)
    return table


def frame_words(times: ColumnDataSource) -> CustomJSTickFormatter:
    """Return how the slider tells its frame: with the time."""
    return CustomJSTickFormatter(
        args={"times": times},
        code="const t = times.data.time_s[Math.round(tick)]; "
        "return Math.round(tick) + ' at ' + (t == null ? '' : t.toFixed(2)) + ' s'",
    )


def arrange(images: Images, traces: Traces, controls: Controls):
    """Return the whole page."""
    b, c = controls.buttons, controls
    return column(
        row(c.order, c.colour, c.backdrop, c.note, column(c.status, c.message)),
        row(
            *(b[name] for name in ("previous", "next", "open", "group_back", "group_on")),
            c.neighbours,
            *(b[name] for name in ("keep", "drop", "merge", "split", "clear", "undo", "redo")),
            b["zoom"],
        ),
        row(images.field, images.activity, images.movie, images.mini),
        row(c.play, c.speed, c.slider, b["event"], c.background, c.contrast, c.scale),
        row(column(traces.unit, traces.group), c.tabs),
        html_id="page",
    )


_NO_RATERS = (
    "No other rater's labels lie beside these. A second person opens the page with "
    "<code>--rater NAME</code>; their labels then appear here."
)
_HELP = (
    "<p>Click a cell to look at it; Shift-click adds one to the chosen. Click a trace to jump to "
    "that time. Every decision is on the disk at once; the results are never changed. "
    "<code>snakemake</code> then applies the labels.</p>"
)
