"""Tab 2: what denoising and the removal of the background do to a frame."""

import numpy as np
from bokeh.document import Document
from bokeh.events import Tap
from bokeh.layouts import column, row
from bokeh.models import ColumnDataSource, Range1d, Slider
from bokeh.palettes import Viridis

from scopeflow.explore.pictures import LEVELS, contours, crop
from scopeflow.pages.explorer.desk import Desk
from scopeflow.pages.explorer.movies import Movies, filters_of
from scopeflow.pages.explorer.parts import (
    ORANGE,
    SKY,
    Coalesced,
    Picture,
    escaped,
    line_figure,
    on_change,
    sentence,
    tagged,
)
from scopeflow.pages.explorer.recording import Recording
from scopeflow.pages.explorer.tuning import Picked, Tuned
from scopeflow.preprocess import denoise, remove_background, remove_glow

STAGES = {
    "glow": "glow taken off",
    "denoise": "then noise",
    "background": "then background",
}
SIDE = 300
HALF_PX = 40  # of the part that contours are drawn of
HINT = "Orange: a cell of cell_diameter_px. Click on a picture to see contours there."
COLOURS = Viridis[LEVELS]


class FiltersTab:
    """The tab; `view` is its layout."""

    def __init__(self, document: Document, desk: Desk, recording: Recording) -> None:
        self._desk, self._recording = desk, recording
        self._movies = Movies(desk, recording)
        self._shape = recording.analysed_shape
        self._place = (self._shape[0] / 2, self._shape[1] / 2)
        self._words = sentence("filters-note")
        self._glow_for: tuple | None = None
        self._glow: np.ndarray | None = None
        brightest = 0 if recording.course is None else int(recording.course.largest.argmax())
        self._frame = tagged(Slider(start=0, end=max(recording.n_frames - 1, 1), value=brightest,
                                    step=1, title="frame", width=400), "filters-frame")  # fmt: skip
        draw = Coalesced(document, self._draw)
        on_change(self._frame, "value", draw)
        desk.listen(draw)
        self._build_pictures()
        self.view = column(
            self._controls(), self._words, row(*[p.figure for p in self._pictures.values()]),
            row(*self._lines.values()),
        )  # fmt: skip
        self._draw()

    def _controls(self):
        desk = self._desk
        sizes = max(20.0, 3 * desk.diameter_px)
        diameter = Tuned(desk, "cell_diameter_px", "cell_diameter_px: width of a cell (px)",
                         3, max(60.0, 2 * desk.diameter_px), 0.5)  # fmt: skip
        window = Tuned(desk, "preprocess.denoise.window_px", "denoise window (px)", 1, 31, 2,
                       lambda: self._automatic("window_px"), whole=True)  # fmt: skip
        radius = Tuned(desk, "preprocess.background.radius_px", "background radius (px)", 1, sizes,
                       1, lambda: self._automatic("radius_px"))  # fmt: skip
        glow = Picked(desk, "preprocess.glow.method", "glow", ["opened_minimum", "minimum", "none"])
        how = ["median", "gaussian", "bilateral", "anisotropic", "none"]
        denoising = Picked(desk, "preprocess.denoise.method", "denoise", how)
        background = Picked(desk, "preprocess.background.method", "background",
                            ["tophat", "uniform", "none"])  # fmt: skip
        return column(
            row(self._frame, diameter.view),
            row(glow.view, denoising.view, window.view, background.view, radius.view),
        )

    def _automatic(self, name: str) -> float:
        """Return the size that follows from the width of a cell."""
        from scopeflow.preprocess import Filters

        sizes = Filters.for_cells("median", None, "tophat", None, self._desk.diameter_px)
        return getattr(sizes, name)

    def _build_pictures(self) -> None:
        box = (0, 0, *self._shape)
        self._pictures: dict[str, Picture] = {}
        self._lines, self._paths = {}, {}
        first = None
        self._ring = ColumnDataSource(data={"x": [], "y": [], "r": []})
        self._frame_of = ColumnDataSource(data={"l": [], "r": [], "t": [], "b": []})
        for name, words in STAGES.items():
            picture = Picture(words, box, f"stage-{name}", share=first, long_side=SIDE)
            first = first or picture
            picture.figure.circle("x", "y", radius="r", source=self._ring, fill_alpha=0,
                                  line_color=ORANGE, line_width=2)  # fmt: skip
            picture.figure.quad("l", "r", "t", "b", source=self._frame_of, fill_alpha=0,
                                line_color=SKY)  # fmt: skip
            picture.figure.on_event(Tap, self._moved)
            self._pictures[name] = picture
            plot = line_figure(
                f"contours-{name}", f"{words}: {LEVELS} levels", "column (px)", "row (px)",
                width=SIDE + 60, height=SIDE + 60, tools="reset",
            )  # fmt: skip
            plot.x_range, plot.y_range = Range1d(0, 1), Range1d(1, 0)
            self._paths[name] = ColumnDataSource(data={"xs": [], "ys": [], "colour": []})
            plot.multi_line("xs", "ys", source=self._paths[name], line_color="colour")
            self._lines[name] = plot

    def _moved(self, event: Tap) -> None:
        self._place = (float(event.y), float(event.x))
        self._draw()

    def _draw(self) -> None:
        """Filter the frame by what is chosen and show every stage."""
        desk, filters = self._desk, filters_of(self._desk)
        try:
            filters.check(self._shape)
        except ValueError as error:
            self._words.text = f"{escaped(error)}. Lower it."
            return
        self._words.text = (
            "Orange: a cell of cell_diameter_px. Click on a picture to see contours there."
        )
        key = (desk.value("preprocess.glow.method"), desk.diameter_px)
        if self._glow_for != key:
            self._glow_for, self._glow = key, self._movies.glow()
        image = remove_glow(self._recording.analysed(int(self._frame.value)), self._glow)
        calm = denoise(image, filters)
        stages = {"glow": image, "denoise": calm, "background": remove_background(calm, filters)}
        rows, cols = crop(image, self._place, HALF_PX)
        centre = (rows.start + rows.stop - 1) / 2, (cols.start + cols.stop - 1) / 2
        self._ring.data = {"x": [centre[1]], "y": [centre[0]], "r": [desk.diameter_px / 2]}
        self._frame_of.data = {"l": [cols.start], "r": [cols.stop], "t": [rows.start],
                               "b": [rows.stop]}  # fmt: skip
        for name, stage in stages.items():
            self._pictures[name].auto_levels(stage)
            self._pictures[name].show(stage)
            xs, ys, heights = contours(stage[rows, cols])
            levels = np.unique(heights)
            self._paths[name].data = {
                "xs": [x + cols.start for x in xs],
                "ys": [y + rows.start for y in ys],
                "colour": [COLOURS[int(np.searchsorted(levels, h))] for h in heights],
            }
            self._lines[name].x_range.update(start=cols.start, end=cols.stop - 1)
            self._lines[name].y_range.update(start=rows.stop - 1, end=rows.start)
