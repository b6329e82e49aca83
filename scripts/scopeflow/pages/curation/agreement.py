"""How far two raters agree."""

from dataclasses import dataclass

import numpy as np

from scopeflow.labels import ACCEPT, REJECT, SPLIT
from scopeflow.pages.curation.state import Decisions

VERDICTS = ("keep", "drop", "merge", "split")


@dataclass(frozen=True)
class Agreement:
    """Two raters over the same units.

    Attributes
    ----------
    table : ndarray of int, shape (4, 4)
        Units by verdict of the first (rows) and of the second rater: keep, drop, merge, split.
    kappa : float
        Cohen's kappa over the units that both decided; NaN where it is not defined.
    agreed : float
        Share of those units with the same verdict; NaN without any.
    undecided : int
        Units that only one of them decided.
    differences : list of (int, str, str)
        Unit and both verdicts, wherever they differ; a merge counts as equal only if the
        groups are equal.
    """

    table: np.ndarray
    kappa: float
    agreed: float
    undecided: int
    differences: list[tuple[int, str, str]]


def verdict(decisions: Decisions, unit: int) -> str:
    """Return what a rater made of a unit, in a word of `VERDICTS`; empty if undecided."""
    if len(decisions.group(unit)) > 1:
        return "merge"
    return {ACCEPT: "keep", REJECT: "drop", SPLIT: "split", "": ""}[decisions.of(unit).label]


def compare_raters(first: Decisions, second: Decisions) -> Agreement:
    """Compare the labels of two raters.

    Parameters
    ----------
    first, second : Decisions
        Of the same units.

    Returns
    -------
    Agreement

    Notes
    -----
    Cohen, J. (1960), Educational and Psychological Measurement 20: 37-46.
    """
    table = np.zeros((len(VERDICTS), len(VERDICTS)), dtype=np.int64)
    undecided, differences, unlike_merges = 0, [], 0
    for unit in sorted(first.known):
        pair = verdict(first, unit), verdict(second, unit)
        if all(pair):
            table[VERDICTS.index(pair[0]), VERDICTS.index(pair[1])] += 1
        elif any(pair):
            undecided += 1
        words = [_in_words(d, unit, word) for d, word in zip((first, second), pair, strict=True)]
        if words[0] != words[1]:
            differences.append((unit, *words))
            unlike_merges += pair == ("merge", "merge")
    total = table.sum()
    if not total:
        return Agreement(table, np.nan, np.nan, undecided, differences)
    agreed = (np.trace(table) - unlike_merges) / total
    by_chance = float(table.sum(axis=0) @ table.sum(axis=1)) / total**2
    kappa = np.nan if by_chance == 1 else (agreed - by_chance) / (1 - by_chance)
    return Agreement(table, float(kappa), float(agreed), undecided, differences)


def _in_words(decisions: Decisions, unit: int, word: str) -> str:
    if word == "merge":
        return "merge " + "+".join(map(str, sorted(decisions.group(unit))))
    return word or "not decided"


def report(result: Agreement, names: tuple[str, str]) -> str:
    """Return the agreement as text of a few lines, then a line for each difference."""
    n = int(result.table.sum())
    lines = [f"{names[0]} and {names[1]}: both decided {n} units, one alone {result.undecided}"]
    if n:
        kappa = (
            "not defined (one verdict only)" if np.isnan(result.kappa) else f"{result.kappa:.2f}"
        )
        lines.append(f"same verdict: {100 * result.agreed:.0f} %, Cohen's kappa: {kappa}")
    lines += [f"unit {u}: {names[0]} {a}; {names[1]} {b}" for u, a, b in result.differences]
    return "\n".join(lines)
