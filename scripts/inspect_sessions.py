"""Rule ``inspect_sessions``: what is found of every session before anything runs."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from scopeflow.inspection import COLUMNS, as_text, inspect_recording
from scopeflow.logs import job_log, logger
from scopeflow.parallel import map_slabs, single_threaded_libraries
from scopeflow.stores import new_store

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    params = smk.params

    def inspect(session: dict) -> dict:
        return inspect_recording(
            session["session"], session["animal"], session["files"], session["load"],
            session["fps_hz"], params.cores, params.budget_mb, params.decode,
        )  # fmt: skip

    rows = list(map_slabs(inspect, params.sessions, smk.threads))
    with new_store(smk.output.table) as part:
        table = pd.DataFrame(rows, columns=list(COLUMNS)).convert_dtypes()
        table.to_csv(part, sep="\t", index=False)
    with new_store(smk.output.text) as part:
        Path(part).write_text(as_text(rows), "utf-8")
    logger.info("%d sessions inspected", len(rows))


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
