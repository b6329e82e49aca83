"""Rule ``benchmark_summary``: time and memory of all runs, as tables and figures."""

from typing import TYPE_CHECKING

import matplotlib as mpl
import pandas as pd

from scopeflow.logs import job_log, logger
from scopeflow.stores import new_store

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    mpl.use("agg")
    from matplotlib import pyplot as plt  # after the choice of the backend

    from scopeflow import benchmark_figures

    runs = pd.concat([pd.read_csv(path, sep="\t") for path in smk.input.runs], ignore_index=True)
    parts = [pd.read_csv(path, sep="\t") for path in smk.input.steps]
    steps = pd.concat(
        [
            part.assign(session=run.session, cores=run.cores)
            for part, run in zip(parts, runs.itertuples(), strict=True)
        ],
        ignore_index=True,
    )
    for name, table in {"runs": runs, "steps": steps}.items():
        with new_store(smk.output[name]) as part:
            table.to_csv(part, sep="\t", index=False, float_format="%.4g", na_rep="nan")
    figures = {
        "by_frames": benchmark_figures.against_frames(runs),
        "by_cores": benchmark_figures.against_cores(runs),
        "by_step": benchmark_figures.of_steps(steps),
    }
    for name, figure in figures.items():
        with new_store(smk.output[name]) as part:
            figure.savefig(part, dpi=110, format="png")
        plt.close(figure)
    for run in runs.itertuples():
        logger.info(
            "%s, %d processes: %d frames in %.0f s (%.1f times decoding), %.0f MB",
            run.session, run.cores, run.n_frames, run.wall_s, run.times_decoding, run.peak_mb,
        )  # fmt: skip
    for step in steps[steps["peak_mb"] > steps["mem_mb"]].itertuples():
        logger.warning(
            "%s, %d processes: step %s took %.0f MB; mem_mb.%s allows %.0f. Raise it.",
            step.session, step.cores, step.step, step.peak_mb,
            step.step.partition(".")[0], step.mem_mb,
        )  # fmt: skip


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake)
