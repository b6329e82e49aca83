"""What is refused of a recording while it is loaded, and what is said of it."""

import numpy as np

from scopeflow.errors import InputError
from scopeflow.frames import BLACK, DUPLICATED, GOOD, GOOD_FRAMES_MIN, describe
from scopeflow.loading import Source
from scopeflow.readers.base import Reader

DUPLICATES_MAX = 0.2  # a share above this means that the file's frame rate is not the camera's


def region(settings: dict, video: Reader, session: str) -> tuple[slice, slice]:
    """Return the rows and columns of the original image that are kept."""
    wanted = settings["region"]
    sides = []
    for low, high, size in (("top", "bottom", video.height), ("left", "right", video.width)):
        stop = size if wanted[high] is None else wanted[high]
        if not wanted[low] < stop <= size:
            raise InputError(
                f"session {session}: load.region.{low} to {high} is {wanted[low]} to {stop} px, "
                f"but the image has {size} px there. Allowed is 0 <= {low} < {high} <= {size}."
            )
        sides.append(slice(wanted[low], stop))
    return sides[0], sides[1]


def verdict(status: np.ndarray, session: str) -> list[str]:
    """Describe the bad frames; refuse a recording that is black throughout."""
    if (status == BLACK).all() and len(status) > 1:
        raise InputError(
            f"session {session}: all {len(status)} frames are black. Check that the files are the "
            "right ones, and that light and camera were on."
        )
    lines = list(describe(status))
    if (status == DUPLICATED).mean() > DUPLICATES_MAX:
        lines.append(
            "many frames repeat the one before: the camera may have been slower than the video. "
            "Set load.downsample.frame accordingly"
        )
    return lines


def beyond(ranges: list, source: Source) -> list[str]:
    """Say which frames are to be left out but are not there."""
    n_read = sum(source.n_read)
    return [
        f"load.exclude names frames {first} to {stop}, but the recording has {n_read}"
        for first, stop in ranges
        if source.is_whole and stop > n_read
    ]


def refuse_too_few(status: np.ndarray, session: str) -> None:
    """Raise InputError where too few frames are good."""
    n_good = int((status == GOOD).sum())
    if len(status) == 1:
        raise InputError(
            f"session {session}: the recording has one frame only. Cells are found by their "
            "activity: give a video, not a picture."
        )
    if n_good < GOOD_FRAMES_MIN:
        raise InputError(
            f"session {session}: {n_good} of {len(status)} frames are good; at least "
            f"{GOOD_FRAMES_MIN} are needed. {'; '.join(describe(status))}"
        )


def no_frame(source: Source, session: str) -> str:
    """Say why there is no frame at all."""
    names = ", ".join(video.path.name for video in source.videos)
    n_read = sum(source.n_read)
    if n_read:
        return (
            f"session {session}: load.frames.start is {source.start} (and downsample.frame leaves "
            f"none), but the recording has {n_read} frames. Lower it."
        )
    return (
        f"session {session}: no frame can be read from {names}. The recording is damaged: copy it "
        "again, or leave the session out."
    )
