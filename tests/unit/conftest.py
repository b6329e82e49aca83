"""Stores of units as the workflow writes them."""

import numpy as np
import pytest

from scopeflow.stores import create, new_store, put

SHEET_ROW = {
    "session": "day1", "animal": "m1", "path": "data/day1", "date": "2026-05-01T10:30:00",
    "species": "Mus musculus", "age": "P90D", "sex": "female", "location": "CA1",
    "indicator": "GCaMP6f", "excitation_nm": "470", "emission_nm": "525",
    "experimenter": "Doe, Jane", "lab": "Doe", "institution": "Uni", "experiment": "maze",
    "device": "Miniscope V4", "genotype": "wild type", "date_of_birth": "2026-02-01",
}  # fmt: skip


@pytest.fixture
def write_units(tmp_path):
    """Return a function that writes a store of units and returns its path."""

    def write(
        n_units=70, n_frames=5000, time_s=None, row=SHEET_ROW, cnmf_movie="unfiltered",
        shape=(14, 18),
    ):  # fmt: skip
        rng = np.random.default_rng(n_units)
        height, width = shape
        A = np.zeros((n_units, height, width), np.float32)
        for k in range(n_units):
            A[k, k % 10 : k % 10 + 3, k % 13 : k % 13 + 4] = rng.uniform(0.1, 0.9, (3, 4))
            A[k, k % 10 + 1, k % 13 + 1] = 1
        g = np.tile([1.6, -0.62], (n_units, 1))
        S = (rng.uniform(size=(n_units, n_frames)) < 0.01) * rng.uniform(
            20, 90, (n_units, n_frames)
        )
        C = np.zeros((n_units, n_frames))
        for t in range(n_frames):
            for lag in (1, 2):
                if t >= lag:
                    C[:, t] += g[:, lag - 1] * C[:, t - lag]
            C[:, t] += S[:, t] / 2
        YrA = C + rng.normal(5, 3, C.shape)
        good = np.ones(n_frames, np.uint8)
        good[20:23] = 0
        YrA[:, 20:23] = np.nan
        parameters = {"session": row, "preprocess": {"cnmf_movie": cnmf_movie}}
        path = tmp_path / "units.zarr"
        with new_store(path) as part:
            out = create(
                part, package_version="0", session=row["session"], variant="default", fps_hz=20.0,
                parameters=parameters, computed_by={"apply_motion": "default"}, warnings=[],
                lineage={"3": [3, 90]}, versions={}, conventions={}, coordinates="time_s",
            )  # fmt: skip
            put(out, "unit_id", 2 * np.arange(n_units) + 1, ("unit_id",))
            time_s = np.arange(n_frames) / 20 if time_s is None else time_s
            put(out, "time_s", time_s, ("frame",), units="s")
            put(out, "frame_good", good, ("frame",))
            put(out, "A", A, ("unit_id", "height", "width"), units="1")
            for name, values in {"C": C, "S": S, "YrA": YrA}.items():
                array = out.create_array(
                    name, shape=C.shape, dtype=np.float32, chunks=(64, 4096),
                    dimension_names=("unit_id", "frame"),
                )  # fmt: skip
                array[...] = values
            ones = np.ones(n_units, np.float32)
            for name, value in {
                "b0": 5, "c0": 0, "sigma": 3, "s_scale": 2, "snr": 9, "spatial_r": 0.5,
                "size_px": 12, "diameter_px": 4, "accepted": 0, "tau_decay_s": 1, "tau_rise_s": 0.1,
                "centroid_height": 5, "centroid_width": 5,
            }.items():  # fmt: skip
                put(out, name, value * ones, ("unit_id",), units="1")
            put(out, "g", g, ("unit_id", "lag"))
            for name in ("b", "glow", "max_proj"):
                image = rng.uniform(1, 50, (height, width)).astype(np.float32)
                put(out, name, image, ("height", "width"), units="counts")
            f = rng.normal(1, 0.1, n_frames).astype(np.float32)
            put(out, "f", f, ("frame",), units="1")
            motion = rng.normal(0, 1, (n_frames, 2)).astype(np.float32)
            put(out, "motion", motion, ("frame", "shift_dim"), units="px")
        return path

    return write
