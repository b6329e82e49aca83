"""A short segment and a crop of a recording, on which settings are tried first."""

from copy import deepcopy


def excerpt(settings: dict, n_stated: int | None, shape: tuple[int, int]) -> dict:
    """Narrow the frames and the region of the section ``load`` to the middle of a recording.

    Parameters
    ----------
    settings : dict
        Section ``load`` of the config, with ``excerpt``: ``n_frames`` and ``size_px`` of the
        analysed recording, that is after down-sampling.
    n_stated : int or None
        Number of frames that the files state; None if one of them does not, then the
        segment is at the beginning.
    shape : tuple of int
        Height and width of the original image in px.

    Returns
    -------
    dict
        New settings whose ``frames`` and ``region`` lie within those given; a recording that
        is smaller than the excerpt is taken whole.
    """
    narrowed, wanted = deepcopy(settings), settings["excerpt"]
    factors, frames, region = settings["downsample"], narrowed["frames"], narrowed["region"]
    end = frames["stop"] if n_stated is None else min(frames["stop"] or n_stated, n_stated)
    n_frames = wanted["n_frames"] * factors["frame"]
    if end is None:
        frames["stop"] = frames["start"] + n_frames
    elif frames["start"] < end:  # else loading tells what is wrong
        frames["start"], frames["stop"] = _middle(frames["start"], end, n_frames)
    for low, high, side, size in zip(
        ("top", "left"), ("bottom", "right"), ("height", "width"), shape, strict=True
    ):
        stop = size if region[high] is None else region[high]
        if region[low] < stop <= size:  # else loading tells what is wrong
            region[low], region[high] = _middle(
                region[low], stop, wanted["size_px"] * factors[side]
            )
    return narrowed


def _middle(start: int, stop: int, size: int) -> tuple[int, int]:
    """Return the middle part of a range; all of it if it is not longer than `size`."""
    start += max(stop - start - size, 0) // 2
    return start, min(start + size, stop)


def files_before(start: int, n_stated: list[int | None]) -> int:
    """Return how many files, by what they state, end before a frame and need not be read."""
    total = 0
    for i, n in enumerate(n_stated):
        if n is None or total + n > start:
            return i
        total += n
    return max(len(n_stated) - 1, 0)
