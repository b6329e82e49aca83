"""Tab 5: calcium and activity of chosen units, fitted again by what is chosen."""

import numpy as np
from bokeh.document import Document
from bokeh.layouts import column, row
from bokeh.models import Button, ColumnDataSource, MultiChoice, Range1d

from scopeflow.defaults import TEMPORAL_PENALTY, given
from scopeflow.explore.activities import (
    Course,
    fitted,
    own_coefficients,
    pulse,
    shared_coefficients,
)
from scopeflow.explore.pictures import thin_line
from scopeflow.filters import default_cutoff_hz
from scopeflow.movie import unit_blocks
from scopeflow.noise import trace_noise
from scopeflow.pages.explorer.desk import Desk, Missing
from scopeflow.pages.explorer.movies import open_group
from scopeflow.pages.explorer.parts import (
    BLACK,
    BLUE,
    COLOURS,
    GREEN,
    ORANGE,
    Coalesced,
    escaped,
    line_figure,
    on_change,
    sentence,
    tagged,
)
from scopeflow.pages.explorer.recording import Recording
from scopeflow.pages.explorer.tuning import Picked, Tuned

N_SHOWN = 3
GREY = "#999999"


class ActivityTab:
    """The tab; `view` is its layout."""

    def __init__(self, document: Document, desk: Desk, recording: Recording) -> None:
        self._desk = desk
        if desk.value("temporal.method") == "minian":
            raise Missing(
                "temporal.method is minian, which is solved too slowly to be tried here. Make a "
                "variant for each value instead."
            )
        store = open_group(desk.product("compute_traces", "units.zarr"))
        fits = open_group(desk.product("temporal_update", "units.zarr"))
        self._YrA, self._ids = store["YrA"], store["unit_id"][:]
        if not len(self._ids):
            raise Missing("The last run has no units to fit.")
        self._fps_hz = float(store.attrs["fps_hz"])
        self._kinetics = dict(fits.attrs.get("kinetics", {}))
        heights = [fits["C"][block].max(axis=1) for block in unit_blocks(len(self._ids))]
        # The clearest first: what a person should look at to begin with.
        self._order = np.argsort(-np.concatenate(heights), kind="stable")
        self._first = 0
        self._words = sentence("activity-note", width=760)
        self._build_choice(document)
        self._build_plots()
        draw = Coalesced(document, self._draw, 60)
        desk.listen(draw)
        on_change(self._units, "value", draw)
        self.view = row(
            column(self._controls(), self._words, *self._plots),
            column(self._units, row(self._back, self._next), self._pulse),
        )
        self._show_from(0)

    def _controls(self):
        desk = self._desk
        order = Picked(desk, "temporal.ar_order", "order p of the model", ["auto", 1, 2])
        kinetics = Picked(desk, "temporal.kinetics", "kinetics of", ["pooled", "unit"])
        penalty = Tuned(desk, "temporal.sparse_penalty", "sparse penalty (noise s.d.)", 0, 20, 0.1,
                        lambda: TEMPORAL_PENALTY["scopeflow"])  # fmt: skip
        decay = Tuned(desk, "temporal.tau_decay_s", "decay time (s)", 0.02, 5, 0.01,
                      lambda: self._estimated("tau_decay_s", 0.6))  # fmt: skip
        rise = Tuned(desk, "temporal.tau_rise_s", "rise time (s)", 0.005, 1, 0.005,
                     lambda: max(self._estimated("tau_rise_s", 0.07), 1e-3))  # fmt: skip
        cutoff = Tuned(desk, "temporal.noise_cutoff_hz", "noise cut-off (Hz), kinetics of a unit",
                       0.1, 0.49 * self._fps_hz, 0.1,
                       lambda: default_cutoff_hz(self._fps_hz))  # fmt: skip
        lags = Tuned(desk, "temporal.add_lag", "lags beyond p (frames), kinetics of a unit", 0, 100,
                     1, whole=True)  # fmt: skip
        return column(
            row(order.view, kinetics.view, penalty.view),
            row(decay.view, rise.view),
            row(cutoff.view, lags.view),
        )

    def _estimated(self, name: str, otherwise: float) -> float:
        """Return a time constant that the last run estimated for the session."""
        return float(self._kinetics.get(name, otherwise))

    def _build_choice(self, document: Document) -> None:
        self._units = tagged(
            MultiChoice(title=f"units (the first {N_SHOWN} are shown)", width=300,
                        options=[str(i) for i in self._ids[self._order]], value=[]), "units",
        )  # fmt: skip
        self._back = tagged(Button(label="← clearer", width=100), "clearer")
        self._next = tagged(Button(label="fainter →", width=100), "fainter")
        self._back.on_click(lambda: self._show_from(self._first - N_SHOWN))
        self._next.on_click(lambda: self._show_from(self._first + N_SHOWN))

    def _show_from(self, first: int) -> None:
        self._first = int(np.clip(first, 0, max(len(self._order) - N_SHOWN, 0)))
        chosen = self._order[self._first : self._first + N_SHOWN]
        self._units.value = [str(self._ids[k]) for k in chosen]
        self._draw()

    def _build_plots(self) -> None:
        self._plots, self._lines = [], []
        span = Range1d(0, 1)
        for k in range(N_SHOWN):
            plot = line_figure(f"unit-{k}", "", "time (s)", "counts", width=800, height=210)
            plot.x_range = span
            sources = {}
            for name, colour, width in (
                ("raw", GREY, 1), ("fit", BLACK, 1.5), ("C", BLUE, 1.5), ("S", ORANGE, 1.5),
            ):  # fmt: skip
                sources[name] = ColumnDataSource(data={"x": [], "y": []})
                plot.line("x", "y", source=sources[name], color=colour, line_width=width,
                          legend_label=name)  # fmt: skip
            plot.legend.orientation = "horizontal"
            plot.legend.padding, plot.legend.location = 1, "top_right"
            plot.legend.click_policy = "hide"
            self._plots.append(plot)
            self._lines.append(sources)
        self._span = span
        self._pulse = line_figure(
            "pulse", "calcium after one pulse of activity", "time (s)", "share of its peak",
            width=330, height=240,
        )  # fmt: skip
        self._pulses = ColumnDataSource(data={"xs": [], "ys": [], "colour": []})
        self._pulse.multi_line("xs", "ys", source=self._pulses, line_color="colour", line_width=2)

    # ---------------------------------------------------------------- fits

    def _draw(self) -> None:
        """Fit the units again and show them."""
        names = self._units.value[:N_SHOWN]
        places = [int(np.flatnonzero(self._ids == int(name))[0]) for name in names]
        notes, pulses = [], {"xs": [], "ys": [], "colour": []}
        length = 0.0
        for k, (plot, sources) in enumerate(zip(self._plots, self._lines, strict=True)):
            plot.visible = k < len(places)
            if not plot.visible:
                continue
            try:
                course, sigma = self._fit(places[k])
            except ValueError as error:
                self._words.text = f"{escaped(error)}. Change one of them."
                return
            time_s = np.arange(len(course.raw)) / self._fps_hz
            length = float(time_s[-1])
            for name, source in sources.items():
                x, y = thin_line(time_s, getattr(course, name))
                source.data = {"x": x, "y": y}
            taus = f"decay {course.tau_decay_s:.3f} s, rise {course.tau_rise_s:.3f} s"
            active = int((course.S > 0).sum())
            rest = np.nanstd(course.raw - course.fit) / max(sigma, 1e-9)
            plot.title.text = (
                f"unit {names[k]}: {active} frames with activity, residual {rest:.2f} times the "
                "noise"
            )
            x, y = pulse(course.g, self._fps_hz)
            pulses["xs"].append(x)
            pulses["ys"].append(y)
            pulses["colour"].append((GREEN, BLUE, ORANGE, *COLOURS)[k])
            notes.append(f"unit {names[k]}: {taus}")
        self._pulses.data = pulses
        if length and self._span.end in (1, length):
            self._span.update(start=0, end=length, reset_start=0, reset_end=length)
        source = self._kinetics.get("source", "each unit")
        self._words.text = f"{'; '.join(notes)}. Automatic times: {escaped(source)}."

    def _fit(self, place: int) -> tuple[Course, float]:
        """Return the fit of a unit, and the noise of its trace in counts."""
        desk = self._desk
        y = self._YrA[place].astype(np.float64)
        cutoff = desk.value("temporal.noise_cutoff_hz") or default_cutoff_hz(self._fps_hz)
        cutoff = min(cutoff, 0.49 * self._fps_hz)
        sigma = float(trace_noise(y[None], self._fps_hz, max(cutoff, self._fps_hz / 4))[0])
        penalty = given(desk.value("temporal.sparse_penalty"), TEMPORAL_PENALTY["scopeflow"])
        g = self._coefficients(y, sigma, cutoff)
        return fitted(y, sigma, g, penalty, self._fps_hz), sigma

    def _coefficients(self, y: np.ndarray, sigma: float, cutoff_hz: float) -> np.ndarray:
        desk = self._desk
        order = desk.value("temporal.ar_order")
        if desk.value("temporal.kinetics") == "unit":
            lags = desk.value("temporal.add_lag")
            order = 1 if order == 1 else 2
            return own_coefficients(y, sigma, order, lags, self._fps_hz, cutoff_hz)
        decay = given(desk.value("temporal.tau_decay_s"), self._estimated("tau_decay_s", 0.6))
        rise = given(desk.value("temporal.tau_rise_s"), self._estimated("tau_rise_s", 0.07))
        return shared_coefficients(decay, 0.0 if order == 1 else rise, self._fps_hz)
