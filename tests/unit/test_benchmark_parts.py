"""Tables and figures of measured runs."""

import logging
from types import SimpleNamespace

import pandas as pd
import pytest

import benchmark_summary
from scopeflow.benchmark_figures import against_frames

RUN = {
    "session": "a", "cores": 2, "n_frames": 1000, "wall_s": 10.0, "cpu_s": 20.0, "peak_mb": 300.0,
    "decoding_s": 2.0, "times_decoding": 5.0, "height_px": 512,
}  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "label"),
    [({}, "2 processes"), ({"n_true": 7}, "7 cells, 2 processes"),
     ({"n_true": float("nan")}, "? cells, 2 processes")],
)  # fmt: skip
def test_lines_are_named_by_what_is_known_of_the_recording(cells, label):
    figure = against_frames(pd.DataFrame([{**RUN, **cells}]))
    (text,) = figure.axes[0].get_legend().get_texts()
    assert text.get_text() == label


def test_recordings_of_different_size_have_lines_of_their_own():
    runs = pd.DataFrame([{**RUN, "n_true": 7}, {**RUN, "n_true": 7, "height_px": 384}])
    texts = against_frames(runs).axes[0].get_legend().get_texts()
    names = [text.get_text() for text in texts]
    assert names == ["384 px high, 7 cells, 2 processes", "512 px high, 7 cells, 2 processes"]


def test_a_step_that_took_more_memory_than_it_may_is_named(tmp_path, caplog):
    steps = pd.DataFrame(
        {"step": ["load", "merge.1"], "wall_s": 1.0, "cpu_s": 1.0, "peak_mb": [300.0, 900.0],
         "mem_mb": [2000.0, 800.0]}
    )  # fmt: skip
    pd.DataFrame([RUN]).to_csv(tmp_path / "run.tsv", sep="\t", index=False)
    steps.to_csv(tmp_path / "step.tsv", sep="\t", index=False)
    kinds = {"runs": "tsv", "steps": "tsv", "by_frames": "png", "by_cores": "png", "by_step": "png"}
    smk = SimpleNamespace(
        input=SimpleNamespace(runs=[tmp_path / "run.tsv"], steps=[tmp_path / "step.tsv"]),
        output={name: tmp_path / f"{name}.{kind}" for name, kind in kinds.items()},
    )
    with caplog.at_level(logging.WARNING):
        benchmark_summary.main(smk)
    (said,) = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert "merge.1 took 900 MB; mem_mb.merge allows 800" in said
    assert len(pd.read_csv(tmp_path / "steps.tsv", sep="\t")) == 2
