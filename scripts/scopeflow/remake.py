"""Units made anew after a person's labels: merged ones fitted again, single ones split in two.

Footprints come from the footprints there are and, for a split, from the movie's covariance;
traces are read from the movie and deconvolved as those of every other unit.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage, sparse

from scopeflow.deconvolve import deconvolve, response_norms
from scopeflow.footprints import centroids
from scopeflow.movie import Movie
from scopeflow.noise import trace_noise
from scopeflow.patches import Patch, make_patches
from scopeflow.quality import diameters, signal_to_noise
from scopeflow.traces import read_traces

PIECE_MIN = 0.1  # of a footprint's sum: a smaller piece is no cell of its own
PARTS_ALIKE = 0.9  # two parts whose footprints have a cosine above this are one
EDGE_PERCENTILE = 5  # of pixels, by how much they belong to one part: these are its own
SECOND_MIN = 0.01  # of the first course's variance: a second one below is none
NOISE_MIN = 3.0  # times the third's, which is noise
SPLIT_PIXELS = 1500  # of a footprint at most, its brightest; their covariance is square
COVARIANCES = 2**25  # values of covariances at once, of 8 bytes each
AVERAGED_S = 0.2  # frames within this are averaged for the covariance


@dataclass(frozen=True)
class Model:
    """How traces are read and fitted, as for the other units of the session.

    Attributes
    ----------
    radius_px : float
        Of the patches that traces are read from.
    cutoff_hz : float
        Above it a trace is noise.
    penalty : float
        Of activity, in standard deviations of the noise.
    """

    radius_px: float
    cutoff_hz: float
    penalty: float


def pieces(footprint: np.ndarray) -> list[np.ndarray]:
    """Return the parts of a footprint that do not touch.

    Parameters
    ----------
    footprint : ndarray of float, shape (height, width)

    Returns
    -------
    list of ndarray, same shape
        Its two largest pieces, the larger first, if both have a tenth of the sum at least;
        else the footprint itself.
    """
    labels, count = ndimage.label(footprint > 0)
    if count < 2:
        return [footprint]
    mass = ndimage.sum_labels(footprint, labels, np.arange(1, count + 1))
    first, second = np.argsort(-mass, kind="stable")[:2] + 1
    if mass[second - 1] < PIECE_MIN * mass.sum():
        return [footprint]
    return [np.where(labels == label, footprint, 0) for label in (first, second)]


def parts_by_activity(
    covariance: np.ndarray, values: np.ndarray, inside: np.ndarray
) -> list[np.ndarray]:
    """Split a footprint into two by which of its pixels change together.

    Parameters
    ----------
    covariance : ndarray of float64, shape (pixel, pixel)
        Of the footprint's pixels over time, background taken off.
    values : ndarray of float, shape (pixel,)
        The footprint.
    inside : ndarray of bool, shape (height, width)
        Where its pixels lie, in their order.

    Returns
    -------
    list of ndarray of float64, shape (pixel,)
        Two footprints of a largest value of 1, or the one given if its pixels do not tell two
        courses apart.

    Notes
    -----
    With two independent courses, the covariance is ``a a' var + b b' var + noise``: in the
    plane of its two leading eigenvectors all pixels lie between two rays, on which those
    lie that belong to one cell alone. The rays are taken at the outer percentiles of the
    pixels' angles; each pixel is then the sum of both, with weights >= 0. This is
    non-negative factorization of rank two, in closed form.
    """
    energy, vectors = np.linalg.eigh(covariance)
    third, second, first = np.maximum(energy, 0)[-3:] if len(energy) > 2 else (0, 0, 0)
    if second <= SECOND_MIN * first or second <= NOISE_MIN * third:
        return [values]
    plane = vectors[:, -2:] * np.sqrt(np.maximum(energy[-2:], 0))
    plane = plane[:, ::-1] * np.sign(plane[:, -1].sum() or 1)
    angle = np.arctan2(plane[:, 1], plane[:, 0])
    clear = (values > 0.2 * values.max()) & (plane[:, 0] > 0)
    if clear.sum() < 4:
        return [values]
    low, high = np.percentile(angle[clear], [EDGE_PERCENTILE, 100 - EDGE_PERCENTILE])
    rays = np.array([[np.cos(low), np.sin(low)], [np.cos(high), np.sin(high)]])
    weights = np.maximum(plane @ np.linalg.inv(rays), 0).T
    parts = []
    for weight in weights:
        image = np.zeros(inside.shape)
        image[inside] = weight * (values > 0)
        labels, count = ndimage.label(image > 0.1 * image.max())
        if not count:
            return [values]
        mass = ndimage.sum_labels(image, labels, np.arange(1, count + 1))
        image[labels != mass.argmax() + 1] = 0
        parts.append(image[inside] / image.max())
    alike = parts[0] @ parts[1] / (np.linalg.norm(parts[0]) * np.linalg.norm(parts[1]))
    if alike > PARTS_ALIKE:
        return [values]
    return sorted(parts, key=lambda part: -part.sum())


class _Gathered:
    """Sums over the movie for the covariance of one unit's pixels, its background taken off."""

    def __init__(self, unit: int, A: sparse.csr_array, patch: Patch, shape: tuple[int, int]):
        self.own = A[[unit]].toarray().ravel()
        pixels = np.flatnonzero(self.own)
        pixels = np.sort(pixels[np.argsort(-self.own[pixels], kind="stable")[:SPLIT_PIXELS]])
        touching = A[:, pixels].max(axis=1).toarray().ravel() > 0
        self.neighbours = np.setdiff1d(touching.nonzero()[0], unit)
        box = np.zeros(shape, dtype=np.int64) - 1
        box[patch.rows, patch.cols] = np.arange(np.prod(patch.shape)).reshape(patch.shape)
        at = box.ravel()[pixels]
        self.pixels, self.at = pixels[at >= 0], at[at >= 0]
        self.mixing = A[self.neighbours][:, self.pixels].toarray().T
        self.patch, self.shape, self.n = patch, shape, 0
        self.basis = patch.basis[:, self.at].astype(np.float32)
        self.total = np.zeros(len(self.pixels))
        self.second = np.zeros((len(self.pixels),) * 2)

    def add(self, frames: np.ndarray, C: np.ndarray, per: int) -> None:
        """Take frames (frame, height, width) and all units' calcium (unit_id, frame) in them."""
        patch, at = self.patch, self.at
        frames = frames[:, patch.rows, patch.cols].reshape(len(frames), -1).astype(np.float32)
        ground = frames @ patch.filters[1:].T @ self.basis
        rest = frames[:, at] - ground - (self.mixing @ C[self.neighbours]).T
        rest = rest[: len(rest) // per * per].reshape(-1, per, len(at)).mean(axis=1)
        self.total += rest.sum(axis=0)
        self.second += rest.T.astype(np.float64) @ rest
        self.n += len(rest)

    def parts(self) -> list[np.ndarray]:
        """Return two footprints (pixel,) of the whole image, or the one there is."""
        if self.n < 2:
            return [self.own]
        mean = self.total / self.n
        covariance = self.second / self.n - np.outer(mean, mean)
        inside = np.zeros(self.own.size, dtype=bool)
        inside[self.pixels] = True
        values = self.own[self.pixels].astype(float)
        parts = []
        for part in parts_by_activity(covariance, values, inside.reshape(self.shape)):
            whole = np.zeros(len(self.own), dtype=np.float32)
            whole[self.pixels] = part
            parts.append(whole)
        return parts if len(parts) == 2 else [self.own]


def split_by_activity(
    units: Iterable[int],
    A: sparse.csr_array,
    C,
    shape: tuple[int, int],
    movie: Movie,
    radius_px: float,
) -> Iterator[list[np.ndarray]]:
    """Split footprints into two by the movie.

    Parameters
    ----------
    units : iterable of int
        Positions of the units to split.
    A : csr_array of float32, shape (unit_id, pixel)
        Footprints of all units.
    C : zarr.Array or ndarray, shape (unit_id, frame)
        Their traces; those of the neighbours are taken off the movie.
    shape : tuple of int
        (height, width) in px.
    movie : Movie
        Read once, or once for every 14 units of 1500 px, whose covariances fill the memory.
    radius_px : float
        Of the patch that the local background is taken from.

    Yields
    ------
    list of ndarray of float32, shape (pixel,)
        For each unit in turn, of the whole image: two footprints, or one if two courses are
        not told apart.
    """
    for batch in _batches(list(units), A):
        patches = [_patch_of(unit, A, shape, radius_px, movie.usable) for unit in batch]
        gathered = [
            _Gathered(unit, A, patch, shape) for unit, patch in zip(batch, patches, strict=True)
        ]
        _gather(gathered, C, movie)
        yield from (one.parts() for one in gathered)


def _batches(units: list[int], A: sparse.csr_array) -> list[list[int]]:
    """Cut units into groups whose covariances fit into the memory, each of one at least."""
    batches, room = [], 0
    for unit in units:
        need = min(A[[unit]].nnz, SPLIT_PIXELS) ** 2
        if need > room:
            batches.append([])
            room = COVARIANCES
        batches[-1].append(unit)
        room -= need
    return batches


def _gather(gathered: list[_Gathered], C, movie: Movie) -> None:
    """Read the movie once for some units."""
    per = max(round(AVERAGED_S * movie.fps_hz), 1)
    for slab in movie.slabs:
        good = movie.weight[slab]
        if good.sum() < per:
            continue
        frames, calcium = movie.read(slab)[good], C[:, slab][:, good]
        for one in gathered:
            one.add(frames, calcium, per)


def _patch_of(
    unit: int, A: sparse.csr_array, shape: tuple[int, int], radius_px: float, usable: np.ndarray
) -> Patch:
    """Return the patch of one unit, with all that lie near it as neighbours."""
    centre = centroids(A, shape)
    near = np.flatnonzero(np.hypot(*(centre - centre[unit]).T) <= 4 * radius_px)
    near = np.concatenate([[unit], near[near != unit]])
    return make_patches(A[near], shape, radius_px, usable)[0]


def read_again(
    units: Iterable[int],
    A: sparse.csr_array,
    shape: tuple[int, int],
    movie: Movie,
    radius_px: float,
) -> np.ndarray:
    """Read the raw traces of some units from the movie.

    Parameters
    ----------
    units : iterable of int
        Their positions.
    A : csr_array of float32, shape (unit_id, pixel)
        Footprints of all units that light is attributed to.
    shape : tuple of int
        (height, width) in px.
    movie : Movie
        Read once.
    radius_px : float
        Of the patches.

    Returns
    -------
    ndarray of float32, shape (unit, frame)
        ``YrA`` in camera counts, NaN at frames without weight.
    """
    patches = [_patch_of(unit, A, shape, radius_px, movie.usable) for unit in units]
    YrA = np.empty((len(patches), movie.n_frames), dtype=np.float32)
    for slab, traces in movie.map(lambda slab: read_traces(movie.read(slab), patches), "slabs"):
        YrA[:, slab] = traces
    YrA[:, ~movie.weight] = np.nan
    return YrA


def fitted(YrA: np.ndarray, g: np.ndarray, fps_hz: float, model: Model) -> dict:
    """Fit calcium and activity to a raw trace; returns its values by name.

    Parameters
    ----------
    YrA : ndarray of float32, shape (frame,)
        Raw trace in camera counts, NaN at frames without weight.
    g : ndarray of float, shape (2,)
        Autoregressive coefficients.
    fps_hz : float
        Frame rate in Hz.
    model : Model

    Returns
    -------
    dict
        ``YrA``, ``C``, ``S``, ``b0``, ``c0``, ``sigma``, ``s_scale``, ``snr``.
    """
    sigma = trace_noise(YrA[None], fps_hz, max(model.cutoff_hz, fps_hz / 4))[0]
    fit = deconvolve(YrA.astype(np.float64), g, max(sigma, 1e-6), model.penalty)
    scale = response_norms(g)[1]
    return {
        "YrA": YrA, "C": fit.c, "S": scale * fit.s, "b0": fit.b0, "c0": fit.c0, "sigma": sigma,
        "s_scale": scale, "snr": signal_to_noise(fit.c[None], sigma[None])[0],
    }  # fmt: skip


def shape_numbers(footprint: np.ndarray, shape: tuple[int, int]) -> dict:
    """Return the values of a new footprint by name; it was not compared with the movie."""
    one = sparse.csr_array(footprint[None])
    row, col = centroids(one, shape)[0]
    return {
        "A": footprint.reshape(shape), "size_px": one.nnz, "diameter_px": diameters(one)[0],
        "centroid_height": row, "centroid_width": col, "spatial_r": np.nan,
    }  # fmt: skip
