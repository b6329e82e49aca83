"""The table ``frames.tsv``: what is known of every frame."""

import numpy as np
import pandas as pd

from scopeflow.frames import FrameStatistics
from scopeflow.loading import Collector
from scopeflow.logs import logger
from scopeflow.miniscope import QUATERNION, orientation_at, read_orientation
from scopeflow.readers.base import Reader
from scopeflow.timestamps import TimeAxis


def frame_table(
    collector: Collector, statistics: FrameStatistics, status: np.ndarray, videos: list[Reader]
) -> pd.DataFrame:
    """Return a row for each frame: time, brightness, file, verdict."""
    whole = np.int64 if videos[0].dtype.kind != "f" else np.float64
    names = np.array([*(video.path.name for video in videos), ""])
    return pd.DataFrame({
        "frame": np.arange(len(status)),
        "time_s": np.round(collector.time_s, 6),
        "mean": np.round(statistics.mean, 4),
        "min": statistics.min.astype(whole),
        "max": statistics.max.astype(whole),
        "difference": np.round(statistics.difference, 4),
        "file": names[collector.file],
        "file_frame": collector.file_frame,
        "status": status,
    })  # fmt: skip


def add_orientation(table: pd.DataFrame, files: list[str], axis: TimeAxis) -> None:
    """Add the head's orientation at each frame, where the miniscope has a sensor for it."""
    if not files:
        return
    stamps_ms, quaternions = read_orientation(files[0])
    at = orientation_at(table["time_s"].to_numpy(), stamps_ms, quaternions, axis.start_ms)
    for name, values in zip(QUATERNION, at.T, strict=True):
        table[name] = np.round(values, 6)
    known = int(np.isfinite(at[:, 0]).sum())
    logger.info("head orientation known for %d of %d frames", known, len(table))
