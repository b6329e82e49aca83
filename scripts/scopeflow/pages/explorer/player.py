"""Tab 1: the recording. Videos side by side, one player; histogram; curves."""

import time

import numpy as np
from bokeh.document import Document
from bokeh.events import SelectionGeometry, Tap
from bokeh.layouts import column, row
from bokeh.models import (
    BoxAnnotation,
    BoxSelectTool,
    Button,
    CheckboxButtonGroup,
    ColumnDataSource,
    CustomJS,
    Range1d,
    Select,
    Slider,
    Span,
    Toggle,
)

from scopeflow.explore.pictures import histogram, thin_line
from scopeflow.pages.explorer.desk import Desk, Missing
from scopeflow.pages.explorer.drawing import Drawing
from scopeflow.pages.explorer.exclusion import Exclusion
from scopeflow.pages.explorer.movies import NAMES, Movies
from scopeflow.pages.explorer.parts import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    SKY,
    Coalesced,
    Picture,
    escaped,
    line_figure,
    on_change,
    sentence,
    tagged,
)  # fmt: skip
from scopeflow.pages.explorer.recording import Recording

SPEEDS = ["0.25", "0.5", "1", "2", "5", "10", "20"]
LAYOUT = {1: (1, 420), 2: (2, 390), 3: (3, 260), 4: (2, 300)}  # pictures in a row, and their size
TICK_MS = 12
LATE_S = 1.0  # a browser that does not answer for so long is sent the next frame anyway
CURVE_POINTS = 1600  # per curve; they are drawn again with every frame
TELL_S = 0.25  # while playing, all but the pictures is renewed this often

# The browser says which frame it has drawn, so that frames never queue up on their way.
DRAWN = """
const frame = source.data.frame[0]
if (frame >= 0) requestAnimationFrame(() => { drawn.data = {frame: [frame]} })
"""


class Player:
    """The tab; `view` is its layout."""

    def __init__(self, document: Document, desk: Desk, recording: Recording) -> None:
        self._document, self._desk, self._recording = document, desk, recording
        self._movies = Movies(desk, recording)
        self._pictures: dict[str, Picture] = {}
        self._levelled: set[str] = set()
        self._sent, self._sent_at, self._drawn = -1, 0.0, -1
        self._wanted = 0
        self._start = (0, 0.0)  # frame and clock when play was pressed
        self._told_at = 0.0
        self._shown = ["raw"]
        self._words = sentence("player-note")
        self._drawing = Drawing(desk, recording)
        self._exclusion = Exclusion(desk, recording)
        self._build_controls()
        self._build_histogram()
        self._build_curves()
        self._images = column()
        self._arrange()
        side = column(self._histogram, self._drawing.view, self._exclusion.view)
        self.view = row(
            column(self._choice, self._images, self._controls, self._words, self._curves), side
        )
        document.add_periodic_callback(self._tick, TICK_MS)
        desk.listen(Coalesced(document, self._renew))

    # ---------------------------------------------------------------- layout

    def _build_controls(self) -> None:
        last = max(self._recording.n_frames - 1, 1)
        self.slider = tagged(Slider(start=0, end=last, value=0, step=1, title="frame",
                                    width=560, show_value=False), "frame")  # fmt: skip
        self.play = tagged(Toggle(label="▶ Play", width=80), "play")
        back = tagged(Button(label="−1", width=45), "back")
        forth = tagged(Button(label="+1", width=45), "forth")
        self.speed = tagged(Select(value="1", options=SPEEDS, width=70, title="speed ×"), "speed")
        self._controls = row(back, self.play, forth, self.slider, self.speed)
        self._choice = tagged(
            CheckboxButtonGroup(labels=[f"{n}" for n in NAMES], active=[0], width=420), "videos"
        )
        on_change(self._choice, "active", lambda: self._arrange())
        on_change(self.slider, "value", lambda: self._want(int(self.slider.value)))
        back.on_click(lambda: self._step(-1))
        forth.on_click(lambda: self._step(1))
        on_change(self.play, "active", lambda: self._toggled())
        self._ack = ColumnDataSource(data={"frame": [-1]}, name="frame-drawn")
        on_change(self._ack, "data", lambda: self._acknowledged())

    def _build_histogram(self) -> None:
        self._counts = ColumnDataSource(data={"left": [], "right": [], "top": []})
        self._histogram = line_figure(
            "histogram", "values in view; drag to set black and white", "value (counts)", "pixels",
            width=330, height=190, tools="reset",
        )  # fmt: skip
        self._histogram.quad(
            left="left", right="right", top="top", bottom=0, source=self._counts, color=SKY
        )
        self._histogram.y_range.start = 0
        select = BoxSelectTool(dimensions="width")
        self._histogram.add_tools(select)
        self._histogram.toolbar.active_drag = select
        self._window = BoxAnnotation(fill_alpha=0.1, fill_color=BLACK, line_color=BLACK)
        self._histogram.add_layout(self._window)
        self._histogram.on_event(SelectionGeometry, self._window_drawn)

    def _build_curves(self) -> None:
        self._values = {}
        self._curves = line_figure(
            "curves", "mean, least and largest value of each frame; click to go there, drag to "
            "mark frames", "time (s)", "value (counts)", width=820, height=190,
            tools="xpan,xwheel_zoom,reset",
        )  # fmt: skip
        for name, colour in (("max", ORANGE), ("mean", BLUE), ("min", GREEN)):
            self._values[name] = ColumnDataSource(data={"time": [], "value": []})
            self._curves.line("time", "value", source=self._values[name], color=colour,
                              legend_label=name)  # fmt: skip
        self._curves.legend.orientation = "horizontal"
        self._curves.legend.padding = 2
        end = float(self._recording.time_s[-1]) if self._recording.n_frames else 1.0
        self._curves.x_range = Range1d(0, max(end, 1e-3), bounds=None)
        self._cursor = Span(location=0, dimension="height", line_color=BLACK, line_width=2)
        self._curves.add_layout(self._cursor)
        brush = BoxSelectTool(dimensions="width")
        self._curves.add_tools(brush)
        self._curves.toolbar.active_drag = brush
        self._curves.on_event(SelectionGeometry, self._exclusion.brushed)
        self._curves.on_event(Tap, lambda event: self._go_to(event.x))
        self._exclusion.draw_on(self._curves)
        if self._recording.course is not None:
            self.show_course(self._recording.course)

    def show_course(self, course, note: str = "") -> None:
        """Show summary values of frames, all or a sample."""
        time_s = self._recording.time_s[course.frame]
        values = {"mean": course.mean, "min": course.least, "max": course.largest}
        for name, source in self._values.items():
            x, y = thin_line(time_s, values[name], CURVE_POINTS)
            source.data = {"time": x, "value": y}
        if note:
            self._curves.title.text = f"{self._curves.title.text} ({note})"

    def _arrange(self) -> None:
        """Show the videos that are chosen, none of them twice."""
        names = list(NAMES)
        self._shown = [names[i] for i in sorted(self._choice.active)] or ["raw"]
        for name in self._shown:
            if name not in self._pictures:
                self._pictures[name] = self._new_picture(name)
        per_row, side = LAYOUT[len(self._shown)]
        figures = []
        for name in self._shown:
            self._pictures[name].resize(side)
            figures.append(self._pictures[name].figure)
        self._images.children = [
            row(*figures[i : i + per_row]) for i in range(0, len(figures), per_row)
        ]
        self._sent = -1
        self._send(self._wanted)

    def _new_picture(self, name: str) -> Picture:
        first = self._pictures.get("raw")
        title = f"{name}: {NAMES[name]}"
        picture = Picture(title, self._movies.box(name), f"movie-{name}", share=first)
        code = CustomJS(args={"source": picture.source, "drawn": self._ack}, code=DRAWN)
        picture.source.js_on_change("data", code)
        if name == "raw":
            self._drawing.draw_on(picture.figure)
            recount = Coalesced(self._document, self._count, 120)
            for which in (picture.figure.x_range, picture.figure.y_range):
                on_change(which, "start", recount)
        return picture

    # ---------------------------------------------------------------- frames

    def _want(self, frame: int) -> None:
        self._wanted = int(np.clip(frame, 0, self._recording.n_frames - 1))
        if self._free():
            self._send(self._wanted)

    def _step(self, by: int) -> None:
        self.slider.value = int(np.clip(self.slider.value + by, 0, self._recording.n_frames - 1))

    def _go_to(self, time_s: float) -> None:
        frame = int(np.abs(self._recording.time_s - time_s).argmin())
        self._start = (frame, time.perf_counter())
        self.slider.value = frame

    def _toggled(self) -> None:
        self.play.label = "❚❚ Pause" if self.play.active else "▶ Play"
        at_end = self._wanted >= self._recording.n_frames - 1
        self._start = (0 if at_end else self._wanted, time.perf_counter())
        if not self.play.active:
            self._tell(max(self._sent, 0))

    def _free(self) -> bool:
        """Say whether the browser has drawn what it was sent."""
        return self._drawn == self._sent or time.perf_counter() - self._sent_at > LATE_S

    def _tick(self) -> None:
        if not self._free():
            return
        if self.play.active:
            frame, clock = self._start
            passed = (
                (time.perf_counter() - clock) * self._recording.fps_hz * float(self.speed.value)
            )
            self._wanted = min(frame + int(passed), self._recording.n_frames - 1)
            if self._wanted == self._recording.n_frames - 1:
                self.play.active = False
        if self._wanted != self._sent:
            self._send(self._wanted)

    def _send(self, frame: int) -> None:
        """Send a frame of every movie that is shown."""
        notes = []
        self._sent, self._sent_at = frame, time.perf_counter()
        for name in reversed(self._shown):  # the first one tells when all are drawn
            try:
                image = self._movies.frame(name, frame)
            except Missing as missing:
                notes.append(f"<b>{name}</b>: {escaped(missing)}")
                continue
            picture = self._pictures[name]
            if name not in self._levelled:
                self._levelled.add(name)
                picture.levels(*self._movies.levels(name, frame))
            picture.show(image, frame if name == self._shown[0] else -1)
        text = "<br>".join(notes)
        if self._words.text != text:
            self._words.text = text
        if not self.play.active or time.perf_counter() - self._told_at > TELL_S:
            self._tell(frame)

    def _tell(self, frame: int) -> None:
        """Show where the frame stands: slider, cursor, verdict, histogram."""
        self._told_at = time.perf_counter()
        if self.slider.value != frame:
            self.slider.value = frame
        moment = float(self._recording.time_s[frame])
        self._cursor.location = moment
        verdict = self._recording.status[frame] if self._recording.status else ""
        verdict = f", {verdict}" if verdict else ""
        number = int(self._recording.number[frame])
        original = f", {number} in the video" if number != frame else ""
        # The title of a slider changes alone; a sentence would have the whole page laid out anew.
        self.slider.title = f"{moment:.2f} s, frame {frame}{original}{verdict}"
        self._count()

    def _acknowledged(self) -> None:
        self._drawn = int(self._ack.data["frame"][0])
        if self._wanted != self._sent:
            self._tick()

    def _renew(self) -> None:
        """Show the frame again, by settings that have changed."""
        self._levelled.discard("filtered")
        if "filtered" in self._shown:
            self._send(self._wanted)

    # ---------------------------------------------------------------- histogram

    def _count(self) -> None:
        """Count the values of the first movie within the view."""
        name = self._shown[0]
        try:
            image = self._movies.frame(name, max(self._sent, 0))
        except Missing:
            return
        top, left, height, width = self._movies.box(name)
        plot = self._pictures[name].figure
        rows = sorted([plot.y_range.start, plot.y_range.end])
        cols = sorted([plot.x_range.start, plot.x_range.end])
        step = image.shape[0] / height, image.shape[1] / width
        low = [int(max((a[0] - o) * s, 0)) for a, o, s in zip((rows, cols), (top, left), step,
                                                             strict=True)]  # fmt: skip
        high = [int(np.ceil((a[1] - o) * s)) for a, o, s in zip((rows, cols), (top, left), step,
                                                               strict=True)]  # fmt: skip
        part = image[low[0] : max(high[0], 0), low[1] : max(high[1], 0)]
        if not part.size:
            return
        counts, edges = histogram(part[:: 1 + part.shape[0] // 256, :: 1 + part.shape[1] // 256])
        self._counts.data = {"left": edges[:-1], "right": edges[1:], "top": counts}
        mapper = self._pictures[name].mapper
        self._window.update(left=mapper.low, right=mapper.high)

    def _window_drawn(self, event: SelectionGeometry) -> None:
        if not event.final or event.geometry["type"] != "rect":
            return
        low, high = sorted([event.geometry["x0"], event.geometry["x1"]])
        name = self._shown[0]
        self._pictures[name].levels(float(low), float(high))
        self._window.update(left=low, right=high)
