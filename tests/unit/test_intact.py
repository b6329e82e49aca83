"""A store that lacks something, or is of another version, is refused by name with the remedy."""

import json

import numpy as np
import pytest

from scopeflow import intact
from scopeflow.errors import InputError
from scopeflow.intact import open_store
from scopeflow.stores import create, create_movie, new_store, put, slabs, write_slab


@pytest.fixture
def store(tmp_path):
    """A store with a small array, an empty one and a movie of three slabs."""
    path = tmp_path / "a.zarr"
    with new_store(path) as part:
        group = create(part, note="x")
        put(group, "values", np.arange(5), ("frame",))
        put(group, "empty", np.zeros((0, 3)), ("unit_id", "frame"))
        put(group, "scalar", np.float32(3), ())
        movie = create_movie(group, "Y", (600, 8, 8), np.uint8)
        for slab in slabs(movie):
            write_slab(movie, slab, np.ones((slab.stop - slab.start, 8, 8), np.uint8))
    return path


def test_a_whole_store_is_opened(store):
    group = open_store(store)
    assert group.attrs["note"] == "x"
    assert group.attrs["format_version"] == intact.FORMAT_VERSION
    assert group["Y"].shape == (600, 8, 8)
    assert group.attrs["contents"]["Y"][0] == 3


def test_snakemakes_own_file_is_no_damage(store):
    (store / ".snakemake_timestamp").touch()
    assert open_store(store)["Y"].shape == (600, 8, 8)


@pytest.mark.parametrize("file", ["Y/c/1/0/0", "values/c/0", "scalar/c"])
@pytest.mark.parametrize("damage", ["missing", "short", "empty"])
def test_a_missing_or_short_file_is_told_with_the_remedy(store, file, damage):
    path = store / file
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] if damage == "short" else b"")
    with pytest.raises(InputError, match=r"a\.zarr: (Y|values|scalar) has .*Delete it"):
        open_store(store)


def test_a_missing_array_is_told(store):
    for path in sorted((store / "Y").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (store / "Y").rmdir()
    with pytest.raises(InputError, match="Y has 0 files with 0 bytes"):
        open_store(store)


def test_no_store_and_half_a_store_are_told(store, tmp_path):
    with pytest.raises(InputError, match=r"none\.zarr: there is no such store"):
        open_store(tmp_path / "none.zarr")
    (store / "zarr.json").unlink()
    with pytest.raises(InputError, match=r"zarr\.json is missing"):
        open_store(store)


@pytest.mark.parametrize("text", ["", '{"zarr_format": 3, "node_ty', "\0" * 300])
def test_damaged_metadata_are_told(store, text):
    (store / "zarr.json").write_text(text)
    with pytest.raises(InputError, match=r"zarr\.json"):
        open_store(store)


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (None, "earlier version of Scopeflow .*format 0; .*Delete it"),
        (0, "earlier version of Scopeflow"),
        (99, "later version of Scopeflow .*format 99.*Use that version"),
    ],
)
def test_a_store_of_another_version_is_refused(store, version, words):
    file = store / "zarr.json"
    described = json.loads(file.read_text())
    described["attributes"].pop("format_version")
    if version is not None:
        described["attributes"]["format_version"] = version
    file.write_text(json.dumps(described))
    with pytest.raises(InputError, match=words):
        open_store(store)
