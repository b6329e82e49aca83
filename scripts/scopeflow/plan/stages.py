"""Which stage reads which others, and which settings each uses.

A setting that is missing here does not reach the script, so this table cannot fall behind
the code; a *stage* that is missing from a row would let two variants share a product
wrongly, which tests/workflow compares against fresh runs.
"""

from dataclasses import dataclass

SESSION = ("session.session", "session.path", "session.fps_hz")


@dataclass(frozen=True)
class Stage:
    """One step of a session; its name is that of its rule.

    Attributes
    ----------
    folder : str
        Where its products lie, below ``{session}/{variant}/``.
    reads : tuple of str
        Stages whose products it reads; ``<stage`` is that of the iteration before.
    keys : tuple of str
        Settings it uses: whole sections or single keys, dotted; ``"key if other.key"`` is
        used only where the other setting is true.
    """

    folder: str
    reads: tuple[str, ...]
    keys: tuple[str, ...]


D = "cell_diameter_px"
GLOW = "preprocess.glow"
FILTERS = ("preprocess.denoise", "preprocess.background")

STAGES = {
    "load": Stage("load", (), ("load", *SESSION)),
    "preprocess": Stage("preprocess", ("load",), (GLOW, *FILTERS, D)),
    "estimate_motion": Stage(
        "motion", ("load",), (GLOW, *(f"{key} if motion.filtered" for key in FILTERS), "motion", D)
    ),
    "preview_motion": Stage("motion", ("load", "estimate_motion"), (GLOW, D)),
    "apply_motion": Stage("motion", ("load", "estimate_motion"), ("preprocess", D)),
    "seeds_init": Stage(
        "seeds",
        ("apply_motion",),
        (
            *("seeds.method", "seeds.event_window_s", "seeds.event_z_min", "seeds.trace"),
            *("seeds.window_s", "seeds.step_s", "seeds.n_projections", "seeds.radius_px"),
            *("seeds.n_null_sites", D, "seed"),
        ),
    ),
    "seeds_refine": Stage(
        "seeds",
        ("seeds_init",),
        (
            *("seeds.event_count_min", "seeds.event_z_single", "seeds.intensity_min", "seeds.gmm"),
            *("seeds.pnr_min", "seeds.noise_cutoff_hz", "seeds.ks_alpha"),
            *("seeds.merge_distance_px", "seeds.merge_correlation", D, "seed"),
        ),
    ),
    "initialize": Stage("initialize", ("apply_motion", "seeds_refine"), ("initialize", D)),
    "noise": Stage("noise", ("apply_motion",), ("spatial.noise_cutoff_hz",)),
    "spatial_update": Stage(
        "spatial",
        ("<merge", "apply_motion", "noise"),
        (
            *("spatial.method", "spatial.sparse_penalty", "spatial.dilation_px"),
            *("spatial.min_size_px", "spatial.max_size_px", D),
        ),
    ),
    "compute_traces": Stage(
        "traces", ("<merge", "apply_motion", "noise", "spatial_update"), ("traces", D)
    ),
    "temporal_update": Stage(
        "temporal",
        ("apply_motion", "spatial_update", "compute_traces"),
        ("temporal", "seed"),
    ),
    "merge": Stage(
        "merge",
        ("apply_motion", "spatial_update", "compute_traces", "temporal_update"),
        ("merge", D),
    ),
}
LOOP = ("spatial_update", "compute_traces", "temporal_update", "merge")  # n_iterations times

# `units` and the rules behind it, which every variant has for itself: settings they use
# besides those that went into the units.
FINAL = {
    "units": ("accept",),
    "import_units": ("session",),
    "cross_register": ("cross_register", D),
    "place_cells": ("place_cells", "seed"),
    "implant_cells": ("implant", "seed", D),
    "implant_score": (D,),
    "export": ("export",),
    "report": ("report.video",),
    "video": ("report.video_length_s", "report.video_speed", "report.video_width_px"),
}


def node(stage: str, iteration: int) -> tuple[str, int]:
    """Return the stage and iteration meant by a name that is read in `iteration`."""
    if stage.startswith("<"):
        return (stage[1:], iteration - 1) if iteration > 1 else ("initialize", 0)
    return stage, iteration if stage in LOOP else 0
