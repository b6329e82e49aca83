"""Results of cross-registration as tables."""

import numpy as np
import pandas as pd

from scopeflow.cross_registration.align import Alignment
from scopeflow.cross_registration.control import match_rate
from scopeflow.cross_registration.probability import Model
from scopeflow.cross_registration.register import Cells, Field, Match
from scopeflow.cross_registration.transforms import KINDS

Groups = list[list[tuple[int, int]]]

LEFT_OUT = ("session", "path", "pattern", "behavior", "include")  # of the sheet's columns


def mappings(sessions: list[Cells], groups: Groups) -> pd.DataFrame:
    """Return a row for each cell and a column for each session, holding ``unit_id`` or nothing."""
    table = np.full((len(groups), len(sessions)), -1, dtype=np.int64)
    for row, group in enumerate(groups):
        for s, u in group:
            table[row, s] = sessions[s].unit_id[u]
    frame = pd.DataFrame(table, columns=[s.name for s in sessions]).astype("Int64")
    found = np.zeros(table.shape, dtype=bool)
    for row, group in enumerate(groups):
        found[row, [s for s, _ in group]] = True
    return frame.where(found)


def cells(field: Field, matches: list[Match], groups: Groups) -> pd.DataFrame:
    """Return a row for each row of the mappings: where the cell is, and how sure it is."""
    shown = _shown(field, matches)
    p_of = {
        (m.first, int(m.pairs.first[k]), m.second, int(m.pairs.second[k])): m.probability[k]
        for m in matches
        for k in np.flatnonzero(m.probability >= 0.01)
    }
    rows = []
    for number, group in enumerate(groups, start=1):
        p = [
            p_of.get((*a, *b), 0.0)
            for i, a in enumerate(group)
            for b in group[i + 1 :]
            if shown[a[0]][a[1], b[0]] and shown[b[0]][b[1], a[0]]
        ]
        place = np.mean([field.sessions[s].centres[u] for s, u in group], axis=0)
        own = np.any([shown[s][u] for s, u in group], axis=0)
        rows.append(
            {
                "cell": number,
                "n_sessions": len(group),
                "n_possible": max(int(own.sum()), len(group)),
                "height_px": place[0] + field.frame[0],
                "width_px": place[1] + field.frame[1],
                "probability_mean": np.mean(p) if p else np.nan,
                "probability_min": np.min(p) if p else np.nan,
            }
        )
    columns = ["cell", "n_sessions", "n_possible", "height_px", "width_px",
               "probability_mean", "probability_min"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _shown(field: Field, matches: list[Match]) -> list[np.ndarray]:
    """Return for each session which units (unit, session) lie in the field of which others."""
    n = len(field.sessions)
    shown = [np.zeros((len(s.mass), n), dtype=bool) for s in field.sessions]
    for k, own in enumerate(shown):
        own[:, k] = True
    for m in matches:
        shown[m.first][:, m.second] = m.pairs.first_in
        shown[m.second][:, m.first] = m.pairs.second_in
    return shown


def shifts(sessions: list[Cells], field: Field, sheet: list[dict[str, str]]) -> pd.DataFrame:
    """Return a row for each session: how it was moved, how well it fits, and the sheet's row."""
    template_seen = field.sessions[field.template].seen
    rows = []
    for k, (session, alignment, metadata) in enumerate(
        zip(sessions, field.alignments, sheet, strict=True)
    ):
        row = {"session": session.name, **_movement(alignment, session.shape)}
        both = template_seen & field.sessions[k].seen
        row["overlap"] = both.sum() / template_seen.sum() if row["aligned"] == "yes" else np.nan
        row["is_template"] = "yes" if k == field.template else "no"
        row["n_units"] = len(session.unit_id)
        for column, value in metadata.items():
            if column not in LEFT_OUT:
                row[f"sheet_{column}" if column in row else column] = value
        rows.append(row)
    return pd.DataFrame(rows)


def _movement(alignment: Alignment, shape: tuple[int, int]) -> dict:
    transform = alignment.transform
    down, right = transform.shift_px(shape)
    row = {
        "aligned": "yes" if alignment.is_clear else "no",
        "transform": transform.kind,
        "shift_height_px": down,
        "shift_width_px": right,
        "rotation_deg": transform.rotation_deg,
        "flow_max_px": transform.reach_px,
        "score": alignment.score,
        "fit": alignment.fit,
        "fit_by_chance": alignment.fit_by_chance,
    }
    return row | {f"score_{kind}": alignment.scores.get(kind, np.nan) for kind in KINDS}


def matched_pairs(sessions: list[Cells], matches: list[Match], groups: Groups) -> pd.DataFrame:
    """Return a row for each match of two sessions, and whether the mappings hold it."""
    row_of = {unit: row for row, group in enumerate(groups) for unit in group}
    parts = []
    for m in matches:
        i, j = m.pairs.first[m.kept], m.pairs.second[m.kept]
        parts.append(
            pd.DataFrame(
                {
                    "first_session": sessions[m.first].name,
                    "second_session": sessions[m.second].name,
                    "first_unit_id": sessions[m.first].unit_id[i],
                    "second_unit_id": sessions[m.second].unit_id[j],
                    "distance_px": m.pairs.distance_px[m.kept],
                    "footprint_r": m.pairs.footprint_r[m.kept],
                    "probability": m.probability[m.kept],
                    "in_mappings": [
                        int(row_of[m.first, int(a)] == row_of[m.second, int(b)])
                        for a, b in zip(i, j, strict=True)
                    ],
                }
            )
        )
    columns = ["first_session", "second_session", "first_unit_id", "second_unit_id",
               "distance_px", "footprint_r", "probability", "in_mappings"]  # fmt: skip
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def scores(sessions: list[Cells], field: Field, matches: list[Match]) -> pd.DataFrame:
    """Return a row for each pair of sessions: how many units match, and how sure that is."""
    rows = []
    for m in matches:
        seen = [field.sessions[k].seen for k in (m.first, m.second)]
        rate, by_chance = (
            match_rate(len(m.kept), m.pairs),
            match_rate(m.n_by_chance, m.displaced[0]),
        )
        rows.append(
            {
                "first_session": sessions[m.first].name,
                "second_session": sessions[m.second].name,
                "overlap": (seen[0] & seen[1]).sum() / min(s.sum() for s in seen),
                "n_first": int(m.pairs.first_in.sum()),
                "n_second": int(m.pairs.second_in.sum()),
                "n_matched": len(m.kept),
                "match_rate": rate,
                "distance_px_median": _median(m.pairs.distance_px[m.kept]),
                "footprint_r_median": _median(m.pairs.footprint_r[m.kept]),
                "expected_false_rate": _expected_false_rate(m, rate, by_chance),
                "n_by_chance": m.n_by_chance,
                "chance_rate": by_chance,
            }
        )
    columns = ["first_session", "second_session", "overlap", "n_first", "n_second", "n_matched",
               "match_rate", "distance_px_median", "footprint_r_median", "expected_false_rate",
               "n_by_chance", "chance_rate"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _expected_false_rate(match: Match, rate: float, by_chance: float) -> float:
    """Return the larger of what the model expects and what a displacement shows.

    The model is fitted to all pairs of sessions; with few matches it may be too sure of them. A
    unit whose own cell is not in the other session (1 - rate of them) is matched as often as
    units are when nothing can be the same.
    """
    if not len(match.kept):
        return np.nan
    model = float((1 - match.probability[match.kept]).mean())
    return max(model, min(by_chance * (1 - rate) / rate, 1.0))


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else np.nan


def of_model(model: Model, n_pairs: int) -> pd.DataFrame:
    """Return the fitted mixture in one row."""
    return pd.DataFrame(
        [
            {
                "n_pairs": n_pairs,
                "share_same": model.share,
                "scale_px": model.scale_px,
                "radius_px": model.radius_px,
                "likeness_different": model.different[0],
                "likeness_per_px2": model.different[1],
                "likeness_gain": model.gain,
                "likeness_spread": model.spread,
            }
        ]
    )
