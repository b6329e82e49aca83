"""The rules of place cells from tables to maps, and from maps of two days to their comparison.

Behavior is seen by a second camera with a clock of its own.
"""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import zarr
from scipy import ndimage

from scopeflow.errors import InputError
from scopeflow.footprints import blobs, write_footprints
from scopeflow.place_cells.arena import Place
from scopeflow.place_cells.maps import make_layout
from scopeflow.place_cells.maps_store import write_maps
from scopeflow.plan.settings import fill, read_schema
from scopeflow.stores import create, new_store

SCRIPTS = Path(__file__).parents[2] / "scripts"
FPS, CAMERA_HZ = 20.0, 30.0
START_S = 3.7  # of the behavior camera, after the miniscope's
N_FRAMES = 4000


def along_at(time_s):
    """Place on a track of 100 cm, some 4 s each way, no run like the other."""
    phase = time_s / 4 + 0.6 * np.sin(time_s / 7)
    return 100 * np.abs((phase + 1) % 2 - 1)


def chance_on_track(time_s):
    """How likely unit 0 fires: at 30 cm on the way to the end."""
    along, ahead = along_at(time_s), along_at(time_s + 0.01) > along_at(time_s)
    return np.exp(-((along - 30) ** 2) / 50) * ahead


def script(name: str):
    spec = importlib.util.spec_from_file_location(f"{name}_rule", SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def filled(**settings):
    return fill(settings, read_schema("config")["properties"]["place_cells"])


@pytest.fixture
def run(tmp_path, write_units):
    """Run the script on a session whose unit 0 fires at a place, and unit 1 anywhere."""

    def run_it(
        table: str, stamps: bool = True, v3: bool = False, chance=chance_on_track, **settings
    ):
        units = write_units(n_units=3, n_frames=N_FRAMES)
        group = zarr.open_group(units, mode="r+")
        clock = {"start_ms": 52.0, "n_stamps": N_FRAMES} if stamps else {}
        group.attrs.update({"contents": {}, "clock": clock})  # its files get other sizes below
        time_s = np.arange(N_FRAMES) / FPS
        S = np.zeros((3, N_FRAMES), np.float32)
        S[0] = 20 * (chance(time_s) > np.random.default_rng(0).random(N_FRAMES))
        S[1] = 20 * (np.random.default_rng(1).random(N_FRAMES) < 0.02)
        group["S"][...] = S
        (tmp_path / "behavior.csv").write_text(table)
        own, camera = tmp_path / "timeStamps.csv", tmp_path / "camera.csv"
        frames = np.arange(int(200 * CAMERA_HZ))
        stamps_ms = [52 + 1000 * (START_S + frames / CAMERA_HZ), 52 + 1000 * time_s]
        for path, ms in zip((camera, own), stamps_ms, strict=True):
            rows = [f"{i},{m:.0f},0" for i, m in enumerate(ms)]
            path.write_text("\n".join(["Frame Number,Time Stamp (ms),Buffer Index", *rows]) + "\n")
        names = {"units": str(units), "behavior": str(tmp_path / "behavior.csv")}
        if v3:  # one table of both cameras, that of the behavior first
            rows = [f"{n}\t{i + 1}\t{m:.0f}\t0" for n, ms in enumerate(stamps_ms)
                    for i, m in enumerate(ms)]  # fmt: skip
            camera = own = tmp_path / "timestamp.dat"
            own.write_text("\n".join(["camNum\tframeNum\tsysClock\tbuffer", *rows]) + "\n")
        if stamps:
            names |= {"timestamps": str(own), "behavior_stamps": str(camera)}
        output = {name: str(tmp_path / name) for name in ("table", "figure")}
        output["maps"] = str(tmp_path / "maps.zarr")
        wanted = filled(n_shifts=99, **settings)
        script("place_cells").main(SimpleNamespace(
            input=Names(**names), output=Names(**output), threads=1,
            wildcards=SimpleNamespace(session="s", variant="default"),
            params=SimpleNamespace(settings={"place_cells": wanted, "seed": 0}),
        ))  # fmt: skip
        return pd.read_csv(output["table"], sep="\t"), zarr.open_group(output["maps"], mode="r")

    return run_it


class Names(SimpleNamespace):
    def get(self, name):
        return getattr(self, name, None)


def eztrack():
    """Positions in px of the behavior video, 3 px to a cm, tracked from frame 60 on."""
    frame = np.arange(60, int(200 * CAMERA_HZ))
    along = along_at(START_S + frame / CAMERA_HZ)
    rows = [
        f"run.avi,60,{f - 60},{50 + 3 * a:.2f},80.0,0" for f, a in zip(frame, along, strict=True)
    ]
    return "\n".join(["File,Start_Frame,Frame,X,Y,Distance_px", *rows]) + "\n"


@pytest.mark.parametrize("v3", [False, True])
def test_cameras_that_start_apart_and_run_at_other_rates_are_aligned(run, v3):
    table, maps = run(eztrack(), v3=v3, px_per_cm=3)
    assert maps.attrs["track"] == "linear"
    assert maps.attrs["size_cm"][0] == pytest.approx(100, abs=0.5)
    time_s, position = maps["time_s"][:], maps["position_cm"][:, 0]
    known = np.isfinite(position)
    assert known.sum() == pytest.approx(FPS * (200 - START_S - 2), abs=3)
    np.testing.assert_allclose(position[known], along_at(time_s[known]), atol=1.5)
    assert table["place_cell"].tolist() == [True, False, False]
    assert table["field_direction"][0] == 1
    assert table["peak_x_cm"][0] == pytest.approx(30, abs=4)


def test_a_plain_table_in_cm_needs_no_setting_and_gaps_are_left_out(run):
    time_s = np.arange(0, 200, 0.1)
    time_s = time_s[(time_s < 50) | (time_s > 60)]
    rows = [f"{t:.2f},{a:.2f},5" for t, a in zip(time_s, along_at(time_s), strict=True)]
    table, maps = run("\n".join(["time,x_cm,y_cm", *rows]) + "\n", stamps=False)
    lost = np.isnan(maps["position_cm"][:, 0])
    assert lost[1010:1190].all()
    assert not lost[:990].any()
    assert (maps["bin"][:][lost] == -1).all()
    assert table["place_cell"].tolist() == [True, False, False]


FIELD_CM, PX_PER_CM = (60.0, 40.0), 5.0


def walk_at(time_s):
    """Place in cm in an open field of 60 x 40 cm: a walk at random that is turned at the walls."""
    steps = np.random.default_rng(12).normal(0, 1, (2, 4400))
    v = ndimage.gaussian_filter1d(steps, 12, axis=1)
    free = np.cumsum(v / v.std() * 0.9, axis=1)  # of 20 per s
    clock = np.arange(4400) / FPS
    return np.column_stack([
        np.interp(time_s, clock, size * np.abs((side / size + 1) % 2 - 1))
        for side, size in zip(free, FIELD_CM, strict=True)
    ])  # fmt: skip


def chance_in_field(time_s):
    return 0.8 * np.exp(-((walk_at(time_s) - [45, 12]) ** 2).sum(axis=1) / 60)


def deeplabcut():
    """A table of two body parts, the surer of which is lost for 3 s and wrong for 0.2 s."""
    frame = np.arange(int(200 * CAMERA_HZ))
    x, y = (100 + PX_PER_CM * walk_at(START_S + frame / CAMERA_HZ)).T
    sure = np.full(len(frame), 0.99)
    sure[(frame >= 1500) & (frame < 1590)] = 0.3
    sure[(frame >= 3000) & (frame < 3006)] = 0.3
    x = np.where(sure < 0.9, 5000, x)
    rows = [
        f"{f},{f % 17},{f % 13},0.6,{a:.2f},{b:.2f},{p}"
        for f, a, b, p in zip(frame, x, y, sure, strict=True)
    ]
    return "\n".join([
        "scorer" + ",net" * 6, "bodyparts,tail,tail,tail,body,body,body",
        "coords,x,y,likelihood,x,y,likelihood", *rows,
    ]) + "\n"  # fmt: skip


def test_a_deeplabcut_table_of_an_open_field_gives_maps_of_both_axes(run, tmp_path):
    table, maps = run(deeplabcut(), chance=chance_in_field, px_per_cm=PX_PER_CM)
    assert maps.attrs["track"] == "open"
    np.testing.assert_allclose(maps.attrs["size_cm"], FIELD_CM, atol=1)
    assert maps.attrs["n_trials"] == 4  # of a minute each; the last is shorter
    assert maps["rate"].metadata.dimension_names == ("unit_id", "y", "x")
    assert maps["rate"].shape == (3, 14, 20)
    assert "direction" not in maps

    time_s, position = maps["time_s"][:], maps["position_cm"][:]
    lost = (time_s > START_S + 50.1) & (time_s < START_S + 52.9)
    seen = (time_s > START_S + 0.1) & (time_s < 199.9)
    seen &= (time_s < START_S + 49.9) | (time_s > START_S + 53.1)
    assert np.isnan(position[lost]).all()
    assert (maps["bin"][:][lost] == -1).all()
    np.testing.assert_allclose(position[seen], walk_at(time_s[seen]), atol=1.5)
    at = maps["bin"][:]
    used = np.flatnonzero(at >= 0)
    assert len(used) > 2000
    width = maps.attrs["bin_cm"]
    np.testing.assert_array_equal(at[used] % 20, np.minimum(position[used, 0] / width // 1, 19))
    np.testing.assert_array_equal(at[used] // 20, np.minimum(position[used, 1] / width // 1, 13))

    assert table["place_cell"].tolist() == [True, False, False]
    assert table["peak_x_cm"][0] == pytest.approx(45, abs=5)
    assert table["peak_y_cm"][0] == pytest.approx(12, abs=5)
    assert table["field_direction"].tolist() == [0, 0, 0]
    assert table["information_bits"][0] > 2 * table["information_bits"][1]
    assert (tmp_path / "figure").stat().st_size > 10000


SPACING, N_BINS = 14, 40  # of the cells of two days, px; of their maps, for each direction


@pytest.fixture
def write_day(tmp_path):
    """Return a function that writes units, maps and table of a day, and returns their paths."""

    def write(name, unit_id, centres, peaks, is_place, n_bins=N_BINS):
        folder, n = tmp_path / name, len(unit_id)
        with new_store(folder / "curated.zarr") as part:
            write_footprints(create(part), blobs(centres, 3.0, (120, 130)), (120, 130))
        at = np.arange(2 * n_bins)
        rate = 5 * np.exp(-((at - peaks[:, None]) ** 2) / 8) + 0.1
        rate = rate.reshape(n, 2, 1, n_bins).astype(np.float32)
        rate[:, 1, 0, -1] = np.nan  # a bin not visited
        frames = np.zeros(50)
        place = Place("linear", frames[:, None], (2.0 * n_bins,), frames[:, None])
        trial = np.zeros(50, np.int64)
        layout = make_layout(np.arange(50), (2, 1, n_bins), trial, 1.0, 0.05)
        with new_store(folder / "maps.zarr") as part:
            write_maps(create(part), unit_id, rate, place, layout, 2.0, trial, frames)
        peak_cm = 2 * (peaks % n_bins) + 1
        cells = pd.DataFrame({"unit_id": unit_id, "place_cell": is_place, "peak_x_cm": peak_cm})
        cells.to_csv(folder / "cells.tsv", sep="\t", index=False)
        return tuple(str(folder / file) for file in ("curated.zarr", "maps.zarr", "cells.tsv"))

    return write


@pytest.fixture
def across(tmp_path):
    """Run the script on the days written; return its tables."""

    def run_it(days: dict[str, tuple[str, str, str]], mappings: pd.DataFrame, **settings):
        mappings.to_csv(tmp_path / "mappings.csv", index=False)
        units, maps, tables = (list(paths) for paths in zip(*days.values(), strict=True))
        names = ("pairs", "summary", "control", "figure")
        output = {name: str(tmp_path / "across" / name) for name in names}
        script("place_across").main(SimpleNamespace(
            input=SimpleNamespace(
                units=units, maps=maps, tables=tables, mappings=str(tmp_path / "mappings.csv")
            ),
            output=SimpleNamespace(**output), threads=1,
            wildcards=SimpleNamespace(animal="m", variant="default"),
            params=SimpleNamespace(settings={"place_cells": filled(**settings)},
                                   sessions=list(days)),
        ))  # fmt: skip
        assert Path(output["figure"]).stat().st_size > 10000
        return [pd.read_csv(output[name], sep="\t") for name in names[:3]]

    return run_it


def three_days(write_day):
    """Two days of 48 cells on a grid in px, seen 3 px lower and 2 px to the left on the second.

    Cell 0 is no place cell on the second day, cell 1 has another field, cell 2 is not found,
    and what is found for cell 3 was not matched with it.
    A third day has maps of another shape.
    """
    rng = np.random.default_rng(2)
    rows, columns = np.divmod(np.arange(48), 8)
    centres = np.column_stack([rows, columns]) * SPACING + 15.0 + rng.uniform(-1, 1, (48, 2))
    peaks = rng.permutation(np.linspace(2, 2 * N_BINS - 3, 48).round())
    moved = peaks.copy()
    moved[1] = (peaks[1] + 37) % (2 * N_BINS)
    is_place = np.ones(48, bool)
    days = {"day1": write_day("day1", np.arange(48), centres, peaks, is_place)}
    second = rng.permutation(np.delete(np.arange(48), 2))
    days["day2"] = write_day(
        "day2", 100 + second, centres[second] + [3, -2], moved[second], second != 0
    )
    few, alike = np.array([[20.0, 20], [50, 50], [80, 80]]), np.ones(3, bool)
    days["day3"] = write_day("day3", np.arange(3), few, np.array([5.0, 9, 30]), alike, 20)
    mappings = pd.DataFrame({
        "cell": np.arange(48),
        "day1": np.arange(48),
        "day2": np.array([None if k in (2, 3) else 100 + k for k in range(48)], dtype=object),
        "day3": np.array([0, 1, 2, *[None] * 45], dtype=object),
    })  # fmt: skip
    return days, mappings, peaks


def test_matched_cells_with_the_same_fields_correlate_until_they_are_shifted(write_day, across):
    days, mappings, peaks = three_days(write_day)
    pairs, summary, control = across(days, mappings, match_distance_px=5, control_shift_px=14)
    for table in (pairs, summary, control):  # the third day is left out
        assert (table["session_a"] == "day1").all()
        assert (table["session_b"] == "day2").all()

    matched = [k for k in range(48) if k not in (2, 3)]
    pairs = pairs.sort_values("unit_id_a", ignore_index=True)
    assert pairs["unit_id_a"].tolist() == matched
    assert pairs["unit_id_b"].tolist() == [100 + k for k in matched]
    assert pairs["place_cell_a"].all()
    assert pairs["place_cell_b"].tolist() == [k != 0 for k in matched]
    np.testing.assert_array_equal(pairs["peak_a_cm"], 2 * (peaks[matched] % N_BINS) + 1)
    same = pairs["unit_id_a"] != 1
    np.testing.assert_array_equal(pairs["peak_a_cm"][same], pairs["peak_b_cm"][same])
    np.testing.assert_allclose(pairs["map_r"][same], 1, atol=1e-5)
    assert pairs["map_r"][~same].item() < 0

    row = summary.iloc[0]
    counts = row[["n_matched", "n_place_a", "n_place_b", "n_place_both"]]
    assert counts.tolist() == [46, 48, 46, 45]
    assert row["map_r_median"] == pytest.approx(1, abs=1e-5)
    assert row["map_r_mean"] == pytest.approx(pairs["map_r"][1:].mean(), abs=1e-5)
    assert abs(row["map_r_any_two"]) < 0.1
    assert row["residual_px"] < 0.1

    at = control.set_index(["shift_height_px", "shift_width_px"])
    assert at.loc[(0, 0), "n_matched"] == 46  # cell 3 as well, by its place
    assert at.loc[(0, 0), "r_mean"] == pytest.approx((45 + pairs["map_r"][0]) / 46, abs=0.05)
    for shift in ((2, 0), (0, -3), (-2, 2)):
        assert at.loc[shift, "n_matched"] == 46
        assert at.loc[shift, "r_mean"] > 0.9
    for shift in ((14, 0), (0, 14), (0, -14), (-14, 14)):  # onto their neighbours
        assert at.loc[shift, "n_matched"] > 30
        assert abs(at.loc[shift, "r_mean"]) < 0.25
    assert at.loc[(7, 7), "n_matched"] == 0  # between the cells
    assert np.isnan(at.loc[(7, 7), "r_mean"])


def test_days_without_maps_of_one_shape_are_refused(write_day, across):
    days, mappings, _ = three_days(write_day)
    with pytest.raises(InputError, match=r"no two of its sessions \(day1, day3\)"):
        across({name: days[name] for name in ("day1", "day3")}, mappings)
