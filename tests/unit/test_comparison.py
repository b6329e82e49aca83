"""Two results of one recording, made so that the answer is plain."""

import numpy as np
import pytest
from scipy import sparse

from scopeflow.comparison import Result, match, read_result, summary
from scopeflow.errors import InputError
from scopeflow.footprints import blobs

SHAPE = (60, 80)


@pytest.fixture
def results() -> tuple[Result, Result]:
    """The second sees the field moved by 3 and 2 px, has one unit less and one of its own."""
    rng = np.random.default_rng(0)
    places = np.array([[12.0, 12], [12, 50], [40, 20], [40, 60], [25, 35]])
    C = rng.gamma(0.5, 4, (5, 300)).astype(np.float32)
    first = Result(blobs(places, 3.0, SHAPE), C, SHAPE)
    other = np.concatenate([places[[3, 1, 0, 2]] + (3, 2), [[10.0, 70.0]]])
    D = np.concatenate([7 * C[[3, 1, 0, 2]] + 1, rng.gamma(0.5, 4, (1, 300))])
    return first, Result(blobs(other, 3.0, SHAPE), D, SHAPE)


def test_units_are_matched_across_an_offset(results):
    matches, offset = match(*results)
    np.testing.assert_allclose(offset, (3, 2), atol=0.1)
    assert dict(zip(matches["first"], matches["second"], strict=True)) == {3: 0, 1: 1, 0: 2, 2: 3}
    assert matches["footprint_r"].min() > 0.95
    assert matches["calcium_r"].min() > 0.999
    numbers = summary(*results, matches)
    assert numbers["f1"] == pytest.approx(0.8)
    assert numbers["calcium_r_median"] == pytest.approx(1)


def test_nothing_to_match_gives_an_empty_table(results):
    none = Result(results[0].A[:0], results[0].C[:0], SHAPE)
    matches, _ = match(none, results[1])
    assert len(matches) == 0
    assert np.isnan(summary(none, results[1], matches)["calcium_r_median"])


def test_another_programs_result_is_read(tmp_path, results):
    A = results[0].A
    np.savez(
        tmp_path / "other.npz", shape=SHAPE, C=results[0].C, A_data=A.data, A_indices=A.indices,
        A_indptr=A.indptr, A_shape=A.shape,
    )  # fmt: skip
    read = read_result(tmp_path / "other.npz", step=2)
    assert read.shape == SHAPE
    np.testing.assert_array_equal(read.C, results[0].C[:, ::2])
    assert sparse.linalg.norm(read.A - A) == 0


def test_what_cannot_be_compared_is_refused(tmp_path, results):
    np.savez(tmp_path / "empty.npz", C=np.zeros(3))
    with pytest.raises(InputError, match="lacks shape, A_data"):
        read_result(tmp_path / "empty.npz")
    with pytest.raises(InputError, match="there is no"):
        read_result(tmp_path / "none.zarr")
    wide = Result(sparse.csr_array((0, 100)), np.zeros((0, 5)), (10, 10))
    with pytest.raises(InputError, match="do not compare"):
        match(wide, results[0])
