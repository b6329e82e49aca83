"""One opened tab: what is looked at, and what happens on a key, a click or a button."""

import html
import threading
from collections.abc import Callable
from functools import partial

import numpy as np
from bokeh.document import Document
from bokeh.events import RangesUpdate, Tap
from bokeh.models import ColumnDataSource, CustomJS, FixedTicker
from bokeh.palettes import Cividis256

from scopeflow.errors import InputError
from scopeflow.pages.curation import client, pictures
from scopeflow.pages.curation.agreement import compare_raters, report, verdict
from scopeflow.pages.curation.layout import (
    CHOSEN_COLOURS,
    LABEL_COLOURS,
    TRACE_PX,
    arrange,
    frame_words,
    make_controls,
    make_images,
    make_traces,
)
from scopeflow.pages.curation.movie import MovieView
from scopeflow.pages.curation.session import Session

NEIGHBOURS = 4  # shown beside a unit
GROUP = NEIGHBOURS + 1
ORDERS = [
    ("unit_id", "unit number"), ("walk", "neighbours"), ("open", "not decided first"),
]  # fmt: skip
REPORTED = ("snr", "spatial_r", "size_px", "diameter_px", "accepted")


class View:
    """One tab.

    Parameters
    ----------
    document : Document
        Bokeh's; is filled.
    session : Session
        Result and labels, shared by all tabs.
    """

    def __init__(self, document: Document, session: Session) -> None:
        self.document, self.session = document, session
        self.result, self.store = session.result, session.store
        self.order = np.arange(self.result.n_units)
        self.current, self.chosen, self.beside = -1, [], []
        self._pending: dict[str, object] = {}
        self._quiet = False  # while the page, not the person, changes a widget
        end_s = float(self.result.time_s[-1]) if self.result.n_frames else 1.0
        self.images = make_images(self.result.shape)
        self.traces = make_traces(max(end_s, 0.1))
        columns = sorted(self.result.columns)
        orders = ORDERS + [
            (sign + name, f"{name}, {word} first")
            for name in columns
            for sign, word in (("-", "highest"), ("+", "lowest"))
        ]
        self.controls = make_controls(
            self.result.n_frames, columns, orders, sorted(session.other_raters())
        )
        self._orders, self._columns = {value for value, _ in orders}, columns
        self.wire = client.Wire()
        self.times = ColumnDataSource({"time_s": self.result.time_s.astype(np.float32)})
        self.movie = MovieView(self)
        self._connect()
        self._show_field()
        if self.result.n_units:
            self.choose(int(self.order[0]), jump=True)
        else:
            self.say("No cell was found in this session: there is nothing to label.")
        self.movie.show(self.controls.slider.value)
        document.add_root(self.wire)
        document.add_root(arrange(self.images, self.traces, self.controls))

    # ------------------------------------------------------------------ wiring

    def _connect(self) -> None:
        c, d = self.controls, self.document
        self.actions: dict[str, Callable[[], None]] = {
            "next": partial(self.step, 1), "previous": partial(self.step, -1),
            "group_on": partial(self.step_group, 1), "group_back": partial(self.step_group, -1),
            "open": self.next_open, "event": self.movie.next_event, "zoom": self.movie.zoom,
            "find": self.find_pairs, "difference": self.next_difference,
            **{name: partial(self.decide, name) for name in (
                "keep", "drop", "merge", "split", "clear", "undo", "redo"
            )},
        }  # fmt: skip
        self._keys = {
            "ArrowRight": "next", "ArrowLeft": "previous", "o": "open", "PageDown": "group_on",
            "PageUp": "group_back", "k": "keep", "d": "drop", "m": "merge", "s": "split",
            "c": "clear", "u": "undo", "r": "redo", "e": "event", "z": "zoom",
        }  # fmt: skip
        for name, button in c.buttons.items():
            button.on_click(self._told(self.actions[name]))
        self.wire.on_change("key", lambda a, o, new: self._told(self.on_key)(new))
        self.wire.on_change("ask", lambda a, o, new: self.movie.show(new))
        c.order.on_change("value", lambda a, o, new: self.on_order(new))
        c.colour.on_change("value", lambda a, o, new: self._show_colours())
        c.neighbours.on_change("active", lambda a, o, new: self.choose(self.current))
        c.scale.on_change("active", lambda a, o, new: self._show_rows())
        c.note.on_change("value", lambda a, o, new: self._told(self.on_note)(new))
        c.units.source.selected.on_change("indices", lambda a, o, new: self.on_row(new))
        c.pairs.source.selected.on_change("indices", lambda a, o, new: self.on_pair(new))
        c.differences.source.selected.on_change("indices", lambda a, o, n: self.on_difference(n))
        c.others.on_change("value", lambda a, o, new: self._told(self.on_other)(new))
        for plot in (self.images.field, self.images.activity, self.images.movie):
            plot.on_event(Tap, self.on_tap)
        self.traces.unit.on_event(RangesUpdate, lambda e: self.later("traces", self._show_traces))
        here = {
            "wire": self.wire, "slider": c.slider, "times": self.times, "play": c.play,
            "cursors": self.traces.cursors, "tabs": c.tabs, "note": c.note,
            "keys": list(client.KEYS), "mini": self.images.mini_image,
            "stack": self.images.mini_stack, "label": self.images.mini_label,
        }  # fmt: skip
        c.slider.format = frame_words(self.times)
        c.slider.js_on_change("value", CustomJS(args=here, code=client.ASK))
        self.wire.js_on_change("shown", CustomJS(args=here, code=client.SHOWN))
        self.wire.js_on_change("playing", CustomJS(args=here, code=client.PLAY))
        c.play.js_on_click(CustomJS(args=here, code="wire.playing = !wire.playing"))
        c.speed.js_on_change("value", CustomJS(args=here, code="wire.speed = Number(this.value)"))
        for plot in (self.traces.unit, self.traces.group):
            plot.js_on_event(Tap, CustomJS(args=here, code=client.JUMP))
        d.js_on_event("document_ready", CustomJS(args=here, code=client.READY))

    def _told(self, function: Callable) -> Callable:
        """Return the function with a mistake of the person told on the page."""

        def run(*arguments) -> None:
            self.say("")
            try:
                function(*arguments)
            except InputError as error:
                self.say(str(error))

        return run

    def later(self, name: str, function: Callable[[], None], after_ms: int = 30) -> None:
        """Call a function soon; a call of the same name that still waits is dropped."""
        waiting = self._pending.pop(name, None)
        if waiting is not None:
            self.document.remove_timeout_callback(waiting)

        def run() -> None:
            self._pending.pop(name, None)
            function()

        self._pending[name] = self.document.add_timeout_callback(run, after_ms)

    def apart(self, work: Callable[[], object], done: Callable[[object], None]) -> None:
        """Work in a thread, then show the outcome in the page's turn."""

        def run() -> None:
            try:
                outcome = work()
            except OSError as error:
                text = f"A file of the result cannot be read: {error}"
                self.document.add_next_tick_callback(partial(self.say, text))
            else:
                self.document.add_next_tick_callback(partial(done, outcome))

        threading.Thread(target=run, daemon=True).start()

    def say(self, text: str) -> None:
        """Show a sentence; an empty one takes the last away."""
        text = html.escape(text)
        self.controls.message.text = f"<b style='color:#b34700'>{text}</b>" if text else ""

    # ------------------------------------------------------------------ moving about

    def on_key(self, value: str) -> None:
        """A key was pressed; unknown ones are not heeded."""
        key = value.rpartition("#")[0]
        if key == "g":
            self.controls.neighbours.active = not self.controls.neighbours.active
        elif key in self._keys:
            self.actions[self._keys[key]]()

    def choose(self, k: int, add: bool = False, jump: bool = False, beside=()) -> None:
        """Look at the unit at position `k`.

        Parameters
        ----------
        k : int
            Position in the result.
        add : bool, optional
            Add it to the chosen ones, or take it away, instead.
        jump : bool, optional
            Go to the frame of its largest event, too.
        beside : list of int, optional
            Units to show with it, in place of its neighbours.
        """
        if not 0 <= k < self.result.n_units:
            return
        if add and k in self.chosen and len(self.chosen) > 1:
            self.chosen.remove(k)
        elif add and k not in self.chosen:
            self.chosen.append(k)
        elif not add:
            self.chosen = [k]
        self.current = self.chosen[0]
        near = list(beside)
        if not near and self.controls.neighbours.active:
            near = pictures.nearest(self.result.place, self.current, NEIGHBOURS)
        self.beside = [n for n in near if n not in self.chosen]
        if jump:
            self.movie.jump_to_largest()
        self._show_chosen()
        self._show_traces()
        self.movie.show_again()
        self.later("mini", self.movie.show_mini, 150)

    @property
    def shown(self) -> list[int]:
        """Positions of the chosen units and those beside them, the current one first."""
        return (self.chosen + self.beside)[: len(CHOSEN_COLOURS)]

    def step(self, by: int) -> None:
        """Go to the next or previous unit in the order."""
        if self.result.n_units:
            at = int(np.flatnonzero(self.order == self.current)[0])
            self.choose(int(self.order[(at + by) % len(self.order)]))

    def step_group(self, by: int) -> None:
        """Go to the next or previous group in the walk from neighbour to neighbour."""
        walk = self.session.walk
        if not len(walk):
            return
        at = int(np.flatnonzero(walk == self.current)[0]) // GROUP + by
        at %= -(-len(walk) // GROUP)
        group = [int(k) for k in walk[at * GROUP : (at + 1) * GROUP]]
        self.choose(group[0], beside=group[1:])

    def next_open(self) -> None:
        """Go to the next unit that nothing is decided of."""
        at = np.flatnonzero(self.order == self.current)
        for k in np.roll(self.order, -(int(at[0]) + 1) if len(at) else 0):
            label = self.store.decisions.of(int(self.result.unit_id[k]))
            if not label.label and label.merge_into is None:
                self.choose(int(k))
                return
        self.say("Every unit is decided.")

    def on_order(self, value: str) -> None:
        """Order the units anew."""
        if value not in self._orders:
            return
        n = self.result.n_units
        if value == "walk":
            self.order = self.session.walk
        elif value == "open":
            decided = [bool(self._word(k)) for k in range(n)]
            self.order = np.argsort(decided, kind="stable")
        elif value == "unit_id":
            self.order = np.argsort(self.result.unit_id, kind="stable")
        else:
            column = self.result.columns[value[1:]]
            self.order = np.argsort(-column if value[0] == "-" else column, kind="stable")
        self._show_table()

    def on_tap(self, event: Tap) -> None:
        """Look at the cell under the pointer; with Shift, choose it besides."""
        k = self.session.unit_at(event.x, event.y)
        if k is not None:
            shift = bool(event.modifiers and event.modifiers.get("shift"))
            self.choose(k, add=shift)

    def on_row(self, rows: list[int]) -> None:
        """A row of the table of units was clicked."""
        if self._quiet or not rows or not 0 <= rows[0] < len(self.order):
            return
        k = int(self.order[rows[0]])
        if k != self.current or len(self.chosen) > 1:
            self.choose(k)

    # ------------------------------------------------------------------ deciding

    def decide(self, action: str) -> None:
        """Decide something of the chosen units, or go back or forth by one decision."""
        units = [int(self.result.unit_id[k]) for k in self.chosen]
        changed = self.store.act(action, units)
        if not changed:
            self.say("There is nothing to take back." if action == "undo" else "Nothing to redo.")
            return
        self._show_colours()
        self._show_table()
        if action in ("undo", "redo"):
            self.choose(self.session.position[changed[0]])
        elif action in ("keep", "drop"):
            self.step(1)
        else:
            self.choose(self.current)

    def on_note(self, text: str) -> None:
        """A note was written of the current unit."""
        if self.current < 0 or self._quiet:
            return
        unit = int(self.result.unit_id[self.current])
        if text.strip() != self.store.decisions.of(unit).note:
            self.store.act("note", [unit], text)
            self._show_table()
            self._show_status()

    # ------------------------------------------------------------------ pairs and raters

    def find_pairs(self) -> None:
        """Look for pairs that may be one cell, in a thread: it reads all traces."""
        self.controls.buttons["find"].disabled = True
        self.controls.pairs_text.text = "Looking through all traces ..."
        self.apart(self.session.pairs, self._show_pairs)

    def _show_pairs(self, pairs) -> None:
        self.controls.buttons["find"].disabled = False
        ids = self.result.unit_id
        self._pairs = pairs
        self.controls.pairs.source.data = {
            "first": ids[pairs.first], "second": ids[pairs.second], "overlap": pairs.overlap,
            "correlation": pairs.correlation, "distance_px": pairs.distance_px,
        }  # fmt: skip
        self.controls.pairs_text.text = (
            f"{len(pairs.first)} pairs share pixels and rise together (overlap: cosine of the "
            "footprints; correlation: of C). Click one to choose both; m merges."
        )

    def on_pair(self, rows: list[int]) -> None:
        """A pair was clicked: both are chosen."""
        if rows and 0 <= rows[0] < len(self._pairs.first):
            self.choose(int(self._pairs.first[rows[0]]))
            self.choose(int(self._pairs.second[rows[0]]), add=True)

    def on_other(self, name: str) -> None:
        """Compare with another rater; only names that were found on the disk are heeded."""
        theirs = self.session.decisions_of(name) if name else None
        if theirs is None:
            self.controls.agreement.text = ""
            self.controls.differences.source.data = {"unit_id": [], "yours": [], "theirs": []}
            return
        result = compare_raters(self.store.decisions, theirs)
        head = report(result, ("You", name)).split("\n")[: 2 if result.table.sum() else 1]
        self.controls.agreement.text = "<br>".join(html.escape(line) for line in head)
        unit, yours, their = (
            zip(*result.differences, strict=True) if result.differences else ((),) * 3
        )
        self.controls.differences.source.data = {
            "unit_id": list(unit), "yours": list(yours), "theirs": list(their)
        }  # fmt: skip

    def on_difference(self, rows: list[int]) -> None:
        """A difference was clicked."""
        units = self.controls.differences.source.data["unit_id"]
        if rows and 0 <= rows[0] < len(units):
            self.choose(self.session.position[int(units[rows[0]])])

    def next_difference(self) -> None:
        """Go to the next unit on which the raters differ."""
        source = self.controls.differences.source
        n = len(source.data["unit_id"])
        if not n:
            raise InputError(
                "Choose a rater to compare with first; without differences none is next."
            )
        last = source.selected.indices
        source.selected.indices = [(last[0] + 1) % n if last else 0]

    # ------------------------------------------------------------------ showing

    def _word(self, k: int) -> str:
        return self.store.decisions.word(int(self.result.unit_id[k]))

    def _show_field(self) -> None:
        image = self.session.field
        height, width = self.result.shape
        self.images.field_image.data = {
            "image": [image], "x": [-0.5], "y": [-0.5], "dw": [width], "dh": [height],
        }  # fmt: skip
        xs, ys = zip(*self.session.outlines, strict=True) if self.session.outlines else ((), ())
        n = self.result.n_units
        self.images.outlines.data = {
            "xs": list(xs), "ys": list(ys), "colour": [""] * n, "dash": ["solid"] * n,
        }  # fmt: skip
        self._show_colours()
        self._show_table()

    def _show_colours(self) -> None:
        """Colour the outlines by label or by a column."""
        name, bar = self.controls.colour.value, self.images.colour_bar
        units = self.result.unit_id.tolist()
        verdicts = [verdict(self.store.decisions, unit) for unit in units]
        if name in self._columns:
            values = self.result.columns[name]
            colours, low, high = pictures.coloured(values, Cividis256)
            bar.color_mapper.low, bar.color_mapper.high = low, high
            unit = self.result.column_units.get(name) or "1"
            bar.title = name if unit == "1" else f"{name} ({unit})"
            bar.visible = True
        else:
            colours, bar.visible = [LABEL_COLOURS[v] for v in verdicts], False
        self.images.outlines.data["colour"] = colours
        self.images.outlines.data["dash"] = ["dashed" if v == "drop" else "solid" for v in verdicts]

    def _show_table(self) -> None:
        """Show the units in order."""
        value = self.controls.order.value
        name = value[1:] if value[1:] in self._columns else "snr"
        column = self.result.columns.get(name, np.full(self.result.n_units, np.nan))
        ids, table = self.result.unit_id[self.order], self.controls.units
        table.columns[2].title = name
        self._quiet = True
        table.source.data = {
            "unit_id": ids, "label": [self._word(int(k)) for k in self.order],
            "value": column[self.order],
            "note": [self.store.decisions.of(unit).note for unit in ids.tolist()],
        }  # fmt: skip
        table.source.selected.indices = np.flatnonzero(self.order == self.current).tolist()
        self._quiet = False
        self._show_status()

    def _show_chosen(self) -> None:
        """Mark the units looked at in all images, and fill in what is known of the first."""
        shown = self.shown
        colours = list(CHOSEN_COLOURS[: len(shown)])
        outlines = [self.session.outlines[k] for k in shown]
        self.images.chosen.data = {
            "xs": [x for x, _ in outlines], "ys": [y for _, y in outlines], "colour": colours,
        }  # fmt: skip
        place = self.result.place[shown]
        self.images.numbers.data = {
            "x": place[:, 1], "y": place[:, 0], "colour": colours,
            "text": [str(unit) for unit in self.result.unit_id[shown]],
        }  # fmt: skip
        self._quiet = True
        self.controls.note.value = self.store.decisions.of(
            int(self.result.unit_id[self.current])
        ).note
        at = np.flatnonzero(self.order == self.current).tolist()
        self.controls.units.source.selected.indices = at
        self._quiet = False
        self._show_status()

    def _show_status(self) -> None:
        counts = self.store.decisions.counts()
        words = ", ".join(f"{n} {word}" for word, n in counts.items())
        head = "no unit"
        if self.current >= 0:
            k = self.current
            at = int(np.flatnonzero(self.order == k)[0]) + 1
            others = [str(self.result.unit_id[i]) for i in self.chosen[1:]]
            numbers = ", ".join(
                f"{name} {self.result.columns[name][k]:.3g}"
                for name in REPORTED
                if name in self.result.columns
            )
            head = (
                f"<b>unit {self.result.unit_id[k]}</b> ({at} of {len(self.order)}) "
                f"{'and ' + ', '.join(others) if others else ''} "
                f"<b>{html.escape(self._word(k)) or 'not decided'}</b>; {numbers}"
            )
        saved = html.escape(str(self.store.path))
        self.controls.status.text = f"{head}<br>{words}; labels: <code>{saved}</code>"

    def _show_traces(self) -> None:
        """Show the traces of the current unit in the stretch of time that is looked at."""
        if self.current < 0:
            return
        values, k = self.result.traces(self.current), self.current
        b0 = self.result.columns["b0"][k] if "b0" in self.result.columns else 0.0
        for source, y in (
            (self.traces.raw, values["YrA"]),
            (self.traces.fit, values["C"] + np.float32(b0)),
            (self.traces.activity, values["S"]),
        ):
            x, y = self._thin(y)
            source.data = {"x": x, "y": y}
        self.traces.unit.title.text = f"unit {self.result.unit_id[k]}"
        self._show_rows()

    def _thin(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        view = self.traces.unit.x_range
        margin = (view.end - view.start) / 2
        start, stop = view.start - margin, view.end + margin
        return pictures.thinned(self.result.time_s, y, start, stop, 2 * TRACE_PX)

    def _show_rows(self) -> None:
        """Show all units looked at below each other."""
        if self.current < 0:
            return
        shown = self.shown
        traces = [self.result.traces(k) for k in shown]
        peaks = [max(float(t["C"].max(initial=0)), 1e-6) for t in traces]
        scales = peaks if self.controls.scale.active else [max(peaks)] * len(peaks)
        xs, ys, alpha = [], [], []
        for i, (trace, scale) in enumerate(zip(traces, scales, strict=True)):
            quiet = np.nan_to_num(np.nanmedian(trace["YrA"] - trace["C"]))
            for y, a in ((trace["YrA"] - quiet, 0.35), (trace["C"], 1.0)):
                x, y = self._thin(y)
                xs.append(x)
                ys.append((0.9 * y / scale - i).astype(np.float32))
                alpha.append(a)
        colours = [CHOSEN_COLOURS[i // 2] for i in range(2 * len(shown))]
        self.traces.rows.data = {"xs": xs, "ys": ys, "colour": colours, "alpha": alpha}
        axis, ids = self.traces.group.yaxis[0], self.result.unit_id[shown]
        axis.ticker = FixedTicker(ticks=[-i for i in range(len(shown))])
        axis.major_label_overrides = {-i: str(unit) for i, unit in enumerate(ids)}
        self.traces.group.title.text = "peaks in camera counts: " + ", ".join(
            f"{unit}: {peak:.3g}" for unit, peak in zip(ids, peaks, strict=True)
        )
