"""The arena is found from the positions: its shape, its scale, runs, trials and bins."""

import numpy as np
import pytest

from scopeflow.errors import InputError
from scopeflow.place_cells.arena import blocks, locate, place_bins, runs, velocity

FPS = 20.0


@pytest.fixture
def track():
    """Ten runs to and fro on a track of 100 cm at 25 cm/s, tilted in an image of 4 px/cm."""
    time_s = np.arange(0, 80, 1 / FPS)
    along = 100 * np.abs((time_s / 4 + 1) % 2 - 1)
    angle = 0.4
    xy = 4 * np.column_stack([along * np.cos(angle), along * np.sin(angle)]) + 33
    return time_s, along, xy


@pytest.fixture
def field():
    """A walk through an open field of 60 x 30 cm."""
    time_s = np.arange(0, 300, 1 / FPS)
    xy = np.column_stack([30 + 30 * np.sin(time_s / 3.1), 15 + 15 * np.sin(time_s / 2.3)])
    return time_s, xy


def test_a_straight_track_is_told_from_an_open_field(track, field):
    time_s, along, xy = track
    place = locate(xy, time_s, None, None, 4.0, None, "t")
    assert place.track == "linear"
    assert place.size_cm[0] == pytest.approx(100, abs=0.5)
    np.testing.assert_allclose(place.xy_cm[:, 0], along, atol=0.5)
    time_s, xy = field
    place = locate(xy, time_s, None, 1.0, None, None, "t")
    assert place.track == "open"
    np.testing.assert_allclose(place.size_cm, (60, 30), atol=0.5)


@pytest.mark.parametrize(
    ("cm_per_unit", "px_per_cm", "length_cm", "size"),
    [(None, 4, None, 100), (None, None, 180, 180), (0.1, None, None, 40), (0.1, 4, 100, 100)],
)
def test_lengths_come_from_the_header_the_pixels_or_the_length(
    track, cm_per_unit, px_per_cm, length_cm, size
):
    time_s, _, xy = track
    place = locate(xy, time_s, None, cm_per_unit, px_per_cm, length_cm, "t")
    assert place.size_cm[0] == pytest.approx(size, rel=0.01)


@pytest.mark.parametrize(
    ("xy", "words"),
    [
        (np.full((100, 2), np.nan), "known at 0 of 100"),
        (np.ones((100, 2)), "at one place"),
        (np.random.default_rng(0).random((100, 2)), "size of a pixel is not known"),
    ],
)
def test_positions_that_tell_nothing_are_refused(xy, words):
    with pytest.raises(InputError, match=words):
        locate(xy, np.arange(100) / FPS, None, None, None, None, "t")


def test_single_wrong_positions_neither_stretch_the_track_nor_count(track):
    time_s, along, xy = track
    xy[700] += 300
    place = locate(xy, time_s, "linear", None, 4.0, None, "t")
    assert place.size_cm[0] == pytest.approx(100, abs=0.5)
    assert np.isnan(place.xy_cm[700]).all()


def test_a_steady_speed_stays_steady_at_gaps():
    time_s = np.arange(400) / FPS
    time_s[200:] += 2  # a pause of the recording
    xy = 7 * time_s[:, None]
    xy[100:130] = np.nan
    found = velocity(xy, time_s)[:, 0]
    assert np.isnan(found[100:130]).all()
    np.testing.assert_allclose(found[np.isfinite(found)], 7, rtol=1e-6)


def test_trials_are_found_by_themselves(track):
    time_s, along, _ = track
    trial = runs(along, 100, 0.1)
    assert trial.max() == 9
    for number in range(10):
        own = along[trial == number]
        assert own.min() < 2
        assert own.max() > 98
        assert (np.diff(np.flatnonzero(trial == number)) == 1).all()


def test_an_animal_that_turns_back_has_not_finished_its_run():
    leg = np.linspace(0, 100, 50)
    half = np.linspace(0, 60, 30)
    there_and_back = np.concatenate([leg, leg[::-1]])
    position = np.concatenate([half, half[::-1], there_and_back, half, half[::-1], there_and_back])
    trial = runs(position, 100, 0.1)
    assert trial.max() == 1
    assert (runs(half, 100, 0.1) == -1).all()
    assert (runs(np.full(5, np.nan), 100, 0.1) == -1).all()


def test_blocks_of_time_are_trials_in_an_open_field():
    np.testing.assert_array_equal(blocks(np.array([5.0, 34, 35, 66]), 30), [0, 0, 1, 2])


def test_bins_split_the_directions_and_leave_out_rest(track):
    time_s, along, xy = track
    place = locate(xy, time_s, "linear", None, 4.0, None, "t")
    usable = np.ones(len(time_s), dtype=bool)
    usable[50:60] = False
    bins, shape, (_, width) = place_bins(place, 5.0, usable, 50)
    assert shape == (2, 1, 50)
    assert width == pytest.approx(2, abs=0.02)
    assert (bins[50:60] == -1).all()
    used = np.flatnonzero(bins >= 0)
    np.testing.assert_array_equal(
        bins[used] >= 50, place.velocity_cm_s[used, 0] < 0, "back is the second map"
    )
    np.testing.assert_allclose((bins[used] % 50 + 0.5) * width, along[used], atol=2.1)
    assert (place_bins(place, 90.0, usable, 50)[0] == -1).all()


def test_bins_of_an_open_field_are_square(field):
    time_s, xy = field
    place = locate(xy, time_s, None, 1.0, None, None, "t")
    bins, shape, (height, width) = place_bins(place, 1.0, np.ones(len(time_s), bool), 20)
    assert shape == (1, 10, 20)
    assert height == width == pytest.approx(3, abs=0.03)
    used = np.flatnonzero(bins >= 0)
    np.testing.assert_allclose((bins[used] % 20 + 0.5) * width, xy[used, 0], atol=2)
    np.testing.assert_allclose((bins[used] // 20 + 0.5) * width, xy[used, 1], atol=2)
