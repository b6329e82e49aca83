"""What is exported reads back as what is in the store, in every format."""

import json
import shutil
import subprocess
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import nwbinspector
import pandas as pd
import pytest
import zarr
from pynwb import NWBHDF5IO

from scopeflow.export.dictionary import dictionary
from scopeflow.export.hdf5 import write_hdf5
from scopeflow.export.nwb import UNKNOWN_START, session_start, write_nwb
from scopeflow.export.source import Source
from scopeflow.export.tables import write_tables
from scopeflow.stores import put

TRACES = ("C", "S", "YrA")
BARE_ROW = {"session": "day1", "animal": "m1", "path": "data/day1"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "export").mkdir()
    return tmp_path / "export"


def read_wide(path):
    table = pd.read_csv(path)
    return table, table.filter(like="unit_").to_numpy(np.float32).T


def test_tables_hold_the_stored_values_exactly(write_units, folder):
    source = Source(write_units())
    assert set(write_tables(source, folder)) == {path.name for path in folder.iterdir()}
    for name in TRACES:
        table, values = read_wide(folder / f"{name}.csv")
        np.testing.assert_array_equal(values, source.group[name][:])
        assert list(table)[:3] == ["frame", "time_s", "unit_1"]
        np.testing.assert_array_equal(table["time_s"], source.time_s)
        np.testing.assert_array_equal(table["frame"], np.arange(source.n_frames))
    units = pd.read_csv(folder / "units.csv")
    np.testing.assert_array_equal(units["unit_id"], source.unit_id)
    np.testing.assert_array_equal(units[["g0", "g1"]], source.group["g"][:])
    np.testing.assert_array_equal(units["f0"].to_numpy(np.float32), source.columns["f0"][0])
    frames = pd.read_csv(folder / "frames.csv")
    np.testing.assert_array_equal(frames["frame_good"], source.frame_good)
    motion = frames[["motion_height_px", "motion_width_px"]].to_numpy(np.float32)
    np.testing.assert_array_equal(motion, source.group["motion"][:])


def test_dff_is_calcium_over_the_counts_of_the_brightest_pixel_at_rest(write_units, folder):
    source = Source(write_units(n_units=4, n_frames=100))
    write_tables(source, folder)
    group = source.group
    rest = group["glow"][:] + group["b"][:] * np.median(group["f"][:][source.frame_good > 0])
    peaks = [np.unravel_index(a.argmax(), a.shape) for a in group["A"][:]]
    f0 = np.array([rest[peak] for peak in peaks]) + group["b0"][:]
    np.testing.assert_allclose(source.columns["f0"][0], f0, rtol=1e-5)
    values = read_wide(folder / "dff.csv")[1]
    np.testing.assert_allclose(values, group["C"][:] / f0[:, None], rtol=1e-5)


def test_a_filtered_movie_has_no_dff(write_units, folder):
    source = Source(write_units(n_units=4, n_frames=100, cnmf_movie="filtered"))
    write_tables(source, folder)
    assert np.isnan(read_wide(folder / "dff.csv")[1]).all()


def test_events_are_told_by_unit_and_time(write_units, folder):
    source = Source(write_units(n_units=70, n_frames=400))
    write_tables(source, folder)
    events = pd.read_csv(folder / "events.csv")
    C = source.group["C"][:]
    assert set(events["unit_id"]) <= set(source.unit_id.tolist())
    assert len(events) > 70
    k = np.searchsorted(source.unit_id, events["unit_id"])
    peak = np.searchsorted(source.time_s, events["peak_time_s"])
    onset = events["onset_frame"].to_numpy()
    before = np.where(onset > 0, C[k, onset - 1], 0)
    np.testing.assert_allclose(C[k, peak] - before, events["amplitude"], rtol=1e-4)
    assert (events["amplitude_sigma"] >= 2).all()


def test_hdf5_holds_the_stored_values_in_the_order_that_it_states(write_units, folder):
    source = Source(write_units())
    write_hdf5(source, folder / "units.h5")
    with h5py.File(folder / "units.h5") as file:
        for name in TRACES:
            np.testing.assert_array_equal(file[name][:].T, source.group[name][:])
            assert file[name].attrs["dims_in_matlab"] == "unit_id, frame"
        np.testing.assert_array_equal(file["A"][:].transpose(0, 2, 1), source.group["A"][:])
        assert file["A"].attrs["dims_in_matlab"] == "height, width, unit_id"
        for name in ("unit_id", "time_s", "frame_good", "f", "g", "motion", "b", "glow"):
            np.testing.assert_array_equal(file[name][...].T, source.group[name][...])
        for name, (values, _) in source.columns.items():
            np.testing.assert_array_equal(file[name][:], values)
        assert "F0 = glow + b * median of f" in file["f0"].attrs["meaning"]
        assert json.loads(file.attrs["parameters"]) == source.attrs["parameters"]
        assert file["n_units"][()] == 70


@pytest.mark.parametrize("write", [write_hdf5, write_nwb])
def test_only_the_surroundings_of_footprints_are_written(write_units, folder, write):
    path = write_units(n_units=3, n_frames=50, shape=(130, 200))
    A = np.zeros((3, 130, 200), np.float32)
    A[0, 60:70, 10:20], A[2, 129, 199] = 0.5, 1  # over the border of two chunks; none; a corner
    group = zarr.open_group(path, mode="r+")
    group["A"][...] = A
    group.attrs["contents"] = {}
    write(Source(path), folder / "day1.nwb")
    with h5py.File(folder / "day1.nwb") as file:
        place = "processing/ophys/ImageSegmentation/PlaneSegmentation/image_mask"
        data = file["A" if write is write_hdf5 else place]
        np.testing.assert_array_equal(data[:].transpose(0, 2, 1), A)
        assert data.id.get_num_chunks() == 3


def test_nwb_holds_the_stored_values(write_units, folder):
    source = Source(write_units())
    write_nwb(source, folder / "day1.nwb")
    with NWBHDF5IO(folder / "day1.nwb", mode="r") as io:
        file = io.read()
        ophys = file.processing["ophys"]
        cells = ophys["ImageSegmentation"]["PlaneSegmentation"]
        np.testing.assert_array_equal(cells.id[:], source.unit_id)
        masks = np.asarray(cells["image_mask"][:])
        np.testing.assert_array_equal(masks.transpose(0, 2, 1), source.group["A"][:])
        for name, (values, unit) in source.columns.items():
            np.testing.assert_array_equal(cells[name][:], values)
            assert f"Unit: {unit}." in cells[name].description
        for name, title in {"C": "Denoised", "S": "Deconvolved", "YrA": "Raw"}.items():
            series = ophys["Fluorescence"][title]
            np.testing.assert_array_equal(series.data[:].T, source.group[name][:])
            assert series.unit == "counts"
            assert series.rate == pytest.approx(20)
            np.testing.assert_array_equal(series.rois.data[:], np.arange(70))
        assert file.session_start_time == datetime(2026, 5, 1, 10, 30, tzinfo=UTC)
        assert file.subject.subject_id == "m1"
        assert file.subject.sex == "F"
        assert "../../default/motion/Y.zarr" in file.notes
        assert file.imaging_planes["ImagingPlane"].imaging_rate == 20


@pytest.mark.parametrize("time_s", [None, np.cumsum(np.full(300, 0.05)) ** 1.001])
def test_nwb_links_to_the_movie_that_is_kept(write_units, tmp_path, time_s):
    folder = tmp_path / "day1" / "default" / "export"
    folder.mkdir(parents=True)
    source = Source(write_units(n_units=3, n_frames=300, time_s=time_s))
    movie = tmp_path / "day1" / "default" / "motion" / "Y.zarr"
    movie.mkdir(parents=True)
    for keeps_movie in (True, False):
        write_nwb(source, folder / "day1.nwb", keeps_movie)
        with NWBHDF5IO(folder / "day1.nwb", mode="r") as io:
            ophys = io.read().processing["ophys"]
            assert ("motion_corrected" in ophys.data_interfaces) == keeps_movie
            if keeps_movie:
                series = ophys["motion_corrected"]
                assert (folder / series.external_file[0]).resolve() == movie.resolve()
                np.testing.assert_array_equal(series.dimension[:], [18, 14])
        assert important(folder / "day1.nwb") == set()


def test_irregular_times_are_kept_as_time_stamps(write_units, folder):
    time_s = np.cumsum(np.random.default_rng(0).uniform(0.04, 0.06, 300))
    source = Source(write_units(n_units=3, n_frames=300, time_s=time_s))
    write_nwb(source, folder / "day1.nwb")
    with NWBHDF5IO(folder / "day1.nwb", mode="r") as io:
        ophys = io.read().processing["ophys"]
        for title in ("Raw", "Denoised", "Deconvolved"):
            series = ophys["Fluorescence"][title]
            np.testing.assert_array_equal(series.timestamps[:], time_s)
    assert important(folder / "day1.nwb") == set()


def important(path):
    """Return the names of the checks with a complaint of importance."""
    return {
        message.check_function_name
        for message in nwbinspector.inspect_nwbfile(nwbfile_path=path)
        if message.importance.name in ("CRITICAL", "BEST_PRACTICE_VIOLATION", "ERROR")
        or "ERROR" in message.importance.name
    }


@pytest.mark.parametrize("n_units", [0, 1, 5])
def test_the_inspector_finds_no_fault_of_importance(write_units, folder, n_units):
    write_nwb(Source(write_units(n_units=n_units, n_frames=200)), folder / "day1.nwb")
    assert important(folder / "day1.nwb") == set()


def test_a_bare_sheet_lacks_what_only_the_user_knows(write_units, folder):
    write_nwb(Source(write_units(n_units=2, n_frames=200, row=BARE_ROW)), folder / "day1.nwb")
    assert important(folder / "day1.nwb") == {"check_subject_age", "check_subject_species_exists"}
    with NWBHDF5IO(folder / "day1.nwb", mode="r") as io:
        file = io.read()
        assert file.session_start_time == UNKNOWN_START
        assert "not known" in file.session_description


def test_values_that_nwb_does_not_know_are_left_out_with_a_word(write_units, folder, caplog):
    row = {**BARE_ROW, "age": "90", "species": "mouse", "excitation_nm": "blue", "date": "1.5.26"}
    write_nwb(Source(write_units(n_units=2, n_frames=200, row=row)), folder / "day1.nwb")
    for column in ("age is '90'", "species is 'mouse'", "excitation_nm is 'blue'"):
        assert column in caplog.text
    assert important(folder / "day1.nwb") == {"check_subject_age", "check_subject_species_exists"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-01", datetime(2026, 5, 1, tzinfo=UTC)),
        ("2026_5_1", datetime(2026, 5, 1, tzinfo=UTC)),
        ("20260501", datetime(2026, 5, 1, tzinfo=UTC)),
        ("2026/05/01 09:30", datetime(2026, 5, 1, 9, 30, tzinfo=UTC)),
        ("2026-05-01T09:30+02:00", datetime(2026, 5, 1, 7, 30, tzinfo=UTC)),
        *((text, None) for text in ("", "1.5.2026", "05/01/2026", "day 3", "2026-13-01")),
        ("9999-01-01", None),
    ],
)  # fmt: skip
def test_a_date_is_read_if_the_year_stands_first_and_never_guessed(text, expected):
    assert session_start(text) == expected


@pytest.mark.parametrize("name", ["001", "NA", "1.10", "A.b-c_d", "m1.nwb", "x" * 120])
def test_odd_session_names_stay_as_they_are(write_units, folder, name):
    source = Source(write_units(n_units=2, n_frames=60, row={**BARE_ROW, "session": name}))
    write_nwb(source, folder / f"{name}.nwb")
    write_hdf5(source, folder / "units.h5")
    with NWBHDF5IO(folder / f"{name}.nwb", mode="r") as io:
        assert io.read().session_id == name
    with h5py.File(folder / "units.h5") as file:
        assert file.attrs["session"] == name
    assert dictionary(source, ["nwb"]).startswith(f"# Session {name}, variant default")


def test_without_units_every_format_is_valid_and_empty(write_units, folder):
    source = Source(write_units(n_units=0, n_frames=200))
    write_tables(source, folder)
    write_hdf5(source, folder / "units.h5")
    write_nwb(source, folder / "day1.nwb")
    for name in (*TRACES, "dff"):
        table = pd.read_csv(folder / f"{name}.csv")
        assert (list(table), len(table)) == (["frame", "time_s"], 200)
    assert len(pd.read_csv(folder / "units.csv")) == 0
    assert "onset_time_s" in pd.read_csv(folder / "events.csv")
    with h5py.File(folder / "units.h5") as file:
        assert file["C"].shape == (200, 0)
        assert file["A"].shape == (0, 18, 14)
    with NWBHDF5IO(folder / "day1.nwb", mode="r") as io:
        file = io.read()
        assert "ImageSegmentation" not in file.processing["ophys"].data_interfaces
        assert "No cell was found" in file.session_description


def test_the_dictionary_names_all_that_is_written(write_units, folder):
    source = Source(write_units(n_units=2, n_frames=60))
    text = dictionary(source, ["nwb", "hdf5", "csv"])
    assert "animal = m1; " in text
    assert "genotype = wild type" in text
    for name in write_tables(source, folder):
        assert f"`{name}`" in text
    for name in ("units", "frames", "events"):
        for column in pd.read_csv(folder / f"{name}.csv").columns:
            assert f"`{column}`" in text, column
    write_hdf5(source, folder / "units.h5")
    with h5py.File(folder / "units.h5") as file:
        for name in set(file) - {"b", "f"}:
            assert f"`{name}`" in text, name
    assert "DF/F = C / F0" in text
    assert "events.csv" not in dictionary(source, ["nwb"])


def test_the_dictionary_says_what_a_person_did(write_units):
    source = Source(write_units(n_units=2, n_frames=60))
    nothing = {"rejected": [], "merged": {}, "split": {}, "not_split": [], "refitted": False}
    source.attrs["curation"] = nothing
    assert "No unit was rejected, merged or split by a person." in dictionary(source, [])
    source.attrs["curation"] = {**nothing, "split": {"1": [1, 11]}, "not_split": [3]}
    text = dictionary(source, [])
    assert "By a person: split: 1 (into 1, 11); to be split, but left whole: 3." in text
    source.attrs["curation"] = {**nothing, "rejected": [5, 7], "merged": {"1": [1, 3]}}
    assert "By a person: rejected: 5, 7; merged: 1 (of 1, 3)." in dictionary(source, [])
    assert "NaN for units that a person merged or split" in text


@pytest.mark.parametrize("write", [write_hdf5, write_nwb])
def test_memory_does_not_grow_with_the_recording(folder, write_units, write):
    peaks = []
    for n_frames in (8_000, 48_000):
        source = Source(write_units(n_units=64, n_frames=n_frames))
        tracemalloc.start()
        write(source, folder / f"{n_frames}.nwb")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    one_array = 64 * 48_000 * 4
    assert peaks[1] - peaks[0] < 0.2 * one_array


@pytest.mark.skipif(shutil.which("octave-cli") is None, reason="GNU Octave is not installed")
@pytest.mark.parametrize("n_units", [0, 1, 5])
@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_octave_reads_the_hdf5_file(write_units, folder, n_units):
    path = write_units(n_units=n_units, n_frames=60)
    orientation = np.arange(240, dtype=np.float32).reshape(60, 4)
    put(zarr.open_group(path), "orientation", orientation, ("frame", "quaternion"))
    zarr.consolidate_metadata(path)
    source = Source(path)
    write_hdf5(source, folder / "units.h5")
    docs = Path(__file__).parents[2] / "docs"
    lines = [
        f"addpath('{docs}'); u = load_units('{folder / 'units.h5'}');",
        "printf('%d ', size(u.C), size(u.A), size(u.YrA));",
        "printf('%d ', size(u.motion), size(u.b), size(u.orientation), size(u.time_s));",
        "printf('%.9g ', u.orientation(3, 2), sum(double(u.C(:))), sum(double(u.A(:))));",
    ]
    if n_units:
        lines.append("printf('%.9g ', u.C(1, 11), u.A(3, 4, 1), u.unit_id(1));")
    done = subprocess.run(
        ["octave-cli", "--eval", "\n".join(lines)], capture_output=True, text=True, check=True
    )
    got = [float(word) for word in done.stdout.split()]
    A, C = source.group["A"][:], source.group["C"][:]
    third = [] if n_units == 1 else [n_units]  # Octave drops a last dimension of one
    sizes = [n_units, 60, 14, 18, *third, n_units, 60, 60, 2, 14, 18, 60, 4, 60, 1]
    assert got[: len(sizes)] == sizes
    sums = [orientation[2, 1], C.sum(dtype=float), A.sum(dtype=float)]
    if n_units:
        sums += [C[0, 10], A[0, 2, 3], 1]
    np.testing.assert_allclose(got[-len(sums) :], sums, rtol=1e-6)
