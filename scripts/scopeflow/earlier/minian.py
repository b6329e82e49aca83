"""Results of Minian: a folder of zarr stores, a netCDF file, or its arrays in a NumPy archive."""

from collections.abc import Callable, Mapping
from pathlib import Path

import h5py
import numpy as np
import zarr
from scipy import sparse

from scopeflow.earlier.result import UNITS_AT_ONCE, EarlierResult, blocks_of, traces_of
from scopeflow.errors import InputError
from scopeflow.readers.base import reason

NEEDED = ("A", "C")
DROPPED_LABEL = -1  # of a unit that a person dropped in Minian's viewer


def read_minian(path: Path) -> EarlierResult:
    """Read a Minian dataset, as `minian.utilities.save_minian` leaves it.

    Parameters
    ----------
    path : Path
        A folder with a store for each array (``A.zarr``, ``C.zarr``, ...), or a netCDF file
        with all of them.

    Raises
    ------
    InputError
        If an array that is needed is missing or cannot be read.
    """
    if path.is_dir():
        return _from_arrays(path, _Folder(path))
    try:
        with h5py.File(path, "r") as file:
            return _from_arrays(path, file)
    except OSError as error:
        raise InputError(
            f"{path}: not readable as netCDF 4 ({reason(error)}). Give the folder of the Minian "
            "dataset, or save it again."
        ) from error


class _Folder(Mapping):
    """The arrays and coordinates of a folder of stores, by name; an array goes before."""

    def __init__(self, path: Path) -> None:
        self._found = {}
        stores = sorted(entry for entry in path.iterdir() if entry.suffix == ".zarr")
        for store in stores:
            try:
                arrays = dict(zarr.open_group(store, mode="r").arrays())
            except (OSError, ValueError, KeyError) as error:
                raise InputError(
                    f"{store}: not readable as a zarr store ({reason(error)}). Save it again, or "
                    "take it out of the folder."
                ) from error
            main = arrays.pop(store.stem, None)
            if main is not None:
                self._found[store.stem] = main
            for name, array in arrays.items():
                self._found.setdefault(name, array)

    def __getitem__(self, name: str):
        return self._found[name]

    def __iter__(self):
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def _from_arrays(path: Path, arrays: Mapping) -> EarlierResult:
    for name in NEEDED:
        if name not in arrays:
            found = ", ".join(sorted(arrays)) or "nothing"
            raise InputError(
                f"{path}: there is no array {name}; found: {found}. Give the folder that Minian's "
                "last save_minian wrote to."
            )
    if arrays["A"].ndim != 3 or arrays["C"].ndim != 2:
        raise InputError(
            f"{path}: A has {arrays['A'].ndim} dimensions and C {arrays['C'].ndim}; needed are "
            "(unit_id, height, width) and (unit_id, frame)."
        )
    n_units, *shape = arrays["A"].shape
    blocks = [
        sparse.csr_array(
            np.asarray(arrays["A"][k : k + UNITS_AT_ONCE], np.float32).reshape(-1, np.prod(shape))
        )
        for k in range(0, n_units, UNITS_AT_ONCE)
    ]
    empty = sparse.csr_array((0, int(np.prod(shape))), dtype=np.float32)
    A = sparse.csr_array(sparse.vstack(blocks, format="csr")) if blocks else empty

    def read(name: str) -> np.ndarray | None:
        return np.asarray(arrays[name][...], np.float64) if name in arrays else None

    unit_id = read("unit_id")
    unit_id = np.arange(n_units) if unit_id is None else unit_id.astype(np.int64)
    labels = read("unit_labels")
    columns = {}
    if labels is not None and len(labels) == n_units:
        labels = np.nan_to_num(labels, nan=DROPPED_LABEL).astype(np.int64)
        columns["minian_label"] = (labels, "1")
    traces = {name: traces_of(arrays[name]) for name in ("C", "S", "YrA") if name in arrays}
    motion = read("motion")
    return EarlierResult(
        path, "Minian", A, (int(shape[0]), int(shape[1])), traces["C"], traces.get("S"), unit_id,
        YrA=traces.get("YrA"),
        # Both are kept for every frame there: a constant, and a decay from the first on.
        b0=_by_unit(arrays, "b0", lambda values: np.median(values, axis=1)),
        c0=_by_unit(arrays, "c0", lambda values: values[:, 0]),
        accepted=columns["minian_label"][0] != DROPPED_LABEL if columns else None,
        b=read("b"), f=read("f"), max_proj=read("max_proj"),
        motion=None if motion is None or motion.ndim != 2 else motion,
        columns=columns,
    )  # fmt: skip


def _by_unit(arrays: Mapping, name: str, reduce: Callable) -> np.ndarray | None:
    """Return one number for each unit, of an array with one for each unit and frame."""
    if name not in arrays:
        return None
    array = arrays[name]
    parts = (np.asarray(array[units], np.float64) for units in blocks_of(array))
    reduced = [reduce(part.reshape(len(part), -1)) for part in parts]
    return np.concatenate([np.zeros(0), *reduced])


def read_archive(path: Path) -> EarlierResult:
    """Read Minian's arrays from a NumPy archive with sparse footprints.

    Parameters
    ----------
    path : Path
        An ``.npz`` file with ``A_data``, ``A_indices``, ``A_indptr``, ``A_shape`` (unit, pixel by
        rows of the image), ``shape`` (height, width), ``C``, and ``S``, ``shifts`` and
        ``max_proj`` if they are known.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: not readable as a NumPy archive ({reason(error)}).") from error
    needed = ("A_data", "A_indices", "A_indptr", "A_shape", "shape", "C")
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise InputError(
            f"{path}: there is no array {missing[0]}; found: {', '.join(sorted(arrays))}. Needed "
            f"are {', '.join(needed)}."
        )
    parts = tuple(arrays[name] for name in needed[:3])
    height, width = (int(n) for n in arrays["shape"])
    try:
        A = sparse.csr_array(parts, shape=tuple(int(n) for n in arrays["A_shape"]))
        A.check_format(full_check=True)
    except ValueError as error:
        raise InputError(f"{path}: A_data, A_indices, A_indptr do not fit ({error}).") from error
    C = arrays["C"].astype(np.float32)
    return EarlierResult(
        path, "Minian", A.astype(np.float32), (height, width), C,
        arrays["S"].astype(np.float32) if "S" in arrays else None, np.arange(len(C)),
        motion=arrays.get("shifts"), max_proj=arrays.get("max_proj"),
    )  # fmt: skip
