"""Verdicts on candidates, from what was measured of them."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scopeflow.defaults import given
from scopeflow.plan.settings import read_schema, walk
from scopeflow.seed_tests import judge, measures, merged

SCRIPTS = Path(__file__).parents[2] / "scripts"
SETTINGS = {
    "event_count_min": 2, "event_z_single": 5.5, "intensity_min": 3, "gmm": False,
    "ks_alpha": None, "merge_distance_px": None, "merge_correlation": 0.9,
}  # fmt: skip


def candidates(**columns) -> pd.DataFrame:
    table = pd.DataFrame({
        "height": [50.0, 2.0, 50.0, 51.0],
        "width": [50.0, 50.0, 90.0, 50.0],
        "count": [1, 2, 3, 4],
        "score": [6.0, 9.0, 4.0, 5.0],
        "peak_to_peak": [9.0, 9.0, 9.0, 9.0],
        "pnr": [2.0, 2.0, 1.0, 2.0],
        "ks_p": [0.01, 0.2, 0.01, 0.01],
    })  # fmt: skip
    return table.assign(**columns)


def verdicts(method="events", **changes) -> dict[str, list[bool]]:
    masks = judge(candidates(), {**SETTINGS, **changes}, method, (100, 100), 16, 1.5, 0)
    return {name: masks[name].tolist() for name in masks}


def test_candidates_of_events_need_two_rises_or_a_high_one_and_more_near_the_edge():
    assert verdicts()["mask_events"] == [True, False, True, True]
    assert verdicts(event_z_single=7)["mask_events"] == [False, False, True, True]


def test_every_test_has_a_column_and_its_own_threshold():
    masks = verdicts(ks_alpha=0.05)
    assert list(masks) == ["mask_events", "mask_gmm", "mask_pnr", "mask_ks"]
    assert masks["mask_pnr"] == [True, True, False, True]
    assert masks["mask_ks"] == [True, False, True, True]
    assert verdicts()["mask_ks"] == [True] * 4
    assert verdicts("rolling", intensity_min=5)["mask_intensity"] == [True, True, False, False]


@pytest.mark.parametrize(
    ("distance", "left"), [(None, [True] * 4), (2, [True, True, True, False]), (0, [True] * 4)]
)
def test_neighbours_of_one_course_become_one_within_the_distance(distance, left):
    settings = {**SETTINGS, "merge_distance_px": distance}
    agreement = lambda pairs: np.ones(len(pairs))  # noqa: E731
    # Without a distance a tenth of a cell counts (events): less than the 2 px between two.
    table = candidates(height=[50.0, 2.0, 50.0, 52.0])
    found = merged(table, np.ones(4, bool), agreement, settings, "events", 16)
    assert found.tolist() == left


def test_measures_tell_a_transient_from_noise():
    rng = np.random.default_rng(0)
    traces = rng.normal(0, 1, (2, 600))
    traces[1, 200:] += 30 * np.exp(-np.arange(400) / 30)
    ranges, ratio, distance = measures(traces, 30.0, 2.0)
    assert (ranges[1], ratio[1], distance[1]) > (25, 4, 0.2)
    assert ratio[0] < 1


def test_zero_is_a_value_and_null_a_default():
    assert given(0, 3.0) == 0
    assert given(None, 3.0) == 3.0


def test_no_setting_that_may_be_zero_is_replaced_where_it_is():
    """``settings[key] or default`` takes 0 for null; keys that allow 0 use `given`."""
    parts: dict[str, list[dict]] = {}
    for dotted, part in walk(read_schema("config")):
        parts.setdefault(dotted.rsplit(".", 1)[-1], []).append(part)
    for script in SCRIPTS.glob("*.py"):
        for key in re.findall(r"settings\[\"(\w+)\"\] or\b", script.read_text("utf-8")):
            for part in parts[key]:
                assert part.get("minimum", 1) > 0, f"{script.name}: {key}"
