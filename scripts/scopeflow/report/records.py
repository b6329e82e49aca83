"""What a run says of itself: settings, time and memory of its steps, warnings in its logs."""

import csv
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

STAMP = re.compile(r"^\d\d:\d\d:\d\d (?P<level>[A-Z]+) (?P<words>.*)$")
TOLD = ("WARNING", "ERROR", "CRITICAL")
# Columns of a benchmark. Memory is the first of two that was measured: the first counts what
# processes share once.
MEASURED = {"wall_s": ("s",), "cpu_s": ("cpu_time",), "memory_mb": ("max_pss", "max_rss")}


@dataclass(frozen=True)
class Setting:
    """A setting, its default, and whether the two differ.

    Attributes
    ----------
    key : str
        Dotted.
    value, default : str
        As in the config; an empty default where there is none.
    changed : bool
    """

    key: str
    value: str
    default: str
    changed: bool


def settings_list(parameters: dict, defaults: dict) -> list[Setting]:
    """Return every setting of a result, the row of the sheet excepted.

    Parameters
    ----------
    parameters : dict
        Attribute ``parameters`` of ``units.zarr``.
    defaults : dict
        Default of every dotted key.
    """
    own = {key: value for key, value in parameters.items() if key != "session"}
    return [
        Setting(
            key, _text(value), _text(defaults[key]) if key in defaults else "",
            key in defaults and value != defaults[key],
        )
        for key, value in _leaves(own)
    ]  # fmt: skip


def _leaves(section: dict, prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in section.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value)


def costs(tables: dict[str, str]) -> pd.DataFrame:
    """Read the benchmark tables of steps, as far as they exist.

    Parameters
    ----------
    tables : dict of str
        Path by step.

    Returns
    -------
    DataFrame
        Columns ``step``, ``wall_s``, ``cpu_s``, ``memory_mb`` (NaN where the step was too
        short to be measured), in the order given.
    """
    rows = []
    for step, path in tables.items():
        if not Path(path).is_file():
            continue
        with Path(path).open(encoding="utf-8", newline="") as handle:
            lines = list(csv.DictReader(handle, delimiter="\t"))
        if lines:  # the last run counts
            own = (_first_number(lines[-1], names) for names in MEASURED.values())
            rows.append((step, *own))
    types = dict.fromkeys(MEASURED, float)
    return pd.DataFrame(rows, columns=["step", *MEASURED]).astype(types)


def _first_number(line: dict[str, str], names: Iterable[str]) -> float:
    """Return the first cell that is a number; Snakemake writes "-" or "NA" where it has none."""
    for name in names:
        try:
            value = float(line.get(name, ""))
        except (TypeError, ValueError):
            continue
        if math.isfinite(value):
            return value
    return math.nan


def warnings_in(logs: dict[str, str]) -> list[tuple[str, str]]:
    """Return (step, words) of every warning in logs, as far as these exist, each once."""
    found: dict[tuple[str, str], None] = {}
    for step, path in logs.items():
        if Path(path).is_file():
            lines = Path(path).read_text("utf-8", errors="replace").splitlines()
            found.update(dict.fromkeys((step, words) for words in _told(lines)))
    return list(found)


def _told(lines: Iterable[str]) -> list[str]:
    """Return the warnings among the lines of a log, with the lines that go on with them."""
    told: list[str] = []
    open_ = False
    for line in lines:
        start = STAMP.match(line)
        if start:
            open_ = start["level"] in TOLD
            if open_:
                told.append(start["words"])
        elif open_ and line.strip():
            told[-1] += f" {line.strip()}"
    return told
