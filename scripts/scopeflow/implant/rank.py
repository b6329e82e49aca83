"""Sets of parameters ranked by the synthetic cells they find, and by true ones where known."""

import numpy as np
import pandas as pd
from scipy import stats

TIE = 1e-9


def summarize(cells: pd.DataFrame, kept: float = 1.0) -> dict[str, float]:
    """Return recall, shares of merged and split cells, median correlations, and the score.

    Parameters
    ----------
    cells : DataFrame
        Rows of `score.score_implants`, of one variant (and one level, maybe).
    kept : float, optional
        Share of the units of the run without synthetic cells that are there again.

    Notes
    -----
    The score is the mean over the synthetic cells of the correlation of their spikes, 0 for
    those not found and for those merged with another cell; every further unit that follows a
    synthetic cell counts as one cell more that was not found; times `kept`, because units that
    vanish when a few cells are put in elsewhere are hardly cells. It lies between 0 and 1 and
    asks for all at once: cells found, whole, alone, with the right activity, and others too.
    """
    found = cells["found"].to_numpy(dtype=bool)
    merged = cells["merged_with"].to_numpy() >= 0
    n_parts = int(cells["n_parts"].sum())
    alone = found & ~merged
    gained = np.maximum(cells["spikes_r"].to_numpy()[alone], 0).sum()
    return {
        "n_implants": len(cells),
        "score": float(kept * gained / max(len(cells) + n_parts, 1)),
        "recall": _share(found),
        "merged": _share(merged),
        "n_parts": n_parts,
        **{
            name: float(cells.loc[found, name].median()) if found.any() else np.nan
            for name in ("footprint_r", "calcium_r", "spikes_r")
        },
    }


def by_level(cells: pd.DataFrame) -> pd.DataFrame:
    """Return what `summarize` says of each variant and height of transients.

    Parameters
    ----------
    cells : DataFrame
        Rows of all variants, with ``variant``, ``level`` and ``amplitude_counts``.

    Returns
    -------
    DataFrame
        A row for each variant and level, in the order in which they come. Units that vanish
        belong to no level, so that `kept` is not in the score.
    """
    return pd.DataFrame([
        {"variant": variant, "level": level, "amplitude_counts": own["amplitude_counts"].mean(),
         **summarize(own)}
        for (variant, level), own in cells.groupby(["variant", "level"], sort=False)
    ])  # fmt: skip


def _share(flags: np.ndarray) -> float:
    return float(flags.mean()) if len(flags) else np.nan


def true_score(cells: pd.DataFrame, n_found: int) -> dict[str, float]:
    """Return the same score by the true cells of a simulated recording.

    Parameters
    ----------
    cells : DataFrame
        ``score_cells.tsv``: a row for each true cell.
    n_found : int
        Number of units found; those without a true cell count as cells not found.
    """
    found = cells["found"].to_numpy() >= 0
    gained = np.maximum(cells["spikes_r_quarter_s"].to_numpy()[found], 0).sum()
    n_false = n_found - int(found.sum())
    return {
        "true_score": float(gained / max(len(cells) + n_false, 1)),
        "true_recall": _share(found),
        "n_false": n_false,
    }


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Sort variants by their score, the best first, with the column ``rank`` (ties share one)."""
    table = table.sort_values("score", ascending=False, kind="stable").reset_index(drop=True)
    table.insert(0, "rank", _ranks(table["score"]))
    if "true_score" in table:
        table.insert(1, "true_rank", _ranks(table["true_score"]))
    return table


def _ranks(scores: pd.Series) -> np.ndarray:
    rounded = np.round(scores.to_numpy(dtype=np.float64) / TIE)
    return stats.rankdata(-rounded, method="min").astype(int)


def agreement(table: pd.DataFrame) -> float:
    """Return Spearman's correlation of the two scores over variants; NaN for fewer than three."""
    if len(table) < 3 or table[["score", "true_score"]].nunique().min() < 2:
        return np.nan
    return float(stats.spearmanr(table["score"], table["true_score"]).statistic)


def choices(table: pd.DataFrame) -> dict[str, float | str]:
    """Return which variant each score would choose, and what the choice costs.

    Parameters
    ----------
    table : DataFrame
        Of `ranked`, with ``variant``; ``true_score`` where the true cells are known.

    Returns
    -------
    dict
        ``n_variants``; ``rho``, of `agreement`; ``best_by_implants`` and ``best_by_truth``,
        among equals the one that stands first in `table`; ``regret``, by how much the true
        score of the former is lower than that of the latter. NaN what the truth is needed for
        and is not known.
    """
    best, known = table["variant"].iloc[0], "true_score" in table
    true = table["true_score"] if known else pd.Series([np.nan])
    return {
        "n_variants": len(table),
        "rho": agreement(table) if known else np.nan,
        "best_by_implants": best,
        "best_by_truth": table["variant"].iloc[true.argmax()] if known else np.nan,
        "regret": float(true.max() - true.iloc[0]),
    }
