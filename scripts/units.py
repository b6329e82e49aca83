"""Rule ``units``: the result of a session in one store."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import zarr

from scopeflow.conventions import CONVENTIONS, provenance
from scopeflow.footprints import centroids, read_footprints, write_footprints
from scopeflow.intact import open_store
from scopeflow.logs import job_log, logger
from scopeflow.miniscope import QUATERNION
from scopeflow.movie import FRAMES_PER_LONG_CHUNK, create_traces, put_unit_ids, unit_blocks
from scopeflow.parallel import single_threaded_libraries
from scopeflow.quality import accepted, diameters, signal_to_noise
from scopeflow.stores import create, new_store, put, read

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

# Columns of the temporal update that every unit carries along: name and unit.
TEMPORAL_COLUMNS = {
    "b0": "counts", "c0": "counts", "sigma": "counts", "s_scale": "1",
    "tau_decay_s": "s", "tau_rise_s": "s",
}  # fmt: skip


def main(smk: "Snakemake") -> None:
    temporal = open_store(smk.input.temporal)
    A, shape = read_footprints(smk.input.A)
    kept = np.flatnonzero(temporal["kept"][:])
    unit_id = temporal["unit_id"][:][kept]
    A = A[kept]
    frames = pd.read_csv(smk.input.frames, sep="\t", keep_default_na=False)
    projections = open_store(smk.input.projections)
    motion = open_store(smk.input.motion)
    n_frames = len(frames)

    with new_store(smk.output.units) as part:
        out = create(
            part,
            **provenance(),
            parameters=smk.params.settings,
            computed_by=smk.params.computed_by,
            session=smk.wildcards.session,
            variant=smk.wildcards.variant,
            fps_hz=projections.attrs["fps_hz"],
            recording=projections.attrs["recording"],
            clock=projections.attrs["clock"],
            conventions=CONVENTIONS,
            kinetics=temporal.attrs.get("kinetics", {}),
            lineage=_lineage(smk.input.get("merges", [])),
            warnings=projections.attrs["warnings"],
            frame_status=frames["status"].replace("", "good").value_counts().to_dict(),
            coordinates="time_s frame_good",
        )
        put_unit_ids(out, unit_id)
        put(out, "frame", np.arange(n_frames), ("frame",))
        put(out, "height", np.arange(shape[0]), ("height",), units="px")
        put(out, "width", np.arange(shape[1]), ("width",), units="px")
        put(out, "time_s", frames["time_s"].to_numpy(np.float64), ("frame",), units="s")
        put(out, "frame_good", projections["weight"][:], ("frame",))
        _put_orientation(out, frames)
        write_footprints(out, A, shape)
        sigma = temporal["sigma"][:][kept]
        snr = np.concatenate(
            [np.zeros(0, np.float32), *_copy_traces(out, smk, temporal, kept, n_frames, sigma)]
        )
        for name, unit in TEMPORAL_COLUMNS.items():
            put(out, name, temporal[name][:][kept].astype(np.float32), ("unit_id",), units=unit)
        put(out, "g", temporal["g"][:][kept], ("unit_id", "lag"), units="1")
        b, f = read(smk.input.traces, "b", "f")
        put(out, "b", b, ("height", "width"), units="counts")
        put(out, "f", f, ("frame",), units="1")
        put(out, "glow", projections["glow"][:], ("height", "width"), units="counts")
        put(out, "motion", motion["motion"][:], ("frame", "shift_dim"), units="px")
        put(out, "max_proj", projections["max_proj"][:], ("height", "width"), units="counts")
        place = centroids(A, shape).astype(np.float32)
        put(out, "centroid_height", place[:, 0], ("unit_id",), units="px")
        put(out, "centroid_width", place[:, 1], ("unit_id",), units="px")
        put(out, "snr", snr, ("unit_id",), units="1")
        spatial_r = read(smk.input.A, "spatial_r")[kept]
        put(out, "spatial_r", spatial_r, ("unit_id",), units="1")
        put(out, "size_px", np.diff(A.indptr), ("unit_id",), units="px")
        width, settings = diameters(A), smk.params.settings
        put(out, "diameter_px", width, ("unit_id",), units="px")
        relative = width / settings["cell_diameter_px"]
        good = accepted(snr, spatial_r, relative, settings["accept"])
        put(out, "accepted", good.astype(np.uint8), ("unit_id",))
    session = smk.wildcards.session
    logger.info("session %s: %d units, %d accepted", session, len(unit_id), good.sum())
    _warn(smk, width)


def _copy_traces(out, smk, temporal, kept, n_frames, sigma):
    """Copy C, S and YrA block by block; yield each block's signal-to-noise ratio."""
    source = {
        "C": temporal["C"],
        "S": temporal["S"],
        "YrA": zarr.open_array(smk.input.traces, path="YrA", mode="r"),
    }
    arrays = {}
    for name in source:
        arrays[name] = create_traces(
            out, name, len(kept), n_frames, FRAMES_PER_LONG_CHUNK,
            units="counts", long_name=CONVENTIONS[name],
        )  # fmt: skip
    for block in unit_blocks(len(kept)):
        for name, array in source.items():
            values = array.oindex[kept[block]]
            arrays[name][block] = values
            if name == "C":
                yield signal_to_noise(values, sigma[block])


def _put_orientation(out: zarr.Group, frames: pd.DataFrame) -> None:
    """Write the head's orientation at each frame, where the miniscope measured it."""
    if QUATERNION[0] not in frames:
        return
    numbers = frames[list(QUATERNION)].apply(pd.to_numeric, errors="coerce").to_numpy(np.float32)
    put(out, "orientation", numbers, ("frame", "quaternion"), units="1",
        long_name="head orientation, quaternion w, x, y, z; NaN where not known")  # fmt: skip


def _lineage(merges) -> dict:
    """Return which labels went into which unit, over all merges."""
    lineage: dict[str, list[int]] = {}
    for path in [merges] if isinstance(merges, str) else merges:
        for survivor, members in open_store(path).attrs["lineage"].items():
            old = [label for m in members for label in lineage.pop(str(m), [m])]
            lineage[survivor] = sorted(set(old))
    return lineage


def _warn(smk, diameter: np.ndarray) -> None:
    """Say plainly when there are no cells, or when they are not as wide as was stated."""
    session, stated = smk.wildcards.session, smk.params.settings["cell_diameter_px"]
    if not len(diameter):
        logger.warning("session %s: no cell was found; units.zarr is valid and empty", session)
    elif len(diameter) >= 5 and not 0.7 <= np.median(diameter) / stated <= 1.3:
        logger.warning(
            "session %s: cells are about %.0f px wide, but cell_diameter_px is %g. "
            "Set it to what you see and run again.",
            session, np.median(diameter), stated,
        )  # fmt: skip


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
