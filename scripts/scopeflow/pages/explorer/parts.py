"""Pieces that all tabs are built of: pictures, sentences, and callbacks that do not pile up."""

from collections.abc import Callable

import numpy as np
from bokeh.document import Document
from bokeh.models import (
    BasicTicker,
    ColorBar,
    ColumnDataSource,
    Div,
    HoverTool,
    LinearColorMapper,
    Range1d,
)
from bokeh.palettes import Greys256, Viridis256
from bokeh.plotting import figure

from scopeflow.explore.pictures import display_range, thinned
from scopeflow.pages.explorer.desk import Desk

# Okabe and Ito's colours, told apart by every kind of eye.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, RED, PINK = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, RED, YELLOW, BLACK)

LONG_SIDE = 360  # px of the screen for the longer side of a picture
TOOLS = "pan,wheel_zoom,box_zoom,reset"


def tagged(model, name: str):
    """Give a model its name, by which tests and styles find it on the page."""
    model.name = name
    model.css_classes = [*getattr(model, "css_classes", []), name]
    return model


def sentence(name: str, text: str = "", width: int = 700) -> Div:
    """Return a place for a sentence."""
    return tagged(Div(text=text, width=width), name)


def escaped(text: object) -> str:
    """Return a text that means nothing but itself in HTML."""
    parts = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
    return "".join(parts.get(c, c) for c in str(text))


def from_thread(document: Document, desk: Desk, work: Callable[[], None]) -> None:
    """Have work done on the page by a thread of its own, unless the page was closed meanwhile."""
    if not desk.is_closed:
        document.add_next_tick_callback(work)


class Coalesced:
    """A callback that runs once for many changes, a moment after the first.

    Sliders send a value for every pixel that they are drawn; computing each would fall behind.
    """

    def __init__(self, document: Document, work: Callable[[], None], after_ms: int = 40) -> None:
        self._document, self._work, self._after = document, work, after_ms
        self._due = False

    def __call__(self, *_) -> None:
        """Have the work done soon."""
        if not self._due:
            self._due = True
            self._document.add_timeout_callback(self._run, self._after)

    def _run(self) -> None:
        self._due = False
        self._work()


class Picture:
    """An image on axes in px, row 0 on top, pixel centres at whole numbers.

    Parameters
    ----------
    title : str
        Above it.
    box : tuple of float
        Where the image lies: first row and column, rows and columns, in px.
    name : str
        Of the figure on the page.
    share : Picture, optional
        Zoom and pan are shared with it.
    colours : {"grey", "viridis"}
        Palette; both keep their order in grey.
    unit : str
        Of the values, for the hover.
    long_side : int
        Length of the longer side on the screen, in its px.
    """

    def __init__(
        self,
        title: str,
        box: tuple[float, float, float, float],
        name: str,
        share: "Picture | None" = None,
        colours: str = "grey",
        unit: str = "counts",
        long_side: int = LONG_SIDE,
        tools: str = TOOLS,
        bar: bool = False,
    ) -> None:
        top, left, height, width = box
        ranges = (
            (share.figure.x_range, share.figure.y_range)
            if share
            else (
                Range1d(left - 0.5, left + width - 0.5),
                Range1d(top + height - 0.5, top - 0.5),
            )
        )
        self.figure = tagged(
            figure(
                title=title,
                x_range=ranges[0],
                y_range=ranges[1],
                x_axis_label="column (px)",
                y_axis_label="row (px)",
                tools=tools,
                active_scroll="wheel_zoom" if "wheel_zoom" in tools else None,
                output_backend="canvas",
            ),
            name,
        )
        self._sides = height, width
        self.resize(long_side)
        self.figure.toolbar.logo = None
        self.figure.grid.visible = False
        for axis in self.figure.axis:  # labels are what costs most when a frame is drawn
            axis.ticker = BasicTicker(desired_num_ticks=4, num_minor_ticks=0)
        palette = Greys256 if colours == "grey" else Viridis256
        self.mapper = LinearColorMapper(
            palette=palette, low=0, high=255, nan_color="rgba(0, 0, 0, 0)"
        )
        empty = np.zeros((1, 1), np.uint8)
        self.source = ColumnDataSource(data={"image": [empty], **_placed(box), "frame": [-1]})
        image = self.figure.image(
            "image", x="x", y="y", dw="dw", dh="dh", source=self.source, color_mapper=self.mapper
        )
        tips = [("row, column", "$y{0}, $x{0}"), (unit, "@image{0.[00]}")]
        self.figure.add_tools(HoverTool(renderers=[image], tooltips=tips))
        if bar:
            self.figure.add_layout(
                ColorBar(color_mapper=self.mapper, title=unit, width=10), "right"
            )

    def show(
        self,
        image: np.ndarray,
        frame: int = -1,
        box: tuple[float, float, float, float] | None = None,
    ) -> None:
        """Show an image (height, width); `frame` is its number, told back when it is drawn."""
        data = {"image": [thinned(image)], "frame": [frame]}
        place = (
            _placed(box) if box else {k: list(self.source.data[k]) for k in ("x", "y", "dw", "dh")}
        )
        self.source.data = {**data, **place}

    def resize(self, long_side: int) -> None:
        """Give the longer side a length, in px of the screen."""
        height, width = self._sides
        scale = long_side / max(height, width)
        self.figure.frame_height = max(round(height * scale), 60)
        self.figure.frame_width = max(round(width * scale), 60)

    def levels(self, low: float, high: float) -> None:
        """Show `low` as black and `high` as white."""
        self.mapper.update(low=low, high=max(high, low + 1e-6))

    def auto_levels(self, image: np.ndarray) -> None:
        """Choose the levels by an image."""
        self.levels(*display_range(image))


def _placed(box: tuple[float, float, float, float]) -> dict[str, list[float]]:
    top, left, height, width = box
    return {"x": [left - 0.5], "y": [top - 0.5], "dw": [width], "dh": [height]}


def line_figure(name: str, title: str, x: str, y: str, **how):
    """Return a figure for courses, with its axes labelled with their units."""
    how = {"height": 170, "width": 900, "tools": "xpan,xwheel_zoom,reset", **how}
    plot = figure(
        title=title, x_axis_label=x, y_axis_label=y, active_scroll="xwheel_zoom"
        if "xwheel_zoom" in how["tools"] else None, **how,
    )  # fmt: skip
    plot.toolbar.logo = None
    return tagged(plot, name)


def on_change(model, attribute: str, work: Callable[[], object]) -> None:
    """Call a function without arguments when an attribute of a model has changed."""
    model.on_change(attribute, lambda attr, old, new: work())
