"""What steps import: each starts anew, a dozen times for every session."""

import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"
STEPS = [
    *("load", "preprocess", "estimate_motion", "apply_motion", "seeds_init", "seeds_refine"),
    *("noise", "initialize", "spatial_update", "compute_traces", "temporal_update", "merge"),
    *("units", "curate"),
]
SLOW = ("scipy.signal", "scipy.stats", "sklearn", "matplotlib", "cvxpy", "dask", "xarray", "bokeh")
WITHOUT_KERNELS = ["units", "export", "report", "plot_summary", "plot_steps"]
WITHOUT_TABLES = [
    *("preprocess", "estimate_motion", "apply_motion", "noise", "spatial_update", "merge"),
]


def imported_by(steps: list[str]) -> set[str]:
    code = f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); import {', '.join(steps)}; "
    code += "print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_steps_do_without_packages_that_are_slow_to_import():
    assert not imported_by(STEPS) & set(SLOW)


def test_steps_without_tables_do_without_pandas():
    assert "pandas" not in imported_by(WITHOUT_TABLES)


def test_steps_that_only_read_and_write_do_without_compiler_and_filters():
    assert not imported_by(WITHOUT_KERNELS) & {"numba", "scipy.ndimage"}


def test_report_does_without_matplotlib():
    assert "matplotlib" not in imported_by(["report"])
