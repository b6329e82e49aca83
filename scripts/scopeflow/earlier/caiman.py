"""Results of CaImAn, as its method ``save`` writes them (HDF5)."""

from pathlib import Path

import h5py
import numpy as np
from scipy import sparse

from scopeflow.deconvolve import roots
from scopeflow.earlier.result import EarlierResult, blocks_of, traces_of
from scopeflow.errors import InputError
from scopeflow.readers.hdf5 import opened

# Numbers that CaImAn gives for each unit: name there, name and unit here.
COLUMNS = {
    "SNR_comp": ("caiman_snr", "1"),
    "r_values": ("caiman_spatial_r", "1"),
    "cnn_preds": ("caiman_cnn", "1"),
}


def read_caiman(path: Path) -> EarlierResult:
    """Read a CaImAn result.

    Parameters
    ----------
    path : Path
        HDF5 file with the group ``estimates``.

    Notes
    -----
    Footprints are columns of a sparse matrix there, over pixels in order of *columns* of the
    image; C holds the baseline ``bl`` and the first decay ``c1`` as well, which are taken off
    here; YrA is what remains, to which C is added for the raw trace.

    Raises
    ------
    InputError
        If it is no such file, or a part that is needed is missing.
    """
    with opened(path) as file:
        if "estimates" not in file:
            raise InputError(
                f"{path}: there is no group estimates, as CaImAn writes it; found: "
                f"{', '.join(file) or 'nothing'}. Save with cnm.save('result.hdf5')."
            )
        estimates = file["estimates"]
        shape = _shape(path, file, estimates)
        A = _footprints(path, estimates, shape)
        total = _numbers(estimates, "C")
        if total is None or not total.size or total.ndim != 2 or len(total) != A.shape[0]:
            raise InputError(
                f"{path}: estimates/C is missing or not (unit, frame) with {A.shape[0]} units."
            )
        n_units, n_frames = total.shape
        g = _coefficients(_read(estimates, "g"), n_units)
        b0, c0 = (_by_unit(_read(estimates, name), n_units) for name in ("bl", "c1"))
        C, YrA = _traces(path, estimates, b0, c0, g)
        S = _numbers(estimates, "S")
        S = None if S is None or not S.size else traces_of(S)
        image = _read(estimates, "Cn")
        b, f = _background(estimates, shape, n_frames)
        return EarlierResult(
            path, "CaImAn", A, shape, C, S, np.arange(n_units),
            YrA=YrA, b0=b0, c0=c0, g=g,
            accepted=_accepted(estimates, n_units), b=b, f=f,
            max_proj=image if image is not None and image.shape == shape else None,
            fps_hz=_rate(file), columns=_columns(estimates, n_units),
        )  # fmt: skip


def _read(group: h5py.Group, name: str) -> np.ndarray | None:
    """Return an array of numbers, or None where there is none, or an empty one."""
    data = _numbers(group, name)
    return None if data is None or data.size == 0 else np.asarray(data[...], dtype=np.float64)


def _numbers(group: h5py.Group, name: str) -> h5py.Dataset | None:
    """Return a data set of numbers, or None: what was not computed stands there as a text."""
    data = group.get(name)
    return data if isinstance(data, h5py.Dataset) and data.dtype.kind in "iufb" else None


def _shape(path: Path, file: h5py.File, estimates: h5py.Group) -> tuple[int, int]:
    for group, name in ((estimates, "dims"), (file, "dims"), (file, "params/data/dims")):
        dims = _read(group, name)
        if dims is not None and dims.size >= 2:
            return int(dims.ravel()[0]), int(dims.ravel()[1])
    raise InputError(
        f"{path}: the size of the image (dims) is not told. Save the result again with "
        "estimates.dims set."
    )


def _footprints(path: Path, estimates: h5py.Group, shape: tuple[int, int]) -> sparse.csr_array:
    height, width = shape
    group = estimates.get("A")
    if isinstance(group, h5py.Group):
        try:
            parts = tuple(group[name][...] for name in ("data", "indices", "indptr"))
            A = sparse.csc_array(parts, shape=tuple(int(n) for n in group["shape"][...]))
            A.check_format(full_check=True)
        except (KeyError, ValueError, IndexError) as error:
            raise InputError(
                f"{path}: estimates/A is not a sparse matrix that fits together ({error})."
            ) from error
    elif isinstance(group, h5py.Dataset) and group.ndim == 2:
        A = sparse.csc_array(group[...])
    else:
        raise InputError(f"{path}: there is no matrix estimates/A of footprints.")
    if A.shape[0] != height * width:
        raise InputError(
            f"{path}: estimates/A has {A.shape[0]} pixels, but the image has {height} x {width} = "
            f"{height * width}."
        )
    pixel = np.arange(height * width).reshape(shape, order="F").ravel()
    return sparse.csr_array(A.T.tocsr()[:, pixel]).astype(np.float32)


def _coefficients(g: np.ndarray | None, n_units: int) -> np.ndarray | None:
    if g is None or g.shape[0] != n_units:
        return None
    g = g.reshape(n_units, -1)[:, :2]
    return np.pad(g, ((0, 0), (0, 2 - g.shape[1])))


def _by_unit(values: np.ndarray | None, n_units: int) -> np.ndarray | None:
    return None if values is None or values.size != n_units else values.ravel()


def _traces(path, estimates: h5py.Group, b0, c0, g) -> tuple[np.ndarray, np.ndarray | None]:
    """Return calcium without baseline and first decay, and the raw traces, float32."""
    total, residual = estimates["C"], _numbers(estimates, "YrA")
    if residual is not None and residual.size and residual.shape != total.shape:
        raise InputError(
            f"{path}: estimates/YrA has the shape {residual.shape}, but estimates/C "
            f"{total.shape}. The parts are not of one result: save it again."
        )
    C = np.empty(total.shape, np.float32)
    YrA = np.empty(total.shape, np.float32) if residual is not None and residual.size else None
    for units in blocks_of(total):
        part = total[units].astype(np.float64)
        if YrA is not None:
            YrA[units] = part + residual[units]
        own = (None if values is None else values[units] for values in (b0, c0, g))
        C[units] = part - _smooth_part(*own, total.shape[1])
    return C, YrA


def _smooth_part(b0, c0, g, n_frames: int) -> np.ndarray | float:
    """Return baseline and first decay as they are in CaImAn's C."""
    part = 0.0 if b0 is None else b0[:, None]
    if c0 is None or g is None:
        return part
    slow = np.array([roots(row)[0] for row in g])
    return part + c0[:, None] * np.clip(slow, 0, 1)[:, None] ** np.arange(n_frames)


def _background(estimates, shape, n_frames) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return image and course of the background where it is of rank one, or a mean image."""
    b, f = _read(estimates, "b"), _read(estimates, "f")
    n_pixels = shape[0] * shape[1]
    if b is not None and f is not None and b.size == n_pixels and f.size == n_frames:
        return b.ravel().reshape(shape, order="F"), f.ravel()
    mean = _read(estimates, "b0")
    if mean is not None and mean.size == n_pixels:
        return mean.ravel().reshape(shape, order="F"), np.ones(n_frames)
    return None, None


def _accepted(estimates: h5py.Group, n_units: int) -> np.ndarray | None:
    chosen = _numbers(estimates, "idx_components")
    if chosen is None or chosen.shape is None:
        return None
    # An empty one is a verdict, too: every component was rejected.
    return np.isin(np.arange(n_units), np.asarray(chosen[...]).astype(np.int64).ravel())


def _columns(estimates: h5py.Group, n_units: int) -> dict:
    found = {}
    for name, (ours, unit) in COLUMNS.items():
        values = _read(estimates, name)
        if values is not None and values.size == n_units:
            found[ours] = (values.ravel().astype(np.float32), unit)
    return found


def _rate(file: h5py.File) -> float | None:
    if "params/data/fr" not in file:
        return None
    try:
        rate = float(np.asarray(file["params/data/fr"][()]).item())
    except (TypeError, ValueError):
        return None
    return rate if rate > 0 else None
