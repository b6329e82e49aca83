"""From pairs of sessions to all sessions: groups of units that are one cell.

Units are numbered through all sessions; a group holds at most one of each session.
"""

from itertools import combinations

import numpy as np
from scipy import sparse

NEGLIGIBLE = 0.01  # probabilities below it count as 0


def strict(session: np.ndarray, matched: np.ndarray, comparable: np.ndarray) -> list[list[int]]:
    """Join matches; discard all of a group whose units are not all matched with each other.

    The paper's rule. Two units that no session pair could compare, because one lies outside
    the other's field, are no conflict.

    Parameters
    ----------
    session : ndarray of int64, shape (unit,)
        Session of each unit.
    matched : ndarray of int64, shape (match, 2)
        Units matched between two sessions.
    comparable : ndarray of bool, shape (unit, session)
        Whether a unit lies in the field of a session.

    Returns
    -------
    list of list of int
        Units of each group; a unit without a match is a group of its own.
    """
    n_units = len(session)
    graph = sparse.coo_array((np.ones(len(matched)), matched.T), (n_units, n_units))
    n_groups, label = sparse.csgraph.connected_components(graph, directed=False)
    members: list[list[int]] = [[] for _ in range(n_groups)]
    for unit, group in enumerate(label):
        members[group].append(unit)
    direct = {(min(pair), max(pair)) for pair in matched.tolist()}
    groups = []
    for group in members:
        if all(
            pair in direct
            or (session[pair[0]] != session[pair[1]] and not _compared(*pair, session, comparable))
            for pair in combinations(group, 2)
        ):
            groups.append(group)
        else:
            groups += [[unit] for unit in group]
    return groups


def _compared(i: int, j: int, session: np.ndarray, comparable: np.ndarray) -> bool:
    return bool(comparable[i, session[j]] and comparable[j, session[i]])


def consistent(
    session: np.ndarray,
    matched: np.ndarray,
    probability: np.ndarray,
    candidates: tuple[np.ndarray, np.ndarray],
    comparable: np.ndarray,
    probability_min: float,
) -> list[list[int]]:
    """Join matches, the most probable first, as long as the whole group supports it.

    Two groups become one if they share no session and the mean probability, over all pairs of
    their units that could be compared, reaches the minimum.

    Parameters
    ----------
    session, matched, comparable
        As for `strict`.
    probability : ndarray of float64, shape (match,)
        Of the matches.
    candidates : tuple of ndarray
        Pairs of units (pair, 2) that lie near each other, and their probabilities (pair,): the
        evidence. All other pairs have probability 0.
    probability_min : float
        Least mean probability of a join.

    Returns
    -------
    list of list of int
        Units of each group; a unit without a match is a group of its own.
    """
    members: dict[int, list[int]] = {unit: [unit] for unit in range(len(session))}
    group_of = np.arange(len(session))
    support: list[dict[int, float]] = [{} for _ in range(len(session))]
    pairs, weights = candidates
    some = weights >= NEGLIGIBLE
    for (i, j), p in zip(pairs[some].tolist(), weights[some].tolist(), strict=True):
        support[i][j] = support[j][i] = p
    waiting = matched[np.argsort(-probability, kind="stable")].tolist()
    while waiting:
        refused = []
        for i, j in waiting:
            a, b = int(group_of[i]), int(group_of[j])
            if a == b:
                continue
            own, other = np.array(members[a]), np.array(members[b])
            if np.intersect1d(session[own], session[other]).size:
                continue  # for good: groups only grow
            seen = (
                comparable[np.ix_(own, session[other])] & comparable[np.ix_(other, session[own])].T
            )
            if support[a].get(b, 0.0) >= probability_min * seen.sum():
                _join(a, b, members, group_of, support)
            else:
                refused.append([i, j])
        if len(refused) == len(waiting):
            break
        waiting = refused
    return list(members.values())


def _join(
    a: int, b: int, members: dict, group_of: np.ndarray, support: list[dict[int, float]]
) -> None:
    """Make group `b` part of group `a`; the evidence towards any other group adds up."""
    group_of[members[b]] = a
    members[a] += members.pop(b)
    support[a].pop(b, None)
    for other, p in support[b].items():
        if other == a:
            continue
        del support[other][b]
        support[a][other] = support[other][a] = support[a].get(other, 0.0) + p
    support[b] = {}
