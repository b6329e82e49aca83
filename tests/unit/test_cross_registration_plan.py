"""Which sessions are matched, with which settings; rotation of simulated fields."""

from types import SimpleNamespace

import numpy as np
import pytest

from scopeflow.errors import InputError
from scopeflow.plan.alone import alone
from scopeflow.plan.plan import Plan
from scopeflow.recipes import complete
from scopeflow.simulate import make_recording, placed

ROWS = ["s.1\tm1\tfake\t", "2026-01-01\tm1\tfake\t", "NA\tm1\tfake\tno", "other\tm2\tfake\tyes"]


def plan(folder, rows=ROWS, header="session\tanimal\tpath\tinclude", **config) -> Plan:
    sheet = folder / "sessions.tsv"
    sheet.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return Plan({"sessions": str(sheet), "simulate": {"fake": {}}, **config})


def test_animals_with_two_sessions_that_take_part_are_targets(tmp_path):
    p = plan(tmp_path)
    assert p.animals == {"m1": ["s.1", "2026-01-01"], "m2": ["other"]}
    mappings = [t for t in p.targets() if t.startswith("results/cross_registration/")]
    assert {
        "results/cross_registration/m1/default/mappings.csv",
        "results/cross_registration/m1/default/score.tsv",
    } <= set(mappings)
    assert not [t for t in mappings if "/m2/" in t]
    wildcards = SimpleNamespace(animal="m1", variant="default")
    assert p.units_of_animal(wildcards) == [
        f"results/{s}/default/curated.zarr" for s in ("s.1", "2026-01-01")
    ]
    assert p.truths_of_animal(wildcards) == ["simulated/fake/truth.zarr"] * 2


def test_recorded_sessions_have_no_score(tmp_path):
    (tmp_path / "rec").mkdir()
    (tmp_path / "rec" / "msCam1.avi").write_text("one")
    p = plan(tmp_path, [ROWS[0], "s2\tm1\trec\t"])
    assert not [t for t in p.targets() if t.endswith("m1/default/score.tsv")]


def test_a_variant_changes_the_settings_of_its_animals(tmp_path):
    p = plan(
        tmp_path,
        cross_register={"distance_max_px": 4, "template": "s.1"},
        variants={"v": {"cross_register": {"template": ["2026-01-01", "other"]}},
                  "w": {"cell_diameter_px": 20, "motion": {"method": "none"}}},
    )  # fmt: skip
    of = {
        v: p.animal_settings("cross_register")(SimpleNamespace(animal="m1", variant=v))
        for v in p.variants
    }
    assert of["v"]["cross_register"]["distance_max_px"] == 4
    assert of["w"]["cell_diameter_px"] == 20
    assert set(of["w"]) == {"cross_register", "cell_diameter_px"}
    assert p.template_of("m1", "default") == "s.1"
    assert p.template_of("m2", "default") is None
    assert p.template_of("m1", "v") == "2026-01-01"
    assert p.template_of("m2", "v") == "other"
    config, _ = alone(p, "s.1")  # whose sheet has no other session
    assert "cross_register" not in config


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"cross_register": {"template": "day9"}}, ["'day9' is no session", "s.1, 2026-01-01"]),
        ({"cross_register": {"template": "NA"}}, ["'NA' is left out"]),
        ({"cross_register": {"template": ["s.1", "2026-01-01"]}}, ["both of animal m1"]),
        ({"overrides": {"s.1": {"cross_register": {"distance_max_px": 3}}}},
         ["overrides.s.1.cross_register", "all sessions of an animal"]),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_name(tmp_path, config, words):
    with pytest.raises(InputError) as error:
        plan(tmp_path, **config)
    for word in words:
        assert word in str(error.value)


def test_a_column_of_the_sheet_cannot_set_what_holds_for_an_animal(tmp_path):
    header = "session\tanimal\tpath\tcross_register.distance_max_px"
    with pytest.raises(InputError, match="all sessions of an animal"):
        plan(tmp_path, ["s1\tm1\tfake\t3"], header)


SMALL = {"height_px": 120, "width_px": 160, "n_frames": 3, "n_cells": 30, "field_seed": 4}


def test_a_rotated_session_sees_the_same_cells_turned_about_the_middle():
    still = make_recording({**SMALL, "seed": 1})
    turned = make_recording({**SMALL, "seed": 2, "rotation_deg": 3, "shift_px": [5, -8]})
    both, i, j = np.intersect1d(still.unit_id, turned.unit_id, return_indices=True)
    assert len(both) > 20
    middle = np.array([59.5, 79.5])
    before, after = still.centres[i] - middle, turned.centres[j] - middle - (5, -8)
    np.testing.assert_allclose(np.hypot(*before.T), np.hypot(*after.T))
    cross = before[:, 1] * after[:, 0] - before[:, 0] * after[:, 1]
    angle = np.arctan2(cross, (before * after).sum(axis=1))  # from columns towards rows
    np.testing.assert_allclose(np.rad2deg(angle), 3, atol=1e-6)
    np.testing.assert_allclose(placed(middle, turned.recipe), middle + np.array([5, -8]))


def test_vessels_turn_with_the_cells():
    hard = {**SMALL, "n_vessels": 4, "motion_max_px": 0, "noise_sd": 0.0, "n_cells": 0,
            "n_backgrounds": 0, "bit_depth": 16}  # fmt: skip
    turned = make_recording({**hard, "rotation_deg": 3.0, "shift_px": [6, 2]})
    still = make_recording(hard)
    frame, other = (r.frames(r.slabs[0])[0].astype(float) for r in (still, turned))
    places = np.random.default_rng(0).uniform(30, [90, 130], (400, 2)).round()
    there = np.rint(placed(places, turned.recipe)).astype(int)
    before = frame[tuple(places.astype(int).T)]
    assert np.corrcoef(before, other[tuple(there.T)])[0, 1] > 0.9


@pytest.mark.parametrize(
    ("recipe", "word"),
    [({"rotation_deg": 11}, "-10 to 10"), ({"rotation_deg": 9, "shift_px": [30, 0]}, "corner")],
)
def test_a_rotation_that_leaves_the_field_is_refused(recipe, word):
    with pytest.raises(InputError, match=word):
        complete(recipe)
