"""Patches, traces and the spatial update, against known truth and exact solvers."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, sparse

from scopeflow import footprints, merge, passes, patch_sums, patches, spatial, traces
from scopeflow.movie import Movie
from scopeflow.stores import create, create_movie, put, slabs, write_slab

SHAPE = (64, 72)
DIAMETER = 16.0
USABLE = np.ones(SHAPE, bool)


@pytest.fixture
def field():
    """Three cells, two of them close neighbours, under a background that bends in space."""
    rng = np.random.default_rng(1)
    A = footprints.blobs(np.array([[30.0, 30.0], [33.0, 36.0], [50.0, 55.0]]), 4.0, SHAPE)
    C = np.maximum(rng.gamma(0.3, 30, (3, 600)), 0).astype(np.float32)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    course = 40 + 10 * np.sin(np.arange(600) / 50)
    background = course[:, None, None] * (1 + 1e-2 * x + 2e-4 * (y - 30) ** 2)
    return A, C, (C.T @ A).reshape(-1, *SHAPE) + background


def sums_of(Y, C, around, cuts=(0, None), threads=1, every=1):
    """Sums for a spatial fit, of slabs between the cuts."""
    mean = Y.mean(axis=0).astype(np.float32)
    slabs = [
        patch_sums.average_slab(Y[i:j], C[:, i:j], mean, every) for i, j in itertools.pairwise(cuts)
    ]
    return patch_sums.sum_averages(slabs, around, SHAPE, threads)


def test_traces_are_exact_under_overlap_and_quadratic_background(field):
    A, C, Y = field
    found = traces.read_traces(Y, patches.make_patches(A, SHAPE, DIAMETER, USABLE))
    # Exact up to single precision and the faint neighbours left out of a patch.
    np.testing.assert_allclose(found, C, atol=0.02 * C.max())


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**31), n_units=st.integers(1, 12), alone=st.booleans())
def test_filters_are_rows_of_the_pseudo_inverse(seed, n_units, alone):
    rng = np.random.default_rng(seed)
    centres = np.column_stack([rng.uniform(0, n, n_units) for n in SHAPE])
    A = footprints.blobs(centres, 3.0, SHAPE)
    usable = rng.random(SHAPE) > 0.05
    images = A.toarray().reshape(-1, *SHAPE)
    for unit, patch in enumerate(patches.make_patches(A, SHAPE, DIAMETER, usable, alone)):
        inside = images[:, patch.rows, patch.cols].reshape(n_units, -1)
        others = [
            k for k in range(n_units) if k != unit and inside[k].max() > patches.FAINTEST_NEIGHBOUR
        ]
        assert patch.members.tolist() == [unit, *([] if alone else others)]
        design = np.concatenate([inside[patch.members], patch.basis]) * patch.inside
        norms = np.maximum(np.linalg.norm(design, axis=1, keepdims=True), 1e-12)
        filters = np.linalg.pinv((design / norms).T, rcond=1e-4) / norms
        kept = [0, *range(len(patch.members), len(design))]
        np.testing.assert_allclose(patch.filters, filters[kept], atol=1e-5 * np.abs(filters).max())


def test_traces_follow_their_units(field):
    A, _, Y = field
    order = np.array([2, 0, 1])
    straight = traces.read_traces(Y, patches.make_patches(A, SHAPE, DIAMETER, USABLE))
    shuffled = traces.read_traces(Y, patches.make_patches(A[order], SHAPE, DIAMETER, USABLE))
    np.testing.assert_allclose(shuffled, straight[order], atol=1e-2)


def test_spatial_update_recovers_the_footprints(field):
    A, C, Y = field
    Y = Y + np.random.default_rng(2).normal(0, 4, Y.shape)
    # Start from blobs that are too small and off their place; three rounds.
    found = footprints.blobs(np.array([[31.0, 29.5], [33.5, 37.0], [49.0, 55.5]]), 3.0, SHAPE)
    sn = np.full(SHAPE, 4.0, np.float32)
    for _ in range(3):
        around = patches.make_patches(found, SHAPE, DIAMETER, USABLE)
        sums = sums_of(Y, C, around)
        support = spatial.grown_support(found, SHAPE, 4)
        found, spatial_r = spatial.update_footprints(sums, around, support, sn, 3.0)
        found, _ = footprints.normalized(found)
    for k in range(3):
        r = np.corrcoef(found[[k]].toarray()[0], A[[k]].toarray()[0])[0, 1]
        assert r > 0.98
        assert spatial_r[k] > 0.9


def test_sums_do_not_depend_on_slabs_and_threads(field):
    A, C, Y = field
    around = patches.make_patches(A, SHAPE, DIAMETER, USABLE)
    whole = sums_of(Y, C, around, cuts=[0, 600])
    for threads in (1, 2, 4):
        for one, other in zip(whole, sums_of(Y, C, around, [0, 250, 600], threads), strict=True):
            np.testing.assert_allclose(other.gram, one.gram, rtol=1e-4, atol=1e-4 * one.gram.max())
            scale = abs(one.cross).max()
            np.testing.assert_allclose(other.cross, one.cross, rtol=1e-3, atol=1e-4 * scale)
            np.testing.assert_allclose(other.power, one.power, rtol=1e-4)


@settings(deadline=None, max_examples=30)
@given(room=st.floats(0, 2e7), n_cells=st.integers(0, 12))
def test_blocks_take_all_patches_in_order_and_fit(room, n_cells):
    places = np.random.default_rng(n_cells).uniform(5, 55, (n_cells, 2))
    around = patches.make_patches(footprints.blobs(places, 4.0, SHAPE), SHAPE, DIAMETER, USABLE)
    blocks = patch_sums.blocks_that_fit(around, room)
    taken = [k for block in blocks for k in range(block.start, block.stop)]
    assert taken == list(range(n_cells))
    for block in blocks:
        own = around[block]
        sums = patch_sums.sum_averages([], own, SHAPE, 1)
        size = sum(s.gram.nbytes + s.cross.nbytes + s.power.nbytes for s in sums)
        assert len(own) <= 1 or size <= room


def test_fits_do_not_depend_on_how_many_patches_are_summed_up_at_once(field, tmp_path, monkeypatch):
    A, C, Y = field
    group = create(tmp_path / "Y.zarr", fps_hz=20.0)
    stored = create_movie(group, "Y", Y.shape, np.uint8)
    for slab in slabs(stored):
        write_slab(stored, slab, np.rint(Y[slab]).astype(np.uint8))
    put(group, "weight", np.ones(len(Y)), ("frame",))
    put(group, "seen", np.ones(SHAPE), ("height", "width"))
    movie = Movie(str(tmp_path / "Y.zarr"))
    around = patches.make_patches(A, SHAPE, DIAMETER, USABLE)
    mean = Y.mean(axis=0).astype(np.float32)
    found = {}

    def pairs_of(sums, own):
        return list(zip(own, sums, strict=True))

    monkeypatch.setattr(passes, "LEAST_ROOM_BYTES", 1.0)
    for room in (np.inf, 1.0):
        movie.room_bytes = room
        blocks = passes.fit_patches(movie, C, around, mean, pairs_of)
        found[room] = [pair for block in blocks for pair in block]
        assert len(blocks) == (1 if room > 1 else len(A.indptr) - 1)
    for (patch, whole), (other, alone) in zip(*found.values(), strict=True):
        assert patch is other
        for name in ("gram", "cross", "power"):
            np.testing.assert_array_equal(getattr(whole, name), getattr(alone, name))


def test_averages_of_a_slow_movie_sum_up_to_the_same(field):
    A, C, Y = field
    around = patches.make_patches(A, SHAPE, DIAMETER, USABLE)
    Y, C = np.repeat(Y, 3, axis=0), np.repeat(C, 3, axis=1)
    whole, averaged = (sums_of(Y, C, around, [0, len(Y)], every=n) for n in (1, 3))
    for one, other in zip(whole, averaged, strict=True):
        np.testing.assert_allclose(other.gram, one.gram, rtol=1e-4, atol=1e-4 * one.gram.max())
        np.testing.assert_allclose(other.power, one.power, rtol=1e-4)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 5), st.integers(0, 10_000))
def test_descend_finds_the_optimum_of_scipy(n_members, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(20, n_members)) + 0.5
    y = rng.normal(size=20) + X @ np.abs(rng.normal(size=n_members))
    solved = spatial.descend(
        X.T @ X, (X.T @ y)[:, None], np.zeros((n_members, 1)), np.ones((n_members, 1), bool)
    )
    exact, residual = optimize.nnls(X, y)
    assert np.linalg.norm(y - X @ solved[:, 0]) <= residual * (1 + 1e-3) + 1e-9
    np.testing.assert_allclose(solved[:, 0], exact, atol=2e-2 * max(exact.max(), 1e-3))


@pytest.mark.parametrize("gain", [0.1, 1.0, 100.0])
def test_the_penalty_does_not_depend_on_the_cameras_gain(field, gain):
    A, C, Y = field
    Y = gain * (Y + np.random.default_rng(2).normal(0, 4, Y.shape))
    around = patches.make_patches(A, SHAPE, DIAMETER, USABLE)
    sums = sums_of(Y, C, around)
    found, _ = spatial.update_footprints(
        sums, around, spatial.grown_support(A, SHAPE, 4), np.full(SHAPE, 4 * gain, np.float32), 3.0
    )
    assert abs(len(found.data) - 980) < 300
    assert found.max() == pytest.approx(gain, rel=0.1)


def test_a_noiseless_pixel_of_a_saturated_camera_is_left_out(field):
    A, C, Y = field
    sn = np.full(SHAPE, 4.0, np.float32)
    sn[30, 30] = 0
    around = patches.make_patches(A, SHAPE, DIAMETER, sn > 0)
    sums = sums_of(Y, C, around)
    found, _ = spatial.update_footprints(sums, around, spatial.grown_support(A, SHAPE, 4), sn, 3.0)
    assert found[[0]].toarray().reshape(SHAPE)[30, 30] == 0


def test_background_is_in_counts_once():
    A = footprints.blobs(np.empty((0, 2)), 4.0, SHAPE)
    image = np.random.default_rng(0).uniform(10, 20, SHAPE).astype(np.float32)
    f = 1 + 0.2 * np.sin(np.arange(50))
    b = traces.initial_background(image * f.mean(), A, [])
    course = traces.background_course(f[:, None, None] * image, np.zeros((0, 50), np.float32), A, b)
    np.testing.assert_allclose(b * course[:, None, None], f[:, None, None] * image, rtol=1e-4)


def test_nothing_is_valid_input_everywhere():
    A = footprints.blobs(np.empty((0, 2)), 4.0, SHAPE)
    assert patches.make_patches(A, SHAPE, DIAMETER, USABLE) == []
    assert spatial.grown_support(A, SHAPE, 4).shape == (0, SHAPE[0] * SHAPE[1])
    found, r = spatial.update_footprints([], [], A, np.ones(SHAPE, np.float32), 3.0)
    assert found.shape == A.shape
    assert len(r) == 0
    assert footprints.normalized(A)[0].shape == A.shape
    assert footprints.centroids(A, SHAPE).shape == (0, 2)
    assert merge.overlapping_pairs(A).shape == (0, 2)
    assert spatial.hollow(A, SHAPE).shape == (0,)


def ring(row, col, least, most, columns=slice(None)):
    """Footprint of a ring between two radii, of which only some columns are seen."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    radius = np.hypot(y - row, x - col)
    image = np.zeros(SHAPE, np.float32)
    image[:, columns] = ((radius >= least) & (radius <= most))[:, columns]
    return sparse.csr_array(image.reshape(1, -1))


def test_a_ring_around_a_cell_is_told_from_the_cell_and_its_neighbours():
    cells = footprints.blobs(np.array([[30.0, 30.0], [31.0, 33.0], [50.0, 55.0]]), 4.0, SHAPE)
    A = sparse.csr_array(sparse.vstack([cells, ring(30, 30, 5, 8)]))
    assert spatial.hollow(A, SHAPE).tolist() == [False, False, False, True]


def test_a_ring_alone_is_kept():
    far = footprints.blobs(np.array([[12.0, 12.0]]), 3.0, SHAPE)
    A = sparse.csr_array(sparse.vstack([far, ring(40, 40, 5, 8)]))
    assert not spatial.hollow(A, SHAPE).any()


def test_two_halves_of_a_ring_are_not_both_dropped():
    halves = [ring(30, 30, 5, 12, slice(None, 30)), ring(30, 30, 5, 12, slice(30, None))]
    A = sparse.csr_array(sparse.vstack(halves))
    assert not spatial.hollow(A, SHAPE).any()
    assert not spatial.hollow(
        sparse.csr_array(sparse.vstack([ring(30, 30, 5, 8)] * 2)), SHAPE
    ).any()


@given(st.lists(st.tuples(st.floats(0, 63), st.floats(0, 71)), min_size=1, max_size=8, unique=True))
def test_cells_are_never_taken_for_rings_however_near(centres):
    assert not spatial.hollow(footprints.blobs(np.array(centres), 4.0, SHAPE), SHAPE).any()


def test_footprints_survive_the_disk(tmp_path):
    from scopeflow.stores import create

    A = footprints.blobs(np.random.default_rng(0).uniform(5, 60, (37, 2)), 4.0, SHAPE)
    footprints.write_footprints(create(tmp_path / "a.zarr"), A, SHAPE)
    read, shape = footprints.read_footprints(tmp_path / "a.zarr")
    assert shape == SHAPE
    np.testing.assert_array_equal(read.toarray(), A.toarray())
