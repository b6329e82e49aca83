"""One opened tab: what is looked at, and what happens on a key, a click or a button."""

import html
import threading
from collections.abc import Callable
from functools import partial

import numpy as np
from bokeh.document import Document
from bokeh.events import Tap
from bokeh.models import ColumnDataSource, CustomJS

from scopeflow.errors import InputError
from scopeflow.pages.curation import client, pictures
from scopeflow.pages.curation.courses import TraceView
from scopeflow.pages.curation.field import FieldView
from scopeflow.pages.curation.layout import (
    CHOSEN_COLOURS,
    arrange,
    frame_words,
    make_controls,
    make_images,
    make_traces,
)
from scopeflow.pages.curation.lists import ListView
from scopeflow.pages.curation.movie import MovieView
from scopeflow.pages.curation.session import Session

NEIGHBOURS = 4  # shown beside a unit
GROUP = NEIGHBOURS + 1
ORDERS = [
    ("unit_id", "unit number"), ("walk", "neighbours"), ("open", "not decided first"),
]  # fmt: skip


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
        self.quiet = False  # while the page, not the person, changes a widget
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
        self._orders = {value for value, _ in orders}
        self.wire = client.Wire()
        self.times = ColumnDataSource({"time_s": self.result.time_s.astype(np.float32)})
        self.movie, self.lists = MovieView(self), ListView(self)
        self.field, self.courses = FieldView(self), TraceView(self)
        self._connect()
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
            "find": self.lists.find_pairs, "difference": self.lists.next_difference,
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
            button.on_click(lambda event, name=name: self.told(self.actions[name])())
        self.wire.on_change("key", lambda a, o, new: self.told(self.on_key)(new))
        self.wire.on_change("ask", lambda a, o, new: self.movie.show(new))
        c.order.on_change("value", lambda a, o, new: self.on_order(new))
        c.neighbours.on_change("active", lambda a, o, new: self.choose(self.current))
        c.note.on_change("value", lambda a, o, new: self.told(self.on_note)(new))
        c.units.source.selected.on_change("indices", lambda a, o, new: self.on_row(new))
        for plot in (self.images.field, self.images.activity, self.images.movie):
            plot.on_event(Tap, self.on_tap)
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

    def told(self, function: Callable) -> Callable:
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
        self.field.show_chosen()
        self.courses.show()
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
            decided = [bool(self.field.word(k)) for k in range(n)]
            self.order = np.argsort(decided, kind="stable")
        elif value == "unit_id":
            self.order = np.argsort(self.result.unit_id, kind="stable")
        else:
            column = self.result.columns[value[1:]]
            self.order = np.argsort(-column if value[0] == "-" else column, kind="stable")
        self.field.show_table()

    def on_tap(self, event: Tap) -> None:
        """Look at the cell under the pointer; with Shift, choose it besides."""
        k = self.session.unit_at(event.x, event.y)
        if k is not None:
            shift = bool(event.modifiers and event.modifiers.get("shift"))
            self.choose(k, add=shift)

    def on_row(self, rows: list[int]) -> None:
        """A row of the table of units was clicked."""
        if self.quiet or not rows or not 0 <= rows[0] < len(self.order):
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
        self.field.show_colours()
        self.field.show_table()
        if action in ("undo", "redo"):
            self.choose(self.session.position[changed[0]])
        elif action in ("keep", "drop"):
            self.step(1)
        else:
            self.choose(self.current)

    def on_note(self, text: str) -> None:
        """A note was written of the current unit."""
        if self.current < 0 or self.quiet:
            return
        unit = int(self.result.unit_id[self.current])
        if text.strip() != self.store.decisions.of(unit).note:
            self.store.act("note", [unit], text)
            self.field.show_table()
            self.field.show_status()
