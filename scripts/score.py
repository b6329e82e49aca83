"""Rule ``score``: units of a simulated session against the truth."""

from typing import TYPE_CHECKING

import pandas as pd

from scopeflow.logs import job_log, logger
from scopeflow.parallel import single_threaded_libraries
from scopeflow.recordings import score_stores
from scopeflow.stores import new_store

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    session = smk.wildcards.session
    result, cells, found = score_stores(smk.input.units, smk.input.truth)
    tables = {"score": pd.DataFrame([{"session": session, **result}]), "cells": cells}
    for name, table in {**tables, "found": found}.items():
        with new_store(smk.output[name]) as part:
            table.to_csv(part, sep="\t", index=False, float_format="%.4f", na_rep="nan")
    logger.info(
        "session %s: %d units found, %d true, F1 %.3f; medians: footprint r %.3f, "
        "calcium r %.3f, spikes r %.3f; motion error %.2f px",
        session, result["n_found"], result["n_true"], result["f1"],
        result["footprint_r_median"], result["calcium_r_median"], result["spikes_r_median"],
        result["motion_rmse_px"],
    )  # fmt: skip


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
