"""Rule ``implant_cells``: a copy of a loaded recording with synthetic cells in it."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scopeflow.errors import InputError
from scopeflow.footprints import centroids, read_footprints
from scopeflow.frames import Extremes, extremes
from scopeflow.implant.draw import Implants, draw_implants, typical_activity
from scopeflow.implant.insert import implanted, saturation
from scopeflow.implant.store import write_implants
from scopeflow.intact import open_store
from scopeflow.logs import job_log, logger, progress
from scopeflow.movie import SEEN_MIN
from scopeflow.parallel import map_slabs, single_threaded_libraries, threads_that_fit
from scopeflow.shift import seen_fraction
from scopeflow.stores import (
    create,
    create_movie,
    new_store,
    put,
    read,
    read_slab,
    slab_bytes,
    slabs,
    write_slab,
)

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

COPIES = 14  # memory of a slab in work: light in float32, its whole numbers, and the sum
SHARE_OF_FOUND = 0.25  # synthetic cells for each one found, unless a number is given
CELLS_MIN = 12


def main(smk: "Snakemake") -> None:
    session = smk.wildcards.session
    source = open_store(smk.input.raw)
    raw, frames = source["Y"], pd.read_csv(smk.input.frames, sep="\t", keep_default_na=False)
    n_frames = min(smk.params.settings["implant"]["n_frames"] or len(frames), len(frames))
    frames = frames[:n_frames]
    motion = read(smk.input.motion, "motion")[:n_frames]
    good = (frames["status"] == "").to_numpy()
    implants = _draw(smk, motion, good, float(source.attrs["fps_hz"]))
    ceiling = saturation(float(source["maximum"][:].max()), raw.dtype)
    seed = smk.params.settings["seed"]
    with new_store(smk.output.raw) as part:
        out = create(part, **{**dict(source.attrs), "implanted": len(implants.level)})
        movie = create_movie(out, "Y", (n_frames, *raw.shape[1:]), raw.dtype)

        def work(slab: slice) -> tuple[np.ndarray, np.ndarray]:
            whole = slice(slab.start, min(slab.start + raw.chunks[0], raw.shape[0]))
            new = implanted(
                read_slab(raw, whole)[: slab.stop - slab.start], implants.C[:, slab],
                implants.centres, implants.variances, motion[slab], good[slab], ceiling,
                np.random.default_rng([seed, 11, slab.start]),
            )  # fmt: skip
            write_slab(movie, slab, new)
            return extremes(new, good[slab])

        found, pieces = Extremes(raw.shape[1:], raw.dtype), slabs(movie)
        threads = threads_that_fit(smk.threads, smk.resources.mem_mb, slab_bytes(raw), COPIES)
        ends = progress(map_slabs(work, pieces, threads), len(pieces), "slabs implanted")
        for slab, (lowest, highest) in zip(pieces, ends, strict=True):
            found.add(lowest, highest, good[slab])
        for name, image in (("minimum", found.minimum), ("maximum", found.maximum)):
            text = f"{name} over the good frames"
            put(out, name, image, ("height", "width"), units="counts", long_name=text)
        movie.attrs.update(units="counts")
    with new_store(smk.output.frames) as part:
        frames.to_csv(part, sep="\t", index=False)
    with new_store(smk.output.truth) as part:
        out = create(part, parameters=smk.params.settings)
        write_implants(out, implants, motion, raw.shape[1:])
    logger.info(
        "session %s: %d synthetic cells in %d frames, transients of %s counts; ceiling %.0f counts",
        session, len(implants.level), n_frames,
        ", ".join(f"{a:.3g}" for a in np.unique(implants.amplitude)), ceiling,
    )  # fmt: skip


def _draw(smk, motion: np.ndarray, good: np.ndarray, fps_hz: float) -> Implants:
    """Draw cells like those found, at places of their own."""
    session, settings = smk.wildcards.session, smk.params.settings["implant"]
    units, diameter = smk.input.units, smk.params.settings["cell_diameter_px"]
    S, decay, rise = read(units, "S", "tau_decay_s", "tau_rise_s")
    activity = typical_activity(S, decay, rise, S.shape[1] / fps_hz)
    if activity is None:
        raise InputError(
            f"session {session}: no cell was found, so that there is nothing to take the height "
            "of transients and the kinetics of synthetic cells from."
        )
    A, shape = read_footprints(units)
    rng = np.random.default_rng([smk.params.settings["seed"], 10])
    wanted = settings["n_cells"] or max(round(SHARE_OF_FOUND * len(S)), CELLS_MIN)
    implants = draw_implants(
        rng, activity, centroids(A, shape), seen_fraction(motion, good, shape) >= SEEN_MIN, wanted,
        settings["amplitudes"], diameter, settings["distance_diameters"], len(motion), fps_hz,
    )  # fmt: skip
    if not len(implants.level):
        raise InputError(
            f"session {session}: no place for a synthetic cell is {diameter:g} px wide and far "
            "enough from the cells found. Lower implant.distance_diameters."
        )
    if len(implants.level) < wanted:
        logger.warning(
            "session %s: there is room for %d synthetic cells of %d", session,
            len(implants.level), wanted,
        )  # fmt: skip
    return implants


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
