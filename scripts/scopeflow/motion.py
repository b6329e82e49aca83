"""Estimate the translation of every frame.

Source: the paper, "Estimate and apply translational shifts": a recursive scheme of groups
of three with templates, checked at the border frames. Added here: after the recursion every
frame is registered again to the template of its slab, and every slab to that of the whole
recording, because single pairs of frames are noisy where the signal is dim.
"""

from dataclasses import dataclass

import numpy as np

from scopeflow.registration import Registrar

GROUP = 3
# Images are registered again, in runs that share a template: of the images around, ever more
# of the nearest ones, which show the cells that are active now.
RUN = 8
REACHES = [40.0, 16.0, 16.0]

# Whole-pixel motion shows in the fractions of the estimates: their resultant is near 1.
# Above this, which stands for a spread under 0.12 px, all shifts are rounded.
STILL_RESULTANT = 0.75
# A brain that mostly rests at one place has such fractions too, however it moves. Where each
# of several whole shifts has one vote, 0.1 was the most that sub-pixel motion reached, and 0.35
# stands for a spread of 0.23 px: rounding then errs less than it mends.
VOTED_RESULTANT = 0.35
VOTES_MIN, FRAMES_FOR_A_VOTE = 5, 10


@dataclass
class Node:
    """Images registered to each other.

    Attributes
    ----------
    shifts : ndarray of float64, shape (image, 2)
        Corrections in px that bring the node's images together.
    template : ndarray of complex64, shape (row frequency, column frequency)
        Spectrum of their mean or maximum.
    first, last : ndarray of complex64
        Spectra of the first and last image, not moved.
    """

    shifts: np.ndarray
    template: np.ndarray
    first: np.ndarray
    last: np.ndarray


@dataclass(frozen=True)
class Scheme:
    """How images are put together.

    Attributes
    ----------
    registrar : Registrar
        The pair estimator.
    aggregation : {"mean", "max"}
        What a template is of its members (the paper: max).
    border_error_px : float
        The border frames decide where templates differ from them by more.
    """

    registrar: Registrar
    aggregation: str
    border_error_px: float

    def template(self, spectra: np.ndarray) -> np.ndarray:
        """Return the template of aligned spectra (image, row, column)."""
        if self.aggregation == "mean":
            return spectra.mean(axis=0)
        return self.registrar.spectrum_of_max(spectra)

    def register(self, spectra: np.ndarray) -> Node:
        """Register images to each other by the recursive scheme.

        Parameters
        ----------
        spectra : ndarray of complex64, shape (image, row frequency, column frequency)
            At least one, in the order of time.

        Returns
        -------
        Node
            Of all images.
        """
        nodes = [Node(np.zeros((1, 2)), s, s, s) for s in spectra]
        while len(nodes) > 1:
            nodes = self._joined([nodes[i : i + GROUP] for i in range(0, len(nodes), GROUP)])
        return nodes[0]

    def _joined(self, groups: list[list[Node]]) -> list[Node]:
        """Register the members of each group to its middle one."""
        pairs = [(g[k], g[k + 1]) for g in groups for k in range(len(g) - 1)]
        if not pairs:
            return [group[0] for group in groups]
        steps = iter(self._between(pairs))  # from each member to the next
        joined = []
        for group in groups:
            # A member's place is the sum of the steps before it, from the middle one's.
            moves = np.cumsum([np.zeros(2), *(-next(steps) for _ in group[1:])], axis=0)
            moves -= moves[len(group) // 2]
            templates = np.stack([node.template for node in group])
            joined.append(
                Node(
                    np.concatenate([n.shifts + m for n, m in zip(group, moves, strict=True)]),
                    self.template(self.registrar.moved(templates, moves)),
                    group[0].first,
                    group[-1].last,
                )
            )
        return joined

    def _between(self, pairs: list[tuple[Node, Node]]) -> np.ndarray:
        """Return the shift from each node to the next, checked at the frames at their border."""
        shifts, sure = self._measured([(a.template, b.template) for a, b in pairs])
        if all(len(a.shifts) == len(b.shifts) == 1 for a, b in pairs):
            return shifts
        steps, step_sure = self._measured([(a.last, b.first) for a, b in pairs])
        at_border = np.array([
            step + b.shifts[0] - a.shifts[-1] for step, (a, b) in zip(steps, pairs, strict=True)
        ])  # fmt: skip
        # Where the two disagree, the paper believes the border frames. They may be the ones
        # that are wrong (dim, or bad), so that the surer of the two decides.
        differ = np.abs(shifts - at_border).max(axis=1) > self.border_error_px
        return np.where((differ & (step_sure > sure))[:, None], at_border, shifts)

    def _measured(self, pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, ...]:
        moving, fixed = (np.stack(side) for side in zip(*pairs, strict=True))
        return self.registrar.shifts_between(moving, fixed)

    def refine(
        self, spectra: np.ndarray, shifts: np.ndarray, min_confidence: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Register every image again, to the template of all.

        Parameters
        ----------
        spectra : ndarray of complex64, shape (image, row frequency, column frequency)
            Not moved.
        shifts : ndarray of float64, shape (image, 2)
            Corrections so far, in px.
        min_confidence : float
            Images less sure than this are left out of the template.

        Returns
        -------
        shifts : ndarray of float64, shape (image, 2)
        confidence : ndarray of float64, shape (image,)
            Infinite for a single image, which is its own template.
        template : ndarray of complex64
            Of the images moved by the shifts, which are 0 on average.
        """
        if len(spectra) == 1:
            return shifts, np.array([np.inf]), self.registrar.moved(spectra, shifts)[0]
        sure, confidence = np.ones(len(spectra), dtype=bool), np.zeros(len(spectra))
        for turn, reach in enumerate(REACHES):
            last = turn == len(REACHES) - 1
            aligned = self.registrar.moved(spectra, shifts)
            found = np.empty_like(shifts)
            starts = range(0, len(spectra), RUN)
            weights = np.stack([_weights(start, sure, reach) for start in starts])
            templates = self.registrar.shrunk(_mixed(weights, aligned))
            for start, template, centre in zip(starts, templates, weights @ shifts, strict=True):
                run = slice(start, start + RUN)
                # Near what the recursion found only: where few cells are active, one
                # may lie best on another.
                found[run] = self.registrar.shifts_near(aligned[run], template, shifts[run], centre)
                if last:
                    confidence[run] = self.registrar.confidences(spectra[run], template, found[run])
            if last and (confidence >= min_confidence).any():
                sure = confidence >= min_confidence
            shifts = found - found[sure].mean(axis=0)
        template = self.registrar.moved(spectra[sure], shifts[sure]).mean(axis=0)
        return shifts, confidence, template


def _mixed(weights: np.ndarray, spectra: np.ndarray) -> np.ndarray:
    """Return sums of spectra (image, row, column) by weights (sum, image), both as float32."""
    flat = np.ascontiguousarray(spectra).reshape(len(spectra), -1).view(np.float32)
    return (weights @ flat).view(np.complex64).reshape(-1, *spectra.shape[1:])


def _weights(start: int, sure: np.ndarray, reach: float) -> np.ndarray:
    """Return the weight of each image in the template of a run, shape (image,), float32.

    The run itself is left out: its own part would tie every image to where it is, by its
    noise.
    """
    n = len(sure)
    run = slice(start, start + RUN) if n > RUN else slice(start, start + n // 2)
    middle = start + min(RUN, n - start) / 2 - 0.5
    weight = np.exp(-np.abs(np.arange(n) - middle) / reach) * sure
    weight[run] = 0
    if not weight.any():
        weight = np.ones(n)
    return (weight / weight.sum()).astype(np.float32)


@dataclass
class SlabMotion:
    """Motion within one slab, before slabs are put together; fields as in `Scheme.refine`."""

    shifts: np.ndarray
    confidence: np.ndarray
    template: np.ndarray


def slab_motion(binned: np.ndarray, scheme: Scheme, min_confidence: float) -> SlabMotion | None:
    """Register the good frames of a slab to each other.

    Parameters
    ----------
    binned : ndarray of float32, shape (frame, height, width)
        Good frames only, without glow, in camera counts; of `Registrar.binned`.
    scheme : Scheme
        How.
    min_confidence : float
        Of a frame that may shape the template.

    Returns
    -------
    SlabMotion or None
        None for a slab without a good frame.
    """
    if not len(binned):
        return None
    spectra = scheme.registrar.spectra(binned)
    shifts = scheme.register(spectra).shifts
    return SlabMotion(*scheme.refine(spectra, shifts, min_confidence))


def join_slabs(
    slabs: list[SlabMotion | None], good: list[np.ndarray], scheme: Scheme, min_confidence: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Register slabs to each other and return the motion of all frames.

    Parameters
    ----------
    slabs : list of SlabMotion or None
        In order of time.
    good : list of ndarray of bool, shape (frame,)
        Which frames of each slab took part.
    scheme : Scheme
        How.
    min_confidence : float
        Frames below it are not placed.

    Returns
    -------
    motion : ndarray of float32, shape (frame, 2)
        Correction in px; interpolated where a frame is not placed.
    confidence : ndarray of float32, shape (frame,)
        0 for frames that took no part.
    placed : ndarray of bool, shape (frame,)
    """
    present = [slab for slab in slabs if slab is not None]
    templates = np.stack([slab.template for slab in present])
    offsets = scheme.register(templates).shifts
    offsets, _, _ = scheme.refine(templates, offsets, min_confidence)

    n_frames = sum(len(g) for g in good)
    motion = np.full((n_frames, 2), np.nan)
    confidence = np.zeros(n_frames)
    start, k = 0, 0
    for slab, members in zip(slabs, good, strict=True):
        if slab is not None:
            where = start + np.flatnonzero(members)
            motion[where] = slab.shifts + offsets[k]
            confidence[where] = slab.confidence
            k += 1
        start += len(members)
    confidence[np.isinf(confidence)] = min_confidence
    placed = confidence >= min_confidence
    if not placed.any():
        return np.zeros((n_frames, 2), np.float32), confidence.astype(np.float32), placed
    frames = np.arange(n_frames)
    for axis in range(2):
        motion[:, axis] = np.interp(frames, frames[placed], motion[placed, axis])
    return anchored(motion, placed).astype(np.float32), confidence.astype(np.float32), placed


def anchored(motion: np.ndarray, placed: np.ndarray) -> np.ndarray:
    """Choose the free constant so that most frames need no interpolation.

    Parameters
    ----------
    motion : ndarray of float64, shape (frame, 2)
        Corrections in px, defined up to a constant.
    placed : ndarray of bool, shape (frame,)
        Frames that count.

    Returns
    -------
    ndarray of float64, shape (frame, 2)
        With a median near 0. Where the fractions of the shifts gather around one value, as
        they do when the motion is in whole pixels (or absent), all shifts are whole.
    """
    motion = motion - np.median(motion[placed], axis=0)
    phases = np.exp(2j * np.pi * motion[placed]).mean(axis=0)
    votes = [_voted_resultant(along) for along in motion[placed].T]
    still = np.abs(phases) > STILL_RESULTANT
    whole = still.all() or np.mean(votes) > VOTED_RESULTANT
    motion = motion - np.where(still | whole, np.angle(phases) / (2 * np.pi), 0)
    return np.rint(motion) if whole else motion


def _voted_resultant(shifts: np.ndarray) -> float:
    """Return how closely fractions of shifts (frame,) in px gather, every whole shift alike."""
    phases = np.exp(2j * np.pi * shifts)
    whole = np.rint(shifts - np.angle(phases.mean()) / (2 * np.pi)).astype(int)
    _, member, n = np.unique(whole, return_inverse=True, return_counts=True)
    votes = (np.bincount(member, phases.real) + 1j * np.bincount(member, phases.imag)) / n
    votes = votes[n >= FRAMES_FOR_A_VOTE]
    return float(np.abs(votes.mean())) if len(votes) >= VOTES_MIN else 0.0
