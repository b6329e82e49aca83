# Reads and checks the config and the sample sheet; no rules. The work is done in
# scripts/scopeflow/plan, which unit tests reach.
import sys

sys.path.insert(0, str(Path(workflow.basedir).parent / "scripts"))

from snakemake.exceptions import WorkflowError

import scopeflow.errors
from scopeflow.plan.alone import alone
from scopeflow.plan.conclude import conclude
from scopeflow.plan.leftovers import settle_leftovers
from scopeflow.plan.settings import typed
from scopeflow.plan.stages import STAGES
from scopeflow.plan.status import Job
from scopeflow.plan.plan import Plan
from scopeflow.plan.variants import IMPLANT, PREVIEW
from scopeflow.plan.writable import refuse_unwritable
from scopeflow.provenance import code_digest


class InputError(WorkflowError):
    """The user's to mend: told by its message alone."""

    # Else Snakemake adds lines of our own files to the message.
    __traceback__ = property(lambda self: None, lambda self, value: None)


def told(function, *arguments):
    """Call a function and pass its InputError on to Snakemake."""
    try:
        return function(*arguments)
    except scopeflow.errors.InputError as error:
        raise InputError(str(error)) from None


config.update(typed({key: config[key] for key in workflow.config_settings.config}))
plan = told(Plan, config, ", ".join(map(str, workflow.configfiles)) or "the config")

SCRIPTS = Path(workflow.basedir).parent / "scripts"


def digest(rule_name):
    """Digest of the code of a step, so that a changed formula reruns what uses it."""
    return code_digest(SCRIPTS / f"{rule_name}.py")


def one_of(names, before=""):
    """Regular expression of one of some names, after what may stand before; else of nothing."""
    return f"{before}(?:{'|'.join(map(re.escape, names))})" if names else "(?!)"


pathvars:
    results=plan.results,
    simulated=plan.simulated,
    logs=plan.logs,
    benchmarks=plan.benchmarks,


wildcard_constraints:
    session=one_of(plan.sessions, f"(?:{PREVIEW}|{IMPLANT})?"),
    variant=one_of(plan.variants),
    animal=one_of(plan.animals),
    iteration="[1-9][0-9]*",
    cores="[1-9][0-9]*",
    comparison=one_of(plan.config["compare"]),
    recording=one_of(plan.recipes),


def of_session(step):
    """Labels of a figure in Snakemake's report."""
    return {"session": "{session}", "variant": "{variant}", "step": step}


def movie(path):
    """Mark the store of a movie: removed after use unless keep_movies."""
    return directory(path) if plan.config["keep_movies"] else temp(directory(path))


def unfinished_jobs():
    """Jobs of this run that failed, were stopped or were not reached."""
    failed = set()
    for job in workflow.scheduler.failed:
        failed.update(job.jobs if job.is_group() else [job])
    for job in workflow.dag.needrun_jobs():
        log = job.log[0] if job.log else ""
        yield Job(job.rule.name, log, job in failed, dict(job.wildcards_dict))
