"""What belongs together in one image: its main part, and what lies around it."""

import numpy as np
from scipy import ndimage  # slow to import: not in footprints.py, which every step needs


def dilated(image: np.ndarray, reach_px: float) -> np.ndarray:
    """Return the pixels within `reach_px` of the positive pixels of an image."""
    if not image.any():
        return np.zeros(image.shape, dtype=bool)
    return ndimage.distance_transform_edt(image <= 0) <= reach_px


def main_component(image: np.ndarray) -> np.ndarray:
    """Keep the connected part that holds the largest value; zero elsewhere."""
    labels, count = ndimage.label(image > 0)
    if count <= 1:
        return image
    return np.where(labels == labels.flat[image.argmax()], image, 0)
