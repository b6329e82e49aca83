"""Recipes of simulated recordings: their keys, and the file names that follow from one.

Kept free of numerical libraries, because the workflow asks for the file names while it
builds its graph.
"""

import math

from scopeflow.errors import InputError

# A session may see the field moved by at most this much, in px along each axis; the field
# is made larger than the image by it (and by the motion), the same for all its sessions.
SHIFT_MAX_PX = 40
ROTATION_MAX_DEG = 10.0

# The validation set of the paper; times are in frames there, so they are here. From
# drift_px to bit_depth: what makes recordings harder than the paper's; off there.
DEFAULTS = {
    "height_px": 512,
    "width_px": 512,
    "n_frames": 20000,
    "n_cells": 300,
    "signal_level": 1.0,
    "fps_hz": 30.0,
    "spike_probability": 0.005,
    "tau_decay_frames": 60.0,
    "tau_rise_frames": 5.0,
    "cell_variance_px2": 15.0,
    "n_backgrounds": None,
    "noise_sd": 0.1,
    "motion_step_px": 1.0,
    "motion_max_px": 20,
    "subpixel_motion": False,
    "drift_px": 0.0,
    "nonrigid_px": 0.0,
    "burst_spikes": 1.0,
    "rate_modulation": 0.0,
    "kinetics_spread": 0.0,
    "neuropil": 0.0,
    "n_vessels": 0,
    "vignette": 0.0,
    "bleaching": 0.0,
    "shot_noise": 0.0,
    "flicker": 0.0,
    "n_jumps": 0,
    "frames_lost": 0.0,
    "bit_depth": 8,
    "place_fraction": 0.0,
    "seed": 0,
    "field_seed": None,
    "shift_px": [0.0, 0.0],
    "rotation_deg": 0.0,
    "fraction_active": 1.0,
    "frames_per_file": 1000,
}


def complete(recipe: dict) -> dict:
    """Return a recipe with every key, the missing ones from the paper.

    Parameters
    ----------
    recipe : dict
        Any of the keys of `DEFAULTS`.

    Raises
    ------
    InputError
        If a key is unknown, or a shift or a rotation too large.
    """
    unknown = sorted(set(recipe) - set(DEFAULTS))
    if unknown:
        raise InputError(
            f"simulate: unknown key {unknown[0]!r}. Allowed are {', '.join(DEFAULTS)}."
        )
    full = {**DEFAULTS, **recipe}
    if max(abs(shift) for shift in full["shift_px"]) > SHIFT_MAX_PX:
        raise InputError(
            f"simulate: shift_px is {full['shift_px']}; allowed are -{SHIFT_MAX_PX} to "
            f"{SHIFT_MAX_PX} px along each axis."
        )
    if abs(full["rotation_deg"]) > ROTATION_MAX_DEG:
        raise InputError(
            f"simulate: rotation_deg is {full['rotation_deg']:g}; allowed are "
            f"-{ROTATION_MAX_DEG:g} to {ROTATION_MAX_DEG:g} degrees."
        )
    reach, rim = _reach_px(full), SHIFT_MAX_PX + full["motion_max_px"]
    if full["rotation_deg"] and reach > rim:
        raise InputError(
            f"simulate: rotation_deg {full['rotation_deg']:g} and shift_px {full['shift_px']} "
            f"together move a corner of the image by {reach:.0f} px, where no cells are made; "
            f"allowed are {rim:g} px along each axis. Rotate or shift by less."
        )
    if full["tau_rise_frames"] >= full["tau_decay_frames"]:
        raise InputError(
            f"simulate: tau_rise_frames is {full['tau_rise_frames']:g}; it must be less than "
            f"tau_decay_frames, which is {full['tau_decay_frames']:g}."
        )
    if full["field_seed"] is None:
        full["field_seed"] = full["seed"]
    return full


def _reach_px(recipe: dict) -> float:
    """Return how far a shift and a rotation move a corner along an axis at most, px."""
    angle = math.radians(abs(recipe["rotation_deg"]))
    half = recipe["height_px"] / 2, recipe["width_px"] / 2
    turned = [
        own * (1 - math.cos(angle)) + other * math.sin(angle) for own, other in (half, half[::-1])
    ]
    return max(far + abs(by) for far, by in zip(turned, recipe["shift_px"], strict=True))


def video_names(recipe: dict) -> list[str]:
    """Return the names of a recording's video files, in order of time."""
    full = {**DEFAULTS, **recipe}
    return [
        f"msCam{i + 1}.avi" for i in range(math.ceil(full["n_frames"] / full["frames_per_file"]))
    ]


def has_run(recipe: dict) -> bool:
    """Tell whether some cells fire at places, so that a table of the animal's run is written."""
    return {**DEFAULTS, **recipe}["place_fraction"] > 0
