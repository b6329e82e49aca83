"""Results of other programs go on where ours do: across sessions, and into curation."""

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

import import_units
from scopeflow.cross_registration import register
from scopeflow.cross_registration.align import Limits
from scopeflow.cross_registration.reading import read_cells
from scopeflow.cross_registration.trial import seen_session
from scopeflow.earlier.caiman import COLUMNS
from scopeflow.export.dictionary import COLUMN_WORDS
from scopeflow.labels import read_labels
from scopeflow.pages.curation.session import Session

SIZE, DIAMETER, N_FRAMES = 256, 16.0, 120
DIMS = {3: ("unit_id", "height", "width"), 2: ("unit_id", "frame")}


@pytest.fixture
def imported(tmp_path):
    """Two days of one field as Minian's datasets, the second one displaced, taken over.

    Returns the folders of the results and, of each day, the true cell of every unit.
    """
    rng = np.random.default_rng(3)
    field = {"height_px": SIZE, "width_px": SIZE, "n_cells": 60, "field_seed": 3}
    moved = {"shift_px": [6.0, -9.0]}
    folders, labels = [], []
    for day, change in {"day1": {"seed": 1}, "day2": {"seed": 2, **moved}}.items():
        seen = seen_session({**field, **change}, rng)
        A = seen.A.toarray().reshape(-1, SIZE, SIZE)
        C = rng.gamma(1.0, 20.0, (len(A), N_FRAMES))
        dataset = tmp_path / "minian" / day
        dataset.mkdir(parents=True)
        for name, values in {"A": A, "C": C, "S": C}.items():
            dims = DIMS[values.ndim]
            coords = {dim: np.arange(n) for dim, n in zip(dims, values.shape, strict=True)}
            array = xr.DataArray(values, dims=dims, coords=coords, name=name)
            array.to_dataset().to_zarr(dataset / f"{name}.zarr", zarr_format=2)
        folder = tmp_path / "results" / day / "default"
        row = {"session": day, "animal": "m1", "fps_hz": 20.0}
        import_units.main(
            SimpleNamespace(
                input=SimpleNamespace(earlier=str(dataset)),
                output=SimpleNamespace(units=str(folder / "units.zarr")),
                params=SimpleNamespace(settings={"session": row}),
                wildcards=SimpleNamespace(session=day, variant="default"),
            )
        )
        folders.append(folder)
        labels.append(seen.truth)
    return folders, labels


def test_imported_sessions_are_matched(imported):
    folders, truth = imported
    sessions = [read_cells(f / "units.zarr", f.parent.name, "footprints") for f in folders]
    field = register.align_sessions(sessions, None, Limits("rigid", SIZE / 4, 6, DIAMETER), 1)
    choose = register.chooser("scopeflow", 5.0, 0.5)
    matches, _ = register.compare_sessions(field, DIAMETER, 5.0, choose, 1)
    match = matches[0]
    first = truth[0][match.pairs.first[match.kept]]
    second = truth[1][match.pairs.second[match.kept]]
    in_both = np.intersect1d(truth[0][truth[0] >= 0], truth[1][truth[1] >= 0])
    assert np.mean(first == second) > 0.95
    assert np.sum(first == second) > 0.9 * len(in_both)


def test_an_imported_session_is_curated(imported):
    folder = imported[0][0]
    session = Session(folder, "ann")
    session.store.act("drop", [3])
    assert read_labels(session.store.path, session.result.unit_id).rejected == [3]
    assert "another program" in session.result.why_no_movie


def test_every_number_that_other_programs_give_is_explained():
    assert {"minian_label", *(name for name, _ in COLUMNS.values())} <= set(COLUMN_WORDS)
