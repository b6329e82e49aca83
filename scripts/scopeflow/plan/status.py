"""Which sessions are finished, failed or incomplete, told at the end of every run.

A rule over all sessions does not run when one of them failed; this is written by the
workflow itself, over what exists. It uses the standard library alone and asks the disk only
whether files are there, so that it is cheap for thousands of sessions.
"""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from scopeflow.plan.plan import Plan

FINISHED, FAILED, INCOMPLETE, NOT_BEGUN = "finished", "failed", "incomplete", "not begun"
COLUMNS = ("session", "animal", "state", "variant", "rule", "log", "reason")
SHOWN = 10  # failures that are told on the screen; all stand in the table
REASON_MAX = 400  # letters


@dataclass(frozen=True)
class Job:
    """A job of this run that did not finish.

    Attributes
    ----------
    rule : str
        Its rule.
    log : str
        Path of its log; empty without one.
    failed : bool
        Whether it was started and failed; else it was not reached, or was stopped.
    wildcards : dict of str
        Such as ``session`` and ``variant``.
    """

    rule: str
    log: str
    failed: bool
    wildcards: dict = field(default_factory=dict)


def session_states(
    plan: Plan, unfinished: Iterable[Job], earlier: dict[str, dict] | None = None
) -> list[dict[str, str]]:
    """Return a row for each session, and one for each failure that is of no session.

    Parameters
    ----------
    plan : Plan
        Of the run.
    unfinished : iterable of Job
        Jobs of this run that did not finish.
    earlier : dict of dict, optional
        Rows of the table before this run, by session: a failure that this run did not try to
        mend stays in the table.

    Returns
    -------
    list of dict
        With the keys `COLUMNS`.
    """
    due: dict[str, list[Job]] = {}
    for job in unfinished:
        for session in _sessions_of(plan, job):
            due.setdefault(session, []).append(job)
    rows = []
    for session, row in plan.sessions.items():
        state = _state(plan, session, due.pop(session, []), (earlier or {}).get(session))
        rows.append({"session": session, "animal": row.animal, **state})
    for session, jobs in due.items():  # previews, and what belongs to no session
        if any(job.failed for job in jobs):
            rows.append({"session": session, "animal": "", **_failure(jobs)})
    return [{column: row.get(column, "") for column in COLUMNS} for row in rows]


def _sessions_of(plan: Plan, job: Job) -> list[str]:
    """Return whose job it is: a session's, all those made of a recording, or nobody's ("")."""
    if "session" in job.wildcards:
        return [job.wildcards["session"]]
    recording = job.wildcards.get("recording")
    return [s for s, row in plan.sessions.items() if recording and row.path == recording] or [""]


def _state(plan: Plan, session: str, jobs: list[Job], earlier: dict | None) -> dict[str, str]:
    if any(job.failed for job in jobs):
        return _failure(jobs)
    missing = [path for path in plan.targets_of(session) if not Path(path).exists()]
    if jobs:
        names = sorted({job.rule for job in jobs})
        words = f"{len(jobs)} jobs were not done: {', '.join(names[:3])}"
        return {"state": INCOMPLETE, "reason": words + (", ..." if len(names) > 3 else "")}
    if not missing:
        return {"state": FINISHED}
    if earlier and earlier.get("state") == FAILED:
        return earlier
    if len(missing) == len(plan.targets_of(session)):
        return {"state": NOT_BEGUN}
    return {"state": INCOMPLETE, "reason": f"{len(missing)} results are missing: {missing[0]}, ..."}


def _failure(jobs: list[Job]) -> dict[str, str]:
    """Return the row of the failure that tells most: of a group, the job with a word of its own."""
    failed = [(job, last_error(job.log)) for job in jobs if job.failed]
    job, reason = next(((job, words) for job, words in failed if words), failed[0])
    reason = reason or "ended without a word: killed, or out of memory or time"
    variant = job.wildcards.get("variant", "")
    return {
        "state": FAILED, "variant": variant, "rule": job.rule, "log": job.log, "reason": reason,
    }  # fmt: skip


def last_error(log: str) -> str:
    """Return what the log of a failed job says; empty if it says nothing."""
    try:
        lines = Path(log).read_text("utf-8", errors="replace").splitlines() if log else []
    except OSError:
        return ""
    place = next(
        (i for i in reversed(range(len(lines))) if re.search(r"\bERROR\b", lines[i])), None
    )
    if place is None:
        return ""
    words = lines[place].partition("ERROR")[2].strip()
    if any(line.startswith("Traceback") for line in lines[place:]):
        words = f"{words}: {next(line for line in reversed(lines) if line.strip()).strip()}"
    return words[:REASON_MAX]


def read_status(path: str | Path) -> dict[str, dict[str, str]]:
    """Return the rows of a table by session; none if there is no table."""
    path = Path(path)
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as handle:
        return {row.get("session", ""): row for row in csv.DictReader(handle, delimiter="\t")}


def write_status(path: str | Path, rows: list[dict[str, str]]) -> None:
    """Write the table, whole or not at all."""
    path = Path(path)
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    part.replace(path)


def told_status(rows: list[dict[str, str]], path: str) -> str:
    """Return a few lines for the screen."""
    counts = {state: 0 for state in (FINISHED, FAILED, INCOMPLETE, NOT_BEGUN)}
    for row in rows:
        counts[row["state"]] += bool(row["session"]) or row["state"] == FAILED
    words = [f"{n} {state}" for state, n in counts.items() if n or state == FINISHED]
    lines = [f"Sessions: {', '.join(words)}. Table: {path}"]
    failed = [row for row in rows if row["state"] == FAILED]
    for row in failed[:SHOWN]:
        name = " ".join(part for part in (row["session"], row["variant"]) if part)
        lines.append(f"  {name or 'all sessions'}: {row['rule']} failed: {row['reason']}")
        if row["log"]:
            lines.append(f"    log: {row['log']}")
    if len(failed) > SHOWN:
        lines.append(f"  ... and {len(failed) - SHOWN} more")
    return "\n".join(lines)
