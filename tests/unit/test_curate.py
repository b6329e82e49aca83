"""A person's labels: applied as written, refused where they make no sense."""

import numpy as np
import pytest
import zarr
from scipy import sparse

from scopeflow.curate import merge_of, write_curated
from scopeflow.errors import InputError
from scopeflow.footprints import read_footprints
from scopeflow.labels import Labels, read_labels

UNITS = np.array([1, 3, 5, 7])


def labels_of(tmp_path, *rows, header="unit_id,label,merge_into"):
    path = tmp_path / "labels.csv"
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return read_labels(path, UNITS)


def test_without_labels_every_array_is_copied(write_units, tmp_path):
    path = write_units(n_units=5, n_frames=50)
    write_curated(path, tmp_path / "curated.zarr", Labels())
    before, after = (zarr.open_group(p, mode="r") for p in (path, tmp_path / "curated.zarr"))
    assert set(before.array_keys()) == set(after.array_keys())
    for name in before.array_keys():
        np.testing.assert_array_equal(before[name][...], after[name][...])
        assert before[name].metadata.dimension_names == after[name].metadata.dimension_names
        assert dict(before[name].attrs) == dict(after[name].attrs)
    done = {"rejected": [], "merged": {}, "split": {}, "not_split": [], "refitted": False}
    assert {**before.attrs, "curation": done} == dict(after.attrs)


@pytest.mark.parametrize("n_units", [0, 4])
def test_a_store_of_few_units_stays_valid_whatever_is_rejected(write_units, tmp_path, n_units):
    path = write_units(n_units=n_units, n_frames=50)
    write_curated(path, tmp_path / "curated.zarr", Labels(UNITS[:n_units].tolist()))
    after = zarr.open_group(tmp_path / "curated.zarr", mode="r")
    assert after["A"].shape == (0, 14, 18)
    assert after["C"].shape == (0, 50)


def test_rejected_units_are_left_out_and_the_others_keep_their_labels(write_units, tmp_path):
    path = write_units(n_units=4, n_frames=50)
    write_curated(path, tmp_path / "c.zarr", labels_of(tmp_path, "3,reject", "1,accept"))
    before, after = (zarr.open_group(p, mode="r") for p in (path, tmp_path / "c.zarr"))
    np.testing.assert_array_equal(after["unit_id"][:], [1, 5, 7])
    np.testing.assert_array_equal(after["C"][:], before["C"][:][[0, 2, 3]])
    assert after.attrs["curation"]["rejected"] == [3]
    np.testing.assert_array_equal(before["accepted"][:], [0, 0, 0, 0])
    np.testing.assert_array_equal(after["accepted"][:], [1, 0, 0])


def test_a_merged_unit_explains_what_its_members_did(write_units, tmp_path):
    """Two halves with one course: footprint times trace is the sum of both."""
    path = write_units(n_units=4, n_frames=200)
    group = zarr.open_group(path, mode="r+")
    C, S = group["C"][:], group["S"][:]
    C[1], S[1] = 0.5 * C[0], 0.5 * S[0]
    group["C"][:], group["S"][:] = C, S
    group.attrs["contents"] = {}  # files may have other sizes now
    write_curated(path, tmp_path / "c.zarr", labels_of(tmp_path, "3,,1"))
    after = zarr.open_group(tmp_path / "c.zarr", mode="r")
    np.testing.assert_array_equal(after["unit_id"][:], [1, 5, 7])
    A = read_footprints(path)[0].toarray()
    merged = after["A"][0].reshape(-1, 1) * after["C"][0]
    np.testing.assert_allclose(merged, A[:2].T @ C[:2], rtol=1e-4, atol=1e-3)
    assert after["A"][0].max() == 1
    # The model goes on holding: S = s_scale * (G C).
    c, g = after["C"][0].astype(float), after["g"][0]
    model = after["s_scale"][0] * (c[2:] - g[0] * c[1:-1] - g[1] * c[:-2])
    np.testing.assert_allclose(after["S"][0][2:], model, atol=1e-3 * c.max())
    assert after["size_px"][0] == np.count_nonzero(after["A"][0])
    assert np.isnan(after["spatial_r"][0])
    assert 2 < after["sigma"][0] < 10
    np.testing.assert_array_equal(after["C"][1:], C[2:])
    assert after.attrs["lineage"] == {"1": [1, 3, 90]}


def test_a_merge_of_units_apart_is_done_with_a_word(write_units, tmp_path, caplog):
    path = write_units(n_units=4, n_frames=50)
    write_curated(path, tmp_path / "c.zarr", labels_of(tmp_path, "3,,1"))
    assert not caplog.text
    group = zarr.open_group(path, mode="r+")
    group["A"][1] = np.eye(14, 18, 16)
    group.attrs["contents"] = {}
    write_curated(path, tmp_path / "c.zarr", labels_of(tmp_path, "3,,1"))
    assert "units [1, 3] are merged, but do not all touch" in caplog.text


def test_silent_units_can_be_merged():
    A = overlapping_footprints()
    footprint, mix = merge_of(A, np.zeros((2, 9), np.float32))
    assert footprint.max() == 1
    assert np.isfinite(mix).all()


def overlapping_footprints():
    return sparse.csr_array(np.array([[1, 0.5, 0], [0, 0.5, 1]], dtype=np.float32))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("9,reject", "there is no unit '9'; allowed: 1, 3, 5, 7"),
        ("x,reject", "there is no unit 'x'"),
        ("1,good", "label is 'good'; allowed: accept, reject, split"),
        ("1,accept,1", "merge_into is '1'; allowed: another unit"),
        ("1,accept,4", "merge_into is '4'"),
        ("1,reject,3", "rejected and merged"),
        ("1,,7", "merged into 7, which is rejected"),
        ("1,,5", "merged into 5, which is itself merged"),
        ("7,reject", "has a row already"),
    ],
)
def test_labels_that_make_no_sense_are_refused_by_row(tmp_path, row, words):
    with pytest.raises(InputError, match=words):
        labels_of(tmp_path, "7,reject", "5,,3", row)


def test_a_table_as_spreadsheets_write_it_is_read(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_bytes(
        "\ufeffunit_id;label;note\r\n1;Reject;two cells\r\n;;\r\n3;accept;\r\n".encode()
    )
    assert read_labels(path, UNITS) == Labels([1], {}, [3])


@pytest.mark.parametrize("text", ["", "unit,label\n1,reject\n"])
def test_a_table_without_its_columns_is_refused(tmp_path, text):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(InputError, match="column unit_id is missing"):
        read_labels(tmp_path / "labels.csv", UNITS)
