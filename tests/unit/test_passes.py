"""How often each step reads the whole video, and in which pieces: what decides its speed."""

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import zarr

from scopeflow import loaded, loading, movie, stores
from scopeflow.plan.plan import Plan
from scopeflow.readers.base import Reader
from scopeflow.recordings import write_recording
from scopeflow.stores import slabs

SCRIPTS = Path(__file__).parents[2] / "scripts"
RECIPE = {
    "height_px": 96, "width_px": 100, "n_frames": 700, "n_cells": 12, "motion_max_px": 4,
    "signal_level": 2.0, "spike_probability": 0.02, "frames_per_file": 700,
}  # fmt: skip

# What each rule reads, by the names of its inputs; see workflow/rules.
INPUTS = {
    "estimate_motion": {"raw": "load/raw", "frames": "load/frames"},
    "apply_motion": {"raw": "load/raw", "frames": "load/frames", "motion": "motion"},
    "seeds_init": {"Y": "Y", "projections": "projections"},
    "seeds_refine": {"candidates": "candidates", "Y": "Y"},
    "initialize": {"seeds": "seeds", "Y": "Y", "projections": "projections"},
    "noise": {"Y": "Y"},
    "spatial_update": {
        "previous": "initialize", "Y": "Y", "projections": "projections", "noise": "noise",
    },
    "compute_traces": {
        "A": "spatial", "previous": "initialize", "Y": "Y", "projections": "projections",
        "noise": "noise",
    },
    "temporal_update": {"traces": "traces", "A": "spatial", "Y": "Y"},
    "merge": {"A": "spatial", "traces": "traces", "temporal": "temporal", "Y": "Y"},
}  # fmt: skip
OUTPUTS = {
    "load": {"raw": "load/raw", "frames": "load/frames"},
    "estimate_motion": {"motion": "motion"},
    "apply_motion": {"Y": "Y", "projections": "projections"},
    "seeds_init": {"candidates": "candidates"},
    "seeds_refine": {"seeds": "seeds"},
    "initialize": {"units": "initialize"},
    "noise": {"noise": "noise"},
    "spatial_update": {"units": "spatial"},
    "compute_traces": {"units": "traces"},
    "temporal_update": {"units": "temporal"},
    "merge": {"units": "merge"},
}
PASSES = {
    "load": 0, "estimate_motion": 1, "apply_motion": 1, "seeds_init": 2, "seeds_refine": 0,
    "initialize": 2, "noise": 1, "spatial_update": 1, "compute_traces": 1, "temporal_update": 0,
    "merge": 0,
}  # fmt: skip


class Names(SimpleNamespace):
    def get(self, name, default=None):
        return getattr(self, name, default)


@pytest.fixture(scope="module")
def reads(tmp_path_factory) -> dict[str, list]:
    """Run every step once on a small recording; return the slices of frames each one read.

    Besides, the steps that decoded a frame, and those that let go of a file they had read.
    """
    folder = tmp_path_factory.mktemp("steps")
    write_recording(folder / "rec", RECIPE)
    sheet = folder / "sessions.tsv"
    sheet.write_text(f"session\tanimal\tpath\nrec\tm\t{folder / 'rec' / 'video'}\n")
    plan = Plan({"sessions": str(sheet), "results": str(folder / "results")})
    settings = json.loads(json.dumps(plan.effective("rec", "default")))
    found: dict[str, list] = {"decoded": [], "let go": []}
    original, by_slab, frames_of = zarr.Array.__getitem__, stores.read_slab, Reader.frames

    def counted(array, selection):
        if array.ndim == 3 and array.shape[0] == RECIPE["n_frames"]:
            first = selection[0] if isinstance(selection, tuple) else selection
            found[rule].append(slice(*first.indices(array.shape[0])[:2]))
        return original(array, selection)

    def counted_slab(array, slab, **how):
        found[rule].append(slab)
        return by_slab(array, slab, **how)

    def counted_frames(video, threads=1):
        for frame in frames_of(video, threads):
            found["decoded"].append(rule)
            yield frame

    def note(file):
        if file.mode == "rb":
            found["let go"].append((rule, Path(file.name).relative_to(folder).parts[:3]))

    def note_path(path):
        found["let go"].append((rule, path.relative_to(folder).parts))

    sys.path.insert(0, str(SCRIPTS))
    patch = pytest.MonkeyPatch()
    patch.setattr(Reader, "frames", counted_frames)
    patch.setattr(stores, "let_go", note)
    patch.setattr(loading, "let_go_of", note_path)
    patch.setattr(zarr.Array, "__getitem__", counted)
    for module in (loaded, movie):
        patch.setattr(module, "read_slab", counted_slab)
    try:
        for rule, named in OUTPUTS.items():
            found[rule] = []
            places = {key: str(folder / "out" / value) for key, value in named.items()}
            given = {k: str(folder / "out" / v) for k, v in INPUTS.get(rule, {}).items()}
            if rule == "load":
                video = folder / "rec" / "video"
                given = {"videos": [str(video / "msCam1.avi")],
                         "timestamps": [str(video / "timeStamps.csv")]}  # fmt: skip
            module = importlib.import_module(rule)
            module.main(
                SimpleNamespace(
                    input=Names(**given),
                    output=Names(**places),
                    params=Names(settings=settings, code=""),
                    wildcards=Names(session="rec", variant="default", iteration="1"),
                    resources=Names(mem_mb=2000),
                    threads=2,
                )
            )
    finally:
        patch.undo()
        sys.path.remove(str(SCRIPTS))
    found["slabs"] = slabs(zarr.open_group(folder / "out" / "Y", mode="r")["Y"])
    return found


@pytest.mark.parametrize("rule", PASSES)
def test_the_video_is_read_as_often_as_needed(reads, rule):
    n_frames = sum(part.stop - part.start for part in reads[rule])
    assert n_frames == PASSES[rule] * RECIPE["n_frames"]


@pytest.mark.parametrize("rule", PASSES)
def test_the_video_is_read_by_whole_slabs(reads, rule):
    assert len(reads["slabs"]) > 2
    assert all(part in reads["slabs"] for part in reads[rule])


def test_files_are_decoded_once(reads):
    assert reads["decoded"] == ["load"] * RECIPE["n_frames"]


def test_videos_and_raw_slabs_make_room_after_their_last_reading(reads):
    raw = ("apply_motion", ("out", "load", "raw"))
    video = ("load", ("rec", "video", "msCam1.avi"))
    assert reads["let go"] == [video, *[raw] * len(reads["slabs"])]
