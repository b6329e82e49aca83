"""Rule ``merge``: units that are parts of one cell become one, between two iterations."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from scopeflow.footprints import read_footprints, write_footprints
from scopeflow.intact import open_store
from scopeflow.logs import job_log, logger
from scopeflow.merge import (
    distances,
    groups_to_merge,
    merged,
    overlapping_pairs,
    overlaps,
    trace_correlations,
    trace_products,
)
from scopeflow.movie import Movie, create_traces, put_unit_ids, stretches
from scopeflow.parallel import single_threaded_libraries
from scopeflow.stores import create, new_store, put, read

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


# Two units at one place need to agree less in time than two that barely touch: of halves of
# one cell, demixed from each other, the dimmer one is noisy. Neighbours stay below 0.4.
OVERLAP_WEIGHT = 0.25

# Share of the cell's diameter: no two cells lie nearer, but two units may share one whose
# transients differ, as in bursts. With 500 cells in 512 x 512 px one pair is nearer than 1 px.
SAME_PLACE = 1 / 16


def main(smk: "Snakemake") -> None:
    settings = smk.params.settings["merge"]
    movie = Movie(smk.input.Y)
    temporal = open_store(smk.input.temporal)
    A, shape = read_footprints(smk.input.A)
    active = np.flatnonzero(temporal["kept"][:])
    unit_id = temporal["unit_id"][:][active]
    A = A[active]

    def traces() -> Iterator[np.ndarray]:  # of the active units, a stretch at a time
        return (temporal["C"][:, frames][active] for frames in stretches(temporal["C"]))

    products, totals, n_frames = trace_products(traces(), len(active))
    pairs = overlapping_pairs(A)
    agreement = trace_correlations(products, totals, n_frames, pairs)
    lowest = settings["correlation_min"]
    if settings["method"] == "scopeflow":
        lowest = lowest - OVERLAP_WEIGHT * overlaps(A, pairs)
    linked = agreement > lowest
    if settings["method"] == "scopeflow":
        linked |= distances(A, shape, pairs) < SAME_PLACE * smk.params.settings["cell_diameter_px"]
    if settings["method"] == "none":
        linked[:] = False
    groups = groups_to_merge(len(unit_id), pairs, linked)
    lineage = {str(unit_id[group[0]]): [int(unit_id[k]) for k in group] for group in groups}
    A, mixing, kept = merged(A, products, groups, settings["method"])
    n_before = len(temporal["kept"][:])
    logger.info("%d of %d units without activity left out", n_before - len(active), n_before)
    logger.info("%d units became %d: %s", len(active), len(kept), lineage or "nothing to merge")

    b, f = read(smk.input.traces, "b", "f")
    with new_store(smk.output.units) as part:
        out = create(part, stage="merge", lineage=lineage)
        write_footprints(out, A, shape)
        put_unit_ids(out, unit_id[kept])
        C = create_traces(out, "C", len(kept), movie.n_frames, units="counts")
        for frames, part in zip(stretches(C), traces(), strict=True):
            if len(kept):
                C[:, frames] = (mixing @ part).astype(np.float32)
        put(out, "b", b, ("height", "width"), units="counts")
        put(out, "f", f, ("frame",), units="1")


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
