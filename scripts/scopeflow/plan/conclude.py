"""What is written at the end of every run, whether it went well or not."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from scopeflow.plan.plan import Plan
from scopeflow.plan.status import Job, read_status, session_states, told_status, write_status


def conclude(plan: Plan, unfinished: Iterable[Job]) -> str:
    """Write the tables over all sessions; return a few lines for the screen.

    Parameters
    ----------
    plan : Plan
        Of the run.
    unfinished : iterable of Job
        Jobs of the run that did not finish.

    Returns
    -------
    str
        How many sessions are finished, and which failed.
    """
    path = f"{plan.results}/status.tsv"
    rows = session_states(plan, unfinished, read_status(path))
    try:
        Path(plan.results).mkdir(parents=True, exist_ok=True)
        write_status(path, rows)
        cohort = _renew_cohort(plan)
    except OSError as error:  # a full disk has stopped the jobs before, and is told there
        return f"{told_status(rows, path)}\n  not written, because of: {error}"
    told = told_status(rows, path)
    if cohort:
        page = Path(cohort).with_suffix(".html")
        beside = f", {page.as_posix()}" if page.is_file() else ""
        told += f"\nAll sessions side by side: {cohort}{beside}"
        if any((folder / "report.html").is_file() for folder in _folders(plan)):
            told += f"\nEach session by itself: {plan.results}/SESSION/VARIANT/report.html"
    return told


def _renew_cohort(plan: Plan) -> str:
    """Write the cohort's table and figure if there are any units; return the table's path."""
    if not any((folder / "units.zarr" / "zarr.json").is_file() for folder in _folders(plan)):
        return ""
    sessions = {s: row.metadata for s, row in plan.sessions.items() if row.is_included}
    # Only here, so that a run without results, and a dry run, need not wait for them.
    from scopeflow.cohort_files import renew

    return renew(plan.results, plan.logs, plan.benchmarks, sessions, plan.variants)


def _folders(plan: Plan) -> Iterator[Path]:
    """Yield the folder of every session and variant that takes part."""
    for session, row in plan.sessions.items():
        if row.is_included:
            yield from (Path(plan.results, session, variant) for variant in plan.variants)
