"""How figures of the report look, in one place."""

import numpy as np
from bokeh.models import BoxZoomTool, ColumnDataSource, HoverTool, WheelZoomTool
from bokeh.plotting import figure

# Of the Okabe-Ito palette, which stays apart for the colour-blind.
BLUE, ORANGE, RED, GREEN, PINK, SKY, GRAY = (
    "#0072B2", "#E69F00", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#777777",
)  # fmt: skip
STATUS_COLOURS = [PINK, ORANGE, RED, GREEN, SKY, "#000000"]

# Of legends beside dark images, so that light colours are seen.
DARK = {"background_fill_color": "#333333", "label_text_color": "#ffffff"}

WIDTH = 1180  # px of a page-wide figure
RIM = 90  # px that axis and tools take beside an image
TOOLS = "pan,box_zoom,wheel_zoom,reset,save"


def curve_figure(title: str, y_label: str, name: str, height: int = 200, **options):
    """Return a figure of curves against time in s, zoomed along time by the wheel."""
    tools = "xpan,xbox_zoom,reset,save"
    fig = figure(
        title=title, name=name, width=WIDTH, height=height, tools=tools, x_axis_label="time (s)",
        y_axis_label=y_label, output_backend="canvas", **options,
    )  # fmt: skip
    wheel = WheelZoomTool(dimensions="width")
    fig.add_tools(wheel)
    fig.toolbar.active_scroll = wheel
    if "x_range" not in options:
        fig.x_range.range_padding = 0.005  # the first and the last frame lie off the axes
    fig.toolbar.logo = None
    return fig


def legend_above(fig) -> None:
    """Put the legend above the curves, where it hides none; a click on it does."""
    legend = fig.legend[0]
    legend.orientation, legend.click_policy = "horizontal", "hide"
    legend.padding, legend.margin, legend.border_line_color = 0, 2, None
    fig.add_layout(legend, "above")


def image_figure(title: str, shape: tuple[int, int], name: str, width: int = 380, **options):
    """Return a figure for images: height downward, square pixels, both axes in px.

    `width` is that of the figure in px of the screen; a legend or a colour bar at the side adds
    to it.
    """
    rows, cols = shape
    ranges = {"x_range": (-0.5, cols - 0.5), "y_range": (rows - 0.5, -0.5)}
    frame = width - RIM
    fig = figure(
        title=title, name=name, frame_width=frame, frame_height=round(frame * rows / cols),
        tools=TOOLS, x_axis_label="width (px)", y_axis_label="height (px)",
        **{**ranges, **options},
    )  # fmt: skip
    fig.select_one(BoxZoomTool).match_aspect = True  # pixels stay square
    fig.toolbar.logo = None
    fig.toolbar.active_scroll = fig.select_one(WheelZoomTool)
    fig.grid.visible = False
    fig.background_fill_color = "#222222"
    return fig


def add_image(fig, url: str | ColumnDataSource, shape: tuple[int, int], column: str = "url"):
    """Draw an encoded image so that the centre of pixel (0, 0) is at (0, 0)."""
    rows, cols = shape
    source = url if isinstance(url, ColumnDataSource) else ColumnDataSource({column: [url]})
    place = {"x": -0.5, "y": -0.5, "w": cols, "h": rows, "anchor": "top_left"}
    fig.image_url(column, source=source, **place)
    return source


def add_hover(fig, tooltips: list[tuple[str, str]], renderers: list, **options) -> None:
    """Say what is under the mouse."""
    fig.add_tools(HoverTool(tooltips=tooltips, renderers=renderers, **options))


def stretches(marked: np.ndarray) -> list[tuple[int, int]]:
    """Return first and last index of each run of marked frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(marked, np.int8), [0]])))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]
