"""The paper's own forms, against direct computation and scikit-learn."""

import numpy as np
import pytest
from scipy import sparse

from scopeflow import footprints, published

SHAPE = (32, 40)


@pytest.fixture
def field():
    rng = np.random.default_rng(1)
    A = footprints.blobs(np.array([[14.0, 14.0], [18.0, 20.0]]), 3.0, SHAPE)
    C = rng.gamma(0.3, 30, (2, 300)).astype(np.float32)
    b = rng.uniform(5, 10, SHAPE).astype(np.float32)
    f = (1 + 0.1 * rng.normal(size=300)).astype(np.float32)
    Y = (C.T @ A).reshape(-1, *SHAPE) + f[:, None, None] * b
    return A, C, b, f, Y


def test_correlations_equal_those_of_numpy(field):
    Y = field[-1]
    window = published.window_around(np.array([14.2, 13.8]), 6, SHAPE)
    window.add(Y[:100])
    window.add(Y[100:])
    A = published.correlation_footprints([window], 300, 0.5, 6, SHAPE).toarray().reshape(SHAPE)
    for row, col in [(14, 14), (15, 14), (12, 16), (18, 18)]:
        r = np.corrcoef(Y[:, row, col], Y[:, 14, 14])[0, 1]
        assert A[row, col] == pytest.approx(r if r >= 0.5 else 0, abs=1e-5)
    assert A[14, 21] == 0


def test_smoothing_averages_runs_of_frames():
    frames = np.arange(7.0)[:, None, None] * np.ones((1, 2, 2))
    assert published.smoothed(frames, 3)[:, 0, 0].tolist() == [1, 4, 6]
    assert len(published.smoothed(frames[:0], 3)) == 0


def test_demixing_from_the_true_traces_returns_them(field):
    A, C, b, f, Y = field
    np.testing.assert_allclose(published.demixed_traces(Y, A, C, b, f), C, atol=1e-2)


def test_the_lasso_equals_scikit_learn(field):
    linear_model = pytest.importorskip("sklearn.linear_model")
    A, C, b, f, Y = field
    Y = Y + np.random.default_rng(0).normal(0, 2, Y.shape)
    support = sparse.csr_array((np.ones(A.nnz, bool), A.indices, A.indptr), A.shape)
    sums = published.LassoSums.zero(support)
    for cut in (slice(0, 120), slice(120, 300)):
        sums.add(published.lasso_slab(Y[cut], C[:, cut], b, f[cut], support))
    sn = np.full(SHAPE, 2.0, np.float32)
    found = published.lasso_footprints(sums, support, sn, 0.5).toarray()
    clean = Y - f[:, None, None] * b
    for row, col in [(14, 14), (16, 17), (20, 22), (18, 20)]:
        model = linear_model.Lasso(alpha=0.5 * 2.0, positive=True, tol=1e-8, max_iter=100_000)
        present = A[:, [row * SHAPE[1] + col]].toarray().ravel() > 0
        model.fit(C[present].T.astype(float), clean[:, row, col])
        np.testing.assert_allclose(found[present, row * SHAPE[1] + col], model.coef_, atol=2e-3)
