"""Threads over slabs of frames, with a bounded number of slabs in memory."""

import ctypes
import functools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import cv2
import zarr
from numcodecs import blosc
from threadpoolctl import threadpool_limits

# Numbers from malloc.h: no mapping of blocks up to 1 GiB, no trimming below that, one arena.
MALLOC_OPTIONS = {-3: 1 << 30, -1: 1 << 30, -8: 1}

# After so many slabs, freed memory is given back: the holes between what is in use grow otherwise,
# and with them the memory of a job over the length of a recording.
TRIM_SLABS = 4

BASE_MB = 300  # the program itself and its libraries
LEAST_ROOM_BYTES = 100e6  # for what is summed up, of a hundred cells and more

T = TypeVar("T")
R = TypeVar("R")


@contextmanager
def single_threaded_libraries() -> Iterator[None]:
    """Keep OpenCV, BLAS and Blosc to one thread each inside our own threads.

    Our threads work on whole slabs; pools nested below them would only compete, and
    sums split over a varying number of BLAS threads would not be bit-equal. Kernels of
    Numba have no threads of their own.
    """
    cv2.setNumThreads(1)
    blosc.use_threads = False
    _keep_freed_memory()
    with threadpool_limits(1), zarr.config.set({"threading.max_workers": 2}):
        yield


def _keep_freed_memory() -> None:
    """Tell the allocator to use the memory of one slab again for the next.

    By default glibc gives large blocks back at once, and every new slab is paid for page by
    page: a fifth of all processor time. Elsewhere nothing is changed.
    """
    libc = _glibc()
    if libc is not None:
        for option, value in MALLOC_OPTIONS.items():
            libc.mallopt(option, value)


def give_back_freed_memory() -> None:
    """Return to the system all pages that hold nothing; costs their first use again."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    """Return the C library where it is the one that knows these calls."""
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return None
    return libc if hasattr(libc, "malloc_trim") else None


def threads_that_fit(threads: int, mem_mb: float, slab_bytes: float, copies: float = 4) -> int:
    """Return how many slabs may be worked on at once within the memory allowed.

    Parameters
    ----------
    threads : int
        Number of threads allowed.
    mem_mb : float
        Memory allowed, in MB.
    slab_bytes : float
        Size of a slab as it is stored.
    copies : float, optional
        Memory of a slab in work, over that: itself and what is made of it.

    Returns
    -------
    int
        At least 1. One slab more is in flight than there are threads.
    """
    fitting = (mem_mb - BASE_MB) * 1e6 / (copies * slab_bytes)
    return int(max(min(threads, fitting - 1), 1))


def room_beside_slabs(threads: int, mem_mb: float, slab_bytes: float, copies: float = 4) -> float:
    """Return the bytes that are left of the memory allowed, in MB, beside program and slabs.

    See `threads_that_fit`. Negative where there is none.
    """
    return (mem_mb - BASE_MB) * 1e6 - (threads + 1) * copies * slab_bytes


def map_slabs(function: Callable[[T], R], slabs: Iterable[T], threads: int = 1) -> Iterator[R]:
    """Apply a function to slabs in threads and yield the results in order.

    Parameters
    ----------
    function : callable
        Work on one slab; should spend its time where the GIL is released.
    slabs : iterable
        What `function` is called with, such as slices of frames.
    threads : int, optional
        Number of threads. At most ``threads + 1`` slabs are in flight.

    Yields
    ------
    object
        ``function(slab)``, in the order of `slabs`, whatever the number of threads.
    """
    slabs = _trimming(slabs)
    if threads <= 1:
        yield from map(function, slabs)
        return
    pending: deque = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for slab in slabs:
                pending.append(pool.submit(function, slab))
                if len(pending) > threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def _trimming(slabs: Iterable[T]) -> Iterator[T]:
    for i, slab in enumerate(slabs):
        if i and i % TRIM_SLABS == 0:
            give_back_freed_memory()
        yield slab
