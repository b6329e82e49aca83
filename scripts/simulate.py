"""Rule ``simulate``: a recording of known cells, activity and motion."""

from pathlib import Path
from typing import TYPE_CHECKING

from scopeflow.logs import job_log, logger
from scopeflow.parallel import single_threaded_libraries
from scopeflow.recordings import (
    write_behavior,
    write_timestamps,
    write_truth,
    write_videos,
)
from scopeflow.simulate import make_recording

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    recording = make_recording(smk.params.recipe)
    unit_id, *_ = recording.truth()
    logger.info(
        "recording %s: %d cells in the image, %d frames, signal level %g",
        smk.wildcards.recording,
        len(unit_id),
        recording.recipe["n_frames"],
        recording.recipe["signal_level"],
    )
    write_videos([Path(path) for path in smk.output.videos], recording, smk.threads)
    write_timestamps(Path(smk.output.timestamps), recording)
    write_truth(Path(smk.output.truth), recording)
    if smk.output.get("behavior"):
        write_behavior(Path(smk.output.behavior), recording)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
