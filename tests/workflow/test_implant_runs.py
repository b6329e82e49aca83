"""Which jobs the target implant asks for (model scripts, dry runs only)."""

import yaml

ONCE = ("estimate_motion", "apply_motion", "noise", "seeds_init", "seeds_refine", "initialize")


def due(project, *arguments, **config):
    file = project.folder / "my.yaml"
    before = file.read_text("utf-8")
    try:
        file.write_text(yaml.safe_dump({**project.base, **config}), "utf-8")
        return project.due(*arguments)
    finally:
        file.write_text(before, "utf-8")


def test_a_recording_with_synthetic_cells_goes_the_ordinary_way_after_loading(finished_model):
    jobs = due(finished_model, "--", "implant")
    for rule in (*ONCE, "implant_cells", "units", "implant_score", "implant_ranking"):
        assert jobs[rule] == 2, rule
    assert jobs["spatial_update"] == 4
    assert not {"load", "simulate_2_files", "score", "export", "plot_summary"} & set(jobs)


def test_the_ordinary_run_does_not_ask_for_it(finished_model):
    assert due(finished_model, implant={"n_cells": 3}) == {}


def test_variants_share_what_they_agree_on_with_synthetic_cells_too(finished_model):
    target = "results/implant/s2/ranking.tsv"
    variants = {
        "low": {"merge": {"correlation_min": 0.2}},
        "half": {"load": {"downsample": {"frame": 2}}},  # other frames: cannot be compared
    }
    jobs = due(finished_model, "--", target, variants=variants)
    assert jobs["implant_cells"] == 1
    assert jobs["implant_score"] == 2
    assert jobs["seeds_init"] == 1
    assert jobs["spatial_update"] == 2 + 1 + 1  # two with cells, one more for each `low`
    assert "load" not in jobs
