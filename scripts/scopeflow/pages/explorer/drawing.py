"""Parts of the image that a person draws: for the estimate of motion, or all that is analysed."""

import math

from bokeh.events import SelectionGeometry
from bokeh.layouts import column, row
from bokeh.models import BoxSelectTool, Button, ColumnDataSource, LassoSelectTool, PolySelectTool

from scopeflow.pages.explorer.desk import Desk
from scopeflow.pages.explorer.parts import BLUE, ORANGE, YELLOW, sentence, tagged
from scopeflow.pages.explorer.recording import Recording, closed

CORNERS_MAX = 60  # of a polygon drawn freehand
HINT = "Draw on the raw video: box, lasso or polygon of its toolbar."
OPEN = {"top": 0, "bottom": None, "left": 0, "right": None}


class Drawing:
    """What is drawn and where it shall go; `view` is its layout."""

    def __init__(self, desk: Desk, recording: Recording) -> None:
        self._desk, self._recording = desk, recording
        self._drawn: list[tuple[float, float]] = []  # corners (row, column) in original px
        self._is_box = False
        self._mask = self._mask_set()  # of the motion, in original px
        self._words = sentence("drawn", HINT, 330)
        self._motion = tagged(
            Button(label="Estimate motion inside", disabled=True, width=160), "use-for-motion"
        )
        self._region = tagged(
            Button(label="Analyse this box only", disabled=True, width=160), "use-as-region"
        )
        self._whole_motion = tagged(Button(label="Motion: whole image", width=160), "motion-whole")
        self._whole_region = tagged(Button(label="Analyse whole image", width=160), "region-whole")
        self._new = _outline()
        self._used = _outline()
        self._kept = _outline()
        self._motion.on_click(lambda: self._use_for_motion(self._drawn))
        self._region.on_click(self._use_as_region)
        self._whole_motion.on_click(lambda: self._use_for_motion([]))
        self._whole_region.on_click(lambda: self._choose_region(OPEN))
        self.view = column(
            self._words,
            row(self._motion, self._whole_motion),
            row(self._region, self._whole_region),
        )
        desk.listen(self._show)
        self._show()

    def draw_on(self, plot) -> None:
        """Show outlines on the raw video and take what is drawn there."""
        for source, colour, dash, label in (
            (self._kept, BLUE, "dashed", "analysed"),
            (self._used, ORANGE, "solid", "motion"),
            (self._new, YELLOW, "solid", "drawn"),
        ):
            plot.patches("xs", "ys", source=source, fill_alpha=0.0, line_color=colour,
                         line_dash=dash, line_width=2, name=f"outline-{label}")  # fmt: skip
        box = BoxSelectTool(description="Draw a box")
        lasso = LassoSelectTool(continuous=False, description="Draw freehand")
        polygon = PolySelectTool(description="Draw a polygon: click corners, double-click ends")
        plot.add_tools(box, lasso, polygon)
        plot.toolbar.active_drag = box
        plot.on_event(SelectionGeometry, self._geometry)

    # ---------------------------------------------------------------- drawn

    def _geometry(self, event: SelectionGeometry) -> None:
        if not event.final:
            return
        shape = event.geometry
        height, width = self._recording.shape
        if shape["type"] == "rect":
            (x0, x1), (y0, y1) = (
                sorted([shape["x0"], shape["x1"]]),
                sorted([shape["y0"], shape["y1"]]),
            )
            corners = [(y0, x0), (y0, x1), (y1, x1), (y1, x0)]
        elif shape["type"] == "poly":
            corners = list(zip(shape["y"], shape["x"], strict=True))
            corners = corners[:: max(-(-len(corners) // CORNERS_MAX), 1)]
        else:
            return
        self._drawn = [
            (min(max(float(y), 0.0), height - 1.0), min(max(float(x), 0.0), width - 1.0))
            for y, x in corners
        ]
        self._is_box = shape["type"] == "rect"
        rows, cols = zip(*self._drawn, strict=True)
        enough = len(self._drawn) >= 3 and max(rows) > min(rows) and max(cols) > min(cols)
        self._motion.disabled = not enough
        self._region.disabled = not (enough and self._is_box)
        kind = "Box" if self._is_box else f"Polygon of {len(self._drawn)} corners"
        self._words.text = (
            f"{kind}: rows {min(rows):.0f} to {max(rows):.0f}, columns {min(cols):.0f} to "
            f"{max(cols):.0f} px."
        )
        self._show()

    # ---------------------------------------------------------------- used

    def _use_as_region(self) -> None:
        rows, cols = zip(*self._drawn, strict=True)
        self._choose_region(
            {
                "top": math.ceil(min(rows)),
                "bottom": math.floor(max(rows)) + 1,
                "left": math.ceil(min(cols)),
                "right": math.floor(max(cols)) + 1,
            }
        )

    def _choose_region(self, region: dict) -> None:
        for key, value in region.items():
            self._desk.choose(f"load.region.{key}", value)
        self._choose_mask()  # it is counted from the region's corner

    def _use_for_motion(self, corners: list[tuple[float, float]]) -> None:
        self._mask = (list(corners), self._is_box) if corners else None
        self._drawn = []  # in orange from now on
        self._motion.disabled = self._region.disabled = True
        self._words.text = HINT
        self._choose_mask()
        self._show()

    def _choose_mask(self) -> None:
        """Choose the mask of the motion in px of the analysed image."""
        if self._mask is None:
            self._desk.choose("motion.region", None)
            self._desk.choose("motion.polygon", None)
            return
        corners, is_box = self._mask
        height, width = self._chosen_shape()
        analysed = [self._to_analysed(y, x, height, width) for y, x in corners]
        rows, cols = zip(*analysed, strict=True)
        if is_box:
            box = {"top": math.ceil(min(rows)), "bottom": math.floor(max(rows)) + 1,
                   "left": math.ceil(min(cols)), "right": math.floor(max(cols)) + 1}  # fmt: skip
            self._desk.choose("motion.region", box)
            self._desk.choose("motion.polygon", None)
        else:
            polygon = [[round(y, 1), round(x, 1)] for y, x in analysed]
            self._desk.choose("motion.region", None)
            self._desk.choose("motion.polygon", polygon)

    def _chosen_region(self) -> dict:
        keys = ("top", "bottom", "left", "right")
        return closed(
            {k: self._desk.value(f"load.region.{k}") for k in keys}, self._recording.shape
        )

    def _chosen_shape(self) -> tuple[float, float]:
        region, (rows, cols) = self._chosen_region(), self._recording.factors
        return (
            (region["bottom"] - region["top"]) / rows,
            (region["right"] - region["left"]) / cols,
        )

    def _to_analysed(self, y: float, x: float, height: float, width: float) -> tuple[float, float]:
        region, (rows, cols) = self._chosen_region(), self._recording.factors
        return (
            min(max((y - region["top"]) / rows, 0.0), height - 1),
            min(max((x - region["left"]) / cols, 0.0), width - 1),
        )

    def _mask_set(self) -> tuple[list[tuple[float, float]], bool] | None:
        """Return the mask of the config, in px of the original image."""
        polygon, region = self._desk.value("motion.polygon"), self._desk.value("motion.region")
        if polygon is None and region is None:
            return None
        if polygon is None:
            return [self._to_original(y, x) for y, x in _corners(region)], True
        return [self._to_original(y, x) for y, x in polygon], False

    def _to_original(self, y: float, x: float) -> tuple[float, float]:
        region, (rows, cols) = self._chosen_region(), self._recording.factors
        return y * rows + region["top"], x * cols + region["left"]

    def _show(self) -> None:
        if not any(key.startswith(("motion.", "load.region")) for key in self._desk.chosen):
            self._mask = self._mask_set()  # perhaps all choices were taken back
        region = self._chosen_region()
        box = _corners(region)
        size = region["bottom"] - region["top"], region["right"] - region["left"]
        whole = size == tuple(self._recording.shape)
        _draw(self._kept, [] if whole else box)
        _draw(self._used, self._mask[0] if self._mask else [])
        _draw(self._new, self._drawn)


def _corners(region: dict) -> list[tuple[float, float]]:
    """Return the corners of a box as (row, column), on the centres of its outermost pixels."""
    bottom, right = region["bottom"] - 1, region["right"] - 1
    top, left = region["top"], region["left"]
    return [(top, left), (top, right), (bottom, right), (bottom, left)]


def _outline() -> ColumnDataSource:
    return ColumnDataSource(data={"xs": [], "ys": []})


def _draw(source: ColumnDataSource, corners: list[tuple[float, float]]) -> None:
    rows, cols = zip(*corners, strict=True) if corners else ((), ())
    source.data = {"xs": [list(cols)], "ys": [list(rows)]} if corners else {"xs": [], "ys": []}
