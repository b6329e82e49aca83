"""Frames that a person leaves out of the recording: brushed on the curves, kept as a list."""

import numpy as np
from bokeh.events import SelectionGeometry
from bokeh.layouts import column, row
from bokeh.models import Button, ColumnDataSource, MultiChoice

from scopeflow.explore.course import joined_ranges
from scopeflow.pages.explorer.desk import Desk
from scopeflow.pages.explorer.parts import RED, YELLOW, on_change, sentence, tagged
from scopeflow.pages.explorer.recording import Recording

KEY = "load.exclude"


class Exclusion:
    """The list and its buttons; `view` is its layout."""

    def __init__(self, desk: Desk, recording: Recording) -> None:
        self._desk, self._recording = desk, recording
        self._marked: tuple[int, int] | None = None
        self._words = sentence("marked", "Drag over the curves to mark frames.", 330)
        self._add = tagged(Button(label="Leave these frames out", disabled=True, width=330),
                           "exclude")  # fmt: skip
        self._list = tagged(
            MultiChoice(title="left out (frames of the video)", options=[], value=[], width=330),
            "excluded",
        )
        self._mark = ColumnDataSource(data={"left": [], "right": []})
        self._out = ColumnDataSource(data={"left": [], "right": []})
        self._add.on_click(self._leave_out)
        on_change(self._list, "value", lambda: self._keep(self._list.value))
        self.view = column(self._words, row(self._add), self._list)
        desk.listen(self._show)
        self._show()

    def draw_on(self, plot) -> None:
        """Show what is marked and what is left out on a plot against time."""
        plot.vstrip(x0="left", x1="right", source=self._out, fill_color=RED, fill_alpha=0.35,
                    line_color=None)  # fmt: skip
        plot.vstrip(x0="left", x1="right", source=self._mark, fill_color=YELLOW, fill_alpha=0.4,
                    line_color=None)  # fmt: skip

    def brushed(self, event: SelectionGeometry) -> None:
        """Mark the frames within a stretch of time."""
        if not event.final or event.geometry["type"] != "rect":
            return
        left, right = sorted([event.geometry["x0"], event.geometry["x1"]])
        time_s = self._recording.time_s
        inside = np.flatnonzero((time_s >= left) & (time_s <= right))
        if not len(inside):
            return
        self._marked = int(inside[0]), int(inside[-1]) + 1
        first, stop = self._in_video(*self._marked)
        self._words.text = (
            f"Marked: {time_s[inside[0]]:.2f} to {time_s[inside[-1]]:.2f} s, frames {first} to "
            f"{stop - 1} of the video."
        )
        self._add.disabled = False
        self._mark.data = {"left": [left], "right": [right]}

    def _in_video(self, first: int, stop: int) -> tuple[int, int]:
        numbers = self._recording.delivered
        last = int(numbers[stop - 1]) + self._recording.step
        return int(numbers[first]), min(last, self._recording.n_delivered)

    def _leave_out(self) -> None:
        if self._marked is None:
            return
        ranges = [*self._desk.value(KEY), list(self._in_video(*self._marked))]
        self._marked = None
        self._add.disabled = True
        self._mark.data = {"left": [], "right": []}
        self._words.text = "Drag over the curves to mark frames."
        self._desk.choose(KEY, joined_ranges(ranges))

    def _keep(self, names: list[str]) -> None:
        """Take those off the list that were clicked away."""
        ranges = [r for r in self._desk.value(KEY) if _name(r) in names]
        if len(ranges) != len(self._desk.value(KEY)):
            self._desk.choose(KEY, ranges)

    def _show(self) -> None:
        ranges = self._desk.value(KEY)
        names = [_name(pair) for pair in ranges]
        if names != self._list.value:
            self._list.update(options=names, value=names)
        numbers, time_s = self._recording.delivered, self._recording.time_s
        ends = [np.searchsorted(numbers, pair) for pair in ranges]
        last = len(time_s) - 1
        half = 0.5 / self._recording.fps_hz
        self._out.data = {
            "left": [float(time_s[min(a, last)]) - half for a, _ in ends],
            "right": [float(time_s[min(max(b - 1, 0), last)]) + half for _, b in ends],
        }


def _name(pair: list[int]) -> str:
    return f"{pair[0]} to {pair[1] - 1}"
