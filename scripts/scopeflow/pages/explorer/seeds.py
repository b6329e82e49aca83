"""Tab 3: which candidates pass which test, and where signal ends and noise begins."""

import threading

import numpy as np
from bokeh.document import Document
from bokeh.events import Tap
from bokeh.layouts import column, row
from bokeh.models import Button, ColumnDataSource, HoverTool, Range1d, Span

from scopeflow.errors import InputError
from scopeflow.explore.pictures import thin_line
from scopeflow.explore.splitting import spectra, split, spread
from scopeflow.filters import default_cutoff_hz
from scopeflow.pages.explorer.candidates import GLIMPSE_S, Candidates
from scopeflow.pages.explorer.desk import Desk, Missing
from scopeflow.pages.explorer.parts import (
    BLACK,
    BLUE,
    COLOURS,
    GREEN,
    ORANGE,
    PINK,
    RED,
    SKY,
    YELLOW,
    Coalesced,
    Picture,
    escaped,
    from_thread,
    line_figure,
    sentence,
    tagged,
)
from scopeflow.pages.explorer.recording import Recording
from scopeflow.pages.explorer.tuning import Switched, Tuned
from scopeflow.seed_fates import KEPT, fates
from scopeflow.seeds import default_pnr_min

N_EXAMPLES = 6
GLIMPSED = (
    "A few seconds of the video, motion not corrected, candidates by seeds.method rolling: good "
    "for the noise cut-off, only a hint for the rest."
)
# Colour and mark of each fate: told apart without colour, too.
FATES = {
    KEPT: (YELLOW, "circle"),
    "events": (SKY, "x"),
    "intensity": (SKY, "x"),
    "gmm": (GREEN, "triangle"),
    "pnr": (RED, "square"),
    "ks": (PINK, "diamond"),
    "merge": (BLUE, "plus"),
}


class SeedsTab:
    """The tab; `view` is its layout."""

    def __init__(self, document: Document, desk: Desk, recording: Recording) -> None:
        self._document, self._desk, self._recording = document, desk, recording
        self._page = 0
        self._which: np.ndarray | None = None
        self._drawn: tuple | None = None
        self._tapped: int | None = None
        self.view = column()
        try:
            self._fill(Candidates.of_run(desk))
        except Missing as missing:
            self._offer(str(missing))

    def _offer(self, reason: str) -> None:
        """Offer a look at a few seconds of the video, where there is no run to show."""
        self._note = sentence("no-candidates", escaped(reason), 900)
        look = tagged(Button(label=f"Look at {GLIMPSE_S:.0f} s of the video", width=220), "glimpse")
        look.on_click(self._look)
        self.view.children = [self._note, look]

    def _look(self) -> None:
        self._note.text = "Reading the video ..."

        def work() -> None:
            try:
                found = Candidates.of_video(self._desk, self._recording)
                from_thread(self._document, self._desk, lambda: self._glimpsed(found))
            except (Missing, InputError, ValueError) as error:
                text = escaped(error)
                from_thread(self._document, self._desk, lambda: self._note.update(text=text))

        threading.Thread(target=work, daemon=True).start()

    def _glimpsed(self, found: Candidates) -> None:
        try:
            self._fill(found, GLIMPSED)
        except Missing as missing:
            self._note.text = escaped(missing)

    def _fill(self, candidates: Candidates, note: str = "") -> None:
        if not len(candidates):
            raise Missing(
                "No candidate was found. Check cell_diameter_px in the tab Filters, or lower "
                "seeds.event_z_min."
            )
        self._candidates = candidates
        self._words = sentence("seed-counts", width=420)
        image = candidates.image
        self._picture = Picture(
            "maximum over time, filtered; click on a candidate to see its trace",
            (0, 0, *image.shape), "seeds", long_side=430,
        )  # fmt: skip
        self._picture.auto_levels(image)
        self._picture.show(image)
        self._build_marks()
        self._build_examples()
        self._next = tagged(Button(label="Other examples", width=130), "other-examples")
        self._next.on_click(self._turn_page)
        self._desk.listen(Coalesced(self._document, self._draw, 120))
        left = column(sentence("glimpsed", note, 430), self._picture.figure, self._words)
        right = column(self._controls(), self._next, self._spectrum, self._examples)
        self.view.children = [row(left, right)]
        self._draw()

    def _controls(self):
        desk, found = self._desk, self._candidates
        half = 0.49 * found.fps_hz

        def tuned(key, title, *how, **more):
            return Tuned(desk, f"seeds.{key}", title, *how, **more).view

        cutoff = tuned("noise_cutoff_hz", "noise cut-off (Hz)", 0.1, half, 0.1,
                       lambda: default_cutoff_hz(found.fps_hz))  # fmt: skip
        pnr = tuned("pnr_min", "least peak-to-noise ratio", 0, 5, 0.05,
                    lambda: default_pnr_min(found.fps_hz, found.cutoff_hz))  # fmt: skip
        alpha = tuned("ks_alpha", "level of the KS test; automatic is off", 0.001, 1, 0.001,
                      lambda: 1.0)  # fmt: skip
        reach = desk.diameter_px / (10 if found.method == "events" else 4)
        distance = tuned("merge_distance_px", "merge within (px)", 0, 2 * desk.diameter_px, 0.1,
                         lambda: reach)  # fmt: skip
        correlation = tuned("merge_correlation", "merge above this correlation", 0, 1, 0.01)
        if found.method == "events":
            own = [
                tuned("event_count_min", "rises that a candidate needs", 1, 20, 1, whole=True),
                tuned("event_z_single", "or one as high as (noise s.d.)", 0, 20, 0.1),
            ]
        else:
            own = [tuned("intensity_min", "least height above surroundings (counts)", 0, 50, 0.5)]
        gmm = Switched(desk, "seeds.gmm", "mixture of two Gaussians").view
        return column(row(cutoff, pnr), row(*own), row(alpha, gmm), row(distance, correlation))

    def _build_marks(self) -> None:
        self._marks = ColumnDataSource(
            data={k: [] for k in ("x", "y", "fate", "colour", "mark", "pnr", "score", "count")}
        )
        dots = self._picture.figure.scatter(
            "x", "y", source=self._marks, marker="mark", size=8, fill_alpha=0, line_width=1.5,
            line_color="colour", legend_field="fate",
        )  # fmt: skip
        tips = [("fate", "@fate"), ("peak-to-noise", "@pnr{0.00}"), ("score", "@score{0.0}"),
                ("rises", "@count")]  # fmt: skip
        self._picture.figure.add_tools(HoverTool(renderers=[dots], tooltips=tips))
        legend = self._picture.figure.legend[0]
        legend.update(orientation="horizontal", label_text_font_size="8pt", padding=2)
        # Over the image it would hide candidates.
        self._picture.figure.center = [r for r in self._picture.figure.center if r is not legend]
        self._picture.figure.add_layout(legend, "below")
        self._picture.figure.on_event(Tap, self._chosen)
        self._ring = ColumnDataSource(data={"x": [], "y": [], "label": []})
        self._picture.figure.scatter("x", "y", source=self._ring, size=16, fill_alpha=0,
                                     line_color="white", line_width=1)  # fmt: skip
        self._picture.figure.text("x", "y", "label", source=self._ring, text_color="white",
                                  x_offset=9, y_offset=-5, text_font_size="9pt")  # fmt: skip

    def _build_examples(self) -> None:
        self._spectrum = line_figure(
            "spectrum", "spectrum of the examples; below: blue under, orange above the cut-off",
            "frequency (Hz)", "power (counts²/Hz)",
            x_axis_type="log", y_axis_type="log", width=640, height=180, tools="reset",
        )  # fmt: skip
        self._power = ColumnDataSource(data={"xs": [], "ys": [], "colour": []})
        self._spectrum.multi_line("xs", "ys", source=self._power, line_color="colour")
        self._cut = Span(location=1, dimension="height", line_color=BLACK, line_dash="dashed")
        self._spectrum.add_layout(self._cut)
        self._traces, plots = [], []
        shared = None
        for k in range(N_EXAMPLES):
            plot = line_figure(f"example-{k}", "", "time (s)", "counts", width=320, height=130)
            if shared is None:
                shared = plot.x_range = Range1d(0, 1)
            plot.x_range = shared
            source = ColumnDataSource(data={"x": [], "slow": []})
            noise = ColumnDataSource(data={"x": [], "fast": []})
            plot.line("x", "fast", source=noise, color=ORANGE, alpha=0.7)
            plot.line("x", "slow", source=source, color=BLUE, line_width=1.5)
            self._traces.append((plot, source, noise))
            plots.append(plot)
        self._span = shared
        self._examples = column(*[row(*plots[i : i + 2]) for i in range(0, N_EXAMPLES, 2)])

    # ---------------------------------------------------------------- drawing

    def _draw(self) -> None:
        """Judge all candidates again and show them, and the examples."""
        masks = self._candidates.judged()
        fate, table = fates(masks), self._candidates.table
        self._marks.data = {
            "x": table["width"], "y": table["height"], "fate": fate,
            "colour": [FATES[f][0] for f in fate], "mark": [FATES[f][1] for f in fate],
            "pnr": table["pnr"], "score": table["score"], "count": table["count"],
        }  # fmt: skip
        lines = []
        for name in masks.columns:
            test = name.removeprefix("mask_")
            lines.append(
                f"<tr><td>{test}</td><td>{int((fate == test).sum())}</td>"
                f"<td>{int((~masks[name]).sum())}</td></tr>"
            )
        self._words.text = (
            f"<b>{int((fate == KEPT).sum())} seeds</b> of {len(table)} candidates. "
            f"<table><tr><th>test</th><th>dropped first by it</th><th>not passed</th></tr>"
            f"{''.join(lines)}</table>"
        )
        self._draw_examples(fate)

    def _draw_examples(self, fate: np.ndarray) -> None:
        found = self._candidates
        if self._which is None:  # the same ones while a slider moves
            self._which = spread(found.table["pnr"].to_numpy(), N_EXAMPLES, self._page)
        which = self._which
        if self._tapped is not None:
            which = np.append([self._tapped], which[which != self._tapped])[:N_EXAMPLES]
        place = found.table.iloc[which]
        for k, i in enumerate(which):
            ratio = found.table["pnr"].iloc[i]
            self._traces[k][0].title.text = f"{k + 1}: {fate[i]}, peak-to-noise {ratio:.2f}"
        key = (tuple(which), found.cutoff_hz)
        if key == self._drawn:  # thresholds change verdicts only
            return
        self._drawn = key
        raw = found.traces(which)
        slow, fast = split(raw, found.fps_hz, found.cutoff_hz)
        time_s = np.arange(raw.shape[1]) / found.fps_hz
        end = float(time_s[-1])
        if self._span.reset_end != end:  # else the zoom is the person's
            self._span.update(start=0, end=end, reset_start=0, reset_end=end)
        self._ring.data = {"x": place["width"], "y": place["height"],
                           "label": [str(k + 1) for k in range(len(which))]}  # fmt: skip
        for k, (plot, source, noise) in enumerate(self._traces):
            plot.visible = k < len(which)
            if not plot.visible:
                continue
            x, y = thin_line(time_s, slow[k])
            source.data = {"x": x, "slow": y}
            x, y = thin_line(time_s, fast[k])
            noise.data = {"x": x, "fast": y}
        freqs, power = spectra(raw, found.fps_hz)
        self._power.data = {
            "xs": [freqs] * len(which), "ys": list(np.maximum(power, 1e-12)),
            "colour": [COLOURS[k % len(COLOURS)] for k in range(len(which))],
        }  # fmt: skip
        self._cut.location = found.cutoff_hz

    def _turn_page(self) -> None:
        self._page, self._which = self._page + 1, None
        self._tapped = None
        self._draw()

    def _chosen(self, event: Tap) -> None:
        places = self._candidates.table[["height", "width"]].to_numpy()
        away = np.hypot(*(places - [event.y, event.x]).T)
        if away.min() <= self._desk.diameter_px:
            self._tapped = int(away.argmin())
            self._draw()
