"""Candidates for cells from a few seconds of a recording, before anything has run.

Motion is not corrected, and a short stretch shows few cells; enough to see what a trace is like,
and where its noise begins.
"""

from dataclasses import dataclass

import numpy as np

from scopeflow.footprints import blobs
from scopeflow.patches import make_patches
from scopeflow.preprocess import Filters, filter_frames, remove_glow
from scopeflow.seeds import empty_sites, local_maxima
from scopeflow.traces import read_traces

EVERY = 4  # one in so many frames goes into the maximum projection; calcium is slow
N_MAX = 60  # clearest candidates
N_SITES = 60


@dataclass(frozen=True)
class Glimpse:
    """What a stretch of frames shows.

    Attributes
    ----------
    image : ndarray, shape (height, width)
        Maximum over time of the filtered frames, in counts.
    places : ndarray of float64, shape (candidate, 4)
        Row and column in px, number of projections (1), height above the surroundings in counts.
    traces, null_traces : ndarray of float32, shape (candidate or site, frame)
        In counts, local background taken off; of candidates, and of places without one.
    """

    image: np.ndarray
    places: np.ndarray
    traces: np.ndarray
    null_traces: np.ndarray


def glimpse(
    frames: np.ndarray, glow: np.ndarray, filters: Filters, cell_diameter_px: float
) -> Glimpse:
    """Look for candidates in a stretch of frames.

    Parameters
    ----------
    frames : ndarray of uint8, uint16 or float32, shape (frame, height, width)
        In a row, in camera counts.
    glow : ndarray, shape (height, width)
        Image taken off every frame.
    filters : Filters
        What is done to frames before their maximum is taken.
    cell_diameter_px : float
        Width of a cell.
    """
    frames = remove_glow(frames, glow)
    image = filter_frames(frames[::EVERY], filters).max(axis=0)
    found = local_maxima(image, max(round(cell_diameter_px / 2), 1)).astype(np.float64)
    found = found[np.argsort(-found[:, 2], kind="stable")][:N_MAX]
    places = np.column_stack([found[:, :2], np.ones(len(found)), found[:, 2]])
    usable = np.ones(image.shape, dtype=bool)
    rng = np.random.default_rng(0)
    null = empty_sites(places[:, :2], usable, cell_diameter_px / 2, N_SITES, rng)
    everywhere = np.concatenate([places[:, :2], null])
    if not len(everywhere):
        empty = np.zeros((0, len(frames)), np.float32)
        return Glimpse(image, places, empty, empty)
    footprints = blobs(everywhere, cell_diameter_px / 4, image.shape)
    patches = make_patches(footprints, image.shape, cell_diameter_px, usable, alone=True)
    traces = read_traces(frames, patches)
    return Glimpse(image, places, traces[: len(places)], traces[len(places) :])
