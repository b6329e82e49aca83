"""What every store of units says about itself: versions, and conventions of sign and scale."""

import platform
from importlib.metadata import version

from scopeflow.version import __version__

PACKAGES = ["numpy", "scipy", "zarr", "numba", "opencv-python-headless", "snakemake"]

CONVENTIONS = {
    "model": "Y = A C + b f + noise, with C + b0 + c0 d fitted to YrA",
    "A": "largest value 1 per unit",
    "C": "camera counts at the footprint's peak, without b0 and c0",
    "S": "height of the transient that starts at the frame, camera counts: s_scale * (G C)",
    "YrA": "demixed raw trace, own baseline included, not clipped; NaN at frames left out",
    "g": "autoregressive coefficients: C[t] = g[0] C[t-1] + g[1] C[t-2] + S[t] / s_scale",
    "motion": "correction in px (height, width): Y[t, y, x] = raw[t, y - m0, x - m1]; defined "
    "up to a constant",
    "accepted": "1 for units that meet the criteria of the section accept; a flag, all are kept",
    "frame_good": "1 where the frame took part in the fits",
}


def provenance() -> dict:
    """Return the attributes that tell which program wrote a store."""
    return {
        "package": "scopeflow",
        "package_version": __version__,
        "versions": {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}},
    }
