"""The page: tabs that are built when they are first opened, and the panel that saves."""

import logging
import threading
from pathlib import Path

from bokeh.document import Document
from bokeh.layouts import column
from bokeh.models import Div, TabPanel, Tabs

from scopeflow.errors import InputError
from scopeflow.pages.explorer.desk import Desk, Missing
from scopeflow.pages.explorer.parts import escaped, from_thread, on_change, sentence, tagged
from scopeflow.pages.explorer.player import Player
from scopeflow.pages.explorer.recording import Recording
from scopeflow.pages.explorer.save import SavePanel

TITLES = ("Movie", "Filters", "Seeds", "Footprints", "Activity")


class Explorer:
    """Fills a document for each tab of the browser.

    Parameters
    ----------
    config_path : Path
        The user's config.
    session : str or None
        What to open; None is the only one.
    variant : str
        Whose settings and results.
    """

    def __init__(self, config_path: Path, session: str | None, variant: str) -> None:
        self._config_path, self._session, self._variant = config_path, session, variant

    def __call__(self, document: Document) -> None:
        """Build the page; a mistake of the user becomes a sentence on it."""
        try:
            desk = Desk(self._config_path, self._session, self._variant)
            page = Page(document, desk, Recording(desk))
        except (InputError, Missing) as error:
            document.add_root(sentence("fault", escaped(error), 900))
            return
        document.add_root(page.view)


class Page:
    """One open page; `view` is its layout."""

    def __init__(self, document: Document, desk: Desk, recording: Recording) -> None:
        self._document, self._desk, self._recording = document, desk, recording
        self._player = Player(document, desk, recording)
        self._built = {"Movie"}
        waiting = {name: column(Div(text="One moment ...")) for name in TITLES[1:]}
        panels = [TabPanel(title="Movie", child=self._player.view)]
        panels += [TabPanel(title=name, child=child) for name, child in waiting.items()]
        self._tabs = tagged(Tabs(tabs=panels, active=0), "tabs")
        on_change(self._tabs, "active", lambda: self._opened())
        head = sentence(
            "head",
            f"<b>Session {escaped(desk.session)}</b>, variant {escaped(desk.variant)}: "
            f"{recording.n_frames} frames, {recording.n_frames / recording.fps_hz:.0f} s at "
            f"{recording.fps_hz:.4g} Hz, {recording.shape[0]} x {recording.shape[1]} px",
            900,
        )
        self.view = column(head, self._tabs, SavePanel(desk).view)
        document.on_session_destroyed(self._closed)
        if recording.course is None:
            threading.Thread(target=self._sample, daemon=True).start()

    def _sample(self) -> None:
        """Make a first overview of a recording that has not been loaded yet."""
        course, _ = self._recording.sample()
        note = f"a sample of {len(course.frame)} frames"
        from_thread(self._document, self._desk, lambda: self._player.show_course(course, note))

    def _closed(self, _context) -> None:
        self._desk.is_closed = True
        self._recording.close()

    def _opened(self) -> None:
        """Build the tab that is opened for the first time, after the browser has shown it."""
        name = TITLES[self._tabs.active]
        if name not in self._built:
            self._built.add(name)
            self._document.add_next_tick_callback(lambda: self._build(name))

    def _build(self, name: str) -> None:
        place = self._tabs.tabs[TITLES.index(name)].child
        try:
            place.children = [self._content(name)]
        except (Missing, InputError) as missing:
            place.children = [sentence("missing", escaped(missing), 900)]
        except (OSError, KeyError, ValueError) as error:
            logging.getLogger(__name__).exception("tab %s", name)
            text = (
                f"The results of the last run cannot be read ({type(error).__name__}: {error}): "
                "they are damaged or of another version. Run again."
            )
            place.children = [sentence("missing", escaped(text), 900)]

    def _content(self, name: str):
        """Return the layout of a tab; what it needs is imported here, not at the start."""
        if name == "Filters":
            from scopeflow.pages.explorer.filters import FiltersTab as Tab
        elif name == "Seeds":
            from scopeflow.pages.explorer.seeds import SeedsTab as Tab
        elif name == "Footprints":
            from scopeflow.pages.explorer.footprints import FootprintsTab as Tab
        else:
            from scopeflow.pages.explorer.activity import ActivityTab as Tab
        return Tab(self._document, self._desk, self._recording).view
