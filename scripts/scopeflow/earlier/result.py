"""What is taken from the result of another program, in one form, and checked."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import sparse

from scopeflow.cross_registration.pictures import filled
from scopeflow.errors import InputError
from scopeflow.footprints import normalized

UNITS_AT_ONCE = 16  # in float64, while traces or footprints are read
MEASURED = ("A", "C", "S", "YrA", "b0", "c0", "g")
IMAGES = {"b": "background image", "max_proj": "image of the field"}


@dataclass
class EarlierResult:
    """The units of a session by another program; scales are the program's own.

    Attributes
    ----------
    path : Path
        Where it is from.
    program : str
        Whose it is.
    A : csr_array of float, shape (unit_id, pixel)
        Footprints, pixel = row * width + column.
    shape : tuple of int
        (height, width) of the image in px.
    C, S : ndarray of float, shape (unit_id, frame)
        Calcium without baseline, and G C or what drives it; S is None where it is not known.
    YrA : ndarray of float, shape (unit_id, frame), or None
        Raw traces, baseline included.
    unit_id : ndarray of int, shape (unit_id,)
        Labels.
    b0, c0 : ndarray of float, shape (unit_id,)
        Baseline, and what was decaying at the start.
    g : ndarray of float, shape (unit_id, 2), or None
        Autoregressive coefficients.
    accepted : ndarray of bool, shape (unit_id,)
        By that program, or by the person who used it.
    b, f, motion, max_proj : ndarray or None
        Background image and its course, correction applied (frame, 2), an image of the field.
    fps_hz : float or None
        Frame rate.
    columns : dict
        Further numbers for each unit: (values, unit).
    notes : list of str
        What the user should know.
    """

    path: Path
    program: str
    A: sparse.csr_array
    shape: tuple[int, int]
    C: np.ndarray
    S: np.ndarray | None
    unit_id: np.ndarray
    YrA: np.ndarray | None = None
    b0: np.ndarray | None = None
    c0: np.ndarray | None = None
    g: np.ndarray | None = None
    accepted: np.ndarray | None = None
    b: np.ndarray | None = None
    f: np.ndarray | None = None
    motion: np.ndarray | None = None
    max_proj: np.ndarray | None = None
    fps_hz: float | None = None
    columns: dict = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def n_units(self) -> int:
        """Number of units."""
        return self.C.shape[0]

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return self.C.shape[1]


def traces_of(array) -> np.ndarray:
    """Return an array of a file (HDF5, zarr or NumPy) as float32, read some units at a time."""
    traces = np.empty(array.shape, np.float32)
    for units in blocks_of(array):
        traces[units] = array[units]
    return traces


def blocks_of(array) -> Iterator[slice]:
    """Yield slices along the first axis of an array of a file; never parts of a chunk."""
    chunk = (getattr(array, "chunks", None) or (1,))[0]
    step = -(-UNITS_AT_ONCE // chunk) * chunk
    for start in range(0, array.shape[0] if array.ndim else 0, step):
        yield slice(start, start + step)


def checked(result: EarlierResult) -> EarlierResult:
    """Check a result, leave out empty footprints, and scale it to a largest value of 1.

    Returns
    -------
    EarlierResult
        A new one, which may take over the memory of the traces: max(A_k) = 1, so that C, S, YrA,
        b0 and c0 are in the movie's unit at the brightest pixel of the footprint.

    Raises
    ------
    InputError
        If sizes do not fit, or values are no numbers or negative where they cannot be.
    """
    _check_sizes(result)
    _check_values(result)
    peak = result.A.max(axis=1).toarray().ravel() if result.n_units else np.zeros(0)
    kept = np.flatnonzero(peak > 0)
    if len(kept) < result.n_units:
        result.notes.append(
            f"{result.n_units - len(kept)} of {result.n_units} units have an empty footprint and "
            "are left out"
        )
    A, peak = normalized(sparse.csr_array(result.A[kept]))
    scaled = {}
    for name in MEASURED[1:6]:
        if (value := getattr(result, name)) is not None:
            scaled[name] = value if len(kept) == len(value) else value[kept]
            scaled[name] *= peak[:, None] if value.ndim == 2 else peak
    others = {
        "unit_id": result.unit_id[kept],
        "g": None if result.g is None else result.g[kept],
        "accepted": None if result.accepted is None else result.accepted[kept],
        "columns": {name: (v[kept], unit) for name, (v, unit) in result.columns.items()},
    }
    images = {name: _image(result, name) for name in IMAGES}
    return EarlierResult(**{**vars(result), "A": A, **scaled, **others, **images})


def _image(result: EarlierResult, name: str) -> np.ndarray | None:
    """Return an image without gaps, of which the notes tell; None where it is nothing else."""
    image = getattr(result, name)
    if image is None or (n_gaps := int((~np.isfinite(image)).sum())) == 0:
        return image
    if n_gaps == image.size:
        result.notes.append(f"the {IMAGES[name]} ({name}) has no pixel that is a number: not used")
        return None
    result.notes.append(
        f"{n_gaps} of {image.size} pixels of the {IMAGES[name]} ({name}) are no number; they have "
        "the median of the others"
    )
    return filled(image)


def _check_sizes(result: EarlierResult) -> None:
    n_units, n_frames = result.C.shape
    height, width = result.shape
    wanted = {
        "A": (n_units, height * width), "S": (n_units, n_frames), "YrA": (n_units, n_frames),
        "b0": (n_units,), "c0": (n_units,), "g": (n_units, 2), "unit_id": (n_units,),
        "b": (height, width), "f": (n_frames,), "motion": (n_frames, 2),
        "max_proj": (height, width),
    }  # fmt: skip
    for name, shape in wanted.items():
        value = getattr(result, name)
        if value is not None and value.shape != shape:
            raise InputError(
                f"{result.path}: {name} has the shape {value.shape}, but C, of {n_units} units and "
                f"{n_frames} frames, and the image of {height} x {width} px need {shape}. The "
                "parts are not of one result: save it again."
            )
    if not n_frames:
        raise InputError(f"{result.path}: C has no frame. Save the result again.")
    if len(np.unique(result.unit_id)) < n_units:
        raise InputError(f"{result.path}: labels of units (unit_id) stand there twice.")


def _check_values(result: EarlierResult) -> None:
    for name in MEASURED:
        value = getattr(result, name)
        if value is None or name == "YrA":
            continue
        by_unit = value.data if name == "A" else value.reshape(len(value), -1)
        if not np.isfinite(by_unit).all():
            bad = _units_with(value, name, ~np.isfinite(by_unit))
            raise InputError(
                f"{result.path}: {name} has values that are no number, in {_some(bad, result)}. "
                "Where arrays with other units or frames were merged they are padded so: save "
                "each array again from one step of the analysis."
            )
    if result.A.nnz and result.A.data.min() < 0:
        bad = _units_with(result.A, "A", result.A.data < 0)
        raise InputError(
            f"{result.path}: A has values below zero, in {_some(bad, result)}. A footprint is "
            ">= 0: is this the array of footprints?"
        )


def _units_with(value, name: str, bad: np.ndarray) -> np.ndarray:
    """Return the numbers of the units with values that are `bad`."""
    if name == "A":
        return np.unique(np.searchsorted(value.indptr, np.flatnonzero(bad), side="right") - 1)
    return np.flatnonzero(bad.any(axis=1))


def _some(units: np.ndarray, result: EarlierResult) -> str:
    names = ", ".join(str(result.unit_id[k]) for k in units[:5])
    more = ", ..." if len(units) > 5 else ""
    return f"{len(units)} of {result.n_units} units ({names}{more})"
