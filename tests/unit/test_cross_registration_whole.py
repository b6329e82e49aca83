"""From footprints to mappings: accuracy on simulated fields, and the cases at the edge."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from scopeflow.cross_registration import figures, register, tables, truth
from scopeflow.cross_registration.align import Limits
from scopeflow.cross_registration.control import kept_matches
from scopeflow.cross_registration.pictures import summed
from scopeflow.cross_registration.reading import read_cells, refuse_different_sizes
from scopeflow.cross_registration.store import write_field
from scopeflow.cross_registration.trial import seen_session
from scopeflow.errors import InputError
from scopeflow.footprints import write_footprints
from scopeflow.stores import create, new_store, put, read

SIZE, DIAMETER, FURTHEST = 256, 16.0, 5.0
FIELD = {"height_px": SIZE, "width_px": SIZE, "n_cells": 90, "fraction_active": 0.8}


def sessions_of(seed, changes, by="max_projection", **kind):
    """Sessions of one field, with what is true of their units."""
    rng = np.random.default_rng(seed)
    seen = [
        seen_session({**FIELD, "field_seed": seed, "seed": 50 * seed + k, **change}, rng, **kind)
        for k, change in enumerate(changes)
    ]
    sessions = [
        register.Cells(
            f"2026-01-{k:02}", s.unit_id, s.A,
            s.max_proj if by == "max_projection" else summed(s.A, (SIZE, SIZE)),
        )
        for k, s in enumerate(seen)
    ]  # fmt: skip
    labels = [dict(zip(s.unit_id.tolist(), s.truth.tolist(), strict=True)) for s in seen]
    return sessions, labels


def registered(sessions, method="scopeflow", conflict="consistent", kind="rigid", threads=1):
    field = register.align_sessions(sessions, None, Limits(kind, SIZE / 4, 6, DIAMETER), threads)
    choose = register.chooser(method, FURTHEST, 0.5)
    matches, model = register.compare_sessions(field, DIAMETER, FURTHEST, choose, threads)
    groups = register.group_units(field, matches, conflict, 0.5)
    return field, matches, model, groups


def scored(sessions, labels, groups):
    mappings = tables.mappings(sessions, groups)
    return truth.score(mappings.to_numpy(np.float64, na_value=np.nan), labels)


THREE = [{}, {"shift_px": [21, -17], "rotation_deg": 3}, {"shift_px": [-30, 4]}]


@pytest.mark.parametrize("by", ["max_projection", "footprints"])
@pytest.mark.parametrize("seed", [1, 2])
def test_nearly_all_cells_in_common_are_matched_and_nearly_none_wrongly(seed, by):
    sessions, labels = sessions_of(seed, THREE, by)
    field, matches, model, groups = registered(sessions)
    result = scored(sessions, labels, groups)
    assert result["precision"] >= 0.98
    assert result["recall"] >= 0.95
    assert all(a.is_clear for a in field.alignments)
    expected = np.concatenate([1 - m.probability[m.kept] for m in matches]).mean()
    # The rate of false matches that the model expects lies on the safe side, and near.
    true = 1 - result["precision"]
    assert true - 0.005 < expected < true + 0.03
    assert sum(m.n_by_chance for m in matches) < 0.2 * sum(len(m.kept) for m in matches)
    again = registered(sessions, threads=2)
    assert again[3] == groups


def test_the_papers_rules_find_less_and_are_right_as_often():
    sessions, labels = sessions_of(3, THREE)
    ours = scored(sessions, labels, registered(sessions)[3])
    papers = scored(sessions, labels, registered(sessions, "minian", "strict")[3])
    assert papers["precision"] >= 0.95
    assert 0.7 < papers["recall"] <= ours["recall"]


def test_tables_and_figures_fit_together(tmp_path):
    sessions, _ = sessions_of(4, THREE)
    field, matches, model, groups = registered(sessions)
    mappings = tables.mappings(sessions, groups)
    assert mappings.columns.tolist() == [s.name for s in sessions]
    for session in sessions:  # every unit once
        assert sorted(mappings[session.name].dropna()) == sorted(session.unit_id)
    cells = tables.cells(field, matches, groups)
    assert (cells["n_sessions"] == mappings.notna().sum(axis=1)).all()
    assert (cells["n_possible"] >= cells["n_sessions"]).all()
    assert cells["probability_mean"].notna().sum() == (cells["n_sessions"] > 1).sum()

    pairs = tables.matched_pairs(sessions, matches, groups)
    row_of = {s.name: {u: i for i, u in mappings[s.name].dropna().items()} for s in sessions}
    for pair in pairs.itertuples():
        together = (row_of[pair.first_session][pair.first_unit_id]
                    == row_of[pair.second_session][pair.second_unit_id])  # fmt: skip
        assert together == bool(pair.in_mappings)
    scores = tables.scores(sessions, field, matches)
    assert scores["n_matched"].sum() == len(pairs)
    assert len(scores) == 3

    sheet = [{"session": s.name, "animal": "m1", "score": "7", "path": "x"} for s in sessions]
    shifts = tables.shifts(sessions, field, sheet).set_index("session")
    assert (shifts["is_template"] == "yes").sum() == 1
    assert (shifts["aligned"] == "yes").all()
    assert (shifts["sheet_score"] == "7").all()
    assert "path" not in shifts
    between = (
        shifts.loc["2026-01-02", "shift_height_px"] - shifts.loc["2026-01-00", "shift_height_px"]
    )
    assert between == pytest.approx(30, abs=2.5)  # the template may be the turned session

    curve = register.control_curve(
        field, matches, model, DIAMETER, FURTHEST, register.chooser("scopeflow", FURTHEST, 0.5)
    )
    at = curve.set_index(["axis", "shift_px"])["match_rate"]
    assert at["height", 0] > 0.6
    assert at[abs(at.index.get_level_values("shift_px")) >= 20].max() < 0.2

    kept = kept_matches(matches, pairs["in_mappings"].to_numpy(bool))
    for figure in (
        figures.overlay(sessions, field, DIAMETER),
        figures.outlines(sessions, field, matches, kept),
        figures.distributions(matches, model, FURTHEST),
        figures.control(curve, FURTHEST),
        figures.overview(sessions, scores, cells["n_sessions"].to_numpy()),
    ):
        figure.savefig(tmp_path / "figure.png", dpi=40)
        figures.plt.close(figure)
    outlined = figures.outlines(sessions, field, matches, kept).axes[0]
    assert (*outlined.get_xlim(), *outlined.get_ylim()) == figures._extent(field)
    shown = figures.overlay(sessions, field, DIAMETER).axes[0].images[0].get_array()
    unseen = np.isnan(field.images).any(axis=0)
    assert unseen.any()
    assert (shown[unseen] == figures.UNSEEN).all()
    figures.plt.close("all")
    with new_store(tmp_path / "aligned.zarr") as part:
        write_field(part, sessions, field)
    image, height = read(tmp_path / "aligned.zarr", "image", "height")
    assert image.shape == (3, *field.frame[2:])
    assert height[0] == field.frame[0]


def empty_session(name="none"):
    A = sparse.csr_array((0, SIZE * SIZE), dtype=np.float32)
    return register.Cells(name, np.zeros(0, np.int64), A, np.zeros((SIZE, SIZE), np.float32))


def test_a_session_without_cells_is_a_column_without_entries():
    sessions, labels = sessions_of(5, THREE[:2])
    sessions.insert(1, empty_session())
    labels.insert(1, {})
    *_, groups = registered(sessions)
    mappings = tables.mappings(sessions, groups)
    assert mappings["none"].isna().all()
    assert scored(sessions, labels, groups)["recall"] >= 0.95


@pytest.mark.parametrize("sessions", [[empty_session()], [empty_session("a"), empty_session("b")]])
def test_without_any_cell_everything_is_empty(sessions):
    field, matches, model, groups = registered(sessions)
    assert groups == []
    results = [
        tables.mappings(sessions, groups),
        tables.cells(field, matches, groups),
        tables.matched_pairs(sessions, matches, groups),
    ]
    assert all(len(table) == 0 for table in results)
    assert len(tables.shifts(sessions, field, [{}] * len(sessions))) == len(sessions)
    choose = register.chooser("minian", FURTHEST, 0.5)
    curve = register.control_curve(field, matches, model, DIAMETER, FURTHEST, choose)
    scores = tables.scores(sessions, field, matches)
    for figure in (
        figures.overlay(sessions, field, DIAMETER),
        figures.outlines(sessions, field, matches, set()),
        figures.distributions(matches, model, FURTHEST),
        figures.control(curve, FURTHEST),
        figures.overview(sessions, scores, results[1]["n_sessions"].to_numpy()),
    ):
        figures.plt.close(figure)


def test_one_session_alone_is_mapped_to_itself():
    sessions, _ = sessions_of(6, [{}])
    *_, groups = registered(sessions)
    mappings = tables.mappings(sessions, groups)
    assert sorted(mappings["2026-01-00"]) == sorted(sessions[0].unit_id)


def test_sessions_that_do_not_fit_are_not_matched():
    sessions, _ = sessions_of(7, THREE[:2])
    stranger, _ = sessions_of(8, [{}])
    field, matches, _, groups = registered([*sessions, stranger[0]])
    assert [a.is_clear for a in field.alignments] == [True, True, False]
    assert len(matches) == 1
    assert all(len(group) == 1 for group in groups if group[0][0] == 2)


def write_session(path, n_units=3, height=40, **arrays):
    with new_store(path) as part:
        out = create(part)
        A = sparse.csr_array(np.eye(n_units, height * 50, 60, dtype=np.float32))
        write_footprints(out, A, (height, 50))
        put(out, "unit_id", np.arange(n_units) + 7, ("unit_id",))
        for name, values in arrays.items():
            put(out, name, values, ("height", "width"))


def test_footprints_labels_and_projection_are_all_that_is_read(tmp_path):
    write_session(tmp_path / "bare.zarr")
    cells = read_cells(tmp_path / "bare.zarr", "bare", "footprints")
    assert cells.unit_id.tolist() == [7, 8, 9]
    assert cells.image.shape == cells.shape == (40, 50)
    with pytest.raises(InputError, match=r"session bare: .*lacks max_proj.*align_by to footprints"):
        read_cells(tmp_path / "bare.zarr", "bare", "max_projection")
    write_session(tmp_path / "full.zarr", max_proj=np.ones((40, 50), np.uint8))
    assert read_cells(tmp_path / "full.zarr", "full", "max_projection").image.dtype == np.float32


def test_gaps_of_a_projection_hide_no_unit(tmp_path):
    image = np.ones((40, 50))
    image[:, 20:] = np.nan
    write_session(tmp_path / "gaps.zarr", max_proj=image)
    cells = read_cells(tmp_path / "gaps.zarr", "gaps", "max_projection")
    np.testing.assert_array_equal(cells.image, 1)


def test_images_of_different_size_are_refused_by_name(tmp_path):
    sessions = []
    for name, height in {"day1": 40, "day2": 48}.items():
        write_session(tmp_path / f"{name}.zarr", height=height)
        sessions.append(read_cells(tmp_path / f"{name}.zarr", name, "footprints"))
    with pytest.raises(InputError) as error:
        refuse_different_sizes(sessions)
    for words in ("day1 is 40 x 50 px", "day2 is 48 x 50 px", "include no"):
        assert words in str(error.value)
    with pytest.raises(InputError, match="48 x 50 px, but its truth is 40 x 50"):
        truth.refuse_other_size("x", (48, 50), (40, 50))


def test_names_of_sessions_survive_in_the_files(tmp_path):
    sessions = [register.Cells(n, s.unit_id, s.A, s.image) for n, s in zip(
        ["001", "1.10", "NA"], [empty_session()] * 3, strict=True)]  # fmt: skip
    tables.mappings(sessions, []).to_csv(tmp_path / "m.csv", index=False)
    assert pd.read_csv(tmp_path / "m.csv").columns.tolist() == ["001", "1.10", "NA"]


def test_with_few_matches_chance_tells_how_many_may_be_false():
    sessions, _ = sessions_of(4, THREE[:2])
    field, matches, _, _ = registered(sessions)
    clear = tables.scores(sessions, field, matches).iloc[0]
    assert clear["expected_false_rate"] < 0.05
    few = replace(matches[0], kept=matches[0].kept[:4], n_by_chance=2.0)
    row = tables.scores(sessions, field, [few]).iloc[0]
    expected = row["chance_rate"] * (1 - row["match_rate"]) / row["match_rate"]
    assert expected > 0.3
    assert row["expected_false_rate"] == pytest.approx(expected)
