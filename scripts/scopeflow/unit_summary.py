"""A store of units in a few numbers: what tables of variants and of sessions are made of."""

import numpy as np
import zarr

MEDIANS = {
    "snr": "snr_median",
    "spatial_r": "spatial_r_median",
    "tau_decay_s": "tau_decay_s_median",
    "diameter_px": "diameter_px_median",
    "sigma": "noise_counts_median",
}
BAD = ("black", "truncated", "corrupted", "duplicated")  # of load/frames.tsv
LOST = ("damaged", "dropped", "lost")


def summarize(group: zarr.Group) -> dict[str, float]:
    """Return numbers of units and medians of their quality.

    Parameters
    ----------
    group : zarr.Group
        A ``units.zarr`` or ``curated.zarr``.

    Returns
    -------
    dict
        ``n_units``, ``n_accepted`` and the `MEDIANS` over all units; NaN for what the store
        does not have, and for medians of no units.
    """
    names = set(group.array_keys())
    row: dict[str, float] = {"n_units": group["unit_id"].shape[0], "n_accepted": np.nan}
    if "accepted" in names:
        row["n_accepted"] = int(group["accepted"][:].sum())
    for name, column in MEDIANS.items():
        row[column] = median(group[name][:]) if name in names else np.nan
    return row


def summarize_motion(group: zarr.Group) -> dict[str, float]:
    """Return how far the field moved over the frames that took part in the fits.

    Returns
    -------
    dict
        ``motion_rms_px`` and ``motion_max_px``: distance from the median place, because the
        correction is defined up to a constant; NaN without a good frame.
    """
    motion = group["motion"][:].astype(np.float64)
    good = (group["frame_good"][:] > 0) & np.isfinite(motion).all(axis=1)
    if not good.any():
        return {"motion_rms_px": np.nan, "motion_max_px": np.nan}
    away = motion[good] - np.median(motion[good], axis=0)
    square = (away**2).sum(axis=1)
    return {
        "motion_rms_px": float(np.sqrt(square.mean())),
        "motion_max_px": float(np.sqrt(square.max())),
    }


def summarize_frames(group: zarr.Group) -> dict[str, float]:
    """Return size, rate and length of the recording, and how many frames were bad or lost.

    Returns
    -------
    dict
        ``frames_left_out`` had no part in the fits; among them are ``frames_bad`` (black,
        truncated, corrupted, duplicated) and ``frames_lost`` (never there; NaN if the store
        does not tell, as these two), and frames that could not be placed.
    """
    good = group["frame_good"][:] > 0
    status = group.attrs.get("frame_status")
    counted = {
        f"frames_{word}": np.nan if status is None else sum(status.get(kind, 0) for kind in kinds)
        for word, kinds in {"bad": BAD, "lost": LOST}.items()
    }
    height, width = group["A"].shape[1:]
    return {
        "n_frames": len(good),
        "duration_s": len(good) / group.attrs["fps_hz"],
        "fps_hz": group.attrs["fps_hz"],
        "height_px": height,
        "width_px": width,
        "frames_left_out": int((~good).sum()),
        **counted,
    }


def median(values: np.ndarray) -> float:
    """Return the median of the finite values; NaN if there is none."""
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else np.nan
