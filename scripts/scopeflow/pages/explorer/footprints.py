"""Tab 4: the penalty on footprints, on ten units."""

import threading

import numpy as np
from bokeh.document import Document
from bokeh.layouts import column, row
from bokeh.models import Button, ColumnDataSource

from scopeflow.defaults import SPATIAL_PENALTY, given
from scopeflow.explore.penalties import Trial, cut_out, make_trial, with_neighbours
from scopeflow.explore.pictures import thin_line, tiled
from scopeflow.explore.splitting import spread
from scopeflow.footprints import read_footprints
from scopeflow.movie import Movie
from scopeflow.pages.explorer.desk import Desk, Missing
from scopeflow.pages.explorer.movies import open_group
from scopeflow.pages.explorer.parts import (
    BLUE,
    Coalesced,
    Picture,
    escaped,
    from_thread,
    line_figure,
    sentence,
    tagged,
)
from scopeflow.pages.explorer.recording import Recording
from scopeflow.pages.explorer.tuning import Tuned
from scopeflow.passes import frames_averaged

N_UNITS = 10
COLUMNS = 5
SLABS_MAX = 16  # of the movie, spread over it; more add nothing that the eye sees
UNIT_STEP = 1.1  # between the traces, in units of their height


class FootprintsTab:
    """The tab; `view` is its layout."""

    def __init__(self, document: Document, desk: Desk, recording: Recording) -> None:
        self._document, self._desk = document, desk
        if desk.value("spatial.method") == "minian":
            raise Missing(
                "spatial.method is minian, whose penalty needs a pass over the whole movie for "
                "each value: it cannot be tried here. Make a variant for each value instead."
            )
        before = desk.product("<merge", "units.zarr")
        self._A, self._shape = read_footprints(str(before))
        if not self._A.shape[0]:
            raise Missing("The last run has no units to try a penalty on.")
        self._C, self._ids = open_group(before)["C"], open_group(before)["unit_id"][:]
        self._movie = Movie(str(desk.product("apply_motion", "Y.zarr")))
        projections = open_group(desk.product("apply_motion", "projections.zarr"))
        self._mean = projections["mean"][:]
        self._sn = open_group(desk.product("noise", "noise.zarr"))["sn"][:]
        self._page, self._trial, self._busy = 0, None, False
        self._summed_for: tuple | None = None
        self._words = sentence("footprints-note", width=760)
        self._next = tagged(Button(label="Other units", width=110), "other-units")
        self._next.on_click(self._turn_page)
        self._build_pictures()
        draw = Coalesced(document, self._renew, 60)
        desk.listen(draw)
        self.view = column(
            row(self._controls(), self._next), self._words,
            row(self._prints.figure, self._binary.figure), self._courses,
        )  # fmt: skip
        self._sum_up()

    def _controls(self):
        penalty = Tuned(self._desk, "spatial.sparse_penalty", "sparse penalty (noise s.d.)", 0, 20,
                        0.25, lambda: SPATIAL_PENALTY["scopeflow"])  # fmt: skip
        diameter = self._desk.diameter_px
        grow = Tuned(self._desk, "spatial.dilation_px", "may grow by (px)", 0, 2 * diameter, 0.5,
                     lambda: self._desk.diameter_px / 4)  # fmt: skip
        return row(penalty.view, grow.view)

    def _build_pictures(self) -> None:
        box = (0, 0, 2, COLUMNS)
        self._prints = Picture("footprints, each with its largest value 1", box, "footprints",
                               colours="viridis", unit="1", long_side=480)  # fmt: skip
        self._binary = Picture("where they are not 0", box, "binary", share=self._prints,
                               unit="1", long_side=480)  # fmt: skip
        self._labels = ColumnDataSource(data={"x": [], "y": [], "text": []})
        for picture in (self._prints, self._binary):
            picture.levels(0, 1)
            picture.figure.text("x", "y", "text", source=self._labels, text_color="#E69F00",
                                text_font_size="9pt")  # fmt: skip
        self._courses = line_figure(
            "unit-courses", "calcium C of these units in the step before, each scaled to its "
            "largest value", "time (s)", "unit", width=960, height=300,
        )  # fmt: skip
        self._lines = ColumnDataSource(data={"xs": [], "ys": []})
        self._courses.multi_line("xs", "ys", source=self._lines, line_color=BLUE)

    # ---------------------------------------------------------------- sums

    def _turn_page(self) -> None:
        if not self._busy:
            self._page += 1
            self._sum_up()

    def _dilation(self) -> float:
        return given(self._desk.value("spatial.dilation_px"), self._desk.diameter_px / 4)

    def _sum_up(self) -> None:
        """Make the sums of ten units, in a thread: it takes seconds."""
        size = np.diff(self._A.indptr)
        units = spread(size, N_UNITS, self._page)
        diameter, dilation = self._desk.diameter_px, self._dilation()
        self._summed_for = diameter, dilation
        self._busy = True
        self._words.text = "Reading the movie around ten units ..."

        def work() -> None:
            try:
                trial = self._tried(units, diameter, dilation)
                from_thread(self._document, self._desk, lambda: self._summed(units, trial))
            except (OSError, ValueError, KeyError) as error:
                text = f"The movie is not readable ({error}). Run again."
                from_thread(self._document, self._desk, lambda: self._failed(text))

        threading.Thread(target=work, daemon=True).start()

    def _tried(self, units: np.ndarray, diameter: float, dilation: float) -> Trial:
        members = with_neighbours(self._A, self._shape, units, diameter)
        movie, weight = self._movie, self._movie.weight
        order = np.argsort(members)

        def slabs():
            for slab in movie.sample(SLABS_MAX):
                # Sorted for the store, then back.
                C = np.empty((len(members), slab.stop - slab.start), np.float32)
                C[order] = self._C.oindex[members[order], slab]
                yield movie.good(slab), C[:, weight[slab]]

        return make_trial(
            self._A[members], self._shape, len(units), slabs(), int(weight.sum()), self._mean,
            self._sn, movie.usable, diameter, dilation, frames_averaged(movie.fps_hz),
        )  # fmt: skip

    def _failed(self, text: str) -> None:
        self._busy = False
        self._words.text = escaped(text)

    def _summed(self, units: np.ndarray, trial: Trial) -> None:
        self._trial, self._busy = trial, False
        self._units = units
        xs, ys = [], []
        for k, unit in enumerate(units):
            course = np.nan_to_num(self._C[int(unit)])
            time_s = np.arange(len(course)) / self._movie.fps_hz
            x, y = thin_line(time_s, course / max(course.max(), 1e-9))
            xs.append(x)
            ys.append(y - UNIT_STEP * k)
        self._lines.data = {"xs": xs, "ys": ys}
        self._courses.yaxis.ticker = [-UNIT_STEP * k for k in range(len(units))]
        self._courses.yaxis.major_label_overrides = {
            -UNIT_STEP * k: str(self._ids[unit]) for k, unit in enumerate(units)
        }
        self._renew()

    def _renew(self) -> None:
        """Solve the ten units again under what is chosen."""
        if self._busy:
            return
        if self._summed_for != (self._desk.diameter_px, self._dilation()):
            self._sum_up()
            return
        penalty = given(self._desk.value("spatial.sparse_penalty"), SPATIAL_PENALTY["scopeflow"])
        A, spatial_r = self._trial.footprints(penalty)
        images = [
            cut_out(A[[k]], patch, self._shape) for k, patch in enumerate(self._trial.patches)
        ]
        prints = tiled(images, COLUMNS)
        box = (0, 0, *prints.shape)
        binary = np.where(np.isnan(prints), np.nan, prints > 0).astype(np.float32)
        self._prints.show(prints, box=box)
        self._binary.show(binary, box=box)
        tile = prints.shape[0] // -(-len(images) // COLUMNS), prints.shape[1] // COLUMNS
        size = np.diff(A.indptr)
        self._labels.data = {
            "x": [2 + tile[1] * (k % COLUMNS) for k in range(len(images))],
            "y": [tile[0] * (k // COLUMNS + 1) - 3 for k in range(len(images))],
            "text": [f"{self._ids[u]}: {n} px" for u, n in zip(self._units, size, strict=True)],
        }
        self._fit_axes(prints.shape)
        least = given(self._desk.value("spatial.min_size_px"), (self._desk.diameter_px / 4) ** 2)
        lost = int((size < max(least, 1)).sum())
        agreement = float(np.median(spatial_r[size > 0])) if (size > 0).any() else 0.0
        self._words.text = (
            f"{len(images)} of {self._A.shape[0]} units, by size; {lost} would be dropped (under "
            f"{least:.0f} px). Median size {np.median(size):.0f} px, agreement with the movie "
            f"{agreement:.3f}. What is not 0 should cover the visible cell, without fragments."
        )

    def _fit_axes(self, shape: tuple[int, int]) -> None:
        plot = self._prints.figure
        if plot.x_range.end != shape[1] - 0.5:
            plot.x_range.update(start=-0.5, end=shape[1] - 0.5)
            plot.y_range.update(start=shape[0] - 0.5, end=-0.5)
            for picture in (self._prints, self._binary):
                picture.figure.frame_height = round(480 * shape[0] / shape[1])
