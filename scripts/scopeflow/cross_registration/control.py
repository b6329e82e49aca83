"""What matching finds where nothing can be the same: sessions displaced on purpose.

After the paper's figure 20B, in which the footprints of one session are moved by up to 50 px.
"""

from collections.abc import Callable

import numpy as np

from scopeflow.cross_registration.pairs import Pairs, Placed, near_pairs

AWAY_DIAMETERS = 2.5  # at which no two units can be the same cell any more
SHIFTS_PX = np.arange(-50, 51, 5)
PAIRS_MAX = 30  # pairs of sessions that the curve is averaged over


def displaced_pairs(
    first: Placed, second: Placed, radius_px: float, cell_diameter_px: float, turn: int
) -> Pairs:
    """Return near pairs after the second session was moved far away; all are different cells.

    Parameters
    ----------
    first, second : Placed
        Two sessions.
    radius_px, cell_diameter_px : float
        Of the pairs; of the cells.
    turn : int
        Any number, such as that of the pair: chooses one of four directions.
    """
    by = round(AWAY_DIAMETERS * cell_diameter_px)
    shift = [(by, 0), (0, by), (-by, 0), (0, -by)][turn % 4]
    return near_pairs(first, second, radius_px, shift)


def match_rate(n_matched: float, pairs: Pairs) -> float:
    """Return matches as a share of the most there could be; 0 where there are no units."""
    most = min(pairs.first_in.sum(), pairs.second_in.sum())
    return float(n_matched / most) if most else 0.0


def spread_out(n_pairs: int, limit: int = PAIRS_MAX) -> np.ndarray:
    """Return positions of at most `limit` pairs of sessions, evenly spread over all."""
    return np.unique(np.linspace(0, n_pairs - 1, min(n_pairs, limit)).round().astype(int))


def shift_curve(
    first: Placed, second: Placed, radius_px: float, choose: Callable[[Pairs], np.ndarray]
) -> list[dict]:
    """Match two sessions once for every imposed shift along either axis.

    Parameters
    ----------
    first, second : Placed
        Two sessions, aligned.
    radius_px : float
        Pairs within it are looked at.
    choose : callable
        Returns the positions of the matches among pairs.

    Returns
    -------
    list of dict
        ``axis``, ``shift_px``, ``n_matched``, ``match_rate`` and ``footprint_r`` (mean over the
        matches, NaN without one), a row for each shift.
    """
    rows = []
    for axis, along in (("height", (1, 0)), ("width", (0, 1))):
        for shift in SHIFTS_PX:
            by = int(shift) * along[0], int(shift) * along[1]
            pairs = near_pairs(first, second, radius_px, by)
            kept = choose(pairs)
            r = pairs.footprint_r[kept]
            rows.append(
                {
                    "axis": axis,
                    "shift_px": int(shift),
                    "n_matched": len(kept),
                    "match_rate": match_rate(len(kept), pairs),
                    "footprint_r": float(r.mean()) if len(r) else np.nan,
                }
            )
    return rows


def kept_matches(matches: list, in_mappings: np.ndarray) -> set[tuple[int, int, int, int]]:
    """Return matches that the mappings hold, as (first, unit, second, unit) by position.

    `in_mappings` (match,) runs over the matches of all pairs of sessions in their order.
    """
    every = [
        (m.first, int(m.pairs.first[k]), m.second, int(m.pairs.second[k]))
        for m in matches
        for k in m.kept
    ]
    return {match for match, kept in zip(every, in_mappings, strict=True) if kept}
