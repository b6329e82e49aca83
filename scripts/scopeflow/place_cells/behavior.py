"""Tables of an animal's positions: by ezTrack, by DeepLabCut, or plain time, x, y."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from scopeflow.errors import InputError

UNITS_CM = {"cm": 1.0, "mm": 0.1, "m": 100.0}  # of positions whose column says so
TIMES_S = {"time": 1.0, "time_s": 1.0, "time_ms": 0.001}
EZTRACK = ("Frame", "X", "Y")
DEEPLABCUT_ROWS = 3  # of the header: scorer, body parts, coordinates


@dataclass(frozen=True)
class Behavior:
    """Positions of an animal, as a table gives them.

    Attributes
    ----------
    kind : str
        ``plain``, ``ezTrack`` or ``DeepLabCut``.
    xy : ndarray of float64, shape (sample, 2)
        Positions; NaN where the animal was not seen.
    cm_per_unit : float or None
        Of the positions; None for pixels.
    time_s : ndarray of float64, shape (sample,), or None
        Times on the clock of the recording, 0 at its first frame.
    frame : ndarray of int64, shape (sample,), or None
        Frames of the behavior video, where there are no times.
    body_part : str
        Of DeepLabCut, else empty.
    """

    kind: str
    xy: np.ndarray
    cm_per_unit: float | None
    time_s: np.ndarray | None = None
    frame: np.ndarray | None = None
    body_part: str = ""


def read_behavior(
    path: str | Path, body_part: str | None = None, likelihood_min: float = 0.9
) -> Behavior:
    """Read a table of behavior; which program wrote it shows in its header.

    Parameters
    ----------
    path : str or Path
        CSV, separated by commas, semicolons or tabs.
    body_part : str, optional
        Of DeepLabCut; without it, the one with the highest mean likelihood.
    likelihood_min : float, optional
        Positions of DeepLabCut below it are missing.

    Raises
    ------
    InputError
        If the table is not readable, lacks a column, or has no position at all.
    """
    path = Path(path)
    header, separator = _header(path)
    if header[0].strip().lower() == "scorer":
        found = _deeplabcut(path, separator, body_part, likelihood_min)
    else:
        table = _table(path, separator, skipinitialspace=True)
        table.columns = [str(name).strip() for name in table.columns]
        found = _eztrack(table) if set(EZTRACK) <= set(table.columns) else _plain(path, table)
    if not np.isfinite(found.xy).all(axis=1).any():
        raise InputError(
            f"{path}: no row has a position. Check the columns of x and y"
            + (", and place_cells.likelihood_min." if found.kind == "DeepLabCut" else ".")
        )
    return found


def _header(path: Path) -> tuple[list[str], str]:
    """Return the first row's cells, and what separates them."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            first = handle.readline()
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text file in UTF-8. Save it as CSV in UTF-8.") from None
    if not first.strip():
        raise InputError(f"{path} is empty. Expected is a table of the animal's positions.")
    separator = max(",;\t", key=first.count)
    return next(csv.reader([first], delimiter=separator)), separator


def _table(path: Path, separator: str, **options) -> pd.DataFrame:
    """Read the whole table."""
    try:
        return pd.read_csv(path, sep=separator, encoding="utf-8-sig", **options)
    except pd.errors.ParserError as error:
        raise InputError(f"{path}: not readable as a table ({error}). Mend it.") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text file in UTF-8. Save it as CSV in UTF-8.") from None


def _plain(path: Path, table: pd.DataFrame) -> Behavior:
    names = {name.lower(): name for name in table.columns}
    times = [name for name in TIMES_S if name in names]
    pairs = [
        (f"x{end}", f"y{end}", UNITS_CM.get(end[1:]))
        for end in ("", "_px", *(f"_{unit}" for unit in UNITS_CM))
        if f"x{end}" in names and f"y{end}" in names
    ]
    if not times or not pairs:
        raise InputError(
            f"{path}: found the columns {', '.join(map(str, table.columns))}. Expected are time "
            "(s, 0 at the recording's first frame), x and y (x_cm and y_cm where they are in cm), "
            "or a table as ezTrack or DeepLabCut writes it."
        )
    x, y, cm = pairs[0]
    xy = _numbers(table, [names[x], names[y]])
    time_s = _numbers(table, [names[times[0]]])[:, 0] * TIMES_S[times[0]]
    return Behavior("plain", xy, cm, time_s=time_s)


def _eztrack(table: pd.DataFrame) -> Behavior:
    """Take positions of ezTrack, whose frames count from where tracking was started."""
    xy = _numbers(table, ["X", "Y"])
    frame = _numbers(table, ["Frame"])[:, 0]
    if "Start_Frame" in table:
        frame = frame + _numbers(table, ["Start_Frame"])[:, 0]
    kept = np.isfinite(frame)
    scale = _scale_of_eztrack(table)
    return Behavior("ezTrack", xy[kept], scale, frame=frame[kept].astype(np.int64))


def _scale_of_eztrack(table: pd.DataFrame) -> float | None:
    """Return the cm per pixel by which ezTrack scaled distances, if it was told a scale."""
    for unit, cm in UNITS_CM.items():
        if f"Distance_{unit}" in table and "Distance_px" in table:
            scaled, px = _numbers(table, [f"Distance_{unit}", "Distance_px"]).T
            if np.nansum(px) > 0 and np.nansum(scaled) > 0:
                return cm * float(np.nansum(scaled) / np.nansum(px))
    return None


def _deeplabcut(
    path: Path, separator: str, body_part: str | None, likelihood_min: float
) -> Behavior:
    table = _table(path, separator, header=None, dtype=str, keep_default_na=False)
    first = table.iloc[:DEEPLABCUT_ROWS, 0].str.strip().str.lower().tolist()
    if first != ["scorer", "bodyparts", "coords"]:
        raise InputError(
            f"{path}: its first rows begin with {', '.join(first)}. Of DeepLabCut, tables of one "
            "animal are read, whose first rows begin with scorer, bodyparts, coords."
        )
    parts = table.iloc[1, 1:].str.strip().tolist()
    coords = table.iloc[2, 1:].str.strip().str.lower().tolist()
    columns = {(p, c): i + 1 for i, (p, c) in enumerate(zip(parts, coords, strict=True))}
    rows = table.iloc[DEEPLABCUT_ROWS:]
    known = list(dict.fromkeys(parts))
    if body_part is not None and body_part not in known:
        raise InputError(
            f"place_cells.body_part: found {body_part!r}, but {path} has {', '.join(known)}."
        )
    seen: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for part in known if body_part is None else [body_part]:
        if any((part, coord) not in columns for coord in ("x", "y", "likelihood")):
            raise InputError(f"{path}: body part {part} lacks x, y or likelihood.")
        x, y, sure = (
            pd.to_numeric(rows[columns[part, coord]], errors="coerce").to_numpy(np.float64)
            for coord in ("x", "y", "likelihood")
        )
        seen[part] = np.column_stack([x, y]), sure
    best = max(seen, key=lambda part: np.nan_to_num(seen[part][1]).mean() if len(rows) else 0)
    xy, sure = seen[best]
    xy[~(sure >= likelihood_min)] = np.nan
    frame = pd.to_numeric(rows[0], errors="coerce").to_numpy(np.float64)
    kept = np.isfinite(frame)
    return Behavior(
        "DeepLabCut", xy[kept], None, frame=frame[kept].astype(np.int64), body_part=best
    )


def _numbers(table: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """Return columns as float64; what is no number becomes NaN."""
    values = [pd.to_numeric(table[name], errors="coerce") for name in columns]
    return np.column_stack([column.to_numpy(np.float64) for column in values])
