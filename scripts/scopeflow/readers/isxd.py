"""Inscopix movies (``.isxd``): raw frames, and a description in JSON behind them.

The format as it is found in files and in the open code of its maker: frames in order of time
from the first byte, without those that were dropped, cropped away or left blank; then the text,
a zero, and the length of the text in eight bytes. Frames may have lines of the sensor around
them, of equal size before and after.
"""

import json
import struct
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np

from scopeflow.errors import InputError
from scopeflow.readers.base import ArrayReader

DTYPES = {0: np.dtype("<u2"), 1: np.dtype("<f4"), 2: np.dtype("u1")}
KINDS = {0: "a movie", 1: "a set of cells", 2: "behaviour", 3: "GPIO", 4: "a vessel set",
         5: "events"}  # fmt: skip
FOOTER_MAX = 64 * 2**20  # bytes; longer ones are garbage


class IsxdReader(ArrayReader):
    """An Inscopix movie, by its description and a map of its frames."""

    form = "Inscopix ISXD"
    stored: np.dtype
    pixels_before: int
    pixels_per_frame: int

    @classmethod
    def open(cls, path: Path, dataset: str | None = None) -> "IsxdReader":
        """Read the description of a movie; `dataset` does not concern it."""
        about, n_bytes = _description(path)
        try:
            kind, number = int(about.get("type", 0)), int(about["dataType"])
            size = about["spacingInfo"]["numPixels"]
            height, width = int(size["y"]), int(size["x"])
            timing = about["timingInfo"]
            timing = timing[0] if isinstance(timing, list) else timing
            kept = _kept(timing)
            period_s = _ratio(timing["period"])
        except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise InputError(
                f"{path}: its description lacks what a movie has, or does not fit together "
                f"({type(error).__name__}: {error}). Export it as TIFF from the Inscopix software."
            ) from error
        if kind != 0 or number not in DTYPES or not height * width:
            raise InputError(
                f"{path}: this is {KINDS.get(kind, 'something else')} with pixels of type "
                f"{number}, not a movie of 8 or 16 bits or float32. Give the movie's file."
            )
        stored = DTYPES[number]
        extra = _sensor_pixels(path, about, n_bytes, len(kept), height * width, stored)
        per_frame = height * width + 2 * extra
        n_whole = n_bytes // (per_frame * stored.itemsize)
        reader = cls(
            path=path, height=height, width=width, dtype=stored.newbyteorder("="),
            n_stated=min(len(kept), n_whole), fps_hz=1 / period_s if period_s > 0 else None,
            codec=f"raw {stored.name}", is_cut_short=n_whole < len(kept),
            stamps_ms=1000 * (_start_s(timing) + period_s * kept[:n_whole]),
            metadata=_metadata(about, timing),
        )  # fmt: skip
        reader.stored, reader.pixels_before, reader.pixels_per_frame = stored, extra, per_frame
        return reader

    def _opened(self) -> AbstractContextManager[np.ndarray]:
        shape = self.n_stated, self.pixels_per_frame
        return nullcontext(np.memmap(self.path, self.stored, "r", 0, shape))

    def _images(self, stored: np.ndarray) -> np.ndarray:
        first = self.pixels_before
        return stored[:, first : first + self.height * self.width].reshape(-1, *self.shape)


def _description(path: Path) -> tuple[dict, int]:
    """Return the description, and the bytes of the frames before it."""
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            file.seek(max(size - 8, 0))
            (length,) = struct.unpack("<Q", file.read(8))
            n_bytes = size - 8 - 1 - length
            if not 0 < length < FOOTER_MAX or n_bytes < 0:
                raise ValueError(f"a length of {length} bytes")
            file.seek(n_bytes)
            return json.loads(file.read(length).decode("utf-8")), n_bytes
    except (OSError, ValueError, struct.error) as error:
        raise InputError(
            f"{path}: the description at its end is missing or garbled ({error}), as in a file "
            "that is cut short. Copy it again, or export it as TIFF."
        ) from error


def _kept(timing: dict) -> np.ndarray:
    """Return the numbers of the frames that are in the file, on the axis of time."""
    kept = np.ones(int(timing["numTimes"]), dtype=bool)
    for name in ("dropped", "blank", "cropped"):
        for part in timing.get(name) or []:
            if isinstance(part, list):  # first and last of a range
                kept[int(part[0]) : int(part[-1]) + 1] = False
            else:
                if not 0 <= int(part) < len(kept):
                    raise ValueError(f"frame {part} is {name}, of {len(kept)}")
                kept[int(part)] = False
    return np.flatnonzero(kept)


def _sensor_pixels(path, about, n_bytes, n_frames, n_pixels, stored) -> int:
    """Return the pixels of the sensor's lines before (and after) the image of each frame."""
    if not about.get("hasFrameHeaderFooter"):
        return 0
    more = n_bytes // stored.itemsize // max(n_frames, 1) - n_pixels
    if more < 0 or more % 2:
        raise InputError(
            f"{path}: frames with lines of the sensor around them, but of no known size "
            f"({more} pixels in all). Export it as TIFF from the Inscopix software."
        )
    return more // 2


def _ratio(value: dict) -> float:
    return float(value["num"]) / float(value["den"])


def _start_s(timing: dict) -> float:
    start = timing.get("start") or {}
    return _ratio(start["secsSinceEpoch"]) if "secsSinceEpoch" in start else 0.0


def _metadata(about: dict, timing: dict) -> dict:
    """Return what the description tells of animal and microscope."""
    extra = about.get("extraProperties") or {}
    animal, scope = extra.get("animal") or {}, extra.get("microscope") or {}
    offset = (timing.get("start") or {}).get("utcOffset") or 0
    start_s = _start_s(timing)
    found = {
        "software": "Inscopix",
        "animal": animal.get("id") or None,
        "device_type": scope.get("type") or None,
        "gain": scope.get("gain"),
        "led": (scope.get("led") or {}).get("exPower"),
        # A clock that was never set counts from its own beginning.
        "start": (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=start_s))
        .astimezone(timezone(timedelta(seconds=int(offset))))
        .isoformat()
        if start_s > 10**8
        else None,
    }
    return {key: value for key, value in found.items() if value is not None}
