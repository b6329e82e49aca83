"""Pages of an animal and of all sessions, from tables made up here."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import plot_summary
from made_results import make_results
from scopeflow.report import animal_page, cohort_page, overview
from scopeflow.report.page import Section, page, table


def test_text_of_users_cannot_end_a_script_or_a_cell():
    evil = "</script><b>x</b>"
    text = page("<i>", "", [Section("a", "A", "Good", table([evil], [[evil]]))], {"name": evil})
    assert "<b>x</b>" not in text
    assert "<title>&lt;i&gt;</title>" in text
    assert '"<\\/script><b>x<\\/b>"' in text


def test_two_sessions_are_white_where_they_agree():
    image = np.zeros((4, 4))
    image[1, 1] = image[2, 2] = 10
    other = image.copy()
    other[2, 2] = 0
    image[0, 0] = np.nan
    mixed = animal_page.overlay(image, other)
    assert mixed[1, 1].tolist() == [255, 255, 255]
    assert mixed[2, 2].tolist() == [0, 255, 0]
    assert mixed[0, 0].tolist() == [0, 0, 0]


def test_the_page_of_an_animal_holds_its_sections_and_its_unaligned_sessions():
    rng = np.random.default_rng(0)
    names = ["001", "day2"]
    shifts = pd.DataFrame({"session": names, "aligned": ["yes", "no"], "score": [1, np.nan]})
    mappings = pd.DataFrame({"001": [1, 2, pd.NA], "day2": [4, pd.NA, 5]}, dtype="Int64")
    cells = pd.DataFrame({
        "cell": [1, 2, 3], "n_sessions": [2, 1, 1], "n_possible": [2, 2, 1],
        "height_px": [3.0, 4, 5], "width_px": [3.0, 4, 5], "probability_min": [0.9, np.nan, np.nan],
    })  # fmt: skip
    pairs = pd.DataFrame({"distance_px": [1.0], "footprint_r": [0.9], "probability": [0.8]})
    images = rng.normal(size=(2, 20, 30))
    images[1, :5] = np.nan
    none = pd.DataFrame({"axis": [], "shift_px": [], "match_rate": []})
    sections = [
        animal_page.alignment_section(images, names, 0, shifts, (-2, 3)),
        animal_page.cells_section(cells, mappings, images[0], (-2, 3)),
        animal_page.pairs_section(pairs, pairs, none, pd.DataFrame({"share": [0.5]})),
    ]
    assert [section.id for section in sections] == ["alignment", "cells", "matches"]
    assert sections[0].body.count("class=changed") == 1
    assert "2</td><td class=n>1</td><td class=n>33 %" in sections[1].body
    assert "control-figure" not in sections[2].figures
    named = pd.DataFrame(columns=["n_matched", "distance_px_median", "likeness_per_px2"])
    body = animal_page.pairs_section(named, pairs, none, pd.DataFrame()).body
    heads = ["matched", "distance (px), median", "likeness (1/px²)"]
    assert re.findall(r"<th>(.*?)</th>", body) == heads
    empty = cells[:0], mappings[:0]
    assert animal_page.cells_section(*empty, images[0], (0, 0)).figures
    assert animal_page.pairs_section(pairs, pairs[:0], none, pairs).figures


def test_the_page_of_all_sessions_links_to_each_and_marks_outliers():
    rows = pd.DataFrame({
        "session": ["a b", "c"], "variant": ["default"] * 2, "animal": ["m1", "m2"],
        "outliers": ["n_units", np.nan], "n_units": [1, 2], "snr_median": [np.nan, 3.0],
    })  # fmt: skip
    text = cohort_page.cohort_page(rows, ["n_units", "snr_median", "absent"])
    assert "a%20b/default/report.html" in text
    found = re.search(r'<ul id="outliers">.*?</ul>', text)[0]
    assert "n_units" in found
    assert found.count("<li>") == 1
    body = re.sub(r"<script[^>]*>.*?</script>", "", text, flags=re.DOTALL)
    assert "http" not in body
    assert "orange stands out" in body


def test_too_few_sessions_are_not_said_to_be_usual():
    rows = pd.DataFrame({"session": ["a", "b"], "variant": "default", "outliers": "", "n_units": 3})
    few = cohort_page.cohort_page(rows, ["n_units"])
    assert '<p id="outliers">fewer than 5 sessions: not tested for outliers.</p>' in few
    rows = pd.DataFrame({
        "session": list("abcde"), "variant": "default", "outliers": "", "n_units": 3,
    })  # fmt: skip
    assert '<p id="outliers">None stands out.</p>' in cohort_page.cohort_page(rows, ["n_units"])


class Inputs(dict):
    """Inputs of a rule, by name."""

    __getattr__ = dict.__getitem__


def test_the_summary_follows_candidates_to_the_last_unit(tmp_path):
    made = make_results(tmp_path)
    n, stores = len(made.unit_id), Inputs()
    stores["seeds"] = made.folder / "seeds/seeds.tsv"
    stores |= {name: made.folder / f"{name}.zarr" for name in ("units", "curated")}
    stores["initialize"] = made.folder / "initialize/units.zarr"
    for name in ("spatial", "temporal"):
        stores[name] = [str(made.folder / f"{name}/{i}/units.zarr") for i in (1, 2)]
    stores["merges"] = str(made.folder / "merge/1/units.zarr")
    steps = plot_summary._attrition(SimpleNamespace(input=stores))
    assert steps[0] == ("candidates", n + 5)
    assert steps[-5:] == [
        ("one seed per cell", n), ("first footprints", n + 2), ("compact footprint", n + 1),
        ("pieces merged", n), ("units", n),
    ]  # fmt: skip
    made_of = {"session": made.session, "variant": made.variant}
    out = Inputs(summary=tmp_path / "summary.png")
    plot_summary.main(
        SimpleNamespace(input=stores, output=out, wildcards=SimpleNamespace(**made_of))
    )
    assert out.summary.stat().st_size > 10_000


@pytest.mark.parametrize(("width", "look"), [(16, False), (30, True)])
def test_cells_of_another_width_than_stated_want_a_look(width, look):
    quality = pd.DataFrame({"accepted": [1] * 6, "snr": [20.0] * 6, "diameter_px": [width] * 6})
    facts = {
        "n_frames": 100, "fps_hz": 20.0, "height": 9, "width": 9, "duration_s": 5, "n_bad": 0,
        "n_unplaced": 0, "diameter_px": 16.0,
        "kinetics": {"tau_decay_s": 1.0, "tau_rise_s": 0.1, "source": "given"},
    }  # fmt: skip
    section = overview.glance(facts, quality, [])
    assert section.body.count("class=changed") == int(look)
    assert "No step warned" in section.body
    assert "after curation" not in section.body
    done = {"rejected": [3], "merged": {"1": [1, 2, 4]}, "split": {}}
    curated = overview.glance({**facts, "n_curated": 3, "curation": done}, quality, [])
    assert "<td>after curation</td><td>3 (1 dropped, 2 merged into another)" in curated.body
    for sharp, words in (([2.0, 2.2], "better"), ([2.0, 2.01], "as good"), ([2.0, 1.9], "worse")):
        moved = {**facts, "sharpness": sharp, "agreement": [0.9, 0.905]}
        told = overview.glance(moved, quality, []).body
        assert f"<td>{words}" in told
        assert told.count("class=changed") == look + (words == "worse")
    none = overview.glance({**facts, "kinetics": {}}, quality[:0], [("load", "<b>")])
    assert "&lt;b&gt;" in none.body


def test_a_run_without_measurements_says_so():
    nothing = pd.DataFrame(columns=["step", "wall_s", "cpu_s", "memory_mb"])
    assert "No step left a measurement" in overview.costs_section(nothing).body
    some = pd.DataFrame([("load", 1.25, 1.0, np.nan)], columns=nothing.columns)
    assert "too short" in overview.costs_section(some).body
