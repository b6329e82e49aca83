"""Sums over frames that spatial fits need of the movie, for every patch.

Everything a patch needs is a set of products summed over frames (Gram matrices), so the movie
is read once, a slab at a time, and the regressions are solved afterwards.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np

from scopeflow.parallel import map_slabs
from scopeflow.patches import N_BACKGROUND, Patch


@dataclass
class PatchSums:
    """Sums over frames for one patch; regressors are members, background, intercept.

    Attributes
    ----------
    gram : ndarray of float64, shape (regressor, regressor)
        Products of the regressors.
    cross : ndarray of float64, shape (regressor, pixel)
        Products of the regressors with the pixels.
    power : ndarray of float64, shape (pixel,)
        Sums of the squares of the pixels.
    """

    gram: np.ndarray
    cross: np.ndarray
    power: np.ndarray

    def without_background(self, n_members: int) -> "PatchSums":
        """Take background and intercept, free of sign as they are, off everything else."""
        free = slice(n_members, None)
        # Quicker than a solver of equations, which works on every pixel's right side.
        inverse = np.linalg.pinv(self.gram[free, free], rcond=1e-10, hermitian=True)
        gain = self.gram[:n_members, free] @ inverse
        fitted = inverse @ self.cross[free]
        return PatchSums(
            self.gram[:n_members, :n_members] - gain @ self.gram[free, :n_members],
            self.cross[:n_members] - gain @ self.cross[free],
            self.power - (fitted * self.cross[free]).sum(axis=0),
        )


@dataclass(frozen=True)
class Averages:
    """Averages over a few frames in a row, times the root of how many there are.

    Products of these are sums over frames, as far as neither movie nor calcium change within
    the few; they cost that much less.

    Attributes
    ----------
    movie : ndarray of float32, shape (average, height, width)
        Less the mean image, which keeps single precision exact enough.
    C : ndarray of float32, shape (unit_id, average)
        Calcium traces.
    root : ndarray of float32, shape (average,)
        Root of the number of frames: the average of 1.
    power : ndarray of float32, shape (height, width)
        Sum of the squares of `movie`.
    """

    movie: np.ndarray
    C: np.ndarray
    root: np.ndarray
    power: np.ndarray


def average_slab(frames: np.ndarray, C: np.ndarray, mean_image: np.ndarray, every: int) -> Averages:
    """Return the averages over runs of frames of one slab.

    Parameters
    ----------
    frames : ndarray, shape (frame, height, width)
        Good frames only, in camera counts.
    C : ndarray of float32, shape (unit_id, frame)
        Calcium traces of the same frames.
    mean_image : ndarray of float32, shape (height, width)
        Mean of the movie.
    every : int
        Number of frames in a run; the last one may be shorter.
    """
    starts = np.arange(0, len(frames), every)
    root = np.sqrt(np.diff(starts, append=len(frames))).astype(np.float32)
    C = np.add.reduceat(C, starts, axis=1) / root if len(starts) else C
    movie = np.empty((len(starts), *mean_image.shape), dtype=np.float32)
    power = np.zeros(mean_image.shape, dtype=np.float32)
    _average(frames, mean_image, every, movie, power)
    return Averages(movie, C, root, power)


def blocks_that_fit(patches: list[Patch], room_bytes: float) -> list[slice]:
    """Cut patches into blocks, in order, whose sums take at most so many bytes together.

    A patch that takes more makes a block of its own; no patches make one block. Filters, which
    are laid out side by side for it, count.
    """
    blocks, start, taken = [], 0, 0.0
    for k, patch in enumerate(patches):
        n_all = len(patch.members) + N_BACKGROUND + 1
        n_pixels = patch.inside.size
        size = 8 * (n_all * (n_all + n_pixels) + n_pixels) + 4 * N_BACKGROUND * n_pixels
        if k > start and taken + size > room_bytes:
            blocks.append(slice(start, k))
            start, taken = k, 0.0
        taken += size
    return [*blocks, slice(start, len(patches))]


def sum_averages(
    slabs: Iterable[Averages], patches: list[Patch], shape: tuple[int, int], threads: int
) -> list[PatchSums]:
    """Return the sums that a spatial fit needs, one for each patch.

    Parameters
    ----------
    slabs : iterable of Averages
        Of the whole recording, in order.
    patches : list of Patch
        One for each unit.
    shape : tuple of int
        (height, width) of the image.
    threads : int
        Each adds to patches of its own, slab after slab, so that sums do not depend on it.
    """
    layout = _laid_out(patches)
    n_gram, n_cross = layout.ends[2:, -1]
    gram, cross, power = np.zeros(n_gram), np.zeros(n_cross), np.zeros(shape)
    # Neighbours after each other, which read the same pixels: once from memory is enough.
    parts = np.array_split(np.argsort(layout.boxes[:, 0], kind="stable"), threads)
    for averages in slabs:
        power += averages.power

        def add(part: np.ndarray, own: Averages = averages) -> None:
            _add(part, layout, own.movie, own.C, own.root, gram, cross)

        deque(map_slabs(add, parts, threads), maxlen=0)
    grams, crosses = np.split(gram, layout.ends[2]), np.split(cross, layout.ends[3])
    return [
        PatchSums(
            grams[k + 1].reshape(-1, len(patch.members) + N_BACKGROUND + 1),
            crosses[k + 1].reshape(-1, patch.inside.size),
            power[patch.rows, patch.cols].ravel(),
        )
        for k, patch in enumerate(patches)
    ]


class _Layout(NamedTuple):
    """All patches in a few arrays, one after the other, for compiled loops.

    Attributes
    ----------
    boxes : ndarray of int, shape (patch, 4)
        First and last row and column, the last ones excluded.
    members, filters : ndarray
        Units present in each patch, and filters of its background.
    ends : ndarray of int, shape (4, patch + 1)
        Where each patch begins and the one before ends in `members`, `filters`, the products
        of regressors and those with pixels.
    """

    boxes: np.ndarray
    members: np.ndarray
    filters: np.ndarray
    ends: np.ndarray


def _laid_out(patches: list[Patch]) -> _Layout:
    boxes = [(p.rows.start, p.rows.stop, p.cols.start, p.cols.stop) for p in patches]
    n_members = np.array([len(patch.members) for patch in patches], dtype=np.int64)
    n_pixels = np.array([patch.inside.size for patch in patches], dtype=np.int64)
    n_all = n_members + N_BACKGROUND + 1
    sizes = [n_members, N_BACKGROUND * n_pixels, n_all**2, n_all * n_pixels]
    return _Layout(
        np.array(boxes, dtype=np.int64).reshape(-1, 4),
        np.concatenate([np.zeros(0, np.int64), *(patch.members for patch in patches)]),
        np.concatenate([np.zeros(0, np.float32), *(p.filters[1:].ravel() for p in patches)]),
        np.pad(np.cumsum(sizes, axis=1), ((0, 0), (1, 0))),
    )


@numba.njit(nogil=True, cache=True)
def _add(part, layout, movie, C, root, gram, cross):
    """Add the products of one slab's averages to the sums of the patches in `part`."""
    n = len(root)
    for k in part:
        top, bottom, left, right = layout.boxes[k]
        m, f, g, c = layout.ends[:, k]
        m_end, f_end, g_end, c_end = layout.ends[:, k + 1]
        pixels = _cut_out(movie, top, bottom, left, right)
        n_pixels = pixels.shape[1]
        n_members = m_end - m
        regressors = np.empty((n_members + N_BACKGROUND + 1, n), dtype=np.float32)
        for i in range(n_members):
            regressors[i] = C[layout.members[m + i]]
        filters = layout.filters[f:f_end].reshape(N_BACKGROUND, n_pixels)
        for t in range(n):
            for i in range(N_BACKGROUND):
                regressors[n_members + i, t] = _product(filters[i], pixels[t])
        regressors[-1] = root
        gram[g:g_end] += np.dot(regressors, regressors.T).ravel()
        cross[c:c_end] += np.dot(regressors, pixels).ravel()


@numba.njit(nogil=True, cache=True)
def _cut_out(movie, top, bottom, left, right):
    """Return a box of the movie, shape (average, pixel)."""
    width = right - left
    pixels = np.empty((len(movie), (bottom - top) * width), dtype=np.float32)
    for t in range(len(movie)):
        for y in range(top, bottom):
            place = (y - top) * width
            _copy(movie[t, y, left:right], pixels[t, place : place + width])
    return pixels


@numba.njit(nogil=True, cache=True)
def _copy(source, goal):
    for x in range(len(goal)):
        goal[x] = source[x]


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _product(first, second):
    total = np.float32(0)
    for x in range(len(first)):
        total += first[x] * second[x]
    return total


@numba.njit(nogil=True, cache=True)
def _average(frames, mean_image, every, averages, power):
    """Write the sum of each run of `every` frames less its mean, over the root of its number.

    Also add its square to `power`.
    """
    n_frames, height, width = frames.shape
    for i in range(len(averages)):
        first, stop = i * every, min((i + 1) * every, n_frames)
        scale = np.float32(1 / np.sqrt(stop - first))
        shift = np.float32((stop - first) * scale)
        for y in range(height):
            for x in range(width):
                averages[i, y, x] = -shift * mean_image[y, x]
            for t in range(first, stop):
                for x in range(width):
                    averages[i, y, x] += scale * np.float32(frames[t, y, x])
            for x in range(width):
                power[y, x] += averages[i, y, x] * averages[i, y, x]
