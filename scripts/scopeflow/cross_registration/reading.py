"""What cross-registration takes from a session's store: footprints, labels and an image."""

from pathlib import Path

import numpy as np

from scopeflow.cross_registration.pictures import filled, summed
from scopeflow.cross_registration.register import Cells
from scopeflow.errors import InputError
from scopeflow.footprints import read_footprints
from scopeflow.intact import open_store


def read_cells(path: str | Path, name: str, align_by: str) -> Cells:
    """Read a session from a ``curated.zarr``, or any store with ``A`` and ``unit_id``.

    Parameters
    ----------
    path : str or Path
        The store; ``max_proj`` is read only if sessions are aligned by it.
    name : str
        Of the session.
    align_by : str
        ``max_projection`` or ``footprints``.

    Raises
    ------
    InputError
        If an array is missing.
    """
    group = open_store(path)
    needed = ["A", "unit_id", *(["max_proj"] if align_by == "max_projection" else [])]
    missing = [array for array in needed if array not in group]
    if missing:
        remedy = " Set cross_register.align_by to footprints." if missing == ["max_proj"] else ""
        raise InputError(f"session {name}: {path} lacks {', '.join(missing)}.{remedy}")
    A, shape = read_footprints(str(path))
    image = summed(A, shape) if align_by == "footprints" else filled(group["max_proj"][...])
    return Cells(name, group["unit_id"][...].astype(np.int64), A, image.astype(np.float32))


def refuse_different_sizes(sessions: list[Cells]) -> None:
    """Refuse sessions of an animal whose images differ in size.

    Raises
    ------
    InputError
        Naming the sessions and their sizes.
    """
    first = sessions[0]
    for other in sessions[1:]:
        if other.shape != first.shape:
            sizes = " and ".join(
                f"session {s.name} is {s.shape[0]} x {s.shape[1]} px" for s in (first, other)
            )
            raise InputError(
                f"cross_register: {sizes}, but cells are matched between images of one size only. "
                "Give them the same size by load.region and load.downsample (under overrides), "
                f"or leave one out: include no in the sheet, for session {other.name}."
            )
