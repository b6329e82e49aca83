"""A preview takes the middle of what would be analysed."""

import numpy as np
import pytest
import tifffile

from scopeflow.excerpt import excerpt, files_before
from scopeflow.loading import Source
from scopeflow.plan.settings import load_config
from scopeflow.readers.probe import probe
from scopeflow.timestamps import TimeAxis


def load(n_frames=100, size_px=50, **settings) -> dict:
    section = load_config({"sessions": "s.tsv", "load": settings})["load"]
    return {**section, "excerpt": {"n_frames": n_frames, "size_px": size_px}}


def ranges(settings, n_stated, shape=(200, 300)):
    done = excerpt(settings, n_stated, shape)
    return tuple(done["frames"].values()), tuple(done["region"].values())


def test_the_middle_of_time_and_image():
    assert ranges(load(), 1000) == ((450, 550), (75, 125, 125, 175))


def test_within_the_frames_and_the_region_that_are_analysed():
    narrowed = load(frames={"start": 600, "stop": 800}, region={"left": 100, "bottom": 40})
    assert ranges(narrowed, 1000) == ((650, 750), (0, 40, 175, 225))
    assert ranges(load(frames={"stop": 5000}), 1000)[0] == (450, 550)


def test_sizes_are_those_after_down_sampling():
    down = load(downsample={"frame": 2, "height": 3, "width": 2})
    assert ranges(down, 1000) == ((400, 600), (25, 175, 100, 200))


def test_a_small_recording_is_taken_whole():
    assert ranges(load(500, 400), 300) == ((0, 300), (0, 200, 0, 300))


def test_without_a_stated_length_the_beginning_is_taken():
    assert ranges(load(frames={"start": 7}), None)[0] == (7, 107)


@pytest.mark.parametrize(
    "wrong", [{"region": {"bottom": 999}}, {"region": {"top": 250}}, {"frames": {"start": 2000}}]
)
def test_what_does_not_fit_is_left_for_load_to_refuse(wrong):
    given = load(**wrong)
    done = excerpt(given, 1000, (200, 300))
    for section, values in wrong.items():
        assert all(done[section][key] == value for key, value in values.items())


def test_the_config_is_not_changed():
    given = load()
    excerpt(given, 1000, (200, 300))
    assert given["frames"] == {"start": 0, "stop": None}


@pytest.mark.parametrize(
    ("start", "stated", "count"),
    [(0, [10, 10], 0), (9, [10, 10], 0), (10, [10, 10], 1), (25, [10, None, 10], 1),
     (99, [10, 10], 1), (5, [], 0)],
)  # fmt: skip
def test_files_that_end_before_are_not_read(start, stated, count):
    assert files_before(start, stated) == count


def test_skipped_files_count_with_the_frames_they_state(tmp_path):
    frames = np.arange(12, dtype=np.uint8)[:, None, None] * np.ones((1, 20, 20), np.uint8)
    videos = []
    for i in range(3):
        tifffile.imwrite(tmp_path / f"{i}.tif", frames[4 * i : 4 * i + 4], photometric="minisblack")
        videos.append(probe(tmp_path / f"{i}.tif"))
    whole = list(Source(videos, TimeAxis(20.0, "file"), 6, 10).entries())
    part = Source(videos, TimeAxis(20.0, "file"), 6, 10, n_skipped=1)
    entries = list(part.entries())
    assert [e.frame[0, 0] for e in entries] == [6, 7, 8, 9]
    assert [(e.time_s, e.file, e.file_frame) for e in entries] == [
        (e.time_s, e.file, e.file_frame) for e in whole
    ]
    assert part.losses() == []
