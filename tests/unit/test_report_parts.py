"""Parts of the report: tables of tests, drops and lineage, settings, logs, footprints."""

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from scopeflow import seed_fates, spans, unit_ends
from scopeflow.deconvolve import coefficients
from scopeflow.footprints import blobs
from scopeflow.report import (
    changes,
    footprint_maps,
    pictures,
    records,
    seeds_map,
    unit_data,
)
from scopeflow.report.sources import read_units
from scopeflow.report.style import stretches


def test_every_candidate_is_counted_at_the_first_test_that_it_failed():
    seeds = pd.DataFrame({
        "mask_events": [True, False, True, False],
        "mask_pnr": [True, True, False, False],
        "mask_merge": [True, False, False, False],
    })  # fmt: skip
    assert seed_fates.fates(seeds).tolist() == ["kept", "events", "pnr", "events"]
    table = seed_fates.attrition(seeds)
    assert table.to_numpy().tolist() == [["events", 2, 2, 2], ["pnr", 2, 1, 1], ["merge", 3, 0, 1]]
    assert seed_fates.attrition(seeds[:0])["left"].tolist() == [0, 0, 0]


def test_units_say_what_a_person_made_of_them(write_units):
    path = write_units(n_units=3, n_frames=60)
    labels = read_units(path, {"split": {"1": [1, 11]}, "rejected": [5]})["label"]
    assert labels.tolist() == ["split into 1 and 11", "kept", "rejected"]
    assert "label" not in read_units(path, {"split": {}})


def test_tests_that_are_off_say_so():
    settings = {"gmm": False, "ks_alpha": None}
    assert seeds_map.tests_off(settings) == ["gmm", "ks"]
    assert seeds_map.tests_off({"gmm": True, "ks_alpha": 0.05}) == []
    seeds = pd.DataFrame({
        "height": [3.0], "width": [3.0], "candidate": [0], "mask_gmm": [True], "mask_pnr": [True],
    })  # fmt: skip
    body = seeds_map.seeds_section(seeds, np.eye(9), ["gmm"]).body
    assert body.count("<td class=n>off</td><td class=n></td><td class=n>1</td>") == 1


def test_the_frame_with_most_signal_is_shown_first():
    frames = np.random.default_rng(0).integers(0, 3, (5, 20, 20)).astype(np.uint8)
    frames[3, 5:9, 5:9] = 40
    assert spans.most_active(frames) == 3


@pytest.mark.parametrize("top", [1, 60, 100, 255, 4000])
def test_bins_of_counts_hold_equally_many_of_them(top):
    values = np.arange(top + 1, dtype=np.uint16)
    counts = np.histogram(values, spans.count_bins(values))[0]
    assert len(counts) <= spans.BINS
    assert len(set(counts[:-1].tolist())) <= 1
    assert counts.sum() == top + 1
    edges = spans.count_bins(np.zeros(3, np.float32))
    assert edges[0] == 0 < edges[-1]


def test_no_motion_is_a_flat_line_and_no_noise():
    assert spans.axis_span(np.zeros(9), 2) == (-1, 1)
    assert spans.axis_span(np.array([np.nan]), 2) == (-1, 1)
    assert spans.axis_span(np.array([-10.0, 10]), 2) == (-11, 11)


def test_every_unit_that_is_gone_has_an_end():
    rounds = [
        unit_ends.Round(np.array([1, 2, 3, 5]), np.array([1, 2, 5]), {1: [1, 2]}),
        unit_ends.Round(np.array([1, 5]), np.array([1, 5]), {}),
    ]
    found = unit_ends.ends(np.array([1, 2, 3, 4, 5]), rounds, {"rejected": [5], "merged": {}})
    assert [(end.unit_id, end.step, end.reason, end.into) for end in found] == [
        (4, "spatial_update 1", changes.SPATIAL, None),
        (3, "temporal_update 1", changes.TEMPORAL, None),
        (2, "merge 1", changes.MERGE, 1),
        (5, "curate", changes.PERSON, None),
    ]
    by_hand = unit_ends.ends(np.array([7, 8]), [], {"merged": {"7": [7, 8]}})
    assert [(end.unit_id, end.into) for end in by_hand] == [(8, 7)]


def test_changed_settings_are_told_from_defaults():
    parameters = {
        "seed": 0, "session": {"session": "a"}, "merge": {"correlation_min": 0.5},
        "load": {"frames": {"stop": None}}, "cell_diameter_px": 16.0,
    }  # fmt: skip
    defaults = {"seed": 0, "merge.correlation_min": 0.8, "load.frames.stop": None,
                "cell_diameter_px": 16.0}  # fmt: skip
    found = {s.key: s for s in records.settings_list(parameters, defaults)}
    assert [key for key, s in found.items() if s.changed] == ["merge.correlation_min"]
    assert found["merge.correlation_min"].default == "0.8"
    assert found["cell_diameter_px"].value == "16"
    assert found["load.frames.stop"].value == "null"
    assert not any(key.startswith("session") for key in found)


def test_warnings_and_costs_are_read_from_what_is_there(tmp_path):
    log, table = tmp_path / "load.log", tmp_path / "load.tsv"
    log.write_text(
        "10:00:00 INFO one\n10:00:01 WARNING two\nand more\n10:00:02 INFO three\nfour\n"
        "10:00:03 WARNING two\n10:00:04 ERROR five\n"
    )
    missing = str(tmp_path / "none")
    told = records.warnings_in({"load": str(log), "merge": missing})
    assert told == [("load", "two and more"), ("load", "two"), ("load", "five")]
    table.write_text("s\tmax_rss\tcpu_time\n1.5\t-\tNA\n")
    costs = records.costs({"load": str(table), "merge": missing})
    assert costs["step"].tolist() == ["load"]
    assert costs["wall_s"].tolist() == [1.5]
    assert costs["memory_mb"].isna().all()
    assert records.costs({}).empty


def test_footprints_are_cut_out_around_their_centres():
    shape = (40, 50)
    centres = np.array([[20.0, 25.0], [1.0, 48.0]])
    A = blobs(centres, 3, shape)
    cut = unit_data.cutouts(A, centres, shape, 21)
    assert cut.data[0, 10, 10] == 255
    assert (cut.top[0], cut.left[0]) == (10, 15)
    assert cut.data[1, :9].sum() == 0  # above the image
    for k in range(2):
        dense = A[[k]].toarray().reshape(shape)
        rows, cols = np.nonzero(dense)
        shown = cut.data[k, rows - cut.top[k], cols - cut.left[k]]
        np.testing.assert_allclose(shown / 255, dense[rows, cols], atol=0.5 / 255)
    assert unit_data.window_side(16, shape) == 49
    assert unit_data.window_side(100, shape) == 51


def test_outlines_run_at_their_level():
    A = blobs(np.array([[20.0, 25.0]]), 3, (40, 50))
    xs, ys = unit_data.outlines_of(A, (40, 50))
    radius = np.hypot(xs[0] - 25, ys[0] - 20)
    np.testing.assert_allclose(radius, 3 * np.sqrt(-2 * np.log(0.4)), atol=0.2)
    empty = sparse.csr_array((1, 2000), dtype=np.float32)
    assert unit_data.outlines_of(empty, (40, 50))[0][0].size == 0


@pytest.mark.parametrize("wrong", [1.0, 2.0])
def test_the_mean_event_shows_the_true_kinetics(wrong):
    """It lies on the pulse response only where the assumed decay is right."""
    fps = 20
    true, assumed = (coefficients(tau, 0.1, fps) for tau in (0.8, 0.8 * wrong))
    S = np.zeros(2000)
    S[np.random.default_rng(3).choice(1900, 40, replace=False)] = 1.0
    lags = unit_data.response_lags(0.8, fps)
    pulses = [unit_data.response(g, lags[-1] + 1) for g in (true, assumed)]
    raw, fit = (np.convolve(S, pulse)[:2000] for pulse in pulses)
    residual = raw - fit
    residual[100:110] = np.nan
    found = unit_data.mean_event(residual, S, pulses[1][lags], lags)
    if wrong == 1:
        np.testing.assert_allclose(found, pulses[1][lags], atol=1e-9)
    else:
        assert found[len(lags) // 3] < pulses[1][lags][len(lags) // 3]
    nothing = unit_data.mean_event(residual, 0 * S, pulses[1][lags], lags)
    assert np.isnan(nothing).all()


def test_a_response_without_a_rise_starts_at_its_peak():
    pulse = unit_data.response(np.array([0.9, 0.0]), 5)
    np.testing.assert_allclose(pulse, 0.9 ** np.arange(5))


def test_maps_count_shared_pixels():
    A = sparse.csr_array(np.array([[1, 0.5, 0, 0], [0, 1, 0, 0]], np.float32))
    maps = footprint_maps.maps_of(A, (2, 2))
    np.testing.assert_array_equal(maps.count, [[1, 2], [0, 0]])
    np.testing.assert_array_equal(maps.total, [[1, 1.5], [0, 0]])
    assert (maps.n_units, maps.size_px, maps.shared) == (2, 1.5, 0.5)
    none = footprint_maps.maps_of(sparse.csr_array((0, 4), dtype=np.float32), (2, 2))
    assert none.n_units == none.shared == 0
    assert np.isnan(none.size_px)


def test_pictures_come_back():
    import base64

    image = np.zeros((6, 8, 3), np.uint8)
    image[2, 3] = 255, 128, 0
    kind, data = pictures.encoded(image, lossless=True).split(",")
    assert kind == "data:image/png;base64"
    back = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(back[..., ::-1], image)
    assert pictures.encoded(image[..., 0]).startswith("data:image/webp;base64,")
    assert pictures.limits(np.full((2, 2), 7)) == (7.0, 8.0)
    assert pictures.limits(np.full((2, 2), np.nan)) == (0.0, 1.0)
    assert pictures.counted(np.array([[0, 9]])).tolist() == [[[0, 0, 0], [213, 94, 0]]]


def test_level_lines_lie_between_two_levels():
    image = np.zeros((5, 5))
    image[:, 3:] = 10
    lines = pictures.level_lines(image, [5.0])
    assert (lines[:, 2] == 0).all()
    assert (lines == 0).sum() == 5


def test_stretches_of_marked_frames():
    assert stretches(np.array([True, True, False, True])) == [(0, 1), (3, 3)]
    assert stretches(np.zeros(3, bool)) == []
