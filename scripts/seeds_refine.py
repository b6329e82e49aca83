"""Rule ``seeds_refine``: test the candidates and keep one seed for each cell."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import zarr

from scopeflow import seeds
from scopeflow.filters import chosen_cutoff_hz, fill_gaps, low_pass
from scopeflow.intact import open_store
from scopeflow.logs import job_log, logger
from scopeflow.movie import unit_blocks
from scopeflow.parallel import single_threaded_libraries
from scopeflow.seed_tests import judge, measures, merged
from scopeflow.stores import new_store

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    settings = smk.params.settings["seeds"]
    diameter = smk.params.settings["cell_diameter_px"]
    store = open_store(smk.input.candidates)
    fps_hz = store.attrs["fps_hz"]
    cutoff_hz = chosen_cutoff_hz(settings["noise_cutoff_hz"], fps_hz, "seeds")
    table = pd.DataFrame({name: store[name][:] for name in ["height", "width", "count", "score"]})

    measured = _measure(store["traces"], fps_hz, cutoff_hz)
    table["peak_to_peak"], table["pnr"], distance = measured
    null = _measure(store["null_traces"], fps_hz, cutoff_hz)[2]
    table["ks_p"] = seeds.ks_p_values(distance, null)
    pnr_min = settings["pnr_min"]
    if pnr_min is None:
        pnr_min = seeds.default_pnr_min(fps_hz, cutoff_hz)
        logger.info("seeds.pnr_min: %.2f, 1.2 times that of noise", pnr_min)
    method, seed = store.attrs["method"], smk.params.settings["seed"]
    shape = tuple(store.attrs["shape"])
    table = table.join(judge(table, settings, method, shape, diameter, pnr_min, seed))
    passed = table.filter(like="mask_").all(axis=1).to_numpy()

    def agreement(pairs: np.ndarray) -> np.ndarray:
        return _agreement(store["traces"], pairs, fps_hz, cutoff_hz)

    best = merged(table, passed, agreement, settings, method, diameter)
    table["mask_merge"] = best

    for name in table.filter(like="mask_").columns:
        logger.info("%s: %d of %d candidates pass", name, table[name].sum(), len(table))
    logger.info("%d seeds", best.sum())
    if not best.any():
        logger.warning(
            "session %s: no seed is left of %d candidates (best peak-to-noise ratio %.2f, "
            "threshold %g). If there are cells, check cell_diameter_px, or lower seeds.pnr_min or "
            "seeds.event_z_min.",
            smk.wildcards.session, len(table), table["pnr"].max() if len(table) else 0, pnr_min,
        )  # fmt: skip
    with new_store(smk.output.seeds) as part:
        table.to_csv(part, sep="\t", index_label="candidate", float_format="%.6g")


def _measure(traces: zarr.Array, fps_hz: float, cutoff_hz: float) -> tuple[np.ndarray, ...]:
    """Return range, peak-to-noise ratio and distance from normal of traces."""
    n_traces = traces.shape[0]
    ranges, ratios, distances = np.zeros((3, n_traces))
    for block in unit_blocks(n_traces):
        values = fill_gaps(traces[block])
        ranges[block], ratios[block], distances[block] = measures(values, fps_hz, cutoff_hz)
    return ranges, ratios, distances


def _agreement(
    traces: zarr.Array, pairs: np.ndarray, fps_hz: float, cutoff_hz: float
) -> np.ndarray:
    """Return the correlation of the slow parts of pairs of traces, two of them in memory."""
    result = np.zeros(len(pairs))
    for k, pair in enumerate(pairs):
        slow = low_pass(fill_gaps(traces.oindex[pair]), fps_hz, cutoff_hz)
        result[k] = seeds.correlations(slow, np.array([[0, 1]]))[0]
    return result


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
