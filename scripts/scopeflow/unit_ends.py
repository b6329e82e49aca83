"""How first footprints ended that are no unit of the result."""

from dataclasses import dataclass

import numpy as np

from scopeflow.intact import open_store
from scopeflow.stores import read

SPATIAL, TEMPORAL, MERGE, PERSON = (
    "no compact footprint", "no clear activity", "merged", "rejected by a person"
)  # fmt: skip


@dataclass(frozen=True)
class End:
    """How a unit ended.

    Attributes
    ----------
    unit_id : int
    step : str
        Rule and iteration.
    reason : str
        `SPATIAL`, `TEMPORAL`, `MERGE` or `PERSON`.
    into : int or None
        The unit that it became part of.
    """

    unit_id: int
    step: str
    reason: str
    into: int | None = None


@dataclass(frozen=True)
class Round:
    """One iteration, by labels.

    Attributes
    ----------
    spatial : ndarray of int
        Units that have a footprint after it.
    kept : ndarray of int
        Units of these that have activity.
    merged : dict of list of int
        Members by survivor, of the merge behind it; empty in the last iteration.
    """

    spatial: np.ndarray
    kept: np.ndarray
    merged: dict[int, list[int]]


def ends(first: np.ndarray, rounds: list[Round], curation: dict) -> list[End]:
    """Return how every unit that is not in the result ended, in the order of the steps.

    Parameters
    ----------
    first : ndarray of int
        Labels of the first footprints.
    rounds : list of Round
        The iterations, in order.
    curation : dict
        ``rejected`` (labels) and ``merged`` (members by survivor) of a person.
    """
    found: list[End] = []
    present = first
    for i, step in enumerate(rounds, start=1):
        gone = np.setdiff1d(present, step.spatial)
        found += [End(int(u), f"spatial_update {i}", SPATIAL) for u in gone]
        silent = np.setdiff1d(step.spatial, step.kept)
        found += [End(int(u), f"temporal_update {i}", TEMPORAL) for u in silent]
        joined = _joined(step.merged, f"merge {i}")
        found += joined
        present = np.setdiff1d(step.kept, [end.unit_id for end in joined])
    found += [End(int(u), "curate", PERSON) for u in curation.get("rejected", [])]
    by_hand = {int(k): v for k, v in curation.get("merged", {}).items()}
    return found + _joined(by_hand, "curate")


def _joined(merged: dict[int, list[int]], step: str) -> list[End]:
    return [
        End(int(member), step, MERGE, int(survivor))
        for survivor, members in merged.items()
        for member in members
        if int(member) != int(survivor)
    ]


def read_rounds(spatial: list[str], temporal: list[str], merges: list[str]) -> list[Round]:
    """Read the labels of every iteration.

    Parameters
    ----------
    spatial, temporal, merges : list of str
        Stores of the iterations, in order; the last one has no merge.
    """
    rounds = []
    for i, path in enumerate(spatial):
        labels, kept = read(temporal[i], "unit_id", "kept")
        merged = {}
        if i < len(merges):
            merged = dict(open_store(merges[i]).attrs["lineage"])
        own = {int(k): v for k, v in merged.items()}
        rounds.append(Round(read(path, "unit_id"), labels[kept.astype(bool)], own))
    return rounds
