"""Raw traces of units and the global background, in one pass over the movie."""

import numba
import numpy as np
from scipy import sparse

from scopeflow.patches import Patch


def read_traces(frames: np.ndarray, patches: list[Patch]) -> np.ndarray:
    """Return the raw, demixed traces of all units in a slab of frames.

    Parameters
    ----------
    frames : ndarray, shape (frame, height, width)
        Slab of the motion-corrected movie, in camera counts.
    patches : list of Patch
        One for each unit.

    Returns
    -------
    ndarray of float32, shape (unit_id, frame)
        ``YrA`` in camera counts at the footprint's peak: neighbours and local background
        are taken off by least squares, the unit's own baseline is kept, nothing is clipped.

    Notes
    -----
    For each unit, solves ``min |Y_t - A c_t - X beta_t|^2`` over its patch, with A the
    footprints present and X a polynomial of degree 2. Departs from the paper ("Temporal
    update"), which projects the filtered movie on the footprint and takes off the
    neighbours' part in a single step.
    """
    traces = np.zeros((len(patches), len(frames)), dtype=np.float32)
    if not patches:
        return traces
    boxes = np.array([(p.rows.start, p.rows.stop, p.cols.start, p.cols.stop) for p in patches])
    _apply(frames, boxes, np.concatenate([patch.filters[0] for patch in patches]), traces)
    return traces


@numba.njit(nogil=True, cache=True)
def _apply(frames, boxes, weights, traces):
    """Write the sum over each box of weight times pixel, read as the movie is stored.

    Four frames at a time: few enough to stay in the cache while all units are read from them.
    """
    last = len(frames) - 1
    for start in range(0, len(frames), 4):
        # At the end of a slab the last frame is read again.
        t0, t1, t2, t3 = start, min(start + 1, last), min(start + 2, last), min(start + 3, last)
        place = 0
        for unit in range(len(boxes)):
            top, bottom, left, right = boxes[unit]
            a = b = c = d = 0.0  # in double precision, since a box may be the whole image
            for y in range(top, bottom):
                stop = place + right - left
                of_row = _products(
                    weights[place:stop],
                    frames[t0, y, left:right],
                    frames[t1, y, left:right],
                    frames[t2, y, left:right],
                    frames[t3, y, left:right],
                )
                a, b, c, d = a + of_row[0], b + of_row[1], c + of_row[2], d + of_row[3]
                place = stop
            traces[unit, t0], traces[unit, t1] = a, b
            traces[unit, t2], traces[unit, t3] = c, d


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _products(weights, first, second, third, fourth):
    """Return the sums of weight times pixel for a row of four frames."""
    a = b = c = d = np.float32(0)
    for x in range(len(weights)):
        a += weights[x] * np.float32(first[x])
        b += weights[x] * np.float32(second[x])
        c += weights[x] * np.float32(third[x])
        d += weights[x] * np.float32(fourth[x])
    return a, b, c, d


def initial_background(
    mean_image: np.ndarray, A: sparse.csr_array, patches: list[Patch]
) -> np.ndarray:
    """Return the background image b: the mean of the movie less the units' mean.

    Parameters
    ----------
    mean_image : ndarray of float, shape (height, width)
        Mean of the movie over good frames, in camera counts.
    A : csr_array of float32, shape (unit_id, pixel)
        Footprints.
    patches : list of Patch
        Of the same units. Traces are linear in the movie, so the mean trace is the trace
        of the mean image.

    Returns
    -------
    ndarray of float32, shape (height, width)
        In camera counts, >= 0.
    """
    mean_trace = read_traces(mean_image[None].astype(np.float32), patches)[:, 0]
    return np.maximum(mean_image - (mean_trace @ A).reshape(mean_image.shape), 0).astype(np.float32)


def background_course(
    frames: np.ndarray, YrA: np.ndarray, A: sparse.csr_array, b: np.ndarray
) -> np.ndarray:
    """Return the course f of the background in a slab: what b explains of Y - A YrA.

    Parameters
    ----------
    frames : ndarray, shape (frame, height, width)
        Slab of the movie, in camera counts.
    YrA : ndarray of float32, shape (unit_id, frame)
        Raw traces of the slab.
    A : csr_array of float32, shape (unit_id, pixel)
        Footprints.
    b : ndarray of float32, shape (height, width)
        Background image in camera counts.

    Returns
    -------
    ndarray of float32, shape (frame,)
        Without unit and about 1 on average, so that ``b f`` is in camera counts once.
    """
    flat = b.ravel()
    power = float(flat @ flat)
    if power == 0:
        return np.zeros(len(frames), dtype=np.float32)
    whole = np.zeros((1, len(frames)), dtype=np.float32)
    _apply(frames, np.array([(0, b.shape[0], 0, b.shape[1])]), flat, whole)
    return ((whole[0] - (A @ flat) @ YrA) / power).astype(np.float32)
