"""Costs and scores of two programs, side by side."""

import logging
from types import SimpleNamespace

import pandas as pd
import pytest

import compare_programs

SCORES = {"f1": 1.0, "footprint_r_median": 0.9, "calcium_r_median": 0.8, "spikes_r_median": 0.7}


def write(path, **values):
    run = {"session": path.stem.split(".")[0], "cores": 2, **SCORES, **values}
    pd.DataFrame([run]).to_csv(path, sep="\t", index=False)
    return str(path)


@pytest.fixture
def compared(tmp_path, caplog) -> tuple[pd.DataFrame, list[str]]:
    """The table of two recordings, the programs' runs in different order, and what was said."""
    names = "long", "wide"
    ours = [write(tmp_path / f"{n}.tsv", wall_s=10, cpu_s=20, peak_mb=500) for n in names]
    theirs = [
        write(tmp_path / f"{n}.minian.tsv", wall_s=wall_s, cpu_s=800, peak_mb=1000, f1=0.5)
        for n, wall_s in zip(reversed(names), (300, 200), strict=True)
    ]
    smk = SimpleNamespace(
        input=SimpleNamespace(ours=ours, theirs=theirs),
        output=SimpleNamespace(table=tmp_path / "minian.tsv"),
    )
    with caplog.at_level(logging.INFO):
        compare_programs.main(smk)
    table = pd.read_csv(tmp_path / "minian.tsv", sep="\t").set_index("session")
    return table, [record.getMessage() for record in caplog.records]


def test_ratios_are_those_of_the_same_recording(compared):
    table, _ = compared
    assert table["wall_s_ratio"].to_dict() == {"long": 20, "wide": 30}
    assert (table["cpu_s_ratio"] == 40).all()
    assert (table["peak_mb_ratio"] == 2).all()
    assert (table["f1"] == 1).all()
    assert (table["f1_minian"] == 0.5).all()


def test_ratios_and_both_accuracies_are_told(compared):
    _, said = compared
    assert len(said) == 2
    assert "long, 2 processes: 10 s against 200 s of Minian (20.0 times faster" in said[0]
    assert "F1 1.000 against 0.500" in said[0]
