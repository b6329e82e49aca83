"""Rule ``benchmark_run``: what one session costs, run apart from all others."""

import csv
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import yaml

from scopeflow.logs import job_log, logger
from scopeflow.readers.base import Reader
from scopeflow.readers.probe import probe
from scopeflow.recordings import HEADLINES, score_stores
from scopeflow.stores import new_store
from scopeflow.usage import run_measured, size_mb

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

SNAKEFILE = Path(__file__).parents[1] / "workflow" / "Snakefile"


def main(smk: "Snakemake") -> None:
    session, cores = smk.wildcards.session, int(smk.wildcards.cores)
    videos = [probe(path, smk.params.dataset) for path in smk.input.videos]
    work = Path(smk.output.run).absolute().parent / "work"
    shutil.rmtree(work, ignore_errors=True)  # of a run that was killed
    work.mkdir(parents=True)
    try:
        run, steps = _measured(smk, session, cores, videos, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)  # its movies would fill the disk
    for name, table in {"run": pd.DataFrame([run]), "steps": steps}.items():
        with new_store(smk.output[name]) as part:
            table.to_csv(part, sep="\t", index=False, float_format="%.4g", na_rep="nan")
    logger.info(
        "session %s: %.0f s (%.1f times decoding), %.0f processor s, at most %.0f MB",
        session, run["wall_s"], run["times_decoding"], run["cpu_s"], run["peak_mb"],
    )  # fmt: skip


def _measured(smk, session: str, cores: int, videos: list[Reader], work: Path):
    """Run the session in the folder `work`; return the costs of the whole and of its steps."""
    target = _prepare(work, session, *smk.params.alone)
    n_frames, decoding_s = _decode(videos, cores)
    logger.info("decoding %d frames takes %.1f s with %d threads", n_frames, decoding_s, cores)
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE)),
        *("--configfile", "config.yaml", "--directory", ".", "--cores", str(cores)),
        *("--", target),
    ]
    usage = run_measured(command, work, Path(smk.log[0]).with_suffix(".run.log"))
    first = videos[0]
    decoded_mb = n_frames * first.height * first.width * first.dtype.itemsize / 1e6
    disk_mb = size_mb(work)
    run = {
        "session": session,
        "cores": cores,
        "n_frames": n_frames,
        "height_px": first.height,
        "width_px": first.width,
        "wall_s": usage.wall_s,
        "cpu_s": usage.cpu_s,
        "peak_mb": usage.peak_mb,
        "decoding_s": decoding_s,
        "times_decoding": usage.wall_s / decoding_s,
        "decoded_mb": decoded_mb,
        "disk_mb": disk_mb,
        "times_decoded": disk_mb / decoded_mb,
        **_accuracy(work / target, smk.input.get("truth")),
    }
    budgets = smk.params.alone[0]["mem_mb"]
    return run, _steps(work / "benchmarks" / session / "default", usage.script_mb, budgets)


def _prepare(work: Path, session: str, config: dict, row: dict[str, str]) -> str:
    """Write config and sheet; return what shall be made."""
    (work / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
    with (work / config["sessions"]).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row, delimiter="\t")
        writer.writeheader()
        writer.writerow(row)
    return f"{config['results']}/{session}/default/units.zarr"


def _decode(videos: list[Reader], threads: int) -> tuple[int, float]:
    """Decode all files, as many at once as there are threads, or one file by several.

    Returns how many frames there were, which are thrown away, and seconds.
    """
    threads_each = max(threads // len(videos), 1)

    def decode(video: Reader) -> int:
        return sum(frame is not None for frame in video.frames(threads_each))

    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(decode, videos)), time.perf_counter() - start


def _accuracy(units: Path, truth: str | None) -> dict[str, float]:
    if truth is None:
        return {}
    score, *_ = score_stores(units, truth)
    return {name: score[name] for name in HEADLINES}


def _steps(folder: Path, script_mb: dict[str, float], budgets: dict[str, float]) -> pd.DataFrame:
    """Return the seconds of every job as Snakemake measured them, and the memory of its script.

    Snakemake samples memory ever more seldom; ours is that of all iterations together. Beside it
    stands what the step may use.
    """
    rows = []
    for path in sorted(folder.glob("*.tsv"), key=lambda p: p.stat().st_mtime):
        measured = pd.read_csv(path, sep="\t").iloc[0]
        rule = path.stem.partition(".")[0]
        rows.append(
            {
                "step": path.stem,
                "wall_s": measured["s"],
                "cpu_s": measured["cpu_time"],
                "peak_mb": script_mb.get(rule, np.nan),
                "mem_mb": budgets[rule],
            }
        )
    return pd.DataFrame(rows, columns=["step", "wall_s", "cpu_s", "peak_mb", "mem_mb"])


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake)
