"""Rule ``promote``: the settings of a variant become the default in the user's config."""

from pathlib import Path
from typing import TYPE_CHECKING

from scopeflow.errors import InputError
from scopeflow.logs import job_log, logger
from scopeflow.plan.promote import promote

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    configs = [Path(path) for path in smk.params.configs]
    if len(configs) != 1:
        raise InputError(
            f"promote: {len(configs)} configs are given; it must be clear which one to change. "
            "Give one --configfile, with the variant in it."
        )
    for line in promote(configs[0], smk.params.variant):
        logger.info("%s", line)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake)
