"""What makes simulated recordings harder than the paper's: optics, tissue, firing.

Each is off in the paper's recipe and can be switched on by itself.
"""

import cv2
import numpy as np

MODULATION_FRAMES = 600.0  # period of slow changes of rate
BURST_STEP_FRAMES = 3  # between the spikes of a burst
VESSEL_WIDTHS_PX = (4.0, 12.0)
VESSEL_DEPTH = 0.5  # share of the light that a vessel takes away
NONRIGID_FRAMES = 300.0  # period of local motion
NEUROPIL_CELLS = 10  # cells around that a background source follows


def spike_train(
    rng: np.random.Generator, n_frames: int, probability: float, burst: float, modulation: float
) -> np.ndarray:
    """Draw the spikes of a cell that fires in bursts, or at a slowly changing rate.

    Parameters
    ----------
    rng : Generator
        Of the recording.
    n_frames : int
        Length.
    probability : float
        Mean number of spikes per frame.
    burst : float
        Mean number of spikes in a burst (geometric); 1 is firing without memory.
    modulation : float
        Depth of the slow change of the rate, 0 to 1.

    Returns
    -------
    ndarray of uint8, shape (frame,)
        Spikes per frame.
    """
    phase = 2 * np.pi * (np.arange(n_frames) / MODULATION_FRAMES + rng.random())
    rate = probability / burst * (1 + modulation * np.sin(phase))
    spikes = np.zeros(n_frames, dtype=np.uint8)
    for start in np.flatnonzero(rng.random(n_frames) < rate):
        n_spikes = rng.geometric(1 / burst)
        times = start + BURST_STEP_FRAMES * np.arange(n_spikes)
        np.add.at(spikes, times[times < n_frames], 1)
    return spikes


def jumps(rng: np.random.Generator, n_jumps: int, n_frames: int, size_px: float) -> np.ndarray:
    """Draw where the field is after sudden jumps, px; float64, shape (frame, 2).

    It starts at 0 and stays where it jumped to, up to `size_px` away along each axis, until
    the next jump.
    """
    places = np.concatenate([np.zeros((1, 2)), rng.uniform(-size_px, size_px, (n_jumps, 2))])
    times = np.sort(rng.integers(1, max(n_frames, 2), n_jumps))
    return places[np.searchsorted(times, np.arange(n_frames), side="right")]


def vessels(rng: np.random.Generator, n_vessels: int, shape: tuple[int, int]) -> np.ndarray:
    """Draw dark vessels across a field; share of the light that passes, float32."""
    light = np.ones(shape, dtype=np.float32)
    for _ in range(n_vessels):
        ends = rng.uniform(-0.2, 1.2, (4, 2)) * shape  # control points of a curve
        t = np.linspace(0, 1, 200)[:, None]
        weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3]
        curve = sum(w * e for w, e in zip(weights, ends, strict=True))
        mask = np.zeros(shape, dtype=np.float32)
        points = np.rint(curve[:, ::-1]).astype(np.int32)
        cv2.polylines(mask, [points], False, 1.0, round(rng.uniform(*VESSEL_WIDTHS_PX)))
        light *= 1 - VESSEL_DEPTH * cv2.GaussianBlur(mask, (0, 0), 1.5)
    return light


def vignette(shape: tuple[int, int], loss: float) -> np.ndarray:
    """Return the share of the light that reaches each pixel, 1 in the middle, float32."""
    rows, cols = (np.linspace(-1, 1, n) ** 2 for n in shape)
    return (1 - loss * (rows[:, None] + cols) / 2).astype(np.float32)


def moved(
    image: np.ndarray,
    shift: np.ndarray,
    margin: int,
    shape: tuple[int, int],
    rotation_deg: float = 0.0,
) -> np.ndarray:
    """Return the part of a larger image that a frame sees after its content moved.

    It is turned about the middle of the frame (positive takes columns towards rows) and then
    shifted by (rows, columns) px.
    """
    height, width = shape
    angle = np.deg2rad(rotation_deg)
    cos, sin = np.cos(angle), np.sin(angle)
    middle = np.array([width - 1, height - 1]) / 2  # x before y, as OpenCV has it
    back = np.array([[cos, sin], [-sin, cos]])
    offset = middle - back @ (middle + shift[::-1]) + margin
    matrix = np.float32(np.column_stack([back, offset]))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, (width, height), flags=flags)


def local_motion(
    rng: np.random.Generator, centres: np.ndarray, n_frames: int, size_px: float, extent: float
) -> np.ndarray:
    """Draw a smooth motion that differs across the field.

    Parameters
    ----------
    rng : Generator
        Of the recording.
    centres : ndarray of float, shape (cell, 2)
        Places in px.
    n_frames : int
        Length.
    size_px : float
        Largest local motion along each axis.
    extent : float
        Size of the field in px: the motion reverses across it.

    Returns
    -------
    ndarray of float32, shape (cell, frame, 2)
    """
    phases = rng.uniform(0, 2 * np.pi, (2, 3))
    t = 2 * np.pi * np.arange(n_frames) / NONRIGID_FRAMES
    where = np.pi * centres / extent
    result = np.empty((len(centres), n_frames, 2), dtype=np.float32)
    for axis in range(2):
        in_space = np.cos(where + phases[axis, :2]).prod(axis=1)
        result[:, :, axis] = size_px * in_space[:, None] * np.sin(t + phases[axis, 2])
    return result
