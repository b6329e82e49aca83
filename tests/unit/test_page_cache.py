"""Files whose place in memory may serve others."""

import os
from pathlib import Path

import numpy as np
import pytest

from scopeflow.page_cache import let_go, let_go_of
from scopeflow.stores import create, create_movie, read_slab, slabs, write_slab


@pytest.fixture
def hinted(monkeypatch) -> list[str]:
    """Names of the files that the system was given a hint about."""
    names: list[str] = []

    def note(number: int, *_) -> None:
        names.append(Path(os.readlink(f"/proc/self/fd/{number}")).name)

    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not tell which file a number stands for")
    monkeypatch.setattr(os, "posix_fadvise", note, raising=False)
    return names


def test_a_file_is_let_go_and_a_folder_left_alone(tmp_path, hinted):
    (tmp_path / "a.avi").write_bytes(b"frames")
    let_go_of(tmp_path / "a.avi")
    let_go_of(tmp_path)
    let_go_of(tmp_path / "absent.avi")
    assert hinted == ["a.avi"]


def test_a_system_without_such_hints_goes_without(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "posix_fadvise", raising=False)
    with (tmp_path / "a.bin").open("wb") as file:
        let_go(file)
    assert (tmp_path / "a.bin").exists()


def test_only_what_is_read_for_the_last_time_is_let_go(tmp_path, hinted):
    movie = create_movie(create(tmp_path / "a.zarr"), "Y", (300, 40, 30), np.uint8)
    for slab in slabs(movie):
        write_slab(movie, slab, np.ones((slab.stop - slab.start, 40, 30), np.uint8))
    hinted.clear()
    first, second = (read_slab(movie, slabs(movie)[0], last=last) for last in (False, True))
    np.testing.assert_array_equal(first, second)
    assert hinted == ["0"]
