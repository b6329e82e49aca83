"""Writing a gray video that browsers play."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

QUALITY = "30"  # constant rate factor: at 26 nine tenths of the file are a camera's noise
PRESET = "veryfast"


def write_mp4(
    path: Path, frames: Iterable[np.ndarray], size: tuple[int, int], fps_hz: float, threads: int = 1
) -> int:
    """Write frames as MP4 (H.264, 4:2:0), which every browser plays; return their number.

    Parameters
    ----------
    path : Path
    frames : iterable of ndarray of uint8, shape (height, width)
    size : tuple of int
        Width and height in px, both even.
    fps_hz : float
    threads : int
        Of the encoder.
    """
    count = 0
    # The index stands in front, so that a page can play before all is read.
    options = {"movflags": "+faststart"}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        rate = Fraction(fps_hz).limit_denominator(1000)
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = threads
        stream.options = {"crf": QUALITY, "preset": PRESET}
        for image in frames:
            frame = av.VideoFrame.from_ndarray(image, format="gray")
            container.mux(stream.encode(frame))
            count += 1
        container.mux(stream.encode(None))
    return count
