"""Sessions of one simulated field, without videos: what the matching can be measured on."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, sparse

from scopeflow.footprints import from_rows, in_box
from scopeflow.simulate import make_recording


@dataclass(frozen=True, eq=False)
class Seen:
    """What a session would give to cross-registration, and what is true.

    Attributes
    ----------
    unit_id : ndarray of int64, shape (unit_id,)
        Arbitrary labels, in arbitrary order.
    A : csr_array of float32, shape (unit_id, pixel)
        Footprints, largest value 1.
    max_proj : ndarray of float32, shape (height, width)
        Camera counts.
    truth : ndarray of int64, shape (unit_id,)
        The cell of the field that a unit is; -1 for a false unit.
    """

    unit_id: np.ndarray
    A: sparse.csr_array
    max_proj: np.ndarray
    truth: np.ndarray


def seen_session(
    recipe: dict,
    rng: np.random.Generator,
    found: float = 0.95,
    n_false: int = 5,
    jitter_px: float = 0.3,
    noise: float = 0.1,
    warp_px: float = 0.0,
) -> Seen:
    """Make what an imperfect analysis of a recording would find.

    Parameters
    ----------
    recipe : dict
        Keys of `recipes.DEFAULTS`; no frames are made.
    rng : Generator
        Of everything that is not in the recipe.
    found : float, optional
        Share of the cells that are found.
    n_false : int, optional
        Number of units that are no cell.
    jitter_px : float, optional
        Standard deviation of the error of a footprint's place along each axis.
    noise : float, optional
        Standard deviation of a footprint's values as a share of its peak, over patches of 2 px.
    warp_px : float, optional
        Largest smooth displacement of the field, along each axis.
    """
    recording = make_recording({**recipe, "n_frames": 2, "n_backgrounds": 0})
    label, A, *_ = recording.truth()
    shape = recording.shape
    kept = np.flatnonzero(rng.random(len(label)) < found)
    phases = rng.uniform(0, 2 * np.pi, (2, 2))
    rows = [_found(A, k, shape, rng, jitter_px, noise, warp_px, phases) for k in kept]
    sigma = np.sqrt(recording.recipe["cell_variance_px2"])
    rows += [_false(shape, sigma, rng) for _ in range(n_false)]
    truth = np.concatenate([label[kept], np.full(n_false, -1)]).astype(np.int64)
    order = rng.permutation(len(rows))
    units = from_rows([rows[k] for k in order], A.shape[1])
    brightness = rng.lognormal(0, 0.7, len(rows)).astype(np.float32)
    image = np.asarray((brightness * 40) @ units).reshape(shape)
    image += 4 * rng.standard_normal(shape) + 20
    unit_id = 3 * np.arange(len(rows)) + int(rng.integers(5))
    return Seen(unit_id, units, image.astype(np.float32), truth[order])


def _found(A, k, shape, rng, jitter_px, noise, warp_px, phases):
    """Return one footprint as it would be found: moved, noisy, cut where it is faint."""
    own = slice(A.indptr[k], A.indptr[k + 1])
    rows, cols = np.divmod(A.indices[own], shape[1])
    middle = np.array([rows.mean(), cols.mean()])
    where = 2 * np.pi * middle / max(shape)
    by = warp_px * np.cos(where + phases).prod(axis=1) + rng.normal(0, jitter_px, 2)
    pad = int(np.ceil(warp_px)) + 2
    first, box = in_box(A.indices[own], A.data[own], shape[1], pad)
    box = ndimage.shift(box, by, order=1)
    grain = ndimage.gaussian_filter(rng.standard_normal(box.shape), 1.0)
    box += box.max() * noise * grain / grain.std() * (box > 0.02)
    return _cut(box, first, shape)


def _false(shape, sigma, rng):
    """Return a footprint that is no cell."""
    reach = int(4 * sigma)
    axis = np.arange(-reach, reach + 1)
    sides = sigma * rng.uniform(0.6, 1.4, 2)
    box = np.outer(*(np.exp(-(axis**2) / (2 * side**2)) for side in sides))
    return _cut(box, rng.integers(0, shape) - reach, shape)


def _cut(box, first, shape):
    """Return pixels and values of a box inside the image, largest value 1."""
    at = np.argwhere(box > 0.1 * box.max())
    values = box[at[:, 0], at[:, 1]]
    at = at + first
    inside = ((at >= 0) & (at < shape)).all(axis=1)
    at, values = at[inside], values[inside]
    order = np.argsort(at[:, 0] * shape[1] + at[:, 1])
    values = values / max(values.max(initial=0), 1e-12)
    return (at[:, 0] * shape[1] + at[:, 1])[order], values[order]
