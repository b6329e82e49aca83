"""One tab of the curation page without a browser: what it does with whatever it is sent."""

import numpy as np
import pytest
import zarr
from bokeh.document import Document
from bokeh.events import Tap

from scopeflow.pages.curation.session import Session
from scopeflow.pages.curation.view import View

pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata")


@pytest.fixture
def opened(write_units, tmp_path):
    """Return a function that opens a view on units."""

    def view_of(n_units=9):
        folder = tmp_path / "results" / "day1" / "default"
        folder.mkdir(parents=True)
        write_units(n_units=n_units, n_frames=300).rename(folder / "units.zarr")
        zarr.consolidate_metadata(folder / "units.zarr")
        return View(Document(), Session(folder))

    return view_of


def test_what_a_browser_may_send_is_checked(opened, tmp_path):
    view = opened()
    before = (view.current, list(view.chosen), view.controls.order.value)
    shown = view.wire.shown
    for key in ("", "#", "__class__#1", "Escape#2", "k", "ArrowRight"):
        view.wire.key = key
    for frame in (-5, 300, 10**9):
        view.wire.ask = frame
    assert view.wire.shown == shown
    for rows in ([99], [-1], []):
        view.on_row(rows)
        view.lists.on_pair(rows)
        view.lists.on_difference(rows)
    for x, y in ((np.nan, 3), (1e9, -1e9), (None, None)):
        view.on_tap(Tap(view.images.field, x=x, y=y, modifiers={"shift": True}))
    view.on_order("../etc")
    view.choose(99)
    view.told(view.lists.on_other)("../../../etc/passwd")
    assert "no rater" in view.controls.message.text
    assert (view.current, view.chosen, view.controls.order.value) == before
    assert not (tmp_path / "curation").exists()


def test_a_session_without_cells_opens_and_says_so(opened):
    view = opened(0)
    assert "No cell was found" in view.controls.message.text
    for name, action in view.actions.items():
        view.told(action)()
        assert name
    view.on_order("walk")
    view.movie.show(5)
    assert view.wire.shown == 5
    view.controls.note.value = "nothing"


def test_notes_and_names_are_text_on_the_page(opened):
    view = opened()
    view.controls.note.value = "<script>alert(1)</script>"
    assert view.controls.units.source.data["note"][0] == "<script>alert(1)</script>"
    view.say("<b>")
    assert "&lt;b&gt;" in view.controls.message.text
    view.choose(1)
    assert view.controls.note.value == ""
    view.choose(0)
    assert view.controls.note.value == "<script>alert(1)</script>"


def test_units_are_ordered_by_any_column_and_stepped_through(opened):
    view = opened()
    view.result.columns["snr"][:] = [3, 1, 4, 1, 5, 9, 2, 6, np.nan]
    view.controls.order.value = "-snr"
    np.testing.assert_array_equal(view.order[:4], [5, 7, 4, 2])
    assert view.order[-1] == 8
    view.choose(5)
    view.step(1)
    assert view.current == 7
    view.step(-2)
    assert view.current == 8
    view.controls.order.value = "open"
    view.store.act("keep", [1])
    view.on_order("open")
    assert view.order[-1] == 0
    view.controls.neighbours.active = True
    assert len(view.shown) == 5
    view.controls.colour.value = "snr"
    assert len(set(view.images.outlines.data["colour"])) > 3


def test_labels_are_decided_for_all_that_are_chosen(opened):
    view = opened()
    view.choose(0)
    view.choose(1, add=True)
    view.choose(2, add=True)
    view.choose(1, add=True)
    assert view.chosen == [0, 2]
    view.wire.key = "m#1"
    assert view.store.decisions.word(5) == "in 1"
    view.wire.key = "u#2"
    view.wire.key = "u#3"
    assert "nothing to take back" in view.controls.message.text
    view.choose(3)
    view.wire.key = "d#4"
    assert view.current == 4
    assert view.controls.units.source.data["label"][3] == "drop"
