"""The cohort's table and figure on disk, renewed as far as sessions have changed."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from scopeflow.cohort import table
from scopeflow.cohort_figure import draw_cohort
from scopeflow.stores import new_store


def renew(
    results: str | Path,
    benchmarks: str | Path,
    sessions: Mapping[str, Mapping[str, str]],
    variants: list[str],
) -> str:
    """Write ``cohort.csv`` and ``cohort.png``; return the path of the former.

    Parameters
    ----------
    results, benchmarks, sessions, variants
        As of `cohort.table`, which must find at least one row.
    """
    path, figure = Path(results, "cohort.csv"), Path(results, "cohort.png")
    known, since = None, 0.0
    if path.is_file():
        known, since = (
            pd.read_csv(path, dtype={"session": str, "variant": str}),
            path.stat().st_mtime,
        )
    found = table(results, benchmarks, sessions, variants, known, since)
    with new_store(path) as part:
        found.to_csv(part, index=False, float_format="%.6g")
    drawn = draw_cohort(found)
    with new_store(figure) as part:
        drawn.savefig(part, dpi=110, format="png")
    return path.as_posix()
