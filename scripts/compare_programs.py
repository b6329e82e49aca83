"""Rule ``compare_programs``: Minian and Scopeflow on the same recordings, in one table."""

from typing import TYPE_CHECKING

import pandas as pd

from scopeflow.logs import job_log, logger
from scopeflow.stores import new_store

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

COSTS = ["wall_s", "cpu_s", "peak_mb"]


def main(smk: "Snakemake") -> None:
    ours, theirs = (
        pd.concat([pd.read_csv(path, sep="\t") for path in paths], ignore_index=True)
        for paths in (smk.input.ours, smk.input.theirs)
    )
    keys = ["session", "cores"]
    both = ours.merge(theirs, on=keys, suffixes=("", "_minian"))
    for name in COSTS:
        both[f"{name}_ratio"] = both[f"{name}_minian"] / both[name]
    with new_store(smk.output.table) as part:
        both.to_csv(part, sep="\t", index=False, float_format="%.4g", na_rep="nan")
    for row in both.itertuples():
        logger.info(
            "%s, %d processes: %.0f s against %.0f s of Minian (%.1f times faster; processor time "
            "%.1f, memory %.1f times); F1 %.3f against %.3f, footprint r %.3f against %.3f, "
            "calcium r %.3f against %.3f, spikes r %.3f against %.3f",
            row.session, row.cores, row.wall_s, row.wall_s_minian, row.wall_s_ratio,
            row.cpu_s_ratio, row.peak_mb_ratio, row.f1, row.f1_minian,
            row.footprint_r_median, row.footprint_r_median_minian,
            row.calcium_r_median, row.calcium_r_median_minian,
            row.spikes_r_median, row.spikes_r_median_minian,
        )  # fmt: skip


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake)
