"""Whether a run can write where it will have to, asked before its first job."""

import tempfile
from pathlib import Path

from scopeflow.errors import InputError
from scopeflow.plan.plan import Plan


def refuse_unwritable(plan: Plan) -> None:
    """Raise an `InputError` if results, logs or benchmarks cannot be written."""
    for folder in (plan.results, plan.logs, plan.benchmarks):
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise InputError(
                f"results: cannot write to {Path(folder).absolute()} ({error.strerror}). Make the "
                "folder writable, free the disk, or set results to another place."
            ) from None
