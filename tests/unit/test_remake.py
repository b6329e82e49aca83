"""Units made anew: split where two courses are in one, and read from the movie again."""

import numpy as np
import pytest
import zarr
from scipy import sparse

from scopeflow import remake
from scopeflow.curate import write_curated
from scopeflow.deconvolve import coefficients, response_norms
from scopeflow.footprints import blobs, read_footprints, write_footprints
from scopeflow.labels import Labels
from scopeflow.movie import Movie
from scopeflow.quality import diameters
from scopeflow.remake import parts_by_activity, pieces, split_by_activity
from scopeflow.stores import create, create_movie, new_store, put, slabs

SHAPE, N_FRAMES, FPS = (48, 48), 900, 20.0
CENTRES = np.array([[20.0, 19.0], [20.0, 26.0], [38.0, 38.0]])  # two close together, one apart
G = coefficients(1.0, 0.1, FPS)


@pytest.fixture(scope="module")
def truth():
    """Footprints and calcium of three cells."""
    rng = np.random.default_rng(3)
    A = blobs(CENTRES, 3.0, SHAPE)
    S = (rng.uniform(size=(3, N_FRAMES)) < 0.015) * rng.uniform(20, 40, (3, N_FRAMES))
    C = np.zeros_like(S)
    for t in range(N_FRAMES):
        C[:, t] = S[:, t] + G[0] * C[:, t - 1] * (t > 0) + G[1] * C[:, t - 2] * (t > 1)
    return A, C.astype(np.float32), S


@pytest.fixture
def found(truth, tmp_path):
    """A movie of them, and a store of units that holds the footprints asked for."""
    A, C, _ = truth
    rng = np.random.default_rng(4)
    with new_store(tmp_path / "Y.zarr") as part:
        out = create(part, fps_hz=FPS)
        Y = create_movie(out, "Y", (N_FRAMES, *SHAPE), np.uint8)
        drift = 40 + 5 * np.sin(np.arange(N_FRAMES) / 60)
        clean = (A.T @ C).T.reshape(-1, *SHAPE) + drift[:, None, None]
        frames = np.clip(clean + rng.normal(0, 2, clean.shape), 0, 255).round().astype(np.uint8)
        for slab in slabs(Y):
            Y[slab] = frames[slab]
        weight = np.ones(N_FRAMES, np.uint8)
        weight[50:53] = 0
        put(out, "weight", weight, ("frame",))
        put(out, "seen", np.ones(SHAPE, np.float32), ("height", "width"))

    def write(footprints, calcium):
        n = len(calcium)
        with new_store(tmp_path / "units.zarr") as part:
            out = create(part, fps_hz=FPS, parameters={"cell_diameter_px": 12.0},
                         lineage={"2": [2, 9]})  # fmt: skip
            put(out, "unit_id", 1 + np.arange(n), ("unit_id",))
            write_footprints(out, footprints, SHAPE)
            for name in ("C", "S", "YrA"):
                put(out, name, calcium.astype(np.float32), ("unit_id", "frame"))
            for name in ("b0", "c0", "sigma", "s_scale", "snr", "spatial_r", "size_px",
                         "diameter_px", "centroid_height", "centroid_width"):  # fmt: skip
                put(out, name, np.ones(n, np.float32), ("unit_id",))
            put(out, "accepted", np.zeros(n, np.uint8), ("unit_id",))
            put(out, "g", np.tile(G, (n, 1)), ("unit_id", "lag"))
        return tmp_path / "units.zarr", Movie(str(tmp_path / "Y.zarr"))

    return write


def lumped(truth):
    """The first two cells as one unit."""
    A, C, _ = truth
    both = np.asarray(A[[0, 1]].sum(axis=0)).ravel()
    both = sparse.csr_array((both / both.max())[None].astype(np.float32))
    return sparse.csr_array(sparse.vstack([both, A[[2]]], format="csr")), np.stack(
        [C[0] + C[1], C[2]]
    )


def agreement(found, true):
    return np.corrcoef(found, true)[0, 1]


def test_a_unit_of_two_cells_is_split_into_them(truth, found, tmp_path):
    A, C, _ = truth
    path, movie = found(*lumped(truth))
    changes = write_curated(path, tmp_path / "c.zarr", Labels(split=[1]), movie)
    assert changes.split == {1: [1, 11]}  # 9 was a unit once
    after = zarr.open_group(tmp_path / "c.zarr", mode="r")
    np.testing.assert_array_equal(after["unit_id"][:], [1, 2, 11])
    parts = after["A"][:][[0, 2]].reshape(2, -1)
    true = A.toarray()
    first, second = (0, 1) if agreement(parts[0], true[0]) > 0.5 else (1, 0)
    for k, unit in ((first, 0), (second, 2)):
        assert agreement(after["A"][unit].ravel(), true[k]) > 0.9
        assert agreement(after["C"][unit], C[k]) > 0.95
    np.testing.assert_array_equal(after["accepted"][:], [1, 0, 1])
    assert np.isnan(after["YrA"][0][50:53]).all()
    np.testing.assert_array_equal(after["C"][1], C[2])  # the others are not touched
    assert after.attrs["lineage"] == {"1": [1], "11": [1], "2": [2, 9]}
    assert after.attrs["curation"]["split"] == {"1": [1, 11]}
    assert after.attrs["curation"]["refitted"]


def in_two_pieces():
    """Four units of two pieces each, and traces."""
    footprints = np.zeros((4, *SHAPE), np.float32)
    for k in range(4):
        footprints[k, 4 + 10 * k : 9 + 10 * k, 5:12] = 1
        footprints[k, 4 + 10 * k : 8 + 10 * k, 30:35] = 0.8
    calcium = np.ones((4, N_FRAMES), np.float32)
    return sparse.csr_array(footprints.reshape(4, -1)), calcium


def test_the_number_of_a_part_does_not_depend_on_other_splits(found, tmp_path):
    path, movie = found(*in_two_pieces())
    for units in ([4], [1, 4], [1, 2, 3, 4]):
        changes = write_curated(path, tmp_path / f"{len(units)}.zarr", Labels(split=units), movie)
        assert changes.split == {unit: [unit, 10 + unit] for unit in units}
        after = zarr.open_group(tmp_path / f"{len(units)}.zarr", mode="r")
        assert len(set(after["unit_id"][:])) == 4 + len(units)


def test_all_splits_are_made_in_one_pass_over_the_movie(truth, found, tmp_path, monkeypatch):
    """As many as fit into the memory; with less of it the parts are the same."""
    path, movie = found(*lumped(truth))
    A, shape = read_footprints(path)
    C = lumped(truth)[1]
    reads, read = [], movie.read
    monkeypatch.setattr(movie, "read", lambda slab: reads.append(slab) or read(slab))

    def parts():
        return list(split_by_activity([0, 1], A, C, shape, movie, 24.0))

    together = parts()
    assert [len(one) for one in together] == [2, 1]
    assert reads == movie.slabs
    monkeypatch.setattr(remake, "COVARIANCES", 1)
    apart = parts()
    assert reads == 3 * movie.slabs
    for one, other in zip(together, apart, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_single_cell_stays_whole(truth, found, tmp_path):
    A, C, _ = truth
    path, movie = found(A[[0, 2]], C[[0, 2]])
    changes = write_curated(path, tmp_path / "c.zarr", Labels(split=[2]), movie)
    assert (changes.split, changes.not_split) == ({}, [2])
    after = zarr.open_group(tmp_path / "c.zarr", mode="r")
    np.testing.assert_array_equal(after["unit_id"][:], [1, 2])
    np.testing.assert_array_equal(after["C"][:], C[[0, 2]])


def test_without_a_movie_nothing_is_split(truth, found, tmp_path):
    path, _ = found(*lumped(truth))
    changes = write_curated(path, tmp_path / "c.zarr", Labels(split=[1]))
    assert changes.not_split == [1]
    after = zarr.open_group(tmp_path / "c.zarr", mode="r")
    assert after["unit_id"].shape == (2,)
    assert after.attrs["curation"]["not_split"] == [1]


def test_merged_halves_are_read_from_the_movie_again(truth, found, tmp_path):
    """Each half holds half of the pixels, and a spoilt trace."""
    A, C, S = truth
    dense = A.toarray()
    left = np.tile(np.arange(SHAPE[1]) < 38, SHAPE[0])
    halves = [np.where(left, dense[2], 0), np.where(left, 0, dense[2])]
    footprints = sparse.csr_array(np.stack([dense[0], dense[1], *halves]).astype(np.float32))
    spoilt = np.stack([C[0], C[1], 0.5 * C[2], 0.6 * C[2][::-1]])
    path, movie = found(footprints, spoilt)
    write_curated(path, tmp_path / "c.zarr", Labels(merged={3: [3, 4]}), movie)
    after = zarr.open_group(tmp_path / "c.zarr", mode="r")
    np.testing.assert_array_equal(after["unit_id"][:], [1, 2, 3])
    assert agreement(after["C"][2], C[2]) > 0.97
    assert agreement(after["S"][2], S[2]) > 0.8
    assert after["s_scale"][2] == pytest.approx(response_norms(G)[1], rel=1e-5)
    assert after["snr"][2] > 5
    assert after.attrs["lineage"]["3"] == [3, 4]
    width = diameters(sparse.csr_array(after["A"][2].reshape(1, -1)))
    assert after["diameter_px"][2] == pytest.approx(width[0])


def test_pieces_that_do_not_touch_are_told_apart():
    image = np.zeros((10, 20))
    image[2:6, 2:6], image[3:6, 12:15], image[9, 19] = 1, 0.5, 0.1
    first, second = pieces(image)
    assert (first.sum(), second.sum()) == (16, 4.5)
    image[3:6, 12:15] = 0
    assert pieces(image)[0] is image


def test_pixels_with_one_course_are_not_split():
    inside = np.zeros((6, 6), bool)
    inside[1:5, 1:5] = True
    values = np.linspace(0.3, 1, 16)
    assert len(parts_by_activity(np.outer(values, values), values, inside)) == 1
    assert len(parts_by_activity(np.zeros((16, 16)), values, inside)) == 1
