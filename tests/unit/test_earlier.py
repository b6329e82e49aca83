"""Results of other programs: read, checked, and written as a store of units."""

import tracemalloc
import warnings
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import xarray as xr
import zarr
from scipy import sparse

import import_units
from scopeflow.curate import Labels, write_curated
from scopeflow.earlier.reading import read_earlier
from scopeflow.errors import InputError
from scopeflow.export.dictionary import dictionary
from scopeflow.export.hdf5 import write_hdf5
from scopeflow.export.minian import write_minian
from scopeflow.export.nwb import write_nwb
from scopeflow.export.source import Source
from scopeflow.export.tables import write_tables
from scopeflow.stores import new_store

SHARED = Path(__file__).parents[3] / "shared" / "data" / "minian_demo" / "minian_units.npz"
HEIGHT, WIDTH, N_UNITS, N_FRAMES, FPS = 21, 30, 5, 400, 20.0
G = np.array([1.6, -0.62])


class Truth:
    """Cells of known footprints, traces and model; scales are not those of Scopeflow."""

    def __init__(self):
        rng = np.random.default_rng(1)
        self.A = np.zeros((N_UNITS, HEIGHT, WIDTH), np.float32)
        for k in range(N_UNITS):
            self.A[k, 2 + 3 * k : 6 + 3 * k, 3 + 4 * k : 10 + 4 * k] = rng.uniform(
                0.01, 0.1, (4, 7)
            )
        self.S = (rng.uniform(size=(N_UNITS, N_FRAMES)) < 0.03) * rng.uniform(
            100, 900, (N_UNITS, N_FRAMES)
        )
        self.C = np.zeros((N_UNITS, N_FRAMES))
        for t in range(N_FRAMES):
            self.C[:, t] = self.S[:, t] + sum(
                G[lag - 1] * self.C[:, t - lag] for lag in (1, 2) if t >= lag
            )
        self.b0 = np.linspace(10, 50, N_UNITS)
        self.noise = rng.normal(0, 30, self.C.shape)
        self.peak = self.A.max(axis=(1, 2))


@pytest.fixture
def truth():
    return Truth()


def write_minian_dataset(folder, arrays, coords=None):
    """Write arrays as `save_minian` does: a store of format 2 for each."""
    dims = {3: ("unit_id", "height", "width"), 2: ("unit_id", "frame")}
    other = {"motion": ("frame", "shift_dim"), "max_proj": ("height", "width"), "f": ("frame",)}
    folder.mkdir(exist_ok=True)
    for name, values in arrays.items():
        by = other.get(name, dims.get(np.ndim(values)))
        labels = {dim: np.arange(n) for dim, n in zip(by, np.shape(values), strict=True)}
        labels |= {key: v for key, v in (coords or {}).items() if v[0] in by or key in by}
        array = xr.DataArray(values, dims=by, coords=labels, name=name)
        array.assign_coords(animal="m1", session="s1").to_dataset().to_zarr(
            folder / f"{name}.zarr", mode="w", zarr_format=2
        )
    return folder


def minian(folder, truth, **changes):
    b0 = np.repeat(truth.b0[:, None], N_FRAMES, axis=1)
    arrays = {
        "A": truth.A, "C": truth.C, "S": truth.S, "b0": b0, "c0": 0 * b0,
        "motion": np.ones((N_FRAMES, 2)), "max_proj": truth.A.max(axis=0),
    }  # fmt: skip
    return write_minian_dataset(folder / "minian", {**arrays, **changes})


def caiman(folder, truth, **changes):
    """Write an HDF5 file after the documented layout of CaImAn's `save`."""
    columns = truth.A.reshape(N_UNITS, HEIGHT, WIDTH).transpose(0, 2, 1).reshape(N_UNITS, -1).T
    A = sparse.csc_matrix(columns)  # pixels in order of the columns of the image
    total = truth.C + truth.b0[:, None]
    values = {
        "A/data": A.data, "A/indices": A.indices, "A/indptr": A.indptr, "A/shape": A.shape,
        "C": total, "S": truth.S, "YrA": truth.noise, "bl": truth.b0, "c1": np.zeros(N_UNITS),
        "g": np.tile(G, (N_UNITS, 1)), "dims": [HEIGHT, WIDTH], "idx_components": [0, 2, 3],
        "Cn": truth.A.max(axis=0), "r_values": np.linspace(0, 1, N_UNITS), "f": "NoneType",
        "b": "NoneType", "cnn_preds": "NoneType", **changes,
    }  # fmt: skip
    path = folder / "result.hdf5"
    with h5py.File(path, "w") as file:
        for name, value in values.items():
            if value is not None:
                file[f"estimates/{name}"] = value
        file["params/data/fr"] = 20
        file["params/data/dims"] = [HEIGHT, WIDTH]
    return path


def archive(folder, truth, **changes):
    A = sparse.csr_matrix(truth.A.reshape(N_UNITS, -1))
    parts = {
        "A_data": A.data, "A_indices": A.indices, "A_indptr": A.indptr, "A_shape": A.shape,
        "shape": (HEIGHT, WIDTH), "C": truth.C, "S": truth.S, **changes,
    }  # fmt: skip
    np.savez(folder / "units.npz", **{k: v for k, v in parts.items() if v is not None})
    return folder / "units.npz"


def netcdf(folder, truth):
    with h5py.File(folder / "minian.nc", "w") as file:
        for name in ("A", "C", "S"):
            file[name] = getattr(truth, name)
        file["unit_id"] = np.arange(N_UNITS)
    return folder / "minian.nc"


def take_over(path, tmp_path, fps_hz=FPS):
    """Run the rule and return the store."""
    smk = SimpleNamespace(
        input=SimpleNamespace(earlier=str(path)),
        output=SimpleNamespace(units=str(tmp_path / "units.zarr")),
        params=SimpleNamespace(
            settings={"session": {"session": "s1", "animal": "m1", "fps_hz": fps_hz}}
        ),
        wildcards=SimpleNamespace(session="s1", variant="default"),
    )
    import_units.main(smk)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return xr.open_zarr(tmp_path / "units.zarr")


@pytest.mark.parametrize("write", [minian, caiman, archive, netcdf])
def test_units_are_taken_over_in_our_scale_and_form(tmp_path, truth, write):
    units = take_over(write(tmp_path, truth), tmp_path)
    peak = truth.peak[:, None]
    np.testing.assert_allclose(units["A"], truth.A / peak[..., None], rtol=1e-5)
    np.testing.assert_allclose(units["C"], truth.C * peak, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(units["g"], np.tile(G, (N_UNITS, 1)), rtol=1e-4)
    # S is the height of the transient: the first one, alone at first, rises to it.
    k = int(np.argmax([np.ptp(np.flatnonzero(s)[:2]) for s in truth.S]))
    first, second = np.flatnonzero(truth.S[k])[:2]
    rise = units["C"][k, first:second].max() - units["C"][k, max(first - 1, 0)]
    np.testing.assert_allclose(units["S"][k, first], rise, rtol=0.02)
    np.testing.assert_allclose(units["time_s"], np.arange(N_FRAMES) / FPS)
    slow = np.roots([1, *-G]).max()
    np.testing.assert_allclose(units["tau_decay_s"], -1 / (FPS * np.log(slow)), rtol=1e-3)
    assert {"b", "f", "motion", "max_proj", "snr", "sigma", "accepted"} <= set(units)
    assert units.attrs["recording"]["software"] in ("Minian", "CaImAn")


def test_of_caiman_baseline_raw_trace_and_verdict_are_taken(tmp_path, truth):
    units = take_over(caiman(tmp_path, truth), tmp_path, fps_hz=None)
    assert units.attrs["fps_hz"] == 20
    np.testing.assert_allclose(units["b0"], truth.b0 * truth.peak, rtol=1e-5)
    raw = (truth.C + truth.b0[:, None] + truth.noise) * truth.peak[:, None]
    np.testing.assert_allclose(units["YrA"], raw, rtol=1e-4, atol=1e-3)
    assert (units["sigma"] > 0.9 * 30 * truth.peak).all()  # the fast part of C is in it
    np.testing.assert_array_equal(units["accepted"], [1, 0, 1, 1, 0])
    np.testing.assert_allclose(units["caiman_spatial_r"], np.linspace(0, 1, N_UNITS), rtol=1e-6)


def test_of_caiman_what_was_not_computed_is_unknown(tmp_path, truth):
    less = dict.fromkeys(("S", "YrA", "bl", "c1", "idx_components", "Cn"), None)
    total = truth.C
    units = take_over(caiman(tmp_path, truth, C=total, **less), tmp_path)
    assert np.isnan(units["YrA"]).all()
    assert np.isnan(units["snr"]).all()
    assert (units["accepted"] == 1).all()
    assert float(units["max_proj"].max()) > 0
    np.testing.assert_allclose(
        units["S"] / units["s_scale"], truth.S * truth.peak[:, None], rtol=1e-3, atol=0.01
    )


def test_of_caiman_with_every_component_rejected_none_is_accepted(tmp_path, truth):
    units = take_over(caiman(tmp_path, truth, idx_components=np.zeros(0, np.int64)), tmp_path)
    np.testing.assert_array_equal(units["accepted"], 0)


def test_of_caiman_without_a_verdict_every_component_is_accepted(tmp_path, truth):
    units = take_over(caiman(tmp_path, truth, idx_components="NoneType"), tmp_path)
    np.testing.assert_array_equal(units["accepted"], 1)


def test_gaps_of_an_image_are_filled_with_a_word(tmp_path, truth, caplog):
    image = truth.A.max(axis=0) + 1
    image[3, 4] = np.nan
    units = take_over(caiman(tmp_path, truth, Cn=image), tmp_path)
    assert float(units["max_proj"][3, 4]) == pytest.approx(np.nanmedian(image))
    assert "1 of 630 pixels of the image of the field (max_proj) are no number" in caplog.text


def test_an_image_without_any_number_is_not_used(tmp_path, truth, caplog):
    image = np.full((HEIGHT, WIDTH), np.nan)
    units = take_over(caiman(tmp_path, truth, Cn=image), tmp_path)
    assert float(units["max_proj"].max()) > 0
    assert "(max_proj) has no pixel that is a number" in caplog.text


def test_of_minian_labels_of_its_viewer_are_taken(tmp_path, truth):
    folder = minian(tmp_path, truth)
    labels = {"unit_id": ("unit_id", [3, 4, 7, 8, 9]), "unit_labels": ("unit_id", [3, -1, 3, 8, 9])}
    write_minian_dataset(folder, {"A": truth.A}, labels)
    units = take_over(folder, tmp_path)
    np.testing.assert_array_equal(units["unit_id"], [3, 4, 7, 8, 9])
    np.testing.assert_array_equal(units["accepted"], [1, 0, 1, 1, 1])
    np.testing.assert_array_equal(units["minian_label"], [3, -1, 3, 8, 9])
    np.testing.assert_array_equal(units["motion"], 1)


def test_empty_footprints_are_left_out_with_a_word(tmp_path, truth, caplog):
    truth.A[2] = 0
    units = take_over(minian(tmp_path, truth), tmp_path)
    np.testing.assert_array_equal(units["unit_id"], [0, 1, 3, 4])
    assert "1 of 5 units have an empty footprint" in caplog.text


@pytest.mark.parametrize("write", [minian, caiman, archive])
def test_units_taken_over_are_curated_and_exported_like_ours(tmp_path, truth, write):
    take_over(write(tmp_path, truth), tmp_path)
    labels = Labels(rejected=[4], merged={0: [0, 1]})
    for name, given, n_units in (("all", Labels(), N_UNITS), ("some", labels, N_UNITS - 2)):
        with new_store(tmp_path / f"{name}.zarr") as part:
            write_curated(tmp_path / "units.zarr", part, given)
        source = Source(tmp_path / f"{name}.zarr")
        assert source.n_units == n_units
        folder = tmp_path / name
        folder.mkdir()
        write_tables(source, folder)
        write_hdf5(source, folder / "units.h5")
        write_nwb(source, folder / "s1.nwb")
        write_minian(source, folder / "minian")
        text = dictionary(source, ["csv", "minian"])
        assert "s1" in text
        assert "|  |" not in text  # a number without a meaning


@pytest.mark.parametrize(
    ("write", "changes", "words"),
    [
        (minian, {"A": -np.ones((5, 21, 30))}, "below zero"),
        (minian, {"C": np.full((5, 400), np.nan)}, r"C has values that are no number, in 5 of 5"),
        (minian, {"C": np.zeros((4, 400))}, "not of one result"),
        (minian, {"C": np.zeros((5, 20, 20))}, "3 dimensions"),
        (caiman, {"A/indices": np.full(140, 9999)}, "does not fit|not a sparse matrix"),
        (caiman, {"A/shape": (600, 5)}, "not a sparse matrix|600 pixels"),
        (caiman, {"dims": [20, 20]}, "21 x 30|400"),
        (caiman, {"C": np.zeros((3, 400))}, "estimates/C"),
        (caiman, {"C": None}, "estimates/C"),
        (caiman, {"YrA": np.zeros((5, 3))}, "estimates/YrA has the shape"),
        (archive, {"C": None}, "no array C"),
        (archive, {"A_indptr": np.arange(6) * 999}, "do not fit"),
        (archive, {"S": np.zeros((5, 3))}, "S has the shape"),
    ],
)
def test_results_that_do_not_fit_are_refused_by_name(tmp_path, truth, write, changes, words):
    path = write(tmp_path, truth, **changes)
    with pytest.raises(InputError, match=words) as caught:
        read_earlier(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("write", [minian, caiman])
def test_memory_is_that_of_the_traces_in_float32(tmp_path, truth, write):
    n_units, n_frames = 160, 5000
    traces = np.random.default_rng(0).normal(9, 1, (n_units, n_frames))
    A = np.tile(truth.A, (32, 1, 1))
    if write is minian:
        given = {"A": A, "S": traces, "YrA": traces, "b0": traces, "c0": traces,
                 "motion": np.ones((n_frames, 2))}  # fmt: skip
    else:
        by_pixel = A.transpose(0, 2, 1).reshape(n_units, -1).T
        none = dict.fromkeys([f"A/{part}" for part in ("data", "indices", "indptr", "shape")])
        given = {**none, "A": by_pixel, "S": traces, "YrA": traces, "bl": np.ones(n_units),
                 "c1": np.zeros(n_units), "g": np.tile(G, (n_units, 1)), "r_values": "None",
                 "idx_components": np.arange(9)}  # fmt: skip
    path = write(tmp_path, truth, C=traces, **given)
    del given
    tracemalloc.start()
    result = read_earlier(path)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.C.dtype == result.YrA.dtype == np.float32
    # Three arrays of 4 bytes, and a chunk of units in float64; it was 56.
    assert used < 26 * traces.size


@pytest.mark.parametrize("name", ["a.hdf5", "a.npz", "a.nc", "a.txt", "empty", "broken"])
def test_what_is_no_result_is_refused_by_name(tmp_path, name):
    path = tmp_path / name
    if "." in name:
        path.write_bytes(b"not a result " * 99)
    else:
        path.mkdir()
    if name == "broken":
        (path / "A.zarr").mkdir()
    with pytest.raises(InputError, match=name):
        read_earlier(path)


def test_a_file_of_another_kind_is_no_result_of_caiman(tmp_path):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["images"] = np.zeros(3)
    with pytest.raises(InputError, match=r"no group estimates.*images"):
        read_earlier(tmp_path / "a.hdf5")


def test_an_unknown_frame_rate_is_asked_for(tmp_path, truth):
    with pytest.raises(InputError, match="fps_hz"):
        take_over(minian(tmp_path, truth), tmp_path, fps_hz=None)
    assert not list(tmp_path.glob("*units.zarr*"))


def test_our_own_export_for_minian_comes_back(tmp_path, write_units):
    ours = Source(write_units(n_units=6, n_frames=500))
    write_minian(ours, tmp_path / "minian")
    (tmp_path / "back").mkdir()
    units = take_over(tmp_path / "minian", tmp_path / "back")
    for name in ("A", "C", "YrA", "b", "f", "motion"):
        np.testing.assert_allclose(
            units[name], ours.group[name][...], rtol=2e-3, atol=1e-3, err_msg=name
        )
    driving = ours.group["S"][...] / ours.group["s_scale"][:][:, None]
    np.testing.assert_allclose(units["S"] / units["s_scale"], driving, rtol=2e-3, atol=1e-3)
    np.testing.assert_array_equal(units["accepted"], ours.group["accepted"][:])


@pytest.mark.skipif(not SHARED.is_file(), reason=f"{SHARED} is not there")
def test_a_real_result_of_minian_is_taken_over(tmp_path):
    units = take_over(SHARED, tmp_path, fps_hz=6.0)
    assert units.sizes == {"unit_id": 410, "height": 480, "width": 752, "frame": 2000,
                           "lag": 2, "shift_dim": 2}  # fmt: skip
    np.testing.assert_allclose(units["A"].max(("height", "width")), 1)
    assert float(np.nanmedian(units["tau_decay_s"])) > 0.1
    assert zarr.open_group(tmp_path / "units.zarr")["max_proj"][...].max() == 39
