"""What a change reruns: exactly what depends on it. Scripts are the model of project.py."""

import os
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from scopeflow.explore.saving import changed_text

SECOND = Counter(spatial_update=1, compute_traces=1, temporal_update=1, plot_steps=1)
EXPORT = Counter(curate=1, export=1, report=1)
ACROSS = Counter(cross_register=1, cross_report=1)  # over all sessions of the animal
ENDS = Counter(units=1, plot_summary=1) + EXPORT
UPDATED = ENDS + Counter(video=1)  # once traces or footprints have changed
LOOP = SECOND + SECOND - Counter(plot_steps=1) + Counter(merge=1) + UPDATED
AFTER_SEEDS = Counter(initialize=1) + LOOP
AFTER_Y = Counter(seeds_init=1, seeds_refine=1, noise=1) + AFTER_SEEDS
AFTER_LOAD = Counter(preprocess=1, estimate_motion=1, preview_motion=1, apply_motion=1) + AFTER_Y


@contextmanager
def changed(file: Path, text: str):
    """Change a file for a while; its time is set back with it."""
    before, stat = file.read_text("utf-8"), file.stat()
    file.write_text(text, "utf-8")
    try:
        yield
    finally:
        file.write_text(before, "utf-8")
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def config_changed(project, **config):
    return changed(project.folder / "my.yaml", yaml.safe_dump({**project.base, **config}))


def of_both(jobs: Counter) -> Counter:
    """The jobs of both sessions, the score of the simulated one, and what follows for both."""
    return jobs + jobs + Counter(score=1) + ACROSS


def test_a_second_call_finds_nothing_to_do(finished_model):
    assert "Nothing to be done" in finished_model.complete().stderr
    assert finished_model.due() == {}


def test_the_order_of_keys_and_the_form_of_numbers_rerun_nothing(finished_model):
    same = {"cell_diameter_px": 16.0, "motion": {"subpixel": True}}
    with config_changed(finished_model, **same):
        assert finished_model.due() == {}


@pytest.mark.parametrize(
    ("change", "jobs"),
    [
        ({"merge": {"correlation_min": 0.5}}, Counter(merge=1) + SECOND + UPDATED),
        ({"temporal": {"sparse_penalty": 3}}, LOOP - Counter(spatial_update=1, compute_traces=1)),
        ({"traces": {"patch_radius_px": 30}}, LOOP - Counter(spatial_update=1)),
        ({"spatial": {"sparse_penalty": 1}}, LOOP),
        ({"spatial": {"noise_cutoff_hz": 5}}, Counter(noise=1) + LOOP),
        ({"initialize": {"radius_px": 9}}, AFTER_SEEDS),
        ({"seeds": {"pnr_min": 9}}, Counter(seeds_refine=1) + AFTER_SEEDS),
        ({"seeds": {"event_window_s": 1}}, AFTER_Y - Counter(noise=1)),
        ({"motion": {"max_shift_px": 9}}, AFTER_LOAD - Counter(preprocess=1)),
        (
            {"preprocess": {"denoise": {"window_px": 3}}},
            # Frames are registered unfiltered.
            AFTER_LOAD - Counter(estimate_motion=1, preview_motion=1),
        ),
        ({"load": {"black_frac": 0.1}}, Counter(load=1) + AFTER_LOAD),
        ({"accept": {"snr_min": 9}}, ENDS),
        ({"export": {"formats": ["csv"]}}, Counter(export=1)),
        ({"cross_register": {"distance_max_px": 4}}, ACROSS),
        ({"report": {"video_speed": 2}}, Counter(video=1)),
        ({"mem_mb": {"load": 3000}, "keep_movies": True}, Counter()),
    ],
    ids=lambda value: next(iter(value), "") if isinstance(value, dict) else "",
)
def test_a_changed_parameter_reruns_what_depends_on_it(finished_model, change, jobs):
    with config_changed(finished_model, **change):
        expected = of_both(jobs) if "units" in jobs else jobs if jobs == ACROSS else jobs + jobs
        assert finished_model.due() == expected


@pytest.mark.parametrize(
    ("place", "values", "jobs"),
    [
        (("overrides", "s2"), {"load.exclude": [[3, 9]]}, Counter(load=1) + AFTER_LOAD + ACROSS),
        (
            ("overrides", "s2"),
            {"motion.polygon": [[0, 0], [0, 60.5], [60, 60]], "motion.region": None},
            AFTER_LOAD - Counter(preprocess=1) + ACROSS,
        ),
        (
            ("variants", "slow"),
            {"temporal.tau_decay_s": 2.0, "temporal.tau_rise_s": 0.1},
            of_both(LOOP - Counter(spatial_update=1, compute_traces=1))
            + Counter(compare_variants=2),
        ),
    ],
    ids=["exclude", "polygon", "variant"],
)
def test_what_the_explorer_saves_reruns_what_depends_on_it(finished_model, place, values, jobs):
    file = finished_model.folder / "my.yaml"
    with changed(file, changed_text(file.read_text("utf-8"), values, place, "my.yaml")):
        assert finished_model.due() == jobs


def test_an_override_reruns_its_session_only(finished_model):
    with config_changed(finished_model, overrides={"s2": {"merge": {"correlation_min": 0.5}}}):
        assert finished_model.due() == Counter(merge=1) + SECOND + UPDATED + ACROSS


def test_a_changed_default_leaves_variants_that_override_it(finished_model):
    low = {"variants": {"low": {"merge": {"correlation_min": 0.2}}}}
    with config_changed(finished_model, **low):
        jobs = of_both(Counter(merge=1) + SECOND + UPDATED) + Counter(compare_variants=2)
        assert finished_model.due() == jobs


@pytest.mark.parametrize(
    ("module", "jobs"),
    [
        ("merge", Counter(merge=1) + SECOND + UPDATED + Counter(score=1)),
        ("figures", Counter(plot_summary=1, plot_steps=1)),
        ("transients", Counter(export=1)),
        ("cross_registration/groups", ACROSS),
        ("video_panels", Counter(video=1)),
        ("version", Counter()),
        ("errors", Counter()),
    ],
)
def test_a_changed_formula_reruns_the_rules_that_use_it(finished_model, module, jobs):
    file = finished_model.folder / "scripts" / "scopeflow" / f"{module}.py"
    with changed(file, file.read_text("utf-8") + "\n\nNEW_CONSTANT = 2\n"):
        due = finished_model.due()
    two = jobs if jobs == ACROSS else jobs + jobs
    if "score" in jobs:
        two += ACROSS
        two["score"] = 1
    assert due == two


def test_a_changed_comment_reruns_nothing(finished_model):
    file = finished_model.folder / "scripts" / "scopeflow" / "merge.py"
    with changed(file, "# A comment.\n" + file.read_text("utf-8")):
        assert finished_model.due() == {}


def test_a_changed_video_reruns_its_session(finished_model):
    with changed(finished_model.folder / "rec" / "msCam1.avi", "another"):
        assert finished_model.due() == Counter(load=1) + AFTER_LOAD + ACROSS


def test_another_video_reruns_its_session(finished_model):
    another = finished_model.folder / "rec" / "msCam2.avi"
    another.write_text("two")
    try:
        assert finished_model.due() == Counter(load=1) + AFTER_LOAD + ACROSS
    finally:
        another.unlink()


def test_metadata_in_the_sheet_rerun_the_units_only(finished_model):
    sheet = finished_model.folder / "sheet.tsv"
    with changed(sheet, sheet.read_text("utf-8").replace("\tx", "\ty")):
        assert finished_model.due() == ENDS + ACROSS


def test_labels_rerun_curation_export_and_report_of_their_session_only(finished_model):
    labels = finished_model.folder / "curation" / "s2" / "default.csv"
    labels.parent.mkdir(parents=True)
    labels.write_text("unit_id,label,merge_into\n1,,2\n")  # reads the movie, which is there
    try:
        assert finished_model.due() == EXPORT + ACROSS
    finally:
        labels.unlink()
    assert finished_model.due() == {}


CHANGES = {
    "load": {"black_frac": 0.1},
    "preprocess": {"cnmf_movie": "filtered"},
    "motion": {"aggregation": "max"},
    "seeds": {"merge_correlation": 0.7},
    "initialize": {"similarity_min": 0.2},
    "spatial": {"dilation_px": 3},
    "traces": {"method": "minian"},
    "temporal": {"add_lag": 5},
    "merge": {"method": "none"},
    "cell_diameter_px": 20,
    "seed": 3,
    "n_iterations": 3,
}


@pytest.mark.parametrize(
    ("keys", "compared"),
    [
        (("motion", "traces", "merge", "n_iterations"), ("motion", "n_iterations")),
        pytest.param(tuple(CHANGES), tuple(CHANGES), marks=pytest.mark.long),
    ],
    ids=["some", "all"],
)
def test_a_changed_run_equals_a_fresh_one(model, keys, compared):
    """An override per section; some compared with a run that never saw another setting."""
    variants = {f"only_{key}": {key: CHANGES[key]} for key in keys}
    model.complete()
    model.configure(**model.base, variants=variants)
    model.complete()
    shared = results(model.folder / "results")
    assert len({shared[f"s1/{variant}/score.tsv"] for variant in variants}) == len(variants)
    for key in compared:
        model.configure(**{**model.base, key: CHANGES[key]}, results=f"{key}/results")
        model.complete()
        for name, content in results(model.folder / key / "results").items():
            assert shared[name.replace("default", f"only_{key}")] == content, name


def test_a_default_changed_in_place_equals_a_fresh_run(model):
    variants = {"low": {"merge": {"correlation_min": 0.2}}, "short": {"n_iterations": 1}}
    changes = {"merge": {"correlation_min": 0.2}, "seeds": {"pnr_min": 7}}
    model.configure(**model.base, variants=variants)
    model.complete()
    model.configure(**model.base, variants=variants, **changes)
    model.complete()
    model.configure(**model.base, variants=variants, **changes, results="fresh/results")
    model.complete()
    assert results(model.folder / "results") == results(model.folder / "fresh" / "results")


def results(folder: Path) -> dict[str, str]:
    """Return what the last rules of every session and variant wrote, by path."""
    files = [*folder.glob("*/*/units.zarr/content"), *folder.glob("*/*/score.tsv")]
    files += [*folder.glob("*/*/figures/summary.png"), *folder.glob("*/*/export/content")]
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in files}


def test_variants_share_products(model):
    low = {"temporal": {"sparse_penalty": 1}}
    model.configure(**model.base, variants={"low": low, "also_low": low})
    due = model.due()
    assert due["load"] == due["seeds_init"] == 1
    assert due["temporal_update"] == 2 + 2
    assert due["spatial_update"] == 1 + 2  # the first is shared
    assert due["units"] == 3


def test_removed_movies_do_not_undo_what_labels_made_of_them(model):
    labels = model.folder / "curation" / "s1" / "default.csv"
    labels.parent.mkdir(parents=True)
    labels.write_text("unit_id,label\n1,split\n")
    model.complete()
    model.configure(**model.base, keep_movies=False)
    assert set(model.due()) == {"export"}, "only the link in the NWB file has to go"
    model.run("--delete-temp-output")
    assert not (model.folder / "results" / "s1" / "default" / "motion" / "Y.zarr").exists()
    assert set(model.due()) == {"export"}
    labels.write_text("unit_id,label\n1,split\n2,reject\n")
    assert {"apply_motion", "curate"} <= set(model.due())


def test_movies_are_removed_and_made_again_on_request(model):
    model.configure(**model.base, keep_movies=False)
    model.complete()
    session = model.folder / "results" / "s1" / "default"
    assert not (session / "load" / "raw.zarr").exists()
    assert not (session / "motion" / "Y.zarr").exists()
    assert (session / "units.zarr").exists()
    assert model.due() == {}
    for change in ({"accept": {"snr_min": 9}}, {"export": {"formats": ["csv"]}}):
        with config_changed(model, keep_movies=False, **change):
            assert "load" not in model.due(), "the movies would be made again for nothing"
