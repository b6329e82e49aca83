"""Settings in the sheet, previews, and what is told of sessions at the end of a run."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from scopeflow.errors import InputError
from scopeflow.plan.alone import alone
from scopeflow.plan.conclude import conclude
from scopeflow.plan.differences import differences
from scopeflow.plan.discover import discover
from scopeflow.plan.plan import Plan
from scopeflow.plan.status import Job, last_error, read_status, session_states, told_status


def plan(folder, *rows, header="session\tanimal\tpath", **config) -> Plan:
    sheet = folder / "sessions.tsv"
    sheet.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    results = str(folder / "results")
    return Plan(
        {"sessions": str(sheet), "simulate": {"fake": {}}, "results": results, **config},
        "my.yaml",
    )


HEADER = "session\tanimal\tpath\tmotion.max_shift_px\tcell_diameter_px\tload.frames.stop\tgroup"


def test_a_column_named_like_a_setting_holds_for_its_session(tmp_path):
    p = plan(
        tmp_path, "s1\tm\tfake\t40\t12.5\t\tsaline", "s2\tm\tfake\tnull\t\t900\tdrug",
        header=HEADER, motion={"max_shift_px": 20},
        overrides={"s1": {"cell_diameter_px": 13}}, variants={"v": {"motion": {"max_shift_px": 7}}},
    )  # fmt: skip
    first, second = (p.effective(s, "default") for s in ("s1", "s2"))
    assert first["motion"]["max_shift_px"] == 40
    assert first["cell_diameter_px"] == 13  # overrides go before the sheet
    assert first["load"]["frames"]["stop"] is None
    assert second["motion"]["max_shift_px"] is None
    assert second["cell_diameter_px"] == 16
    assert second["load"]["frames"]["stop"] == 900
    assert p.effective("s1", "v")["motion"]["max_shift_px"] == 7
    assert first["session"]["group"] == "saline"
    assert not any("." in key or key == "cell_diameter_px" for key in first["session"])
    config, _ = alone(p, "s1")
    assert config["overrides"]["s1"]["motion"] == {"max_shift_px": 40}
    assert config["overrides"]["s1"]["cell_diameter_px"] == 13


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("motion.max_shift_px", "far", ["row 2 (s1): column motion.max_shift_px: found 'far'",
                                        "a number >= 1 and <= 500"]),
        ("motion.max_shfit_px", "3", ["column motion.max_shfit_px", "mean motion.max_shift_px?"]),
        ("body.weight", "20", ["column body.weight: a name with a dot stands for a setting",
                               "without a dot"]),
        ("mem_mb.load", "20", ["column mem_mb.load", "no such setting"]),
        ("seed", "-1", ["row 2 (s1): column seed: found -1"]),
        ("spatial.method", "[", ["column spatial.method: found '['; allowed: scopeflow, minian"]),
    ],
)  # fmt: skip
def test_a_wrong_setting_in_the_sheet_is_refused(tmp_path, column, value, words):
    with pytest.raises(InputError) as caught:
        plan(tmp_path, f"s1\tm\tfake\t{value}", header=f"session\tanimal\tpath\t{column}")
    for word in [*words, "sessions.tsv"]:
        assert word in str(caught.value)


@pytest.mark.parametrize("name", ["preview", "status.tsv", "Cohort.csv"])
def test_names_of_our_own_files_are_no_sessions(tmp_path, name):
    with pytest.raises(InputError, match="and not cross_registration"):
        plan(tmp_path, f"{name}\tm\tfake")


def test_names_in_braces_become_columns(tmp_path):
    folder = tmp_path / "lab" / "m1_saline" / "2026-05-01" / "run1"
    folder.mkdir(parents=True)
    (folder / "msCam1.avi").touch()
    found = discover(
        str(tmp_path / "lab"), "{animal}_{group}/{date}/{session}", "{animal}-{session}"
    )
    assert found["m1-run1"].metadata == {
        "animal": "m1", "group": "saline", "date": "2026-05-01", "session": "m1-run1",
        "path": folder.as_posix(),
    }  # fmt: skip


# -------------------------------------------------------------------------- variants


def test_differences_are_told_as_they_stand_in_the_config():
    run = {"seed": 3, "motion": {"region": {"top": 1}, "subpixel": False}, "a": 0.5}
    assert differences(run, {**run, "a": None}) == "a=0.5"
    other = {"seed": 3, "motion": {"region": None, "subpixel": True}, "a": 0.5}
    assert differences(run, other) == "motion.region.top=1; motion.subpixel=false"
    assert differences(other, run) == "motion.subpixel=true; motion.region.top=null"
    assert differences(run, run) == ""


def test_variants_are_compared_where_there_are_several(tmp_path):
    one = plan(tmp_path, "s1\tm\tfake")
    assert not [file for file in one.targets() if "/variants." in file]
    two = plan(tmp_path, "s1\tm\tfake", variants={"low": {"seed": 2}})
    assert two.targets()[-2:] == [f"{two.results}/s1/variants.{kind}" for kind in ("tsv", "png")]
    wildcards = SimpleNamespace(session="s1")
    assert two.differences(wildcards) == {"default": "", "low": "seed=2"}
    assert [Path(f).parts[-2:] for f in two.scores_of_variants(wildcards)] == [
        ("default", "score.tsv"), ("low", "score.tsv"),
    ]  # fmt: skip


def test_a_variant_cannot_have_the_name_of_their_table(tmp_path):
    with pytest.raises(InputError, match=r"'variants.tsv' is not a name"):
        plan(tmp_path, "s1\tm\tfake", variants={"variants.tsv": {}})


def test_a_preview_is_a_session_with_an_excerpt(tmp_path):
    p = plan(
        tmp_path, "s1\tm\tfake", "s2\tm\tfake", preview={"n_frames": 300, "sessions": ["s2"]},
        overrides={"s2": {"seed": 9}}, variants={"low": {"seed": 2}},
    )  # fmt: skip
    run = p.effective("preview/s2", "default")
    assert run["load"]["excerpt"] == {"n_frames": 300, "size_px": 256}
    assert run["seed"] == 9
    assert "excerpt" not in p.effective("s2", "default")["load"]
    files = p.previews()
    assert f"{p.results}/preview/s2/variants.png" in files
    assert f"{p.results}/preview/s2/low/figures/summary.png" in files
    assert not any("s1" in file for file in files)
    wildcards = SimpleNamespace(session="preview/s2", variant="low")
    assert p.recording(wildcards) == p.recording(SimpleNamespace(session="s2", variant="low"))
    assert p.scores_of_variants(wildcards) == []  # the truth is that of the whole recording
    assert not any("/preview/" in file for file in p.targets())


def test_a_preview_of_a_stranger_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"preview.sessions: s9: there is no session .* s1"):
        plan(tmp_path, "s1\tm\tfake", preview={"sessions": ["s9"]})


# -------------------------------------------------------------------------- status


def make(p: Plan, session: str, but: int = 0) -> None:
    targets = p.targets_of(session)
    for path in targets[: len(targets) - but]:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()


def states(p: Plan, *jobs, earlier=None) -> dict[str, tuple]:
    rows = session_states(p, jobs, earlier)
    return {row["session"]: (row["state"], row["rule"], row["reason"]) for row in rows}


def test_sessions_are_finished_failed_or_incomplete(tmp_path):
    p = plan(tmp_path, *(f"s{i}\tm\tfake" for i in range(1, 6)))
    for session, but in {"s1": 0, "s2": 0, "s3": 2, "s4": 0}.items():
        make(p, session, but)
    log = tmp_path / "merge.log"
    log.write_text("10:00:00 INFO begun\n10:00:01 ERROR session s2: too dark. Add light.\n")
    found = states(
        p,
        Job("merge", str(log), True, {"session": "s2", "variant": "default"}),
        Job("units", "", False, {"session": "s2", "variant": "default"}),
        Job("units", "", False, {"session": "s4", "variant": "default"}),
    )
    assert found["s1"] == ("finished", "", "")
    # Old results of s2 and s4 are there, but they are not what was asked for.
    assert found["s2"] == ("failed", "merge", "session s2: too dark. Add light.")
    assert found["s3"][0] == "incomplete"
    assert "2 results are missing" in found["s3"][2]
    assert found["s4"] == ("incomplete", "", "1 jobs were not done: units")
    assert found["s5"] == ("not begun", "", "")


def test_a_failed_recording_concerns_the_sessions_made_of_it(tmp_path):
    p = plan(tmp_path, "s1\tm\tfake", "s2\tm\tother", simulate={"fake": {}, "other": {}})
    make(p, "s2")
    job = Job("simulate_1_files", "none.log", True, {"recording": "fake"})
    found = states(p, job)
    assert found["s1"][:2] == ("failed", "simulate_1_files")
    assert "ended without a word" in found["s1"][2]
    assert found["s2"][0] == "finished"


def test_what_belongs_to_no_session_or_to_a_preview_has_a_row_if_it_failed(tmp_path):
    p = plan(tmp_path, "s1\tm\tfake")
    make(p, "s1")
    jobs = [
        Job("validate", "", True, {"variant": "default"}),
        Job("load", "", True, {"session": "preview/s1", "variant": "default"}),
        Job("compare_results", "", False, {"comparison": "c"}),
    ]
    found = states(p, *jobs)
    assert found["s1"][0] == "finished"
    assert found[""][:2] == ("failed", "validate")
    assert found["preview/s1"][:2] == ("failed", "load")


def test_a_failure_stays_in_the_table_until_it_is_mended(tmp_path):
    p = plan(tmp_path, "s1\tm\tfake", "s2\tm\tfake")
    conclude(p, [Job("load", "x.log", True, {"session": "s1", "variant": "default"})])
    make(p, "s2")
    conclude(p, [])  # a run of something else
    earlier = read_status(f"{p.results}/status.tsv")
    assert (earlier["s1"]["state"], earlier["s1"]["log"]) == ("failed", "x.log")
    assert earlier["s2"]["state"] == "finished"
    make(p, "s1")
    conclude(p, [])
    assert read_status(f"{p.results}/status.tsv")["s1"]["state"] == "finished"


def test_reports_are_named_where_there_are_any(tmp_path, write_units):
    p = plan(tmp_path, "s1\tm\tfake")
    folder = tmp_path / "results" / "s1" / "default"
    folder.mkdir(parents=True)
    write_units(n_units=3, n_frames=200).rename(folder / "units.zarr")
    assert "report.html" not in conclude(p, [])
    (folder / "report.html").touch()
    assert conclude(p, []).endswith(f"{p.results}/SESSION/VARIANT/report.html")


def test_of_a_group_the_job_that_says_why_is_named(tmp_path):
    p = plan(tmp_path, "s1\tm\tfake")
    (tmp_path / "load.log").write_text("10:00:00 INFO done in 3 s\n")
    (tmp_path / "motion.log").write_text("10:00:09 ERROR no contrast\n")
    own = {"session": "s1", "variant": "default"}
    jobs = [Job(name, str(tmp_path / f"{name}.log"), True, own) for name in ("load", "motion", "x")]
    assert states(p, *jobs)["s1"] == ("failed", "motion", "no contrast")


def test_the_reason_of_a_bug_is_its_last_line(tmp_path):
    log = tmp_path / "a.log"
    log.write_text(
        "1 ERROR the job failed; this is a bug\nTraceback (most recent call last):\n  File x\n"
        "KeyError: 'fps'\n\n"
    )
    assert last_error(str(log)) == "the job failed; this is a bug: KeyError: 'fps'"
    assert last_error(str(tmp_path / "none.log")) == ""
    assert last_error("") == ""


def test_the_screen_shows_the_first_failures_and_counts_the_rest(tmp_path):
    p = plan(tmp_path, *(f"s{i}\tm\tfake" for i in range(30)))
    jobs = [
        Job("load", f"logs/s{i}.log", True, {"session": f"s{i}", "variant": "v"}) for i in range(12)
    ]
    words = told_status(session_states(p, jobs), "results/status.tsv")
    assert words.startswith("Sessions: 0 finished, 12 failed, 18 not begun. Table: results/")
    assert "  s0 v: load failed: ended without a word" in words
    assert "    log: logs/s9.log" in words
    assert "s10" not in words
    assert words.endswith("... and 2 more")


def test_what_was_taken_over_from_another_program_has_no_preview(tmp_path):
    (tmp_path / "old.npz").touch()
    rows = ("s1\tm\tfake\t", "s2\tm\t\told.npz")
    header = "session\tanimal\tpath\tunits"
    p = plan(tmp_path, *rows, header=header)
    assert not any("s2" in path.rsplit("preview", 1)[1] for path in p.previews())
    p = plan(tmp_path, *rows, header=header, preview={"sessions": ["s2"]})
    with pytest.raises(InputError, match=r"preview.sessions: s2 is taken over from another"):
        p.previews()
