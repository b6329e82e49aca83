"""Slabs in threads: in order, few in flight, errors told."""

import math
import threading
import time

import pytest

from scopeflow.parallel import (
    BASE_MB,
    map_slabs,
    room_beside_slabs,
    threads_that_fit,
)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_results_come_in_order(threads):
    def work(i):
        time.sleep(0.002 * (i % 3))
        return i * i

    assert list(map_slabs(work, range(20), threads)) == [i * i for i in range(20)]


def test_no_more_than_threads_plus_one_slabs_are_in_flight():
    lock, count, most = threading.Lock(), 0, 0

    def started():
        nonlocal count, most
        for i in range(30):
            with lock:
                count += 1
                most = max(most, count)
            yield i

    for _ in map_slabs(lambda i: i, started(), threads=3):
        with lock:
            count -= 1
    assert most <= 4


@pytest.mark.parametrize(
    ("allowed_mb", "threads"), [(math.inf, 8), (BASE_MB + 900, 8), (BASE_MB + 300, 2), (100, 1)]
)
def test_slabs_in_flight_fit_into_the_memory(allowed_mb, threads):
    slab_mb, copies = 25, 4
    fitting = threads_that_fit(8, allowed_mb, slab_mb * 1e6, copies)
    assert fitting == threads
    if fitting > 1:  # one more is in flight
        assert BASE_MB + (fitting + 1) * copies * slab_mb <= allowed_mb


@pytest.mark.parametrize("allowed_mb", [math.inf, BASE_MB + 1900, BASE_MB + 900, 100])
def test_what_slabs_leave_of_the_memory_is_room_for_sums(allowed_mb):
    room = room_beside_slabs(3, allowed_mb, 25e6, 4)
    assert room == (allowed_mb - BASE_MB) * 1e6 - 400e6


def test_an_error_in_a_slab_is_raised():
    def work(i):
        if i == 3:
            raise ValueError("slab 3")
        return i

    with pytest.raises(ValueError, match="slab 3"):
        list(map_slabs(work, range(10), 2))
