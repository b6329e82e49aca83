"""The whole way from videos to units, with the real scripts, on tiny recordings."""

import csv
import shutil
import warnings
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
import tifffile
import xarray as xr
import zarr

from documented import faults
from project import FAKE, Project
from scopeflow.pages.curation.session import Session
from scopeflow.recordings import write_recording

pytestmark = pytest.mark.slow

# Jobs on tiny recordings spend their time on starting; threads change no result.
TWO_AT_ONCE = ["--max-threads", "1"]

DIMS = {
    "A": ("unit_id", "height", "width"),
    "C": ("unit_id", "frame"),
    "S": ("unit_id", "frame"),
    "YrA": ("unit_id", "frame"),
    "b": ("height", "width"),
    "f": ("frame",),
    "b0": ("unit_id",),
    "c0": ("unit_id",),
    "g": ("unit_id", "lag"),
    "motion": ("frame", "shift_dim"),
    "max_proj": ("height", "width"),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Project:
    """A run over a session with cells and one without any."""
    project = Project(tmp_path_factory.mktemp("real") / "project")
    write_run(project.folder / "run.csv", FAKE["n_frames"] / 30)
    sheet = project.sheet("cells\tm1\tcells\tsaline\trun.csv", "empty\tm1\tempty\t\trun.csv",
                          header="session\tanimal\tpath\tdrug\tbehavior")  # fmt: skip
    simulate = {"cells": FAKE, "empty": {**FAKE, "n_cells": 0, "seed": 1}}
    # Ten seconds are little time for the usual hundred bins.
    project.base = {"sessions": sheet, "simulate": simulate, "place_cells": {"bins": 20}}
    project.configure(**project.base)
    project.complete(*TWO_AT_ONCE)
    return project


def write_run(path, duration_s: float) -> None:
    """Write a table of an animal that runs to and fro on a track of 60 cm, 1 s each way."""
    time_s = np.arange(-0.1, duration_s, 0.04)
    along = 60 * np.abs((time_s + 1) % 2 - 1)
    rows = (f"{t:.3f},{x:.3f},{x / 9:.3f}" for t, x in zip(time_s, along, strict=True))
    path.write_text("\n".join(["time_s,x_cm,y_cm", *rows]) + "\n", "utf-8")


def open_units(project, session) -> xr.Dataset:
    path = project.folder / "results" / session / "default" / "units.zarr"
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a user should see none
        return xr.open_zarr(path)


@pytest.mark.parametrize("session", ["cells", "empty"])
def test_units_open_in_xarray_with_the_dimensions_promised(finished, session):
    units = open_units(finished, session)
    for name, dims in DIMS.items():
        assert units[name].dims == dims, name
    for name in ("A", "C", "S", "YrA"):
        assert units[name].dtype == np.float32
    assert {"unit_id", "frame", "height", "width", "time_s"} <= set(units.coords)
    assert units.sizes["frame"] == FAKE["n_frames"]
    assert units.attrs["parameters"]["cell_diameter_px"] == 16
    assert units.attrs["computed_by"]["load"] == "default"


def test_cells_are_found(finished):
    units = open_units(finished, "cells")
    with (finished.folder / "results/cells/default/score.tsv").open(newline="") as handle:
        score = next(csv.DictReader(handle, delimiter="\t"))
    assert units.sizes["unit_id"] == int(score["n_found"])
    assert float(score["f1"]) >= 0.7
    assert float(score["footprint_r_median"]) >= 0.9
    np.testing.assert_allclose(units["A"].max(("height", "width")), 1, rtol=1e-5)
    assert units.attrs["parameters"]["session"]["drug"] == "saline"


def test_a_video_without_cells_gives_valid_empty_units_and_a_warning(finished):
    units = open_units(finished, "empty")
    assert units.sizes["unit_id"] <= 1
    if not units.sizes["unit_id"]:
        log = (finished.folder / "logs/empty/default/units.log").read_text("utf-8")
        assert "no cell was found" in log
    assert (finished.folder / "results/empty/default/figures/summary.png").stat().st_size > 1000


@pytest.mark.parametrize("session", ["cells", "empty"])
def test_every_session_is_exported(finished, session):
    folder = finished.folder / "results" / session / "default"
    names = {path.name for path in (folder / "export").iterdir() if path.name[0] != "."}
    assert names == {
        *(f"{session}.nwb", "units.h5", "data_dictionary.md", "units.csv", "frames.csv"),
        *("C.csv", "S.csv", "YrA.csv", "dff.csv", "events.csv"),
    }
    units = open_units(finished, session)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        curated = xr.open_zarr(folder / "curated.zarr")
    xr.testing.assert_identical(units.drop_attrs(), curated.drop_attrs())
    with (folder / "export" / "units.csv").open(newline="") as handle:
        assert len(list(csv.DictReader(handle))) == units.sizes["unit_id"]
    if session == "cells":  # the rest of the cell's brightness at its brightest pixel
        raw = zarr.open_array(folder / "load" / "raw.zarr", path="Y", mode="r")[...]
        assert units["glow"].dims == ("height", "width")
        assert (units["glow"].values <= raw.min(axis=0)).all()
    for rule in ("curate", "export"):
        assert "WARNING" not in (finished.folder / f"logs/{session}/default/{rule}.log").read_text()


@pytest.mark.parametrize("session", ["cells", "empty"])
def test_sessions_with_a_run_have_maps_of_place(finished, session):
    units = open_units(finished, session)
    folder = finished.folder / "results" / session / "default" / "place_cells"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        maps = xr.open_zarr(folder / "maps.zarr")
    with (folder / "place_cells.tsv").open(newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    assert [int(row["unit_id"]) for row in rows] == units["unit_id"].values.tolist()
    assert maps["rate"].dims == ("unit_id", "direction", "place")
    assert maps["rate"].sizes["place"] == 20
    if session == "cells":
        assert maps.attrs["n_trials"] == 5
    # The animal turns between two of the positions, 1.2 cm before the end of the track.
    np.testing.assert_allclose(maps.attrs["size_cm"], np.hypot(57.6, 57.6 / 9), rtol=0.01)
    # What the maps hold, times the time spent, is the activity in the frames that were used,
    # less what smoothing moves over the ends of the track: up to a half.
    if len(rows):
        used = maps["bin"].values >= 0
        total = (maps["rate"] * maps["occupancy_s"]).sum(("direction", "place")).values
        counted = units["S"].values[:, used].sum(axis=1)
        assert (total <= 1.001 * counted + 1e-3).all()
        assert (total >= 0.45 * counted - 1e-3).all()
    assert (folder / "place_cells.png").stat().st_size > 1000


def test_every_job_leaves_a_log_and_a_benchmark(finished):
    for session in ("cells", "empty"):
        logs = {p.stem for p in (finished.folder / "logs" / session / "default").iterdir()}
        benchmarks = finished.folder / "benchmarks" / session / "default"
        assert logs == {p.stem for p in benchmarks.iterdir()}
        assert {"load", "spatial_update.1", "spatial_update.2", "merge.1", "units"} <= logs
        assert "merge.2" not in logs


def test_sessions_of_an_animal_are_matched_though_one_has_no_cells(finished):
    folder = finished.folder / "results/cross_registration/m1/default"
    with (folder / "mappings.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    found = open_units(finished, "cells")["unit_id"].values
    assert list(rows[0]) == ["cells", "empty"]
    assert sorted(int(row["cells"]) for row in rows if row["cells"]) == sorted(found)
    assert not any(row["cells"] and row["empty"] for row in rows)
    with (folder / "shifts.csv").open(newline="") as handle:
        shifts = {row["session"]: row for row in csv.DictReader(handle)}
    assert shifts["cells"]["drug"] == "saline"
    assert [shifts[name]["n_units"] for name in ("cells", "empty")] == [str(len(found)), "0"]
    assert sorted(row["aligned"] for row in shifts.values()) == ["no", "yes"]  # the template is
    log = finished.folder / "logs/cross_registration/m1/default/cross_register.log"
    assert "hardly better than a mirrored one" in log.read_text("utf-8")
    for name in ("overlay", "outlines", "distributions", "control", "overview"):
        assert (folder / f"{name}.png").stat().st_size > 1000
    assert (folder / "score.tsv").exists()


def test_nothing_is_left_to_do_and_no_partial_store_lies_about(finished):
    assert finished.due() == {}
    assert not list(finished.folder.rglob("*.part"))


def test_every_array_and_column_is_documented(finished):
    """With dimensions, type and unit; mend docs/outputs.md, or what writes the file."""
    found = faults(finished.folder, sheet={"session", "animal", "path", "drug", "behavior"})
    assert not found, "docs/outputs.md and the files differ:\n" + "\n".join(found)


def read_table(project, path: str, delimiter: str = "\t") -> list[dict]:
    with (project.folder / "results" / path).open(newline="") as handle:
        return list(csv.DictReader(handle, delimiter=delimiter))


def test_all_sessions_stand_in_one_table(finished):
    states = {row["session"]: row["state"] for row in read_table(finished, "status.tsv")}
    assert states == {"cells": "finished", "empty": "finished"}
    rows = {row["session"]: row for row in read_table(finished, "cohort.csv", ",")}
    assert (rows["cells"]["drug"], rows["empty"]["drug"]) == ("saline", "")
    for session, row in rows.items():
        units = open_units(finished, session)
        assert int(row["n_units"]) == int(row["n_curated"]) == units.sizes["unit_id"]
        left_out = int((units["frame_good"] == 0).sum())
        assert int(row["frames_left_out"]) == left_out
        assert int(row["frames_bad"]) + int(row["frames_lost"]) <= left_out
        assert float(row["cpu_s"]) > 0
        assert row["outliers"] == ""
    assert (finished.folder / "results" / "cohort.png").stat().st_size > 10_000


STEPS = {"recording", "filters", "motion", "seeds", "footprints", "summary"}


@pytest.mark.parametrize("session", ["cells", "empty"])
def test_every_session_has_a_report_and_a_video(finished, session):
    folder = finished.folder / "results" / session / "default"
    text = (folder / "report.html").read_text("utf-8")
    assert f"<title>Session {session}</title>" in text
    assert "Every setting has its default." in text
    n_units = open_units(finished, session).sizes["unit_id"]
    assert ('id="no-units"' in text) == (n_units == 0)
    assert "<td>spatial_update/2</td>" in text  # its time was measured
    assert {path.stem for path in (folder / "figures").glob("*.png")} == STEPS
    with av.open(str(folder / "video.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == FAKE["n_frames"] // 2  # 15 per s
    preview = zarr.open_group(folder / "motion" / "preview.zarr", mode="r")
    assert preview["sharpness"][1] > preview["sharpness"][0]


def test_the_pictures_go_into_snakemakes_report(finished):
    finished.complete("--report", "report.zip")
    with zipfile.ZipFile(finished.folder / "report.zip") as report:
        pictures = [name for name in report.namelist() if name.endswith(".png")]
        assert len({name for name in pictures if Path(name).stem in STEPS}) == 2 * len(STEPS)


def test_synthetic_cells_are_put_into_a_recording_and_found(finished):
    """Bright ones: dim cells need a longer recording."""
    implant = {"n_cells": 4, "amplitudes": [2.0], "distance_diameters": 0.6}
    finished.configure(**finished.base, implant=implant)
    finished.complete(*TWO_AT_ONCE, "--", "results/implant/cells/ranking.tsv")
    finished.configure(**finished.base)
    folder = finished.folder / "results" / "implant" / "cells"
    with (folder / "ranking.tsv").open(newline="") as handle:
        row = next(csv.DictReader(handle, delimiter="\t"))
    assert int(row["n_implants"]) >= 2
    assert float(row["recall"]) >= 0.5
    assert float(row["calcium_r"]) >= 0.9
    before, after = (
        zarr.open_array(path / "load/raw.zarr", path="Y", mode="r")[...].astype(int)
        for path in (finished.folder / "results/cells/default", folder / "default")
    )
    assert (after >= before).all()
    assert 0 < (after > before).mean() < 0.5
    assert (folder / "implant.png").stat().st_size > 1000


def test_a_changed_run_equals_a_fresh_run_bit_by_bit(finished):
    change = {"seeds": {"merge_correlation": 0.7}, "temporal": {"sparse_penalty": 3}}
    only = {"sessions": finished.sheet("cells\tm1\tcells\tsaline",
                                       header="session\tanimal\tpath\tdrug"),
            "simulate": finished.base["simulate"]}  # fmt: skip
    before = open_units(finished, "cells")["C"].values
    small = {"n_frames": 100, "size_px": 48}
    preview = "results/preview/cells/default/load/raw.zarr"
    finished.configure(**only, variants={"changed": change}, preview=small)
    goals = ["results/cells/changed/units.zarr", "results/cells/variants.tsv", preview]
    finished.complete("--max-threads", "2", "--", *goals)
    finished.configure(**only, **change, results="fresh/results")
    # threads do not change a result either
    finished.complete(*TWO_AT_ONCE, "--", "fresh/results/cells/default/units.zarr")
    pair = [
        zarr.open_group(finished.folder / path, mode="r")
        for path in ("results/cells/changed/units.zarr", "fresh/results/cells/default/units.zarr")
    ]
    for name in pair[0].array_keys():
        np.testing.assert_array_equal(*(group[name][...] for group in pair), err_msg=name)
    assert pair[0]["C"].shape != before.shape or not np.array_equal(pair[0]["C"][...], before)

    table = read_table(finished, "cells/variants.tsv")
    assert [row["variant"] for row in table] == ["default", "changed"]
    assert table[1]["differs"] == "seeds.merge_correlation=0.7; temporal.sparse_penalty=3"
    assert int(table[0]["n_units"]) == len(before)
    assert float(table[1]["calcium_r_to_default"]) > 0.8
    assert float(table[1]["true_f1"]) >= 0.7
    assert (finished.folder / "results" / "cells" / "variants.png").stat().st_size > 10_000
    whole = zarr.open_array(finished.folder / "results/cells/default/load/raw.zarr", path="Y")
    part = zarr.open_array(finished.folder / preview, path="Y")
    np.testing.assert_array_equal(part[...], whole[100:200, 24:72, 24:72])


# Every method that is not the default, each in at least one variant.
METHODS = {
    "as_in_the_paper": {
        "preprocess": {"glow": {"method": "minimum"}, "cnmf_movie": "filtered"},
        "motion": {"aggregation": "max", "filtered": True},
        "seeds": {"method": "rolling", "trace": "pixel"},
        **{stage: {"method": "minian"}
           for stage in ("initialize", "spatial", "traces", "temporal", "merge")},
    },
    "random_seeds": {
        "seeds": {"method": "random", "gmm": True, "ks_alpha": 0.05},
        "preprocess": {"denoise": {"method": "gaussian"}, "background": {"method": "uniform"}},
        "temporal": {"kinetics": "unit", "ar_order": 1},
    },
    "reference_solver": {"temporal": {"backend": "cvxpy"}},
    "nothing_done": {
        "preprocess": {step: {"method": "none"} for step in ("glow", "denoise", "background")},
        "motion": {"method": "none"},
        "merge": {"method": "none"},
    },
}  # fmt: skip


def test_labels_of_the_curation_page_are_applied(finished):
    """After a merge, traces are read from the movie again; only what depends on it runs."""
    finished.configure(**finished.base)
    folder = finished.folder / "results" / "cells" / "default"
    session = Session(folder)
    first, second, third = session.result.unit_id[:3].tolist()
    session.store.act("merge", [first, second])
    session.store.act("drop", [third])
    goal = "results/cells/default/curated.zarr"
    assert finished.due("--", goal) == {"curate": 1}
    finished.complete(*TWO_AT_ONCE, "--", goal)
    curated, units = xr.open_zarr(folder / "curated.zarr"), open_units(finished, "cells")
    assert sorted({*units.unit_id.values} - {*curated.unit_id.values}) == sorted([second, third])
    assert curated.attrs["curation"]["refitted"]
    left = curated.sel(unit_id=curated.unit_id != first)
    xr.testing.assert_identical(left.C, units.C.sel(unit_id=left.unit_id))
    merged = curated.sel(unit_id=first)
    np.testing.assert_array_equal(np.isnan(merged.YrA), units.frame_good == 0)
    explained = np.corrcoef(merged.C, units.C.sel(unit_id=[first, second]).sum("unit_id"))[0, 1]
    assert explained > 0.5


@pytest.mark.long
def test_every_method_runs_to_the_end(tmp_path):
    project = Project(tmp_path / "project")
    project.configure(
        sessions=project.sheet("s1\tm1\tfake"), simulate={"fake": FAKE}, variants=METHODS
    )
    project.complete(*TWO_AT_ONCE, "--", "results/s1/variants.tsv")
    assert len(read_table(project, "s1/variants.tsv")) == 1 + len(METHODS)
    for variant in METHODS:
        path = project.folder / "results" / "s1" / variant / "units.zarr"
        units = zarr.open_group(path, mode="r")
        assert np.isfinite(units["C"][...]).all(), variant
        assert units["A"].shape[0] >= 1, variant
    solvers = [
        zarr.open_group(project.folder / f"results/s1/{v}/units.zarr", mode="r")["C"][...]
        for v in ("default", "reference_solver")
    ]
    np.testing.assert_allclose(*solvers, atol=0.01 * solvers[0].max())


@pytest.fixture(scope="module")
def bad_data(tmp_path_factory):
    """One run of `load` over sessions that are each bad in a way of their own."""
    project = Project(tmp_path_factory.mktemp("bad") / "project")
    tiny = {**FAKE, "height_px": 48, "width_px": 48, "n_frames": 60, "frames_per_file": 30}
    write_recording(project.folder / "tiny", tiny)
    small = {**tiny, "height_px": 32, "n_frames": 30}
    write_recording(project.folder / "small", small)
    video = project.folder / "tiny" / "video" / "msCam1.avi"
    sessions = {}

    def session(name: str, **files: bytes) -> None:
        folder = project.folder / name
        folder.mkdir()
        for stem, content in files.items():
            (folder / f"{stem}.avi").write_bytes(content)
        sessions[name] = f"{name}\tm1\t{name}\t20"

    whole = video.read_bytes()
    session("good", msCam1=whole)
    session("truncated", msCam1=whole[: len(whole) * 2 // 3])
    session("zero", msCam1=b"")
    session("zero_second", msCam1=whole, msCam2=b"")
    session("noise", msCam1=bytes(range(256)) * 40)
    shapes = (project.folder / "small" / "video" / "msCam1.avi").read_bytes()
    session("two_sizes", msCam1=whole, msCam2=shapes)
    shutil.rmtree(project.folder / "tiny")
    movie = np.random.default_rng(0).integers(200, 4000, (40, 48, 48), dtype=np.uint16)
    for name, frames in {"deep": movie, "black": movie * 0, "one_frame": movie[:1]}.items():
        session(name)
        tifffile.imwrite(project.folder / name / "stack.tif", frames, photometric="minisblack")
    session("wide_window")
    shutil.copy(project.folder / "deep" / "stack.tif", project.folder / "wide_window")
    project.configure(
        sessions=project.sheet(*sessions.values(), header="session\tanimal\tpath\tfps_hz"),
        overrides={"wide_window": {"preprocess": {"background": {"radius_px": 40}}}},
    )
    targets = [f"results/{name}/default/load/frames.tsv" for name in sessions]
    targets.append("results/wide_window/default/preprocess/preview.zarr")
    project.outcome = project.run(*TWO_AT_ONCE, "--", *targets)
    return project


@pytest.mark.parametrize(
    ("session", "words"),
    [
        ("zero", ["zero", "msCam1.avi"]),
        ("noise", ["noise", "msCam1.avi"]),
        ("two_sizes", ["two_sizes", "msCam2.avi", "32 x 48"]),
        ("black", ["black", "all 40 frames are black"]),
        ("one_frame", ["one_frame", "one frame only"]),
    ],
)
def test_bad_data_are_refused_by_name_and_leave_nothing(bad_data, session, words):
    log = (bad_data.folder / f"logs/{session}/default/load.log").read_text("utf-8")
    for word in words:
        assert word in log
    assert "Traceback" not in log
    folder = bad_data.folder / "results" / session / "default" / "load"
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_a_truncated_video_is_used_as_far_as_it_can_be_read(bad_data):
    log = (bad_data.folder / "logs/truncated/default/load.log").read_text("utf-8")
    assert "WARNING" in log
    raw = zarr.open_group(bad_data.folder / "results/truncated/default/load/raw.zarr", mode="r")
    assert 5 <= raw["Y"].shape[0] < 30 or raw.attrs["frames_lost"] > 0


def test_a_window_larger_than_the_image_is_refused(bad_data):
    log = (bad_data.folder / "logs/wide_window/default/preprocess.log").read_text("utf-8")
    assert "session wide_window: preprocess.background.radius_px is 40" in log
    assert "48 x 48 px" in log
    assert "Traceback" not in log


def test_the_others_go_on(bad_data):
    assert bad_data.outcome.returncode != 0
    for session in ("good", "deep"):
        assert (bad_data.folder / f"results/{session}/default/load/frames.tsv").exists()
    deep = zarr.open_group(bad_data.folder / "results/deep/default/load/raw.zarr", mode="r")
    assert deep["Y"].dtype == np.uint16


@pytest.mark.long
def test_a_small_validation_reaches_its_thresholds(tmp_path):
    """Only the size of the cells is set. Two results of one session are compared, too."""
    project = Project(tmp_path / "project")
    recipe = {
        "height_px": 128, "width_px": 128, "n_frames": 600, "n_cells": 20, "motion_max_px": 4,
        "spike_probability": 0.01,
    }  # fmt: skip
    levels = {"dim": 0.6, "bright": 1.0}
    units = "results/bright/default/units.zarr"
    project.configure(
        sessions=project.sheet(*(f"{name}\tm\t{name}" for name in levels)),
        simulate={n: {**recipe, "signal_level": s, "seed": 3} for n, s in levels.items()},
        compare={"itself": {"first": units, "second": units}},
    )
    project.complete(*TWO_AT_ONCE, "--", "validation", "compare")
    folder = project.folder / "results" / "validation" / "default"
    with (folder / "summary.tsv").open(newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    assert [float(row["signal_level"]) for row in rows] == [0.6, 1.0]
    for row in rows:
        assert float(row["f1"]) >= 0.85
        assert float(row["footprint_r"]) >= 0.95
        assert float(row["calcium_r"]) >= 0.97
        assert float(row["spikes_r"]) >= 0.9
    for name in ("medians.png", "spread.png", "neighbours.png", "quality.tsv"):
        assert (folder / name).stat().st_size > 100
    with (project.folder / "results/compare/itself/summary.tsv").open(newline="") as handle:
        row = next(csv.DictReader(handle, delimiter="\t"))
    assert float(row["f1"]) == float(row["calcium_r_median"]) == 1
