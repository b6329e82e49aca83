"""From the sessions of an animal to groups of units that are one cell."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import sparse

from scopeflow.cross_registration import groups, matching
from scopeflow.cross_registration.align import Alignment, Limits, align
from scopeflow.cross_registration.control import displaced_pairs, shift_curve, spread_out
from scopeflow.cross_registration.pairs import Pairs, Placed, near_pairs, placed
from scopeflow.cross_registration.pictures import picture
from scopeflow.cross_registration.probability import Model, fit
from scopeflow.cross_registration.transforms import (
    IDENTITY,
    frame_around,
    moved_footprints,
    moved_image,
)
from scopeflow.cross_registration.translation import best_template, pairwise_scores
from scopeflow.parallel import map_slabs

FEW = 10  # pairs of sessions; up to so many are displaced in all directions, more in one
NEIGHBOURS_DIAMETERS = 1.0  # pairs within it tell same cells from neighbours


@dataclass(frozen=True, eq=False)
class Cells:
    """What cross-registration knows of a session.

    Attributes
    ----------
    name : str
        Of the session.
    unit_id : ndarray of int64, shape (unit_id,)
        Labels.
    A : csr_array of float32, shape (unit_id, pixel)
        Footprints.
    image : ndarray, shape (height, width)
        What the session is aligned by.
    """

    name: str
    unit_id: np.ndarray
    A: sparse.csr_array
    image: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the image in px."""
        return self.image.shape


@dataclass(frozen=True, eq=False)
class Field:
    """All sessions in the common field.

    Attributes
    ----------
    template : int
        Position of the session whose image the others are aligned to.
    alignments : list of Alignment
        Of each session; the identity for the template.
    frame : tuple of int
        Top, left, height and width of the common field, px, against the template's image.
    images : list of ndarray of float32, shape (height, width)
        The sessions' images in the common field, NaN where they saw nothing.
    sessions : list of Placed
        Their units there.
    """

    template: int
    alignments: list[Alignment]
    frame: tuple[int, int, int, int]
    images: list[np.ndarray]
    sessions: list[Placed]


@dataclass(frozen=True, eq=False)
class Match:
    """Two sessions compared.

    Attributes
    ----------
    first, second : int
        Positions of the sessions.
    pairs : Pairs
        Near pairs of units.
    displaced : list of Pairs
        The same after one session was moved away, once or in four directions.
    probability : ndarray of float64, shape (pair,)
        That a pair is one cell.
    kept : ndarray of int64
        Positions of the matches in `pairs`.
    n_by_chance : float
        Matches after one session was moved away, mean over the directions.
    """

    first: int
    second: int
    pairs: Pairs
    displaced: list[Pairs]
    probability: np.ndarray
    kept: np.ndarray
    n_by_chance: float


def align_sessions(
    sessions: list[Cells], template: int | None, limits: Limits, threads: int = 1
) -> Field:
    """Align the sessions and place their units in a common field.

    Parameters
    ----------
    sessions : list of Cells
        Images of one size.
    template : int or None
        Position of the template session; None takes the one that fits the others best.
    limits : Limits
        What is tried.
    threads : int, optional
        Sessions worked on at once.
    """
    pictures = [picture(s.image, limits.cell_diameter_px) for s in sessions]
    if template is None:
        template = best_template(pairwise_scores(pictures, limits.max_shift_px))
    fixed = pictures[template]

    def one(k: int) -> Alignment:
        if k == template:
            return Alignment(IDENTITY, score=1.0, fit=1.0)
        return align(pictures[k], fixed, limits)

    alignments = list(map_slabs(one, range(len(sessions)), threads))
    shape = sessions[template].shape
    clear = [a.transform for a in alignments if a.is_clear]
    frame = frame_around(clear, shape)
    images, units = [], []
    for session, alignment in zip(sessions, alignments, strict=True):
        image = moved_image(session.image, alignment.transform, frame)
        images.append(image)
        A = moved_footprints(session.A, shape, alignment.transform, frame)
        units.append(placed(A, np.isfinite(image)))
    return Field(template, alignments, frame, images, units)


def compare_sessions(
    field: Field,
    cell_diameter_px: float,
    distance_max_px: float,
    choose: Callable[[Pairs, np.ndarray], np.ndarray],
    threads: int = 1,
) -> tuple[list[Match], Model]:
    """Compare any two sessions whose alignment is clear, and match their units.

    Parameters
    ----------
    field : Field
        Of `align_sessions`.
    cell_diameter_px, distance_max_px : float
        Width of a cell; largest distance of a match.
    choose : callable
        Returns the matches among pairs, given with their probabilities.
    threads : int, optional
        Pairs of sessions worked on at once.

    Returns
    -------
    matches : list of Match
        For every pair of such sessions, in their order.
    model : Model
        How the probabilities were found.
    """
    radius = radius_px(cell_diameter_px, distance_max_px)
    clear = [k for k, a in enumerate(field.alignments) if a.is_clear]
    both = list(combinations(clear, 2))

    def one(turn: int) -> tuple[Pairs, list[Pairs]]:
        pair = [field.sessions[k] for k in both[turn]]
        turns = range(4) if len(both) <= FEW else [turn]
        away = [displaced_pairs(*pair, radius, cell_diameter_px, t) for t in turns]
        return near_pairs(*pair, radius), away

    found = list(map_slabs(one, range(len(both)), threads))
    together = _joined([pairs for pairs, _ in found])
    model = fit(*together, *_joined([x for _, away in found for x in away]), radius,
                distance_max_px)  # fmt: skip

    def chosen(pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
        p = model.probability(pairs.distance_px, pairs.footprint_r)
        return p, choose(pairs, p)

    matches = []
    for (i, j), (pairs, away) in zip(both, found, strict=True):
        by_chance = float(np.mean([len(chosen(x)[1]) for x in away]))
        matches.append(Match(i, j, pairs, away, *chosen(pairs), by_chance))
    return matches, model


def _joined(pairs: list[Pairs]) -> tuple[np.ndarray, np.ndarray]:
    """Return distances and footprint correlations of several sets of pairs, one after another."""
    names = ("distance_px", "footprint_r")
    return tuple(np.concatenate([np.zeros(0), *(getattr(p, n) for p in pairs)]) for n in names)


def radius_px(cell_diameter_px: float, distance_max_px: float) -> float:
    """Return the distance in px within which pairs of units are looked at."""
    return max(NEIGHBOURS_DIAMETERS * cell_diameter_px, 1.5 * distance_max_px)


def chooser(method: str, distance_max_px: float, probability_min: float) -> Callable:
    """Return the rule by which matches are chosen among pairs of given probabilities."""
    if method == "minian":
        return lambda pairs, _: matching.mutual_nearest(pairs, distance_max_px)
    return partial(
        matching.most_probable, distance_max_px=distance_max_px, probability_min=probability_min
    )


def group_units(
    field: Field, matches: list[Match], conflict: str, probability_min: float
) -> list[list[tuple[int, int]]]:
    """Join the matches of all pairs of sessions into groups that are one cell.

    Parameters
    ----------
    field : Field
        Of `align_sessions`.
    matches : list of Match
        Of `compare_sessions`.
    conflict : str
        ``strict`` or ``consistent``.
    probability_min : float
        Least mean probability within a group (consistent).

    Returns
    -------
    list of list of (session, unit)
        Positions; every unit is in one group.
    """
    sizes = [len(s.mass) for s in field.sessions]
    offset = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    session = np.repeat(np.arange(len(sizes)), sizes)
    comparable = np.zeros((len(session), len(sizes)), dtype=bool)
    matched, weights, near, near_weights = [np.zeros((0, 2), np.int64)], [[]], [], []
    near.append(matched[0])
    near_weights.append(np.zeros(0))
    for m in matches:
        comparable[offset[m.first] : offset[m.first + 1], m.second] = m.pairs.first_in
        comparable[offset[m.second] : offset[m.second + 1], m.first] = m.pairs.second_in
        units = np.column_stack(
            [m.pairs.first + offset[m.first], m.pairs.second + offset[m.second]]
        )
        matched.append(units[m.kept])
        weights.append(m.probability[m.kept])
        near.append(units)
        near_weights.append(m.probability)
    matched, weights = np.concatenate(matched), np.concatenate(weights)
    if conflict == "strict":
        joined = groups.strict(session, matched, comparable)
    else:
        evidence = np.concatenate(near), np.concatenate(near_weights)
        joined = groups.consistent(session, matched, weights, evidence, comparable, probability_min)
    ordered = sorted(sorted(group) for group in joined)
    return [[(int(session[u]), int(u - offset[session[u]])) for u in group] for group in ordered]


def control_curve(
    field: Field,
    matches: list[Match],
    model: Model,
    cell_diameter_px: float,
    distance_max_px: float,
    choose: Callable[[Pairs, np.ndarray], np.ndarray],
) -> pd.DataFrame:
    """Match displaced sessions once for each imposed shift, as in the paper's figure 20B.

    Parameters
    ----------
    field, matches, model, choose
        Of `align_sessions`, `compare_sessions` and `chooser`.
    cell_diameter_px, distance_max_px : float
        Width of a cell; largest distance of a match.

    Returns
    -------
    DataFrame
        ``axis``, ``shift_px`` and, as means over at most 30 pairs of sessions, ``n_matched``,
        ``match_rate`` and ``footprint_r``.
    """
    radius = radius_px(cell_diameter_px, distance_max_px)

    def chosen(pairs: Pairs) -> np.ndarray:
        return choose(pairs, model.probability(pairs.distance_px, pairs.footprint_r))

    rows = []
    for k in spread_out(len(matches)) if matches else []:
        pair = field.sessions[matches[k].first], field.sessions[matches[k].second]
        rows += shift_curve(*pair, radius, chosen)
    columns = ["axis", "shift_px", "n_matched", "match_rate", "footprint_r"]
    table = pd.DataFrame(rows, columns=columns)
    return table.groupby(["axis", "shift_px"], as_index=False).mean()
