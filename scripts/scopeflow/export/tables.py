"""Tables as CSV: traces with a column for each unit, units, frames, events."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pandas as pd

from scopeflow.export.source import TRACES, Source
from scopeflow.miniscope import QUATERNION
from scopeflow.transients import find_events


def write_tables(source: Source, folder: Path) -> list[str]:
    """Write all tables to a folder; return their names.

    Numbers have as many digits as give back the stored value exactly.
    """
    for name in TRACES:
        array = source.group[name]
        _write_wide(source, folder / f"{name}.csv", lambda frames, a=array: a[:, frames])
    f0 = source.columns["f0"][0][:, None]
    _write_wide(source, folder / "dff.csv", lambda frames: source.group["C"][:, frames] / f0)
    unit_table(source).to_csv(folder / "units.csv", index=False)
    frame_table(source).to_csv(folder / "frames.csv", index=False)
    event_table(source).to_csv(folder / "events.csv", index=False)
    return [f"{name}.csv" for name in (*TRACES, "dff", "units", "frames", "events")]


def _write_wide(source: Source, path: Path, values: Callable[[slice], np.ndarray]) -> None:
    """Write traces of all units, some frames at a time; what is no number stays empty.

    Twenty times as fast as pandas, which writes a number at a time.
    """
    columns = ["frame", "time_s", *(f"unit_{unit}" for unit in source.unit_id)]
    with path.open("wb") as handle:
        handle.write(",".join(columns).encode() + b"\n")
        for frames in source.frames():
            numbers = range(frames.start, frames.stop)
            block = np.ascontiguousarray(values(frames).T)
            for number, time_s, row in zip(numbers, source.time_s[frames], block, strict=True):
                text = orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
                start = f"{number},{float(time_s)!r}".encode()
                handle.write(b",".join([start, text] if text else [start]).replace(b"null", b""))
                handle.write(b"\n")


def unit_table(source: Source) -> pd.DataFrame:
    """Return one row for each unit, with every number that it has."""
    g = source.group["g"][:]
    return pd.DataFrame(
        {
            "unit_id": source.unit_id,
            **{name: values for name, (values, _) in source.columns.items()},
            **{f"g{lag}": g[:, lag] for lag in range(g.shape[1])},
        }
    )


def frame_table(source: Source) -> pd.DataFrame:
    """Return one row for each frame: time, use, motion, course of the background, head."""
    motion = source.group["motion"][:]
    orientation = source.group["orientation"][:].T if "orientation" in source.group else []
    return pd.DataFrame(
        {
            "frame": np.arange(source.n_frames),
            "time_s": source.time_s,
            "frame_good": source.frame_good,
            "motion_height_px": motion[:, 0],
            "motion_width_px": motion[:, 1],
            "f": source.group["f"][:],
            **dict(zip(QUATERNION, orientation, strict=False)),
        }
    )


def event_table(source: Source) -> pd.DataFrame:
    """Return one row for each event of each unit."""
    sigma, s_scale = source.columns["sigma"][0], source.columns["s_scale"][0]
    g, tables = source.group["g"][:], []
    for block in source.units():
        C, S = source.group["C"][block], source.group["S"][block]
        for k in range(block.start, block.stop):
            i = k - block.start
            found = find_events(C[i], S[i], sigma[k], g[k], s_scale[k], source.fps_hz)
            rows = {
                "unit_id": np.full(len(found.onset), source.unit_id[k]),
                "onset_frame": found.onset,
                "onset_time_s": source.time_s[found.onset],
                "peak_time_s": source.time_s[found.peak],
                "amplitude": found.amplitude,
                "amplitude_sigma": found.amplitude / max(sigma[k], 1e-12),
                "area": found.area,
            }
            tables.append(pd.DataFrame(rows))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=EVENT_COLUMNS)


EVENT_COLUMNS = [
    *("unit_id", "onset_frame", "onset_time_s", "peak_time_s", "amplitude", "amplitude_sigma"),
    "area",
]
