"""Frames of the video of a session: four pictures side by side.

Recording; registered movie less its background b f; what the units explain (A C); what is
left. The last three share one scale, so that the third taken off the second is the fourth.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import sparse

NAMES = ("recording", "without background", "units (A C)", "left over")
TEXT_PX = 22  # height of the line of text above the pictures
SPEED_MAX = 8.0  # a transient of a second is still seen for an eighth of a second
FPS_MAX = 20.0
ZERO = 0.2  # gray of no signal in the last three pictures: what is negative is seen, too


@dataclass(frozen=True)
class Pace:
    """Which frames are shown, and how fast.

    Attributes
    ----------
    frames : ndarray of int
        Increasing.
    fps_hz : float
        Of the video.
    speed : float
        Times faster than life.
    """

    frames: np.ndarray
    fps_hz: float
    speed: float


def choose_pace(activity: np.ndarray, fps_hz: float, longest_s: float, speed: float | None) -> Pace:
    """Choose the frames of a video: the whole recording, or its most active stretch.

    Parameters
    ----------
    activity : ndarray of float, shape (frame,)
        Total activity, such as the sum of S over units.
    fps_hz : float
        Frame rate of the recording.
    longest_s : float
        Longest video.
    speed : float or None
        Times faster than life; by default as fast as the whole recording needs, between 1
        and `SPEED_MAX`.

    Returns
    -------
    Pace
        At most `FPS_MAX` frames per second: at high speed some are left out.
    """
    duration = len(activity) / fps_hz
    speed = speed or float(np.clip(duration / longest_s, 1.0, SPEED_MAX))
    every = max(int(np.ceil(speed * fps_hz / FPS_MAX - 1e-9)), 1)
    length = min(max(int(longest_s * speed * fps_hz), 1), len(activity))
    total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(activity), dtype=np.float64)])
    start = int(np.argmax(total[length:] - total[:-length])) if length < len(activity) else 0
    return Pace(np.arange(start, start + length, every), speed * fps_hz / every, speed)


@dataclass(frozen=True)
class Scales:
    """Gains of the pictures.

    Attributes
    ----------
    raw : tuple of float
        Counts that are black and white in the recording.
    signal : float
        Counts of a full-scale signal in the other three.
    """

    raw: tuple[float, float]
    signal: float


def choose_scales(raw: np.ndarray, peaks: np.ndarray, rest: np.ndarray) -> Scales:
    """Choose the gains once for the whole video.

    Parameters
    ----------
    raw : ndarray, shape (frame, height, width)
        A few frames of the recording.
    peaks : ndarray of float, shape (unit_id,)
        Largest transients of the units, in counts.
    rest : ndarray of float, shape (frame, height, width)
        Registered frames less the background, a few.

    Returns
    -------
    Scales
        A bright unit (the upper quarter of the peaks) reaches white, noise stays gray.
    """
    low, high = np.quantile(raw, [0.001, 0.9995])
    noise = np.quantile(np.abs(rest), 0.68) if rest.size else 1.0
    bright = np.quantile(peaks, 0.75) if len(peaks) else 0.0
    return Scales((float(low), float(max(high, low + 1))), float(max(bright, 4 * noise, 1e-6)))


class Panels:
    """Composes frames of the video.

    Parameters
    ----------
    A : csr_array of float32, shape (unit_id, pixel)
        Footprints.
    b : ndarray of float, shape (height, width)
        Background image.
    width_px : int
        Largest width of one picture.
    """

    def __init__(self, A: sparse.csr_array, b: np.ndarray, width_px: int) -> None:
        self._pixels = sparse.csr_array(A.T.tocsr()).astype(np.float32)
        self._b = b.astype(np.float32)
        rows, cols = b.shape
        scale = min(width_px / cols, 1.0)
        # Even sizes, which the encoder needs.
        self._size = max(round(cols * scale / 2), 1) * 2, max(round(rows * scale / 2), 1) * 2

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the video in px."""
        return 4 * self._size[0], self._size[1] + TEXT_PX

    def parts(self, frame: np.ndarray, f: float, C: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return a frame of Y less b f, A C and what is left, in counts, float32."""
        signal = frame.astype(np.float32) - self._b * np.float32(f)
        explained = (self._pixels @ C.astype(np.float32)).reshape(frame.shape)
        return signal, explained, signal - explained

    def compose(
        self,
        raw: np.ndarray,
        frame: np.ndarray,
        f: float,
        C: np.ndarray,
        scales: Scales,
        words: str,
    ) -> np.ndarray:
        """Return one frame of the video.

        Parameters
        ----------
        raw, frame : ndarray, shape (height, width)
            The same frame of the recording and of Y.
        f : float
            Course of the background at the frame.
        C : ndarray of float, shape (unit_id,)
            Calcium at the frame.
        scales : Scales
        words : str
            Written above the first picture, such as the time.

        Returns
        -------
        ndarray of uint8, shape of `size` (height, width)
        """
        low, high = scales.raw
        pictures = [(raw.astype(np.float32) - low) / (high - low)]
        for part in self.parts(frame, f, C):
            pictures.append(ZERO + (1 - ZERO) * part / scales.signal)
        wide, tall = self._size
        out = np.zeros((tall + TEXT_PX, 4 * wide), dtype=np.uint8)
        for i, picture in enumerate(pictures):
            small = cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA)
            out[TEXT_PX:, i * wide : (i + 1) * wide] = np.clip(255 * small, 0, 255)
            label = f"{words} {NAMES[i]}" if i == 0 else NAMES[i]
            at = (i * wide + 4, TEXT_PX - 7)
            cv2.putText(out, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 255, 1, cv2.LINE_AA)
        out[TEXT_PX:, wide : 4 * wide : wide] = 255  # lines between the pictures
        return out
