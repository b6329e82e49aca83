"""Scores of many simulated recordings, summed up as in the paper's figures 15 and 16."""

import numpy as np
import pandas as pd

from scopeflow.quality import QUALITY

MEASURES = {"f1": "f1", "footprint_r": "footprint_r_median", "calcium_r": "calcium_r_median",
            "spikes_r": "spikes_r_median"}  # fmt: skip
NEIGHBOUR_EDGES_PX = [0, 2, 4, 6, 8, 12, 16, np.inf]


def summary(scores: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Return the median and range over seeds of every condition, beside published values.

    Parameters
    ----------
    scores : DataFrame
        A row for each recording, with ``signal_level``, ``n_cells`` and the scores.
    published : DataFrame
        Columns ``signal_level``, ``n_cells``, ``tool`` and the names of `MEASURES`.

    Returns
    -------
    DataFrame
        A row for each condition: of each measure median, lowest and highest, and a column
        for each tool with its published value, NaN where there is none.
    """
    rows = []
    for (level, n_cells), group in scores.groupby(["signal_level", "n_cells"]):
        row = {"signal_level": level, "n_cells": n_cells, "n_recordings": len(group)}
        same = published[(published.signal_level == level) & (published.n_cells == n_cells)]
        for name, column in MEASURES.items():
            values = group[column]
            row |= {
                name: values.median(),
                f"{name}_low": values.min(),
                f"{name}_high": values.max(),
            }
            for tool in published.tool.unique():
                of_tool = same.loc[same.tool == tool, name]
                row[f"{name}_{tool}"] = of_tool.iloc[0] if len(of_tool) else np.nan
        rows.append(row)
    return pd.DataFrame(rows)


def by_neighbour(cells: pd.DataFrame) -> pd.DataFrame:
    """Return which share of cells was found, by the distance to the nearest other cell.

    Parameters
    ----------
    cells : DataFrame
        A row for each true cell with ``signal_level``, ``neighbour_px``, ``found`` (-1: no),
        ``footprint_r``, ``calcium_r`` and ``spikes_r``.

    Returns
    -------
    DataFrame
        A row for each signal level and range of distances that holds cells.
    """
    edges = np.array(NEIGHBOUR_EDGES_PX)
    lower = edges[np.searchsorted(edges, cells["neighbour_px"], side="right") - 1]
    table = cells.assign(from_px=lower, found=cells["found"] >= 0)
    grouped = table.groupby(["signal_level", "from_px"])
    result = grouped["found"].agg(n_cells="size", recall="mean")
    for name in ("footprint_r", "calcium_r", "spikes_r"):
        result[f"{name}_median"] = grouped[name].median()
    return result.reset_index()


def separation(found: pd.DataFrame) -> pd.DataFrame:
    """Return how well each quality of the units tells true ones from false ones.

    Parameters
    ----------
    found : DataFrame
        A row for each unit with ``is_true`` and the columns of `QUALITY`.

    Returns
    -------
    DataFrame
        ``quality``; ``auc``, the chance that a true unit has more of it than a false one
        (NaN without false units); quantiles of both kinds.
    """
    truth = found["is_true"].to_numpy(dtype=bool)
    rows = []
    for name in [column for column in QUALITY if column in found]:
        values = found[name].to_numpy(dtype=float)
        true, false = np.sort(values[truth]), values[~truth]
        auc = np.nan
        if len(true) and len(false):
            below = np.searchsorted(true, false, "left") + np.searchsorted(true, false, "right")
            auc = 1 - below.sum() / (2 * len(true) * len(false))
        row = {"quality": name, "auc": auc, "n_true": len(true), "n_false": len(false)}
        for kind, part in (("true", true), ("false", false)):
            for q in (0.05, 0.5, 0.95):
                row[f"{kind}_q{q:g}"] = np.quantile(part, q) if len(part) else np.nan
        rows.append(row)
    return pd.DataFrame(rows)
