"""Mean, least and largest value of frames in the course of a recording."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

DARK = 0.25  # of the usual mean: such a frame must not pull the minimum down


@dataclass(frozen=True)
class Course:
    """Summary values of frames, all of shape (frame,), in counts.

    Attributes
    ----------
    frame : ndarray of int64
        Which frames; all, or a sample.
    mean, least, largest : ndarray of float64
        Over the frame's pixels.
    """

    frame: np.ndarray
    mean: np.ndarray
    least: np.ndarray
    largest: np.ndarray

    @classmethod
    def of_images(
        cls,
        images: Iterable[tuple[int, np.ndarray | None]],
        reduced: Callable[[np.ndarray], np.ndarray],
    ) -> tuple["Course", np.ndarray | None]:
        """Summarise images one after another, none of them kept.

        Parameters
        ----------
        images : iterable of (int, ndarray of shape (height, width) or None)
            Frame number and image; None is left out.
        reduced : callable
            Makes the image whose minimum is taken out of an image.

        Returns
        -------
        course : Course
            Of the images that are there.
        minimum : ndarray or None
            Least value of each pixel over the images that are not dark.
        """
        rows, minimum, means = [], None, []
        for frame, image in images:
            if image is None:
                continue
            mean = float(image.mean())
            rows.append((frame, mean, float(image.min()), float(image.max())))
            means.append(mean)
            if mean >= DARK * np.median(means):
                small = reduced(image)
                minimum = small.copy() if minimum is None else np.minimum(minimum, small)
        table = np.array(rows, dtype=np.float64).reshape(-1, 4)
        return cls(table[:, 0].astype(np.int64), *table[:, 1:].T), minimum


def joined_ranges(ranges: Iterable[Iterable[int]]) -> list[list[int]]:
    """Return pairs of first frame and the one behind the last, in order, none overlapping."""
    joined: list[list[int]] = []
    for first, stop in sorted((int(first), int(stop)) for first, stop in ranges):
        if joined and first <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], stop)
        else:
            joined.append([first, stop])
    return joined
