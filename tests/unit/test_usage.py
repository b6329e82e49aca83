"""What a command costs, measured from outside."""

import subprocess
import sys
import time

import psutil
import pytest

from scopeflow.errors import InputError
from scopeflow.usage import run_measured, size_mb


def run(code: str, folder):
    return run_measured([sys.executable, "-c", code], folder, folder / "log.txt")


def test_memory_of_processes_below_is_counted(tmp_path):
    child = "import time; block = b'x' * 150_000_000; time.sleep(1.5)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    usage = run(code, tmp_path)
    assert 150 <= usage.peak_mb < 400
    assert usage.wall_s >= 1.5  # the pause of the process below


def test_processor_time_is_that_of_the_command(tmp_path):
    work = "import time\nend = time.process_time() + 1\nwhile time.process_time() < end: pass"
    idle = run("import time; time.sleep(1)", tmp_path)
    assert run(work, tmp_path).cpu_s >= 1
    assert idle.cpu_s < idle.wall_s


def test_failure_tells_what_the_command_said(tmp_path):
    with pytest.raises(InputError, match=r"status 3:\nno such cell"):
        run("print('no such cell'); raise SystemExit(3)", tmp_path)


def test_size_of_a_folder(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(bytes(2_000_000))
    assert size_mb(tmp_path) == pytest.approx(2, abs=0.01)


def test_memory_of_a_script_of_the_workflow_is_told_by_its_name(tmp_path):
    script = tmp_path / "tmpq1w2e3.load.py"
    script.write_text("import time; block = b'x' * 100_000_000; time.sleep(1.5)")
    usage = run_measured([sys.executable, str(script)], tmp_path, tmp_path / "log.txt")
    assert list(usage.script_mb) == ["load"]
    assert 100 <= usage.script_mb["load"] <= usage.peak_mb


def test_an_interrupted_measurement_leaves_no_process_behind(tmp_path, monkeypatch):
    below = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {below!r}])"

    wait, waits = subprocess.Popen.wait, ["the first"]

    def interrupt(process, *how):
        if not waits:
            return wait(process, *how)
        waits.clear()
        end = time.monotonic() + 60
        while not (tmp_path / "pid").is_file() or not (tmp_path / "pid").read_text():
            assert time.monotonic() < end, "the process below has not started"
            time.sleep(0.05)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(code, tmp_path)
    pid = int((tmp_path / "pid").read_text())
    left = [psutil.Process(pid)] if psutil.pid_exists(pid) else []
    _, alive = psutil.wait_procs(left, 10)
    assert all(process.status() == psutil.STATUS_ZOMBIE for process in alive)
