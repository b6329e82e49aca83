"""How likely two units are the same cell, from the distances and likeness of all near pairs.

As in CellReg (Sheintuch et al. 2017), near pairs are a mixture of same and different cells
whose shares and spreads follow from the data. Unlike there, what different cells look like is
not fitted: cells that have nothing to do with each other lie evenly in the plane, and how
alike they look at a distance is seen after one session is displaced.
"""

from dataclasses import dataclass

import numpy as np

TAIL = 4.0  # degrees of freedom of the displacement: a few cells are placed badly
CLIP = 0.02  # of the footprint correlation, before its logarithm
PRIOR_PAIRS = 4.0  # pairs that the prior weighs as much as
PRIOR_GAIN = 0.15  # of the likeness of the same cell over that of different ones
PRIOR_SPREAD = 0.15  # of the likeness
SPREAD_MIN = 0.03
NEAR = 1.25  # times the largest distance of a match: what tells how alike different cells are
ROUNDS, SETTLED = 200, 1e-6


@dataclass(frozen=True)
class Model:
    """A mixture of pairs of same and of different cells.

    Attributes
    ----------
    share : float
        Pairs of same cells among all pairs within `radius_px`.
    scale_px : float
        Scale of the displacement of the same cell, per axis (Student's t).
    radius_px : float
        Pairs within it were looked at.
    different : tuple of float
        Likeness (logarithm of the footprint correlation) of different cells at distance d:
        ``different[0] + different[1] * d**2``, as of Gaussians.
    gain : float
        By which same cells are more alike than different ones at the same distance.
    spread : float
        Standard deviation of the likeness, about either.
    """

    share: float
    scale_px: float
    radius_px: float
    different: tuple[float, float]
    gain: float
    spread: float

    def odds_of(self, distance_px: np.ndarray, footprint_r: np.ndarray) -> np.ndarray:
        """Return the logarithm of the odds that pairs are the same cell, shape (pair,)."""
        square = np.asarray(distance_px, dtype=np.float64) ** 2
        share = np.clip(self.share, 1e-9, 1 - 1e-9)
        # Both densities contain the distance itself, which cancels.
        log_same = -2 * np.log(self.scale_px) - (TAIL / 2 + 1) * np.log1p(
            square / (TAIL * self.scale_px**2)
        )
        log_different = np.log(2) - 2 * np.log(self.radius_px)
        excess = likeness(footprint_r) - self.different[0] - self.different[1] * square
        alike = self.gain / self.spread**2 * (excess - self.gain / 2)
        return np.log(share / (1 - share)) + log_same - log_different + alike

    def probability(self, distance_px: np.ndarray, footprint_r: np.ndarray) -> np.ndarray:
        """Return the probability that pairs are the same cell, shape (pair,)."""
        return 1 / (1 + np.exp(-np.clip(self.odds_of(distance_px, footprint_r), -50, 50)))

    def distance_densities(self, distance_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the densities of the distance, per px, of same and of different cells.

        Each is weighted with its share of the pairs within the radius.
        """
        d = np.asarray(distance_px, dtype=np.float64)
        same = d / self.scale_px**2 * (1 + d**2 / (TAIL * self.scale_px**2)) ** -(TAIL / 2 + 1)
        return self.share * same, (1 - self.share) * 2 * d / self.radius_px**2


def likeness(footprint_r: np.ndarray) -> np.ndarray:
    """Return the logarithm of footprint correlations, cut off near 0."""
    return np.log(np.clip(footprint_r, CLIP, 1))


def fit(
    distance_px: np.ndarray,
    footprint_r: np.ndarray,
    control_distance_px: np.ndarray,
    control_footprint_r: np.ndarray,
    radius_px: float,
    distance_max_px: float,
) -> Model:
    """Fit the mixture to all near pairs of an animal's sessions.

    Parameters
    ----------
    distance_px, footprint_r : ndarray of float, shape (pair,)
        All pairs within `radius_px`.
    control_distance_px, control_footprint_r : ndarray of float, shape (control pair,)
        The same after one session of each pair was displaced, so that all are different cells.
    radius_px : float
        Of the pairs.
    distance_max_px : float
        Where the user draws the line; three times the scale that the prior expects.

    Returns
    -------
    Model

    Notes
    -----
    Expectation maximisation. The displacement of the same cell is a bivariate Student's t, the
    distance of different ones has a density proportional to itself. The likeness is normal with
    one spread for both, so that a pair which is nearer, or more alike, is never less likely the
    same. A prior worth `PRIOR_PAIRS` pairs keeps fits to a handful of cells sane.
    """
    d, r = (np.asarray(x, dtype=np.float64) for x in (distance_px, footprint_r))
    near = np.asarray(control_distance_px) <= NEAR * distance_max_px
    different, own_spread = _likeness_of_different(
        np.asarray(control_distance_px)[near],
        np.asarray(control_footprint_r)[near],
        (NEAR * distance_max_px, radius_px),
    )
    excess = likeness(r) - different[0] - different[1] * d**2
    prior_scale = distance_max_px / 3
    model = Model(0.5, prior_scale, radius_px, different, PRIOR_GAIN, own_spread)
    for _ in range(ROUNDS):
        p = model.probability(d, r)
        weight = (TAIL + 2) / (TAIL + d**2 / model.scale_px**2)
        total = p.sum()
        square = (p * weight * d**2).sum() / 2 + PRIOR_PAIRS * prior_scale**2
        gain = (p @ excess + PRIOR_PAIRS * PRIOR_GAIN) / (total + PRIOR_PAIRS)
        gain = max(gain, 0.0)
        var_same = (p @ (excess - gain) ** 2 + PRIOR_PAIRS * own_spread**2) / (total + PRIOR_PAIRS)
        new = Model(
            share=float((total + 1) / (len(d) + 2)),
            scale_px=float(np.sqrt(square / (total + PRIOR_PAIRS))),
            radius_px=radius_px,
            different=different,
            gain=float(gain),
            spread=float(np.sqrt((own_spread**2 + var_same) / 2)),
        )
        settled = abs(new.share - model.share) + abs(new.scale_px - model.scale_px) < SETTLED
        model = new
        if settled:
            break
    return model


def _likeness_of_different(
    distance_px: np.ndarray, footprint_r: np.ndarray, reach_px: tuple[float, float]
) -> tuple[tuple[float, float], float]:
    """Return the line of likeness over squared distance of different cells, and its spread.

    Only pairs within the first of `reach_px`, about as near as matches are, tell it. The prior,
    four pairs, has Gaussian cells whose width is the second.
    """
    near, width = reach_px
    square = np.concatenate([distance_px**2, [0.0, 0.0, near**2, near**2]])
    prior = -PRIOR_GAIN - 4 * square[-4:] / width**2 + PRIOR_SPREAD * np.array([1, -1, 1, -1])
    alike = np.concatenate([likeness(footprint_r), prior])
    slope, start = np.polyfit(square, alike, 1)
    slope = min(slope, 0.0)
    rest = alike - start - slope * square
    return (float(start), float(slope)), max(float(rest.std()), SPREAD_MIN)
