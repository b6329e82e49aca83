"""Decisions on units: what each action does, undo, and how raters are compared."""

import numpy as np
import pytest

from scopeflow.errors import InputError
from scopeflow.pages.curation.agreement import compare_raters, report
from scopeflow.pages.curation.state import Decisions


@pytest.fixture
def decisions():
    return Decisions([1, 3, 5, 7, 9])


def act(decisions, action, *units, text=""):
    return decisions.act(action, list(units), text, "ann", "now")


def words(decisions):
    return {unit: decisions.word(unit) for unit in sorted(decisions.known) if decisions.word(unit)}


def test_every_action_says_what_became_of_its_units(decisions):
    act(decisions, "keep", 1)
    act(decisions, "drop", 3)
    act(decisions, "merge", 5, 7)
    act(decisions, "split", 9)
    assert words(decisions) == {1: "keep", 3: "drop", 5: "+ 1", 7: "in 5", 9: "split"}
    assert decisions.counts() == {"kept": 1, "dropped": 1, "merged": 1, "split": 1, "open": 1}
    assert decisions.of(1).rater == "ann"
    assert decisions.of(1).time == "now"


def test_a_note_is_one_line_and_decides_nothing(decisions):
    act(decisions, "note", 3, text="two \n cells?  " + "x" * 600)
    assert decisions.of(3).note.startswith("two cells? x")
    assert len(decisions.of(3).note) == 500
    assert words(decisions) == {}
    act(decisions, "note", 3, text="")
    assert decisions.labels == {}


def test_merges_of_merges_become_one_and_never_chains(decisions):
    act(decisions, "merge", 3, 5)
    act(decisions, "merge", 1, 5)
    assert words(decisions) == {1: "+ 2", 3: "in 1", 5: "in 1"}
    act(decisions, "merge", 5, 9)  # a member now leads: the group follows
    assert words(decisions) == {1: "in 5", 3: "in 5", 5: "+ 3", 9: "in 5"}


def test_dropping_a_merged_unit_drops_its_parts_and_a_part_leaves_its_merge(decisions):
    act(decisions, "merge", 1, 3, 5)
    act(decisions, "drop", 3)
    assert words(decisions) == {1: "+ 1", 3: "drop", 5: "in 1"}
    act(decisions, "drop", 1)
    assert words(decisions) == {1: "drop", 3: "drop", 5: "drop"}


def test_clearing_dissolves_a_merge_and_keeps_notes(decisions):
    act(decisions, "merge", 1, 3)
    act(decisions, "note", 1, text="odd")
    act(decisions, "clear", 1)
    assert words(decisions) == {}
    assert decisions.of(1).note == "odd"


def test_an_accepted_survivor_stays_accepted_and_a_split_one_does_not_stay_split(decisions):
    act(decisions, "keep", 1)
    act(decisions, "split", 3)
    act(decisions, "merge", 1, 3)
    assert words(decisions) == {1: "keep + 1", 3: "in 1"}


def test_undo_and_redo_walk_through_all_decisions(decisions):
    states = [dict(decisions.labels)]
    for action, units in (("keep", [1]), ("merge", [1, 3]), ("drop", [1]), ("clear", [3])):
        act(decisions, action, *units)
        states.append(dict(decisions.labels))
    for state in reversed(states[:-1]):
        assert decisions.undo()
        assert decisions.labels == state
    assert decisions.undo() == []
    for state in states[1:]:
        assert decisions.redo()
        assert decisions.labels == state
    assert decisions.redo() == []
    decisions.undo()
    act(decisions, "keep", 9)
    assert decisions.redo() == []


@pytest.mark.parametrize(
    ("action", "units", "sentence"),
    [
        ("keep", [2], "no unit 2"),
        ("keep", [], "No unit is chosen"),
        ("merge", [1], "at least two"),
        ("merge", [1, 1], "at least two"),
        ("erase", [1], "no action 'erase'"),
        ("split", [5], "part of a merge"),
        ("split", [7], "part of a merge"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(decisions, action, units, sentence):
    act(decisions, "merge", 5, 7)
    before = dict(decisions.labels)
    with pytest.raises(InputError, match=sentence):
        act(decisions, action, *units)
    assert decisions.labels == before
    assert decisions.undo() == [5, 7]


def test_raters_are_compared_by_kappa_and_by_unit(decisions):
    other = Decisions(decisions.known)
    for rater, kept in ((decisions, [1, 3, 5]), (other, [1, 3])):
        act(rater, "keep", *kept)
        act(rater, "drop", *({1, 3, 5, 7} - {*kept}))
    act(other, "drop", 9)
    result = compare_raters(decisions, other)
    np.testing.assert_array_equal(result.table[:2, :2], [[2, 1], [0, 1]])
    assert (result.agreed, result.undecided) == (0.75, 1)
    assert result.kappa == pytest.approx((0.75 - 0.5) / (1 - 0.5))
    assert result.differences == [(5, "keep", "drop"), (9, "not decided", "drop")]
    text = report(result, ("ann", "bob"))
    assert "same verdict: 75 %, Cohen's kappa: 0.50" in text
    assert "unit 5: ann keep; bob drop" in text


def test_unlike_merges_are_a_difference(decisions):
    other = Decisions(decisions.known)
    act(decisions, "merge", 1, 3)
    act(other, "merge", 3, 1)
    assert compare_raters(decisions, other).differences == []
    act(other, "merge", 3, 5)
    result = compare_raters(decisions, other)
    assert [unit for unit, _, _ in result.differences] == [1, 3, 5]
    assert result.agreed == 0


def test_raters_without_a_common_unit_or_of_one_opinion(decisions):
    other = Decisions(decisions.known)
    assert np.isnan(compare_raters(decisions, other).kappa)
    act(decisions, "keep", 1)
    act(other, "keep", 1)
    result = compare_raters(decisions, other)
    assert result.agreed == 1
    assert "not defined" in report(result, ("a", "b"))
