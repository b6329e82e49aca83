# Reads and checks the config and the sample sheet; no rules. The work is done in
# scripts/scopeflow/plan, which unit tests reach.
import sys

sys.path.insert(0, str(Path(workflow.basedir).parent / "scripts"))

from snakemake.exceptions import WorkflowError

from scopeflow.errors import InputError
from scopeflow.plan.variants import Plan
from scopeflow.plan.writable import refuse_unwritable
from scopeflow.provenance import code_digest

try:
    plan = Plan(
        config, source=", ".join(map(str, workflow.configfiles)) or "the config"
    )
except InputError as error:
    raise WorkflowError(str(error)) from None

SCRIPTS = Path(workflow.basedir).parent / "scripts"


def digest(rule_name):
    """Digest of the code of a step, so that a changed formula reruns what uses it."""
    return code_digest(SCRIPTS / f"{rule_name}.py")


pathvars:
    results=plan.results,
    simulated=plan.simulated,
    logs=plan.logs,
    benchmarks=plan.benchmarks,


wildcard_constraints:
    session="|".join(re.escape(name) for name in plan.sessions),
    variant="|".join(re.escape(name) for name in plan.variants),
    iteration="[1-9][0-9]*",
    recording="|".join(re.escape(name) for name in plan.recipes) or "(?!)",


def movie(path):
    """Mark the store of a movie: removed after use unless keep_movies."""
    return directory(path) if plan.config["keep_movies"] else temp(directory(path))
