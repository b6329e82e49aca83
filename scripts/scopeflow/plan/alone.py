"""A config and a sheet for one session alone, to run it apart from all others."""

from copy import deepcopy
from pathlib import Path

from scopeflow.plan.plan import Plan
from scopeflow.plan.variants import laid_over

# What concerns the whole run or other sessions.
LEFT_OUT = ("sessions", "discover", "results", "simulate", "overrides", "variants", "compare",
            "benchmark", "preview", "variant", "inspect", "cross_register",
            "place_cells", "implant")  # fmt: skip


def alone(plan: Plan, session: str) -> tuple[dict, dict[str, str]]:
    """Return what a run of one session needs, at the default variant.

    Parameters
    ----------
    plan : Plan
        Of the whole run.
    session : str
        Its name.

    Returns
    -------
    config : dict
        To be run in a folder of its own; names the sheet ``sessions.tsv``.
    row : dict of str
        The only row of that sheet; paths are absolute.
    """
    row = plan.sessions[session]
    simulated = row.path in plan.recipes
    path = Path(plan.simulated, row.path, "video") if simulated else Path(row.path)
    config = {k: deepcopy(v) for k, v in plan.config.items() if k not in LEFT_OUT}
    own = deepcopy(row.settings)
    laid_over(own, plan.config["overrides"].get(session) or {})
    config.update(
        sessions="sessions.tsv", results="results", overrides={session: own} if own else {}
    )
    cells = {
        "session": session,
        "animal": row.animal,
        "path": str(path.absolute()),
        "pattern": row.pattern or "",
        "fps_hz": "" if row.fps_hz is None else str(row.fps_hz),
    }
    return config, cells
