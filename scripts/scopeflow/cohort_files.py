"""The cohort's table and figure on disk, renewed as far as sessions have changed."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from scopeflow.cohort import JUDGED, table
from scopeflow.stores import new_store


def renew(
    results: str | Path,
    logs: str | Path,
    benchmarks: str | Path,
    sessions: Mapping[str, Mapping[str, str]],
    variants: list[str],
) -> str:
    """Write ``cohort.csv``, ``cohort.png`` and ``cohort.html``; return the path of the first.

    Without units nothing is written, and the path is empty. One row has nothing beside it to
    be compared with: it gets the table alone.

    Parameters
    ----------
    results, logs, benchmarks, sessions, variants
        As of `cohort.table`.
    """
    path, figure, page = (Path(results, f"cohort.{kind}") for kind in ("csv", "png", "html"))
    since = path.stat().st_mtime if path.is_file() else 0.0
    found = table(results, logs, benchmarks, sessions, variants, _known(path), since)
    if not len(found):
        return ""
    with new_store(path) as part:
        found.to_csv(part, index=False, float_format="%.6g")
    if len(found) == 1:
        figure.unlink(missing_ok=True)
        page.unlink(missing_ok=True)
        return path.as_posix()
    # Only here: these libraries take longer to load than a single session's table to write.
    from scopeflow.cohort_figure import draw_cohort
    from scopeflow.report.cohort_page import cohort_page

    drawn = draw_cohort(found)
    with new_store(figure) as part:
        drawn.savefig(part, dpi=110, format="png")
    with new_store(page) as part:
        part.write_text(cohort_page(found, JUDGED), "utf-8")
    return path.as_posix()


def _known(path: Path) -> pd.DataFrame | None:
    """Return the table that is there; None without one, or if somebody gave it another form."""
    try:
        known = pd.read_csv(path, dtype={"session": str, "variant": str})
    except (OSError, ValueError):
        return None
    return known if {"session", "variant"} <= set(known) else None
