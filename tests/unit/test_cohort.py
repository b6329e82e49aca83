"""One row for each session that exists, and the unusual ones by name."""

import os
import shutil
import warnings

import numpy as np
import pandas as pd
import pytest
import zarr

from scopeflow.cohort import JUDGED, MEASURED, costs, outliers, robust_z, table
from scopeflow.cohort_figure import draw_cohort
from scopeflow.cohort_files import renew

BENCHMARK = "s\th:m:s\tmax_rss\tmax_pss\tcpu_time\n"


@pytest.fixture
def results(tmp_path, write_units):
    """Results of one session in variant ``default``, and none of the other two."""
    folder = tmp_path / "results" / "day1" / "default"
    folder.mkdir(parents=True)
    write_units(n_units=6, n_frames=400).rename(folder / "units.zarr")
    zarr.open_group(folder / "units.zarr").attrs["computed_by"] = {"load": "default"}
    benchmarks = tmp_path / "benchmarks" / "day1" / "default"
    benchmarks.mkdir(parents=True)
    (benchmarks / "load.tsv").write_text(BENCHMARK + "2.5\t0:00:02\t300.5\t250\t4\n")
    (benchmarks / "units.tsv").write_text(BENCHMARK + "1\t0:00:01\t900\t-\t-\n")
    return tmp_path / "results"


SESSIONS = {
    "day1": {"session": "day1", "animal": "m1", "group": "saline", "fps_hz": "20"},
    "day2": {"session": "day2", "animal": "m1", "group": "drug", "fps_hz": ""},
}


def jobs(results):
    return results.parent / "logs", results.parent / "benchmarks"


def of(results, **more) -> pd.DataFrame:
    return table(results, *jobs(results), SESSIONS, ["default", "v"], **more)


def test_a_row_has_metadata_cells_motion_frames_and_costs(results):
    found = of(results)
    assert len(found) == 1
    row = found.iloc[0]
    assert (row["session"], row["variant"], row["group"]) == ("day1", "default", "saline")
    assert row["sheet_fps_hz"] == "20"  # the measured one has the name
    assert (row["n_units"], row["n_frames"], row["frames_left_out"]) == (6, 400, 3)
    assert row["snr_median"] == 9
    assert row["noise_counts_median"] == 3
    assert row["duration_s"] == 20
    group = zarr.open_group(results / "day1/default/units.zarr", mode="r")
    motion = group["motion"][:][group["frame_good"][:] > 0].astype(float)
    away = np.linalg.norm(motion - np.median(motion, axis=0), axis=1)
    assert row["motion_max_px"] == pytest.approx(away.max())
    assert row["motion_rms_px"] == pytest.approx(np.sqrt((away**2).mean()))
    assert np.isnan(row["frames_bad"])  # a store of before does not tell
    assert np.isnan(row["n_curated"])
    assert (row["wall_s"], row["cpu_s"], row["peak_mb"]) == (3.5, 4, 900)
    assert row["cpu_per_frame_ms"] == pytest.approx(10)
    assert row["outliers"] == ""
    assert set(MEASURED) <= set(found)


def test_kinds_of_frames_are_told_where_the_store_tells_them(results):
    group = zarr.open_group(results / "day1/default/units.zarr", mode="r+")
    group.attrs["frame_status"] = {"good": 395, "black": 2, "dropped": 3}
    row = of(results).iloc[0]
    assert (row["frames_bad"], row["frames_lost"]) == (2, 3)


def test_no_cells_and_no_results_are_no_error(tmp_path, write_units):
    assert len(of(tmp_path / "results")) == 0
    folder = tmp_path / "results" / "day2" / "v"
    folder.mkdir(parents=True)
    write_units(n_units=0, n_frames=50).rename(folder / "units.zarr")
    row = of(tmp_path / "results").iloc[0]
    assert row["n_units"] == 0
    assert np.isnan(row["snr_median"])
    assert np.isnan(row["accepted_frac"])
    assert np.isnan(row["wall_s"])


def test_rows_of_unchanged_sessions_are_taken_from_the_table_before(results):
    known = of(results).assign(n_units=77)
    later = os.stat(results / "day1/default/units.zarr/zarr.json").st_mtime + 1
    assert of(results, known=known, known_since=later)["n_units"].tolist() == [77]
    assert of(results, known=known, known_since=later - 2)["n_units"].tolist() == [6]
    older = known.drop(columns="motion_rms_px")  # a table of another version
    assert of(results, known=older, known_since=later)["n_units"].tolist() == [6]


def test_the_table_and_its_figure_are_written_and_renewed(results):
    shutil.copytree(results / "day1", results / "day2")
    path = renew(results, *jobs(results), SESSIONS, ["default"])
    first = (results / "cohort.csv").read_text()
    assert path == (results / "cohort.csv").as_posix()
    assert (results / "cohort.png").stat().st_size > 5000
    assert "day1/default/report.html" in (results / "cohort.html").read_text("utf-8")
    renew(results, *jobs(results), SESSIONS, ["default"])
    assert (results / "cohort.csv").read_text() == first


def test_one_session_alone_has_nothing_beside_it(results):
    shutil.copytree(results / "day1", results / "day2")
    renew(results, *jobs(results), SESSIONS, ["default"])
    shutil.rmtree(results / "day2")
    renew(results, *jobs(results), SESSIONS, ["default"])
    assert pd.read_csv(results / "cohort.csv")["session"].tolist() == ["day1"]
    assert sorted(path.name for path in results.glob("cohort.*")) == ["cohort.csv"]


@pytest.mark.parametrize("text", ["", "a;b\n1;2\n", "session,n_units\nday1,3\n"])
def test_a_table_of_another_form_is_made_anew(results, text):
    (results / "cohort.csv").write_text(text)
    renew(results, *jobs(results), SESSIONS, ["default"])
    assert pd.read_csv(results / "cohort.csv")["n_units"].tolist() == [6]


def test_a_damaged_store_is_left_out_with_a_word(results, caplog):
    shutil.copytree(results / "day1", results / "day2")
    (results / "day2/default/units.zarr/zarr.json").write_text("hal")
    (results / "day1/default/units.zarr/zarr.json").write_text("{}")
    assert len(of(results)) == 0
    assert caplog.text.count("is left out of the table of all sessions") == 2
    assert renew(results, *jobs(results), SESSIONS, ["default"]) == ""
    assert not (results / "cohort.csv").exists()


def test_a_session_that_stands_out_is_named_within_its_variant(tmp_path):
    rng = np.random.default_rng(0)
    n = 40
    found = pd.DataFrame({name: rng.normal(10, 1, n) for name in JUDGED})
    found["variant"] = ["a"] * (n - 4) + ["b"] * 4
    found.loc[3, "motion_max_px"] = 60
    found.loc[5, ["motion_max_px", "n_units"]] = 70, -40
    found.loc[n - 1, "n_units"] = 500  # of four sessions none is unusual
    named = outliers(found)
    assert named[3] == "motion_max_px"
    assert named[5] == "n_units; motion_max_px"
    assert named[n - 1] == ""
    assert (named != "").sum() <= 4  # a false mark in a thousand values or so


def test_robust_z_by_hand():
    np.testing.assert_allclose(robust_z(np.array([1.0, 2, 3, 4, 100]))[-1], 0.6745 * 97, rtol=1e-3)
    np.testing.assert_array_equal(robust_z(np.array([1.0, 2, 3, 100])), 0)
    np.testing.assert_array_equal(robust_z(np.full(9, 4.0)), 0)
    np.testing.assert_array_equal(robust_z(np.array([1, 2, np.nan, np.nan, 50, 3])), 0)
    equal = np.array([5.0] * 20 + [6.0])  # the median deviation is zero
    assert robust_z(equal)[-1] > 3.5
    assert (robust_z(equal)[:-1] == 0).all()


def test_a_cohort_is_drawn_with_gaps_and_many_outliers():
    rng = np.random.default_rng(1)
    rows = [
        {"session": f"s{i}", "variant": v, **{name: rng.normal() for name in JUDGED}}
        for i in range(30)
        for v in ("default", "strict")
    ]
    found = pd.DataFrame(rows).assign(peak_mb=np.nan)
    found.loc[:16, "n_units"] += 1000
    found["outliers"] = outliers(found)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw_cohort(found)
    titles = [ax.get_title() for ax in figure.axes]
    assert any("6 named" in title for title in titles)


def test_sessions_have_names_and_small_differences_look_small():
    rows = [
        {"session": s, "animal": a, "variant": "default", "outliers": "",
         **{name: value for name in JUDGED}}
        for s, a, value in (("day1", "m1", 0.9978), ("day2", "m2", 0.9980))
    ]  # fmt: skip
    figure = draw_cohort(pd.DataFrame(rows))
    assert "not tested" in figure.get_suptitle()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["m1", "m2"]
    for ax in figure.axes:
        assert [label.get_text() for label in ax.get_xticklabels()] == ["day1", "day2"]
        assert np.ptp(ax.get_ylim()) == pytest.approx(0.09979, rel=1e-3)


def test_costs_of_nothing_are_unknown(tmp_path):
    assert np.isnan(list(costs({"load": str(tmp_path / "none.tsv")}).values())).all()


def test_warnings_and_costs_are_those_that_the_report_tells(results):
    """Also of steps that another variant computed; pictures and reports do not count."""
    group = zarr.open_group(results / "day1/default/units.zarr", mode="r+")
    group.attrs["computed_by"] = {"load": "other", "merge/1": "default"}
    tables = results.parent / "benchmarks/day1"
    (tables / "default/load.tsv").rename(tables / "default/report.tsv")
    (tables / "other").mkdir()
    (tables / "other/load.tsv").write_text(BENCHMARK + "5\t0:00:05\t300\t250\t4\n")
    (tables / "default/merge.1.tsv").write_text(BENCHMARK + "7\t0:00:07\t-\t-\t1\n")
    for log in ("other/load", "default/merge.1", "default/report"):
        path = results.parent / f"logs/day1/{log}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"10:00:00 WARNING of {log}\n")
    row = of(results).iloc[0]
    assert row["warnings"] == 2
    assert (row["wall_s"], row["cpu_s"], row["peak_mb"]) == (13, 5, 900)
