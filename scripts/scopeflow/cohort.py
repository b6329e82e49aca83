"""All sessions in one table: cells, quality, motion, time and memory, with outliers marked.

It is made of what exists, so that one failed session costs no more than its own row.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import zarr

from scopeflow.intact import open_store
from scopeflow.report import records
from scopeflow.unit_summary import summarize, summarize_frames, summarize_motion

logger = logging.getLogger(__name__)

# Numbers that are read from the stores of a session, and those that follow from them.
MEASURED = (
    "n_units", "n_accepted", "n_curated", "snr_median", "spatial_r_median", "tau_decay_s_median",
    "diameter_px_median", "noise_counts_median", "motion_rms_px", "motion_max_px", "n_frames",
    "duration_s", "fps_hz", "height_px", "width_px", "frames_left_out", "frames_bad",
    "frames_lost",
)  # fmt: skip
JOBS = "warnings", "wall_s", "cpu_s", "peak_mb"  # told by logs and benchmarks
DERIVED = "accepted_frac", "left_out_frac", "cpu_per_frame_ms", "outliers"

# Columns in which a session may stand out.
JUDGED = (
    "n_units", "accepted_frac", "snr_median", "spatial_r_median", "tau_decay_s_median",
    "diameter_px_median", "noise_counts_median", "motion_rms_px", "motion_max_px",
    "left_out_frac", "cpu_per_frame_ms", "peak_mb",
)  # fmt: skip
Z_MAX = 3.5  # Iglewicz and Hoaglin 1993, How to detect and handle outliers
SESSIONS_MIN = 5  # fewer have no usual value


def table(
    results: str | Path,
    logs: str | Path,
    benchmarks: str | Path,
    sessions: Mapping[str, Mapping[str, str]],
    variants: list[str],
    known: pd.DataFrame | None = None,
    known_since: float = 0.0,
) -> pd.DataFrame:
    """Return one row for each session and variant whose ``units.zarr`` exists.

    Parameters
    ----------
    results, logs, benchmarks : str or Path
        Root folders.
    sessions : mapping
        Columns of the sample sheet by session, which are carried along.
    variants : list of str
        Names of the variants.
    known : DataFrame, optional
        A table made before; its rows are used for stores that are older than `known_since`
        (seconds since the epoch), because reading a thousand stores takes a while.

    Returns
    -------
    DataFrame
        Columns as in docs/outputs.md; ``outliers`` names those in which the session stands
        out (`outliers`).
    """
    before = [] if known is None else known.to_dict("records")
    kept = {(record["session"], record["variant"]): record for record in before}
    rows = []
    for session, metadata in sessions.items():
        for variant in variants:
            folder = Path(results, session, variant)
            time = changed_at(folder)
            if time is None:
                continue
            row = kept.get((session, variant)) if time < known_since else None
            if row is None or not set(MEASURED) <= set(row):
                row = _measured(folder)
            if row is None:
                continue
            own = {"session": session, "variant": variant, **_carried(metadata), "outliers": ""}
            told = records.warnings_in(job_files(folder, Path(logs, session), "log"))
            cost = costs(job_files(folder, Path(benchmarks, session), "tsv"))
            measured = {k: row[k] for k in MEASURED}
            rows.append({**own, **measured, "warnings": len(told), **cost})
    found = pd.DataFrame(rows)
    if not len(found):
        return found
    found["accepted_frac"] = found["n_accepted"] / found["n_units"].where(found["n_units"] > 0)
    found["left_out_frac"] = found["frames_left_out"] / found["n_frames"]
    found["cpu_per_frame_ms"] = 1000 * found["cpu_s"] / found["n_frames"]
    found["outliers"] = outliers(found)
    return found


def changed_at(folder: Path) -> float | None:
    """Return when the units of a session last changed, labels included; None without units."""
    times = []
    for store in ("units.zarr", "curated.zarr"):
        try:
            times.append((folder / store / "zarr.json").stat().st_mtime)
        except OSError:
            continue
    return max(times) if (folder / "units.zarr" / "zarr.json").is_file() else None


def _measured(folder: Path) -> dict[str, float] | None:
    """Read what a session's stores say about it; None, and a word, if one is damaged."""
    try:
        group = open_store(folder / "units.zarr")
        row = summarize(group) | summarize_motion(group) | summarize_frames(group)
        row["n_curated"] = _n_curated(folder / "curated.zarr")
    except (OSError, KeyError, ValueError) as error:
        logger.warning(
            "%s is left out of the table of all sessions (%s: %s)",
            folder, type(error).__name__, error,
        )  # fmt: skip
        return None
    return row


def _n_curated(store: Path) -> float:
    """Return the number of units after a person's labels; NaN where these were not applied."""
    if not (store / "zarr.json").is_file():
        return np.nan
    return zarr.open_array(store, path="unit_id", mode="r").shape[0]


def _carried(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the sheet's columns; a name that the table has itself gets ``sheet_`` before it."""
    taken = {"variant", *MEASURED, *JOBS, *DERIVED}
    return {
        f"sheet_{name}" if name in taken else name: value
        for name, value in metadata.items()
        if name not in ("session", "include")
    }


def job_files(folder: Path, jobs: Path, suffix: str) -> dict[str, str]:
    """Return the log or benchmark of every step behind the units, as the report takes them.

    Parameters
    ----------
    folder : Path
        Of the results of a session in a variant.
    jobs : Path
        Of the session's logs or benchmarks; in it is a folder for each variant.
    suffix : str

    Returns
    -------
    dict of str
        Path by step, also of those that another variant computed; all there are, if the
        store does not tell.
    """
    variant = folder.name
    try:
        owners = dict(open_store(folder / "units.zarr").attrs["computed_by"])
    except (OSError, KeyError, ValueError):
        return {path.stem: str(path) for path in sorted((jobs / variant).glob(f"*.{suffix}"))}
    owners |= {"units": variant, "curate": variant}
    return {
        step: str(jobs / owner / f"{step.replace('/', '.')}.{suffix}")
        for step, owner in owners.items()
    }


def costs(tables: Mapping[str, str]) -> dict[str, float]:
    """Return time and memory of the steps behind the units.

    Parameters
    ----------
    tables : mapping
        Path of the benchmark by step.

    Returns
    -------
    dict
        ``wall_s`` and ``cpu_s``, summed over all steps, and ``peak_mb``, the largest of one;
        NaN if nothing was measured.
    """
    found = records.costs(tables)
    sums = {name: found[name].sum(min_count=1) for name in ("wall_s", "cpu_s")}
    return {**sums, "peak_mb": found["memory_mb"].max()}


def outliers(found: pd.DataFrame) -> pd.Series:
    """Return in which of the columns `JUDGED` each row stands out from its variant's others.

    Returns
    -------
    Series of str
        Names joined by "; ", empty for a usual session, and where a variant has fewer than
        five sessions.
    """
    marked: dict[object, list[str]] = {index: [] for index in found.index}
    for _, own in found.groupby("variant", sort=False):
        for column in (name for name in JUDGED if name in own):
            z = robust_z(own[column].to_numpy(np.float64))
            for index in own.index[np.abs(z) > Z_MAX]:
                marked[index].append(column)
    return pd.Series({index: "; ".join(names) for index, names in marked.items()}, dtype=object)


def robust_z(values: np.ndarray) -> np.ndarray:
    """Return how far each value is from the median, in robust standard deviations.

    Parameters
    ----------
    values : ndarray of float, shape (session,)
        NaN where a session has none.

    Returns
    -------
    ndarray of float64, shape (session,)
        0.6745 (x - median) / MAD. Where more than half of the values are equal, so that the
        median absolute deviation is 0, the mean absolute deviation times 1.2533 takes its
        place. Zero for missing values, equal values, and for fewer than five.

    References
    ----------
    B. Iglewicz, D. C. Hoaglin, "How to detect and handle outliers", ASQC 1993, chapter 3.
    """
    z, known = np.zeros(len(values)), np.isfinite(values)
    if known.sum() < SESSIONS_MIN:
        return z
    away = values[known] - np.median(values[known])
    spread = np.median(np.abs(away)) / 0.6745 or np.abs(away).mean() * 1.253314
    if spread > 1e-9 * max(np.abs(values[known]).max(), 1e-300):
        z[known] = away / spread
    return z
