"""The rule `place_cells` from tables to maps: two cameras with clocks of their own."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import zarr

from scopeflow.plan.settings import fill, read_schema

SCRIPT = Path(__file__).parents[2] / "scripts" / "place_cells.py"
FPS, CAMERA_HZ = 20.0, 30.0
START_S = 3.7  # of the behavior camera, after the miniscope's
N_FRAMES = 4000


def along_at(time_s):
    """Place on a track of 100 cm, some 4 s each way, no run like the other."""
    phase = time_s / 4 + 0.6 * np.sin(time_s / 7)
    return 100 * np.abs((phase + 1) % 2 - 1)


@pytest.fixture
def run(tmp_path, write_units):
    """Run the script on a session whose unit 0 fires at 30 cm on the way to the end."""

    def run_it(table: str, stamps: bool = True, v3: bool = False, **settings):
        units = write_units(n_units=3, n_frames=N_FRAMES)
        group = zarr.open_group(units, mode="r+")
        clock = {"start_ms": 52.0, "n_stamps": N_FRAMES} if stamps else {}
        group.attrs.update({"contents": {}, "clock": clock})  # its files get other sizes below
        time_s = np.arange(N_FRAMES) / FPS
        along, ahead = along_at(time_s), along_at(time_s + 0.01) > along_at(time_s)
        S = np.zeros((3, N_FRAMES), np.float32)
        S[0] = 20 * (np.exp(-((along - 30) ** 2) / 50) > np.random.default_rng(0).random(N_FRAMES))
        S[0, ~ahead] = 0
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
        section = read_schema("config")["properties"]["place_cells"]
        wanted = fill({"n_shifts": 99, **settings}, section)
        spec = importlib.util.spec_from_file_location("place_cells_rule", SCRIPT)
        script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(script)
        script.main(SimpleNamespace(
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
