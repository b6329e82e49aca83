"""Summaries of scores, on tables whose answer is plain."""

import numpy as np
import pandas as pd
import pytest

from scopeflow import validation, validation_figures


@pytest.fixture
def scores() -> pd.DataFrame:
    table = pd.DataFrame({"signal_level": [0.2, 0.2, 0.2, 1.0], "n_cells": 300})
    for name, column in validation.MEASURES.items():
        table[column] = [0.8, 0.9, 0.7, 0.99]
        if name != "f1":
            table[f"{name}_mean"], table[f"{name}_sd"] = table[column], 0.01
    return table


@pytest.fixture
def published() -> pd.DataFrame:
    values = {name: 0.5 for name in validation.MEASURES}
    rows = [
        {"signal_level": 0.2, "n_cells": 300, "tool": t, **values} for t in ("Minian", "CaImAn")
    ]
    return pd.DataFrame(rows)


def test_a_condition_is_the_median_and_range_of_its_recordings(scores, published):
    table = validation.summary(scores, published)
    assert table["n_recordings"].tolist() == [3, 1]
    first = table.iloc[0]
    assert (first.f1_low, first.f1, first.f1_high) == (0.7, 0.8, 0.9)
    assert first.f1_Minian == 0.5
    assert np.isnan(table.iloc[1].f1_CaImAn)


def test_recall_by_the_distance_to_the_nearest_cell():
    cells = pd.DataFrame(
        {
            "signal_level": 1.0,
            "neighbour_px": [1.0, 1.5, 5.0, 5.9, np.inf],
            "found": [-1, 3, 0, 1, 2],
            "footprint_r": [np.nan, 0.9, 1, 1, 1],
            "calcium_r": 1.0,
            "spikes_r": 1.0,
        }
    )
    table = validation.by_neighbour(cells).set_index("from_px")
    assert table.loc[0, "recall"] == 0.5
    assert table.loc[4, "recall"] == 1
    assert table["n_cells"].sum() == 5


def test_separation_is_the_area_under_the_curve():
    found = pd.DataFrame(
        {
            "is_true": [True, True, True, False, False],
            "snr": [5.0, 6, 7, 1, 2],
            "spatial_r": [0.9, 0.9, 0.9, 0.9, 0.9],
            "size_px": [1, 2, 3, 2, 4],
        }
    )
    table = validation.separation(found).set_index("quality")
    assert table.loc["snr", "auc"] == 1
    assert table.loc["spatial_r", "auc"] == 0.5
    assert table.loc["size_px", "auc"] == pytest.approx((1.5 + 0) / 6)
    assert np.isnan(validation.separation(found[:3]).set_index("quality").loc["snr", "auc"])


def test_figures_are_drawn_with_units_on_every_axis(scores, published):
    from matplotlib import pyplot as plt

    cells = pd.DataFrame({"signal_level": [1.0], "from_px": [0.0], "recall": [1.0]})
    figures = [
        validation_figures.medians(validation.summary(scores, published), published),
        validation_figures.spread(scores),
        validation_figures.neighbours(cells),
    ]
    for figure in figures:
        assert all(ax.get_xlabel() and ax.get_ylabel() for ax in figure.axes)
        plt.close(figure)
