"""Two results of one recording side by side, as in the paper's figure 17."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import linear_sum_assignment

from scopeflow.errors import InputError
from scopeflow.footprints import centroids, normalized, read_footprints
from scopeflow.intact import open_store
from scopeflow.metrics import footprint_correlations, register, row_correlations, shifted

DISTANCE_MAX_PX, FOOTPRINT_R_MIN = 15.0, 0.5  # of a match
KEYS = ("shape", "A_data", "A_indices", "A_indptr", "A_shape", "C")


@dataclass(frozen=True)
class Result:
    """Footprints (unit_id, pixel; largest value 1) and calcium traces (unit_id, frame)."""

    A: sparse.csr_array
    C: np.ndarray
    shape: tuple[int, int]


def read_result(path: str | Path, step: int = 1) -> Result:
    """Read a ``units.zarr``, or footprints and traces of another program.

    Parameters
    ----------
    path : str or Path
        A store of units, or an ``.npz`` with ``C`` (unit, frame), ``shape`` (height, width)
        and footprints as a sparse matrix over pixels: ``A_data``, ``A_indices``,
        ``A_indptr``, ``A_shape``.
    step : int, optional
        Only every so many frames of the traces are used.

    Raises
    ------
    InputError
        If the file is missing or holds something else.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"compare: there is no {path}. Correct the path.")
    if path.suffix == ".npz":
        with np.load(path) as file:
            missing = [key for key in KEYS if key not in file]
            if missing:
                raise InputError(f"compare: {path} lacks {', '.join(missing)}.")
            matrix = (file["A_data"], file["A_indices"], file["A_indptr"])
            A = sparse.csr_array(matrix, shape=tuple(file["A_shape"]))
            A, peak = normalized(A)
            height, width = file["shape"].tolist()
            return Result(A, file["C"][:, ::step] * peak[:, None], (height, width))
    A, shape = read_footprints(str(path))
    return Result(A, open_store(path)["C"][:, ::step], shape)


def match(first: Result, second: Result) -> tuple[pd.DataFrame, np.ndarray]:
    """Match the units of two results one to one by their footprints.

    Parameters
    ----------
    first, second : Result
        Of the same image size. The frames that both have are compared.

    Returns
    -------
    matches : DataFrame
        ``first``, ``second`` (positions of units), ``distance_px``, ``footprint_r`` and
        ``calcium_r``.
    offset : ndarray of float64, shape (2,)
        Shift in px that moves the first onto the second.

    Raises
    ------
    InputError
        If the image sizes differ.
    """
    if first.shape != second.shape:
        raise InputError(f"compare: images of {first.shape} and {second.shape} px do not compare.")
    offset = register(_summed(first), _summed(second))
    A = shifted(first.A, offset, first.shape)
    places = [centroids(a, first.shape) for a in (A, second.A)]
    distance = np.linalg.norm(places[0][:, None] - places[1], axis=2)
    agreement = footprint_correlations(A, second.A)
    allowed = (distance < DISTANCE_MAX_PX) & (agreement > FOOTPRINT_R_MIN)
    i, j = linear_sum_assignment(np.where(allowed, agreement, 0), maximize=True)
    i, j = i[allowed[i, j]], j[allowed[i, j]]
    n = min(first.C.shape[1], second.C.shape[1])
    table = {
        "first": i,
        "second": j,
        "distance_px": distance[i, j],
        "footprint_r": agreement[i, j],
        "calcium_r": row_correlations(first.C[i, :n], second.C[j, :n]),
    }
    return pd.DataFrame(table), offset


def summary(first: Result, second: Result, matches: pd.DataFrame) -> dict[str, float]:
    """Return numbers of units and matches, F1, and the quartiles of the correlations."""
    n = [first.A.shape[0], second.A.shape[0]]
    row: dict[str, float] = {"n_first": n[0], "n_second": n[1], "n_matched": len(matches)}
    row["f1"] = 2 * len(matches) / max(sum(n), 1)
    for name in ("footprint_r", "calcium_r"):
        for label, q in (("median", 0.5), ("q25", 0.25), ("q75", 0.75)):
            row[f"{name}_{label}"] = matches[name].quantile(q) if len(matches) else np.nan
    return row


def _summed(result: Result) -> np.ndarray:
    if not result.A.shape[0]:
        return np.zeros(result.shape)
    return np.asarray(result.A.sum(axis=0)).reshape(result.shape)
