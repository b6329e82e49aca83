"""Rule ``import_units``: the units that another program found, in the form of ours."""

from typing import TYPE_CHECKING

from scopeflow.conventions import CONVENTIONS, provenance
from scopeflow.earlier.reading import read_earlier
from scopeflow.earlier.store import write_units
from scopeflow.errors import InputError
from scopeflow.logs import job_log, logger
from scopeflow.parallel import single_threaded_libraries
from scopeflow.stores import create, new_store

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    session, row = smk.wildcards.session, smk.params.settings["session"]
    result = read_earlier(smk.input.earlier)
    fps_hz = row.get("fps_hz") or result.fps_hz
    if not fps_hz:
        raise InputError(
            f"session {session}: the frame rate is not known, and {result.path} does not tell it. "
            "Give it in Hz in column fps_hz of the sample sheet, e.g. 20."
        )
    for note in result.notes:
        logger.warning("session %s: %s", session, note)
    with new_store(smk.output.units) as part:
        out = create(
            part,
            **provenance(),
            parameters={"session": row},
            computed_by={"import_units": smk.wildcards.variant},
            session=session,
            variant=smk.wildcards.variant,
            fps_hz=float(fps_hz),
            conventions={**CONVENTIONS, "accepted": f"by {result.program} or by its user"},
            kinetics={},
            lineage={},
            recording={"software": result.program},
            imported_from=str(result.path),
            warnings=result.notes,
            frame_status={"good": result.n_frames},
            coordinates="time_s frame_good",
        )
        write_units(out, result, float(fps_hz))
    logger.info(
        "session %s: %d units and %d frames of %s taken over from %s",
        session, result.n_units, result.n_frames, result.program, result.path,
    )  # fmt: skip


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
