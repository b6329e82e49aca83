"""Rule ``place_across``: the maps of the same cells in all pairs of an animal's sessions."""

from itertools import combinations
from typing import TYPE_CHECKING

import matplotlib as mpl
import pandas as pd

from scopeflow.errors import InputError
from scopeflow.footprints import centroids, read_footprints
from scopeflow.logs import job_log, logger
from scopeflow.parallel import single_threaded_libraries
from scopeflow.place_cells.across import Comparison, PlaceSession, compare, matches_of
from scopeflow.place_cells.maps_store import read_maps
from scopeflow.stores import new_store

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    mpl.use("agg")
    from scopeflow.place_cells.figures import across_figure  # after the choice of the backend

    animal, settings = smk.wildcards.animal, smk.params.settings["place_cells"]
    mappings = pd.read_csv(smk.input.mappings)
    paths = zip(smk.input.units, smk.input.maps, smk.input.tables, strict=True)
    sessions = dict(zip(smk.params.sessions, (_read(*three) for three in paths), strict=True))
    done: dict[tuple[str, str], Comparison] = {}
    for first, second in combinations(sessions, 2):
        a, b = sessions[first], sessions[second]
        if a.rate.shape[1:] != b.rate.shape[1:]:
            logger.warning("%s and %s have maps of different shapes: left out", first, second)
            continue
        labels = matches_of(mappings, first, second)
        pair = compare(a, b, labels, settings["match_distance_px"], settings["control_shift_px"])
        done[first, second] = pair
        logger.info(
            "%s and %s: %d matched cells, %d of them place cells in both, mean map r %.3f",
            first, second, len(pair.matches), pair.both.sum(), pair.summary["map_r_mean"],
        )  # fmt: skip
    if not done:
        raise InputError(
            f"animal {animal}: no two of its sessions ({', '.join(sessions)}) have maps of one "
            "shape. Give them the same place_cells.track, bins and open_bins."
        )
    _write(smk.output.pairs, {names: pair.pairs for names, pair in done.items()})
    _write(smk.output.control, {names: pair.control for names, pair in done.items()})
    summary = {names: pd.DataFrame([pair.summary]) for names, pair in done.items()}
    _write(smk.output.summary, summary)
    names = max(done, key=lambda names: done[names].both.sum())  # the first one, among equals
    pair, (a, b) = done[names], (sessions[name] for name in names)
    rows, columns = pair.matches[pair.both].T
    widths = tuple(read_maps(smk.input.maps[smk.params.sessions.index(n)]).bin_cm for n in names)
    figure = across_figure(
        names, (a.rate[rows], b.rate[columns]), widths, pair.r[pair.both], pair.r_any_two,
        pair.control, f"animal {animal}, variant {smk.wildcards.variant}",
    )  # fmt: skip
    with new_store(smk.output.figure) as part:
        figure.savefig(part, dpi=110, format="png")


def _read(units: str, maps: str, table: str) -> PlaceSession:
    found, cells = read_maps(maps), pd.read_csv(table, sep="\t")
    centres = centroids(*read_footprints(units))
    is_place = cells["place_cell"].to_numpy(dtype=bool)
    return PlaceSession(found.unit_id, found.rate, is_place, cells["peak_x_cm"].to_numpy(), centres)


def _write(path: str, tables: dict[tuple[str, str], pd.DataFrame]) -> None:
    """Write tables of pairs of sessions one below the other."""
    parts = []
    for (first, second), table in tables.items():
        table.insert(0, "session_a", first)
        table.insert(1, "session_b", second)
        parts.append(table)
    with new_store(path) as part:
        pd.concat(parts).to_csv(part, sep="\t", index=False, float_format="%.6g", na_rep="nan")


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
