"""Rule ``export``: the curated units in the formats of other programs."""

from typing import TYPE_CHECKING

from scopeflow.export.dictionary import dictionary
from scopeflow.export.hdf5 import write_hdf5
from scopeflow.export.source import Source
from scopeflow.export.tables import write_tables
from scopeflow.logs import job_log, logger
from scopeflow.parallel import single_threaded_libraries
from scopeflow.stores import new_store

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    formats = smk.params.settings["export"]["formats"]
    source = Source(smk.input.units)
    with new_store(smk.output.export) as folder:
        folder.mkdir()
        (folder / "data_dictionary.md").write_text(dictionary(source, formats), "utf-8")
        if "csv" in formats:
            write_tables(source, folder)
        if "hdf5" in formats:
            write_hdf5(source, folder / "units.h5")
        # Imported where they are asked for: what they bring takes up to a second to import.
        if "minian" in formats:
            from scopeflow.export.minian import write_minian

            write_minian(source, folder / "minian")
        if "nwb" in formats:
            from scopeflow.export.nwb import write_nwb

            write_nwb(source, folder / f"{smk.wildcards.session}.nwb", smk.params.keep_movies)
    logger.info(
        "session %s: %d units exported as %s",
        smk.wildcards.session, source.n_units, ", ".join(formats) or "a data dictionary only",
    )  # fmt: skip


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
