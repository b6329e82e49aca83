"""Rule ``compare_variants``: the variants of a session side by side, so that one can be chosen."""

import math
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from scopeflow.comparison import read_result
from scopeflow.footprints import read_footprints
from scopeflow.intact import open_store
from scopeflow.logs import job_log, logger
from scopeflow.parallel import single_threaded_libraries
from scopeflow.stores import new_store, read
from scopeflow.unit_summary import summarize, summarize_frames, summarize_motion
from scopeflow.unit_traces import traces_of
from scopeflow.variant_table import busiest_window, liken, pick_examples, score_columns

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

EXAMPLES = 6
WINDOW_S = 120.0  # of the traces that are drawn: single transients should be seen
FRAMES_MAX = 20_000  # of the traces that are correlated; of longer ones every second, third, ...


def main(smk: "Snakemake") -> None:
    mpl.use("agg")
    names, paths = list(smk.params.differences), _listed(smk.input.units)
    scores = _listed(smk.input.get("scores", []))
    time_s = read(paths[0], "time_s")
    step = math.ceil(len(time_s) / FRAMES_MAX)
    reference = read_result(paths[0], step)
    rows, partners = [], []
    for i, (name, path) in enumerate(zip(names, paths, strict=True)):
        group = open_store(path)
        alike = np.array_equal(time_s, group["time_s"][:])
        likeness = liken(reference, reference if i == 0 else read_result(path, step), alike)
        partners.append(likeness.partner)
        row = {"variant": name, "differs": smk.params.differences[name], **summarize(group)}
        row |= likeness.numbers | summarize_motion(group) | summarize_frames(group)
        if scores:
            row |= score_columns(pd.read_csv(scores[i], sep="\t").iloc[0])
        rows.append(row)
        logger.info("%s: %d units, %s of them in default", name, row["n_units"], row["n_matched"])
    table = pd.DataFrame(rows)
    with new_store(smk.output.table) as part:
        table.to_csv(part, sep="\t", index=False, float_format="%.4g", na_rep="nan")
    _draw(smk, paths, rows, np.array(partners))


def _listed(files) -> list[str]:
    return [files] if isinstance(files, str) else list(files)


def _draw(smk: "Snakemake", paths: list[str], rows: list[dict], partners: np.ndarray) -> None:
    from scopeflow.variant_figures import draw_variants  # after the choice of the backend

    group = open_store(paths[0])
    cells = pick_examples(group["snr"][:], partners >= 0, EXAMPLES)
    length = max(round(WINDOW_S * group.attrs["fps_hz"]), 1)
    window = busiest_window(group["S"].oindex[cells, :], length)
    shown_s = group["time_s"][window][[0, -1]]
    everywhere = (partners >= 0).all(axis=0)
    panels = []
    for path, row, partner in zip(paths, rows, partners, strict=True):
        shared = everywhere if path == paths[0] else partner[partner >= 0]
        panels.append(_panel(path, row, partner[cells], shared, shown_s))
    labels = [f"cell {unit}" for unit in group["unit_id"][:][cells]]
    figure = draw_variants(panels, labels, f"session {smk.wildcards.session}")
    with new_store(smk.output.figure) as part:
        figure.savefig(part, dpi=110, format="png")


def _panel(path: str, row: dict, cells: np.ndarray, shared: np.ndarray, shown_s: np.ndarray):
    """Read what is drawn of one variant; `shared` selects the units that others have, too."""
    from scopeflow.variant_figures import Panel, Trace

    group = open_store(path)
    A, _ = read_footprints(path)
    is_shared = np.zeros(A.shape[0], dtype=bool)
    is_shared[shared] = True
    time_s = group["time_s"][:]
    start, last = np.searchsorted(time_s, shown_s).tolist()
    window = slice(min(start, len(time_s) - 1), max(last, start) + 1)
    traces = [None if k < 0 else Trace(*(t[window] for t in traces_of(group, k))) for k in cells]
    words = f"{row['n_units']} cells, {row['n_accepted']} accepted, snr {row['snr_median']:.1f}"
    if "true_f1" in row:
        words += f", F1 {row['true_f1']:.3f}"
    image = group["max_proj"][:]
    return Panel(row["variant"], words, image, A, is_shared, time_s[window], traces)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
