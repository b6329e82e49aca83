"""Kills, full disks, wrong configs: a clear word, nothing half-done, and the next call goes on."""

import os
import signal
import subprocess
import sys

import pytest

from project import ENVIRONMENT


def start_and_wait(project, rule: str) -> tuple[subprocess.Popen, int]:
    """Start a run whose job of `rule` halts in the middle of a write; return it and the job."""
    project.halt(rule)
    run = project.launch()
    return run, project.halted(rule, run)


def same_as_undisturbed(model) -> None:
    score = (model.folder / "results" / "s1" / "default" / "score.tsv").read_text()
    model.configure(**model.base, results="fresh/results")
    model.complete()
    assert score == (model.folder / "fresh/results/s1/default/score.tsv").read_text()


def test_a_job_killed_in_the_middle_of_a_write_is_redone_by_the_next_call(model):
    run, job = start_and_wait(model, "apply_motion")
    os.kill(job, signal.SIGKILL)
    assert run.wait(60) != 0
    assert "apply_motion" in model.said()
    assert not (model.folder / "results" / "s1" / "default" / "motion" / "Y.zarr").exists()
    model.go_on("apply_motion")
    assert model.due()["apply_motion"] == 1
    assert "load" not in model.due()
    model.complete()
    same_as_undisturbed(model)


def test_after_a_kill_of_snakemake_the_next_call_names_unlock_and_then_completes(model):
    run, job = start_and_wait(model, "apply_motion")
    os.kill(run.pid, signal.SIGKILL)
    os.kill(job, signal.SIGKILL)
    run.wait(60)
    model.go_on("apply_motion")
    half = model.folder / "results" / "s1" / "default" / "motion" / "Y.zarr" / "content"
    assert half.read_text() == "half"

    refused = model.run()
    assert refused.returncode != 0
    assert "--unlock" in refused.stderr

    model.complete("--unlock")
    model.complete()
    assert half.read_text() != "half"
    same_as_undisturbed(model)


@pytest.mark.parametrize(
    "results",
    [
        "file/results",
        pytest.param(
            "/proc/results",  # where not even root can make a folder
            marks=pytest.mark.skipif(sys.platform != "linux", reason="needs /proc"),
        ),
    ],
)
def test_results_that_cannot_be_written_are_told_before_anything_runs(model, results):
    (model.folder / "file").touch()
    model.configure(**model.base, results=results)
    run = model.run()
    assert run.returncode != 0
    assert "results: cannot write to" in run.stderr
    assert "to another place" in run.stderr
    assert_plain(run)
    assert not (model.folder / "simulated").exists()


def test_a_second_call_in_the_folder_is_refused_and_does_not_disturb_the_first(model):
    run, _ = start_and_wait(model, "apply_motion")
    second = model.run()
    assert second.returncode != 0
    assert "Directory cannot be locked" in second.stderr
    assert str(model.folder) in second.stderr
    model.go_on("apply_motion")
    assert run.wait(120) == 0, model.said()
    assert model.due() == {}


def assert_plain(run: subprocess.CompletedProcess) -> None:
    """No traceback, no line of our own files."""
    assert "Traceback" not in run.stderr
    assert 'File "' not in run.stderr


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"motion": {"max_shfit_px": 9}}, "did you mean motion.max_shift_px?"),
        ({"cell_diameter_px": "wide"}, "cell_diameter_px: found 'wide'; allowed: a number >= 3"),
        ({"sessions": "none.tsv"}, "there is no file none.tsv"),
    ],
)
def test_a_wrong_config_is_refused_at_once_without_a_traceback(model, config, words):
    model.configure(**{**model.base, **config})
    run = model.run()
    assert run.returncode != 0
    assert words in run.stderr
    assert_plain(run)
    assert not (model.folder / "results").exists()


def test_a_config_without_sessions_never_falls_back_to_the_demo(model):
    model.configure(cell_diameter_px=12)
    run = model.run("--dry-run")
    assert run.returncode != 0
    assert "sessions, discover: found neither" in run.stdout


def test_another_directory_needs_a_config_of_its_own(model, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "-n", "--directory", elsewhere]
    refused = subprocess.run(
        command, cwd=model.folder, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert refused.returncode != 0
    assert "config/config.yaml" in refused.stdout
    (elsewhere / "m1_day1").mkdir()
    (elsewhere / "m1_day1" / "a.avi").touch()
    (elsewhere / "my.yaml").write_text("discover: {root: ., pattern: '{animal}_{session}'}")
    given = subprocess.run(
        [*command, "--configfile", elsewhere / "my.yaml"],
        cwd=model.folder, env=ENVIRONMENT, capture_output=True, text=True,
    )  # fmt: skip
    assert given.returncode == 0, given.stderr
    assert "results/day1/default/units.zarr" in given.stdout


def test_values_of_the_command_line_have_their_types(model):
    refused = model.run("--dry-run", "--config", "motion={max_shift_px: 0, subpixel: no}")
    assert "motion.max_shift_px: found 0;" in refused.stdout
    model.complete("--dry-run", "--config", "motion={max_shift_px: 4, subpixel: no}", "seed=3")
