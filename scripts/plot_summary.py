"""Rule ``plot_summary``: one picture per session, enough to judge the run by eye."""

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from scopeflow import figures
from scopeflow.footprints import centroids, read_footprints
from scopeflow.intact import open_store
from scopeflow.logs import job_log
from scopeflow.seed_fates import attrition
from scopeflow.stores import new_store, read
from scopeflow.unit_ends import MERGE, SPATIAL, TEMPORAL, ends, read_rounds
from scopeflow.unit_traces import traces_of

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

EXAMPLES = 10
ITERATED = "spatial", "temporal", "merges"
# What is said of seeds that passed a test, and of units that a reason to end left.
PASSED = {
    "events": "bright often or once", "intensity": "bright", "gmm": "range above noise",
    "pnr": "peak above noise", "ks": "unlike empty sites", "merge": "one seed per cell",
}  # fmt: skip
LEFT = {SPATIAL: "compact footprint", TEMPORAL: "clear activity", MERGE: "pieces merged"}


def main(smk: "Snakemake") -> None:
    mpl.use("agg")
    from matplotlib import pyplot as plt  # after the choice of the backend

    units = open_store(smk.input.units)
    A, shape = read_footprints(smk.input.units)
    unit_id, time_s = units["unit_id"][:], units["time_s"][:]
    good = units["frame_good"][:].astype(bool)

    fig = plt.figure(figsize=(15, 10), layout="constrained")
    grid = fig.add_gridspec(4, 2, width_ratios=[1, 1])
    figures.draw_footprints(
        fig.add_subplot(grid[:3, 0]), units["max_proj"][:], A, unit_id, centroids(A, shape),
        units["accepted"][:].astype(bool),
    )  # fmt: skip
    figures.draw_motion(fig.add_subplot(grid[3, 0]), time_s, units["motion"][:], good)
    ax = fig.add_subplot(grid[:3, 1])
    if len(unit_id):
        # Spread over the range of quality, not the best only: the judgement should be fair.
        order = np.argsort(-units["snr"][:])
        picks = order[np.unique(np.linspace(0, len(order) - 1, EXAMPLES).round().astype(int))]
        traces = [traces_of(units, k) for k in picks]
        figures.draw_traces(ax, time_s, unit_id[picks], traces)
    else:
        ax.text(0.5, 0.5, "no cell was found", ha="center", va="center")
        ax.set_axis_off()
    figures.draw_attrition(fig.add_subplot(grid[3, 1]), _attrition(smk))
    fig.suptitle(f"session {smk.wildcards.session}, variant {smk.wildcards.variant}")
    with new_store(smk.output.summary) as part:
        fig.savefig(part, dpi=110, format="png")


def _attrition(smk: "Snakemake") -> list[tuple[str, int]]:
    table = pd.read_csv(smk.input.seeds, sep="\t")
    steps = [("candidates", len(table))]
    for row in attrition(table).itertuples():
        if row.fail:  # tests that are off, or drop nothing, only take up room
            steps.append((PASSED.get(row.test, row.test), row.left))
    first = read(smk.input.initialize, "unit_id")
    rounds = read_rounds(*(_listed(smk.input.get(name, [])) for name in ITERATED))
    found = ends(first, rounds, {})
    steps.append(("first footprints", len(first)))
    n_left = len(first)
    for reason, words in LEFT.items():
        gone = sum(end.reason == reason for end in found)
        n_left -= gone
        if gone:
            steps.append((words, n_left))
    return [*steps, ("units", n_left)]


def _listed(files) -> list[str]:
    return [files] if isinstance(files, str) else list(files)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake)
