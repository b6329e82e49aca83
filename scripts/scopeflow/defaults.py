"""What settings that are null stand for, where that is a number and not a formula of a step."""

from typing import TypeVar

T = TypeVar("T")

# Penalties on footprints: in standard deviations of the noise, and the paper's own unit.
SPATIAL_PENALTY = {"scopeflow": 3.0, "minian": 0.01}
# Penalties on activity, in standard deviations of the noise.
TEMPORAL_PENALTY = {"scopeflow": 2.0, "minian": 1.0}
# Confidence that the placement of a frame needs: height of the correlation's peak in standard
# deviations of its surface. That of a frame of pure noise stands 3 to 4 above.
MIN_CONFIDENCE = 5.0


def given(value: T | None, default: T) -> T:
    """Return a setting, or its default where it is null; 0 is a value like any other."""
    return default if value is None else value
