"""Rule ``implant_score``: which synthetic cells a variant found, and how well."""

from typing import TYPE_CHECKING

import pandas as pd

from scopeflow.footprints import read_footprints
from scopeflow.implant.score import Result, score_implants
from scopeflow.intact import open_store
from scopeflow.logs import job_log, logger
from scopeflow.parallel import single_threaded_libraries
from scopeflow.stores import new_store, read

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    n_frames = open_store(smk.input.after)["C"].shape[1]
    after, before, truth = (
        _result(path, n_frames) for path in (smk.input.after, smk.input.before, smk.input.truth)
    )
    shape = read_footprints(smk.input.truth)[1]
    fps_hz = float(open_store(smk.input.after).attrs["fps_hz"])
    diameter = smk.params.settings["cell_diameter_px"]
    cells, counts = score_implants(after, before, truth, shape, diameter, fps_hz)
    level, amplitude, nearest = read(smk.input.truth, "level", "amplitude", "neighbour_px")
    table = pd.DataFrame({
        "variant": smk.wildcards.variant,
        "implant_id": truth.unit_id,
        "level": level,
        "amplitude_counts": amplitude,
        "neighbour_px": nearest,
        "n_spikes": (truth.S > 0).sum(axis=1),
        **cells,
    })  # fmt: skip
    for path, rows in (
        (smk.output.cells, table),
        (smk.output.counts, pd.DataFrame([{"variant": smk.wildcards.variant, **counts}])),
    ):
        with new_store(path) as part:
            rows.to_csv(part, sep="\t", index=False, float_format="%.4f", na_rep="nan")
    logger.info(
        "session %s, variant %s: %d of %d synthetic cells found, %d merged with another",
        smk.wildcards.session, smk.wildcards.variant, cells["found"].sum(), len(cells),
        (cells["merged_with"] >= 0).sum(),
    )  # fmt: skip


def _result(path: str, n_frames: int) -> Result:
    """Read the units of a run, of its first frames."""
    group = open_store(path)
    C, S = (group[name][:, :n_frames] for name in ("C", "S"))
    motion = group["motion"][:n_frames]
    return Result(group["unit_id"][...], read_footprints(path)[0], C, S, motion)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
