"""Rule ``place_cells``: where each cell of a session fires, and whether that is by chance."""

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from scopeflow.intact import open_store
from scopeflow.logs import job_log, logger, progress
from scopeflow.movie import unit_blocks
from scopeflow.parallel import single_threaded_libraries
from scopeflow.place_cells.alignment import (
    behavior_stamps,
    clock_start_ms,
    in_order,
    positions_at,
    sample_times,
)
from scopeflow.place_cells.arena import LINEAR, Place, blocks, locate, place_bins, runs
from scopeflow.place_cells.behavior import read_behavior
from scopeflow.place_cells.classify import COLUMNS, TRIALS_MIN, examine
from scopeflow.place_cells.maps import make_layout
from scopeflow.place_cells.maps_store import write_maps
from scopeflow.stores import create, new_store, read

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    mpl.use("agg")
    from scopeflow.place_cells.figures import session_figure  # after the choice of the backend

    settings, session = smk.params.settings["place_cells"], smk.wildcards.session
    units = open_store(smk.input.units)
    unit_id, time_s, good = read(smk.input.units, "unit_id", "time_s", "frame_good")
    place, kind = _place(smk, settings, time_s, float(units.attrs["fps_hz"]))
    if place.track == LINEAR:
        trial = runs(place.xy_cm[:, 0], place.size_cm[0], settings["end_zone"])
    else:
        trial = blocks(time_s, settings["open_trial_s"])
    n_bins = settings["bins" if place.track == LINEAR else "open_bins"]
    usable = good.astype(bool)
    bins, shape, (_, bin_cm) = place_bins(place, settings["speed_min_cm_s"], usable, n_bins)
    frame_s = 1 / float(units.attrs["fps_hz"])
    layout = make_layout(bins, shape, trial, settings["sd_cm"] / bin_cm, frame_s)
    logger.info(
        "session %s: %s, %s track of %s cm, %d trials; %d of %d frames are used",
        session, kind, place.track, " x ".join(f"{s:.4g}" for s in place.size_cm),
        layout.n_trials, (bins >= 0).sum(), len(bins),
    )  # fmt: skip
    if layout.n_trials < TRIALS_MIN:
        logger.warning(
            "session %s: %d trials; stability needs two, so that no cell counts as a place cell",
            session, layout.n_trials,
        )  # fmt: skip

    rows, maps = [], [np.empty((0, *shape), np.float32)]
    for block in unit_blocks(len(unit_id)):
        cells = examine(
            units["S"][block], unit_id[block], layout, bin_cm, settings,
            smk.params.settings["seed"], smk.threads,
        )  # fmt: skip
        for row, rate in progress(cells, block.stop - block.start, "cells tested"):
            rows.append(row)
            maps.append(rate[None])
    rate = np.concatenate(maps)
    table = pd.DataFrame(rows, columns=COLUMNS)
    with new_store(smk.output.table) as part:
        table.to_csv(part, sep="\t", index=False, float_format="%.6g", na_rep="nan")
    with new_store(smk.output.maps) as part:
        out = create(part, parameters=smk.params.settings)
        write_maps(out, unit_id, rate, place, layout, bin_cm, trial, time_s)
    title = f"session {session}, variant {smk.wildcards.variant}"
    with new_store(smk.output.figure) as part:
        figure = session_figure(place, time_s, layout, bin_cm, table, rate, title)
        figure.savefig(part, dpi=110, format="png")
    logger.info("session %s: %d place cells of %d", session, table["place_cell"].sum(), len(table))


def _place(smk, settings: dict, time_s: np.ndarray, fps_hz: float) -> tuple[Place, str]:
    """Return where the animal was in each frame, and what kind of table said so."""
    path = smk.input.behavior
    behavior = read_behavior(path, settings["body_part"], settings["likelihood_min"])
    stamps, origin_ms = None, None
    if behavior.time_s is None:
        clock = open_store(smk.input.units).attrs.get("clock", {})
        table, own = smk.input.get("behavior_stamps"), smk.input.get("timestamps")
        if table:
            stamps = behavior_stamps(table, clock.get("n_stamps", 0))
        origin_ms = clock.get("start_ms")
        if origin_ms is None and own:  # too broken for times, but not for where they begin
            origin_ms = clock_start_ms(own, clock.get("n_stamps", 0))
        if origin_ms is None and stamps is not None:
            logger.warning("the recording has no time stamps: its first frame is taken as 0 ms")
    times = sample_times(
        behavior, path, stamps, origin_ms or 0.0, settings["behavior_fps_hz"],
        settings["time_offset_s"],
    )  # fmt: skip
    times, xy = in_order(times, behavior.xy, path)
    xy = positions_at(time_s, times, xy, settings["gap_max_s"])
    place = locate(
        xy, time_s, settings["track"], behavior.cm_per_unit, settings["px_per_cm"],
        settings["length_cm"], path,
    )  # fmt: skip
    lost = ~np.isfinite(place.xy_cm).all(axis=1)
    logger.info("%d of %d frames have no position", lost.sum(), len(lost))
    part = f", body part {behavior.body_part}" if behavior.body_part else ""
    return place, f"table of kind {behavior.kind}{part}"


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
