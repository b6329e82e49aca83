"""Rule ``curate``: the units after a person's labels; all of them where there are none."""

from pathlib import Path
from typing import TYPE_CHECKING

from scopeflow.curate import Labels, read_labels, write_curated
from scopeflow.logs import job_log, logger
from scopeflow.parallel import single_threaded_libraries
from scopeflow.stores import new_store, read

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    path = next(iter(smk.input[1:]), None)
    unit_id = read(smk.input.units, "unit_id")
    labels = Labels() if path is None else read_labels(path, unit_id)
    if path is None:
        logger.info("session %s: no labels; all units are kept", smk.wildcards.session)
    else:
        logger.info(
            "session %s: %d units of %d rejected, merged: %s",
            smk.wildcards.session, len(labels.rejected), len(unit_id), labels.merged or "none",
        )  # fmt: skip
        if Path(path).stat().st_mtime < (Path(smk.input.units) / "zarr.json").stat().st_mtime:
            logger.warning(
                "%s is older than units.zarr: the units may have other numbers now. Check the "
                "labels, and save the table again.", path,
            )  # fmt: skip
    with new_store(smk.output.curated) as part:
        write_curated(smk.input.units, part, labels)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
