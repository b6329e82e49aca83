"""The variants of one session side by side: how many cells, how good, which are the same."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scopeflow.comparison import Result, match, summary

# Scores against the truth that a table of variants carries along.
SCORES = (
    "f1", "f1_accepted", "precision", "recall", "footprint_r_median", "calcium_r_median",
    "spikes_r_median", "motion_rmse_px",
)  # fmt: skip


@dataclass(frozen=True)
class Likeness:
    """How the units of one variant correspond to those of another, the reference.

    Attributes
    ----------
    partner : ndarray of int64, shape (unit_id of the reference,)
        Position of the matching unit; -1 without one.
    numbers : dict
        ``n_matched``, and the medians ``footprint_r_to_default`` and
        ``calcium_r_to_default``; NaN where the two cannot be compared.
    """

    partner: np.ndarray
    numbers: dict[str, float]


def liken(reference: Result, other: Result, same_frames: bool) -> Likeness:
    """Match the units of a variant to those of the reference.

    Parameters
    ----------
    reference, other : Result
        Footprints and traces.
    same_frames : bool
        Whether both have the same frames; else traces are not compared.

    Returns
    -------
    Likeness
        Without any match if the images differ in size (down-sampling, region).
    """
    partner = np.full(reference.A.shape[0], -1)
    nothing = {
        "n_matched": np.nan,
        "footprint_r_to_default": np.nan,
        "calcium_r_to_default": np.nan,
    }
    if reference.shape != other.shape:
        return Likeness(partner, nothing)
    if not same_frames:  # as many, so that footprints alone can be matched
        n = min(reference.C.shape[1], other.C.shape[1])
        reference, other = (Result(r.A, r.C[:, :n], r.shape) for r in (reference, other))
    matches, _ = match(reference, other)
    partner[matches["first"]] = matches["second"]
    found = summary(reference, other, matches)
    return Likeness(
        partner,
        {
            "n_matched": len(matches),
            "footprint_r_to_default": found["footprint_r_median"],
            "calcium_r_to_default": found["calcium_r_median"] if same_frames else np.nan,
        },
    )


def pick_examples(snr: np.ndarray, matched: np.ndarray, count: int) -> np.ndarray:
    """Choose units of the reference that show what the variants do to them.

    Parameters
    ----------
    snr : ndarray of float, shape (unit_id,)
        Signal-to-noise ratio of the reference's units.
    matched : ndarray of bool, shape (variant, unit_id)
        Whether each variant has the unit.
    count : int
        How many to choose.

    Returns
    -------
    ndarray of int64
        Positions, from the clearest to the faintest: spread over the range of `snr`, about a
        third of them units that some variant lacks, if there are so many.
    """
    order = np.argsort(-snr, kind="stable")
    complete = matched.all(axis=0)[order]
    disputed, common = order[~complete], order[complete]
    n_disputed = max(min(len(disputed), count // 3), count - len(common))
    chosen = np.concatenate([_spread(disputed, n_disputed), _spread(common, count - n_disputed)])
    return chosen[np.argsort(-snr[chosen], kind="stable")]


def _spread(items: np.ndarray, count: int) -> np.ndarray:
    """Return at most `count` items, evenly spaced in their order, first and last among them."""
    n = min(max(count, 0), len(items))
    places = np.linspace(0, len(items) - 1, n) if n > 1 else np.zeros(n)
    return items[places.round().astype(int)]


def busiest_window(S: np.ndarray, length: int) -> slice:
    """Return the frames of the given length in which most units are active, and most strongly.

    Parameters
    ----------
    S : ndarray of float, shape (unit_id, frame)
        Activity; each unit counts with its share of its own activity.
    length : int
        Frames of the window, at least 1.
    """
    n_frames = S.shape[1]
    if n_frames <= length or not S.size:
        return slice(0, n_frames)
    total = S.sum(axis=1, keepdims=True, dtype=np.float64)
    share = np.divide(S, total, out=np.zeros(S.shape), where=total > 0).sum(axis=0)
    sums = np.concatenate([[0.0], np.cumsum(share)])
    start = int(np.argmax(np.round(sums[length:] - sums[:-length], 9)))
    return slice(start, start + length)


def score_columns(score: pd.Series) -> dict[str, float]:
    """Return the scores against the truth that the table carries, by names of its columns."""
    return {f"true_{name}": float(score[name]) for name in SCORES if name in score}
