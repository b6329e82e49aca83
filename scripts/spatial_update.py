"""Rule ``spatial_update``: footprints from the movie, given the traces."""

from typing import TYPE_CHECKING

import numpy as np
import zarr
from scipy import sparse

from scopeflow import published
from scopeflow.defaults import SPATIAL_PENALTY, given
from scopeflow.footprints import normalized, read_footprints, write_footprints
from scopeflow.logs import job_log, logger
from scopeflow.movie import Movie, put_unit_ids
from scopeflow.parallel import single_threaded_libraries
from scopeflow.passes import SHARE_OF_SLABS, fit_patches
from scopeflow.patch_sums import PatchSums
from scopeflow.patches import PATCH_DIAMETERS, Patch, make_patches
from scopeflow.spatial import grown_support, hollow, update_footprints
from scopeflow.stores import create, new_store, put, read

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    settings = smk.params.settings["spatial"]
    diameter = smk.params.settings["cell_diameter_px"]
    share = 1.0 if settings["method"] == "minian" else SHARE_OF_SLABS
    movie = Movie(smk.input.Y, smk.threads, smk.resources.mem_mb, share)
    sn = read(smk.input.noise, "sn")
    A, shape = read_footprints(smk.input.previous)
    unit_id = read(smk.input.previous, "unit_id")
    C = zarr.open_array(smk.input.previous, path="C", mode="r")  # read by slabs

    penalty = given(settings["sparse_penalty"], SPATIAL_PENALTY[settings["method"]])
    if settings["method"] == "minian":
        support = grown_support(A, shape, given(settings["dilation_px"], diameter))
        b, f = read(smk.input.previous, "b", "f")
        sums = published.LassoSums.zero(support)

        def sum_up(slab: slice) -> published.LassoSums:
            good = movie.weight[slab]
            own = C[:, slab][:, good]
            return published.lasso_slab(movie.read(slab)[good], own, b, f[slab][good], support)

        for _, part in movie.map(sum_up, "slabs summed up for footprints"):
            sums.add(part)
        A = published.lasso_footprints(sums, support, sn, penalty)
        spatial_r = np.full(len(unit_id), np.nan, dtype=np.float32)
    else:
        support = grown_support(A, shape, given(settings["dilation_px"], diameter / 4))
        mean_image = read(smk.input.projections, "mean")
        patches = make_patches(A, shape, PATCH_DIAMETERS * diameter, movie.usable & (sn > 0))

        def update(sums: list[PatchSums], own: list[Patch]) -> tuple[sparse.csr_array, np.ndarray]:
            return update_footprints(sums, own, support, sn, penalty)

        parts, agreements = zip(*fit_patches(movie, C, patches, mean_image, update), strict=True)
        A, spatial_r = sparse.csr_array(sparse.vstack(parts)), np.concatenate(agreements)

    A, scale = normalized(A)
    size = np.diff(A.indptr)
    smallest = given(settings["min_size_px"], (diameter / 4) ** 2)
    largest = given(settings["max_size_px"], np.inf)
    rings = hollow(A, shape) if settings["method"] == "scopeflow" else np.zeros(len(size), bool)
    kept = (scale > 0) & (size >= smallest) & (size <= largest) & ~rings
    logger.info(
        "dropped %d of %d units: %d empty, %d under %.0f px, %d over %s, %d rings around others",
        (~kept).sum(), len(kept), (scale == 0).sum(), ((size < smallest) & (scale > 0)).sum(),
        smallest, (size > largest).sum(), f"{largest:g} px" if largest < np.inf else "any size",
        rings.sum(),
    )  # fmt: skip
    with new_store(smk.output.units) as part:
        out = create(part, stage="spatial_update")
        write_footprints(out, A[kept], shape)
        put_unit_ids(out, unit_id[kept])
        put(out, "size_px", size[kept], ("unit_id",), units="px")
        put(out, "spatial_r", spatial_r[kept], ("unit_id",), units="1")
        put(out, "scale", scale[kept].astype(np.float32), ("unit_id",), units="1")


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
