"""The first picture, shown while the page is still loading: a frame of the video."""

import cv2

from scopeflow.errors import InputError
from scopeflow.explore.frame_access import VideoFrames
from scopeflow.explore.pictures import as_bytes, display_range, thinned
from scopeflow.pages.explorer.desk import Desk


def first_picture(desk: Desk) -> bytes:
    """Return the first frame that can be read, as PNG.

    Raises
    ------
    InputError
        If no frame of the recording can be read.
    """
    frames = VideoFrames(desk.videos, desk.session, desk.value("load.dataset"))
    try:
        start = desk.value("load.frames.start")
        for number in range(min(start, len(frames) - 1), len(frames)):
            image = frames.read(number)
            if image is not None:
                small = thinned(image)
                return cv2.imencode(".png", as_bytes(small, *display_range(small)))[1].tobytes()
    finally:
        frames.close()
    raise InputError(
        f"session {desk.session}: no frame can be read from {desk.videos[0]}. The recording is "
        "damaged: copy it again."
    )
