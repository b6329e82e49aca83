"""Rule ``plot_steps``: a picture of every step of a session, for Snakemake's report."""

from typing import TYPE_CHECKING

import matplotlib as mpl

mpl.use("agg")  # before pyplot is imported

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from scopeflow import step_figures
from scopeflow.defaults import MIN_CONFIDENCE, given
from scopeflow.footprints import read_footprints
from scopeflow.intact import open_store
from scopeflow.logs import job_log
from scopeflow.seed_fates import fates
from scopeflow.spans import most_active
from scopeflow.stores import new_store, read

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    frames = pd.read_csv(
        smk.input.frames, sep="\t", keep_default_na=False, dtype={"status": str},
        na_values={"difference": [""]},
    )  # fmt: skip
    time_s = frames["time_s"].to_numpy()
    _save(step_figures.draw_recording(frames), smk.output.recording)

    preview = _arrays(smk.input.preview)
    shown = most_active(preview["background"])
    at_s = time_s[preview["frame"][shown]]
    _save(step_figures.draw_filters(preview, at_s, shown), smk.output.filters)

    motion, confidence, placed = read(smk.input.motion, "motion", "confidence", "placed")
    lost = (frames["status"] == "").to_numpy() & ~placed.astype(bool)
    images = _arrays(smk.input.motion_preview)
    lowest = given(smk.params.settings["motion"]["min_confidence"], MIN_CONFIDENCE)
    drawn = step_figures.draw_motion(time_s, motion, confidence, lost, lowest, images)
    _save(drawn, smk.output.motion)

    seeds = pd.read_csv(smk.input.seeds, sep="\t")
    max_proj = read(smk.input.projections, "max_proj")
    _save(step_figures.draw_seeds(max_proj, seeds, fates(seeds)), smk.output.seeds)

    spatial = smk.input.spatial
    spatial = [spatial] if isinstance(spatial, str) else spatial
    stores = {"first footprints": smk.input.initialize}
    stores |= {f"iteration {i}": path for i, path in enumerate(spatial, start=1)}
    totals, counts = {}, {}
    for name, path in stores.items():
        A, shape = read_footprints(path)
        totals[name], counts[name] = np.asarray(A.sum(axis=0)).reshape(shape), A.shape[0]
    _save(step_figures.draw_footprints(totals, counts), smk.output.footprints)


def _arrays(path: str) -> dict[str, np.ndarray]:
    return {name: array[...] for name, array in open_store(path).arrays()}


def _save(figure: Figure, path: str) -> None:
    with new_store(path) as part:
        figure.savefig(part, dpi=100, format="png", bbox_inches="tight")
    plt.close(figure)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake)
