"""Rule ``curate``: the units after a person's labels; all of them where there are none."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scopeflow.curate import write_curated
from scopeflow.footprints import read_footprints
from scopeflow.labels import Labels, digest_of_units, read_labels, read_rows
from scopeflow.logs import job_log, logger
from scopeflow.movie import Movie
from scopeflow.parallel import single_threaded_libraries
from scopeflow.stores import new_store, read

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    path, movie = _optional(smk.input.labels), _optional(smk.input.movie)
    labels, session = Labels(), smk.wildcards.session
    if path is None:
        logger.info("session %s: no labels; all units are kept", session)
    else:
        labels = _labels(Path(path), Path(smk.input.units), session)
    with new_store(smk.output.curated) as part:
        changes = write_curated(smk.input.units, part, labels, movie and Movie(movie))
    for unit, parts in changes.split.items():
        logger.info("session %s: unit %d became units %s", session, unit, parts)
    if changes.not_split:
        logger.warning(
            "session %s: units %s stay whole: %s", session, changes.not_split,
            "their pixels do not follow two courses" if movie else
            "a split needs the movie, which units of another program come without.",
        )  # fmt: skip


def _optional(files) -> str | None:
    """Return the file of an input that may be empty."""
    return files if isinstance(files, str) else next(iter(files), None)


def _labels(path: Path, units: Path, session: str) -> Labels:
    """Read the labels, and refuse those that were made on other units."""
    A, shape = read_footprints(units)
    unit_id = read(units, "unit_id")
    rows = zip(np.split(A.indices, A.indptr[1:-1]), np.split(A.data, A.indptr[1:-1]), strict=True)
    digest = digest_of_units(unit_id, shape, rows if len(unit_id) else [])
    labels = read_labels(path, unit_id, digest)
    logger.info(
        "session %s: %d units of %d rejected, merged: %s, to split: %s", session,
        len(labels.rejected), len(unit_id), labels.merged or "none", labels.split or "none",
    )  # fmt: skip
    by_hand = not all(row.get("units") for _, row in read_rows(path))
    if by_hand and path.stat().st_mtime < (units / "zarr.json").stat().st_mtime:
        logger.warning(
            "%s is older than units.zarr: the units may have other numbers now. Check the "
            "labels, and save the table again.", path,
        )  # fmt: skip
    return labels


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
