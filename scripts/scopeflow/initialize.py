"""First footprints: how alike the pixels around a seed and the seed are over time.

Source: the paper, "Initialize spatial and temporal matrices from seeds".
"""

import numpy as np
from scipy import sparse

from scopeflow.footprints import from_rows
from scopeflow.patch_sums import PatchSums
from scopeflow.patches import Patch, pixels_of
from scopeflow.shapes import main_component

# A similarity below this many standard deviations of chance is not believed.
Z_SIMILARITY = 4.0


def similarity_footprints(
    sums: list[PatchSums],
    patches: list[Patch],
    radius_px: float,
    n_frames: int,
    similarity_min: float,
    shape: tuple[int, int],
) -> sparse.csr_array:
    """Return footprints that weight each pixel by its similarity with the seed's trace.

    Parameters
    ----------
    sums : list of PatchSums
        Over all good frames, with the seeds' traces as C.
    patches : list of Patch
        Around the seeds.
    radius_px : float
        Pixels farther from the patch's middle than this are left out.
    n_frames : int
        Number of independent samples: good frames, or averages of frames, in the sums.
    similarity_min : float
        Smallest similarity kept, as a fraction of the seed's largest.
    shape : tuple of int
        (height, width) of the image.

    Returns
    -------
    csr_array of float32, shape (unit_id, pixel)
        Not normalised; empty where nothing is similar.

    Notes
    -----
    Similarity is the cosine of pixel and trace after the local background was taken off
    both, so that a glow common to all pixels does not count. The paper compares the traces
    of the filtered movie and keeps similarities above 0.5; an absolute threshold would lose
    cells that are dimmer than the noise of a single pixel.
    """
    footprints = []
    for patch_sums, patch in zip(sums, patches, strict=True):
        cells = patch_sums.without_background(len(patch.members))
        scale = np.sqrt(np.maximum(cells.gram[0, 0], 0) * np.maximum(cells.power, 0))
        similarity = np.divide(cells.cross[0], scale, out=np.zeros(len(scale)), where=scale > 0)
        similarity[patch.distance > radius_px] = 0
        lowest = max(similarity_min * similarity.max(), Z_SIMILARITY / np.sqrt(n_frames))
        similarity[similarity < lowest] = 0
        footprint = main_component(similarity.reshape(patch.shape)).ravel()
        present = np.flatnonzero(footprint)
        pixels = pixels_of(patch.rows, patch.cols, shape[1])[present]
        footprints.append((pixels, footprint[present]))
    return from_rows(footprints, shape[0] * shape[1])
