"""Which program an earlier result is from."""

from pathlib import Path

from scopeflow.earlier.caiman import read_caiman
from scopeflow.earlier.minian import read_archive, read_minian
from scopeflow.earlier.result import EarlierResult, checked
from scopeflow.errors import InputError


def read_earlier(path: str | Path) -> EarlierResult:
    """Read and check the result of another program.

    Parameters
    ----------
    path : str or Path
        A Minian dataset (a folder of zarr stores, or ``.nc``), its arrays as ``.npz``, or a
        CaImAn result (``.hdf5``, ``.h5``).

    Returns
    -------
    EarlierResult
        Scaled to footprints with a largest value of 1.

    Raises
    ------
    InputError
        If it is none of these, or its parts do not fit together.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if path.is_dir():
        if not any(entry.suffix == ".zarr" for entry in path.iterdir()):
            raise InputError(
                f"{path}: there is no zarr store in this folder. A Minian dataset has one for each "
                "array, such as A.zarr. Correct column units of the sample sheet."
            )
        return checked(read_minian(path))
    if suffix == ".nc":
        return checked(read_minian(path))
    if suffix == ".npz":
        return checked(read_archive(path))
    if suffix in (".hdf5", ".h5"):
        return checked(read_caiman(path))
    raise InputError(
        f"{path}: results of this kind are not read. Known are the folder of a Minian dataset, "
        ".nc, .npz, and CaImAn's .hdf5. Correct column units of the sample sheet."
    )
