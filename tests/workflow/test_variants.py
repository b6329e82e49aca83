"""Variants compared, previewed and promoted. Scripts are models, but for that of promote."""

import shutil

import pytest
import yaml

from project import ROOT

LOW = {"temporal": {"sparse_penalty": 1}}


@pytest.fixture
def two(model):
    """A session with two variants."""
    model.base |= {"variants": {"default": {}, "low": LOW}, "n_iterations": 1}
    model.configure(**model.base)
    return model


def test_a_preview_lies_beside_the_results_and_shares_the_recording(two):
    run = two.complete("--", "preview")
    preview = two.folder / "results" / "preview" / "s1"
    assert (preview / "variants.png").exists()
    assert (preview / "low" / "figures" / "summary.png").exists()
    assert (two.folder / "logs" / "preview" / "s1" / "default").is_dir()
    assert not (two.folder / "results" / "s1").exists()
    assert "Sessions: 0 finished, 1 not begun" in run.stderr
    due = two.due()
    assert due["compare_variants"] == 1
    assert "simulate_2_files" not in due
    two.configure(**two.base, preview={"n_frames": 150})
    due = two.due("--", "preview")
    assert due["load"] == due["compare_variants"] == 1
    assert due["temporal_update"] == 2  # what variants share is computed once here, too
    assert not {"export", "score", "curate"} & set(due)


def test_a_promoted_variant_is_the_default_of_the_next_run(two):
    shutil.copy(ROOT / "scripts" / "promote.py", two.folder / "scripts")
    text = yaml.safe_dump({**two.base, "variants": {"low": LOW}}) + "# mine\n"
    (two.folder / "my.yaml").write_text(text)
    two.complete()
    low = (two.folder / "results/s1/low/score.tsv").read_text()

    refused = two.run("--config", "variant=lwo", "--", "promote")
    assert refused.returncode != 0
    assert "promote: variant is 'lwo'; " in refused.stderr
    assert "has low. Name one" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert (two.folder / "my.yaml").read_text() == text

    done = two.complete("--config", "variant=low", "--", "promote")
    assert "temporal.sparse_penalty: 1 (was not set)" in done.stderr
    assert (two.folder / "my.before_low.yaml").read_text() == text
    new = (two.folder / "my.yaml").read_text()
    assert new.endswith("\ntemporal:\n  sparse_penalty: 1\n# mine\n")
    due = two.due()  # what the variant did not share with default, for the default now
    assert due["temporal_update"] == 1
    assert not {"load", "seeds_init", "initialize"} & set(due)
    two.complete()
    assert (two.folder / "results/s1/default/score.tsv").read_text() == low
