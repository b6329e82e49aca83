"""Rule ``minian_run``: the same recording by Minian, what it costs and how well it does."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from scopeflow.errors import InputError
from scopeflow.footprints import normalized, write_footprints
from scopeflow.intact import open_store
from scopeflow.logs import job_log, logger
from scopeflow.movie import put_unit_ids
from scopeflow.recordings import HEADLINES, score_stores
from scopeflow.stores import create, new_store, put
from scopeflow.usage import run_measured

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

RUNNER = Path(__file__).parent / "peers" / "run_minian.py"


def main(smk: "Snakemake") -> None:
    session, cores = smk.wildcards.session, smk.wildcards.cores
    for program in ("ffmpeg", "ffprobe"):
        if shutil.which(program) is None:
            raise InputError(f"compare_minian: Minian needs the program {program}. Install it.")
    if smk.input.get("truth") is None:
        raise InputError(f"compare_minian: session {session} is not simulated: no truth to score.")
    recipe = open_store(smk.input.truth).attrs["recipe"]
    folder = Path(smk.output.run).absolute().parent / "work"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        python = Path(smk.input.versions).absolute().parent / "bin" / "python"
        result = folder / "result.npz"
        videos = Path(smk.input.videos[0]).absolute().parent
        command = [str(python), str(RUNNER), str(videos), str(result), cores]
        command.append(str(recipe["signal_level"]))
        usage = run_measured(command, folder, Path(smk.log[0]).with_suffix(".run.log"))
        _write_units(smk.output.units, result)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    score, *_ = score_stores(smk.output.units, smk.input.truth)
    run = {
        "session": session,
        "cores": cores,
        "wall_s": usage.wall_s,
        "cpu_s": usage.cpu_s,
        "peak_mb": usage.peak_mb,
        **{name: score[name] for name in HEADLINES},
    }
    with new_store(smk.output.run) as part:
        pd.DataFrame([run]).to_csv(part, sep="\t", index=False, float_format="%.4g", na_rep="nan")
    logger.info("Minian: %.0f s, %.0f processor s", usage.wall_s, usage.cpu_s)


def _write_units(path: str, result: Path) -> None:
    """Write what Minian found in the form of our units, as far as the score reads it."""
    with np.load(result) as file:
        A, C, S, motion = (file[name] for name in ("A", "C", "S", "motion"))
    n_units, shape = len(A), A.shape[1:]
    A, peak = normalized(sparse.csr_array(A.reshape(n_units, -1)))
    with new_store(path) as part:
        out = create(part, program="Minian")
        put_unit_ids(out, np.arange(n_units))
        write_footprints(out, A, shape)
        put(out, "C", C * peak[:, None], ("unit_id", "frame"))
        put(out, "S", S * peak[:, None], ("unit_id", "frame"))
        put(out, "motion", motion, ("frame", "shift_dim"), units="px")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake)
