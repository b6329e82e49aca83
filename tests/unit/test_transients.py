"""Events: where calcium rises, how high, and how much of it."""

import numpy as np
import pytest

from scopeflow.transients import find_events

G = np.array([1.6, -0.62])
SCALE = 2.0


def respond(S):
    C = np.zeros(len(S))
    for t in range(len(S)):
        C[t] = S[t] / SCALE + (G[0] * C[t - 1] if t else 0) + (G[1] * C[t - 2] if t > 1 else 0)
    return C


def events_of(spikes, n_frames=400, sigma=1.0):
    S = np.zeros(n_frames)
    for frame, height in spikes.items():
        S[frame] = height
    C = respond(S)
    return C, find_events(C.astype(np.float32), S.astype(np.float32), sigma, G, SCALE, 20.0)


@pytest.mark.parametrize("frame", [0, 1, 100])
def test_a_single_transient_is_one_event_with_its_area(frame):
    C, found = events_of({frame: 40})
    np.testing.assert_array_equal(found.onset, [frame])
    np.testing.assert_array_equal(found.peak, [C.argmax()])
    assert found.amplitude[0] == pytest.approx(C.max(), rel=1e-5)
    assert found.area[0] == pytest.approx(C.sum() / 20, rel=1e-3)


def test_areas_of_overlapping_events_add_up_to_the_area_of_all():
    C, found = events_of({50: 40, 62: 40, 200: 10})
    np.testing.assert_array_equal(found.onset, [50, 62, 200])
    assert found.area.sum() == pytest.approx(C.sum() / 20, rel=1e-3)
    assert found.amplitude[1] < C[found.peak[1]]


def test_spikes_within_one_rise_are_one_event():
    assert len(events_of({50: 40, 51: 20})[1].onset) == 1


def test_rises_within_the_noise_are_no_events():
    assert len(events_of({50: 40, 200: 2}, sigma=1.5)[1].onset) == 1


def test_an_event_at_the_end_counts_with_all_its_area():
    assert events_of({398: 40})[1].area[0] == pytest.approx(40 / SCALE / (1 - G.sum()) / 20)


def test_a_silent_unit_has_none():
    assert len(events_of({})[1].onset) == 0
