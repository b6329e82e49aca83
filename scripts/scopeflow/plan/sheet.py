"""The sample sheet: one row per session, read as text, checked row by row."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from scopeflow.errors import InputError
from scopeflow.plan.columns import setting_columns, settings_of, unknown_columns
from scopeflow.plan.settings import read_schema

DELIMITERS = "\t,;"


@dataclass(frozen=True)
class Session:
    """One row of the sheet.

    Attributes
    ----------
    name, animal : str
        Columns ``session`` and ``animal``.
    path : str
        Folder or file, relative to the working directory or absolute; or the name of a
        simulated recording.
    pattern : str or None
        Glob for the files in the folder.
    fps_hz : float or None
        Frame rate in Hz, if the sheet states it.
    units : str or None
        Result of another program that is taken over; then there is no path.
    behavior : str or None
        Table of the animal's positions.
    where : str
        File and row, for messages.
    metadata : dict of str
        Every column as it stands in the sheet, without those that are settings.
    settings : dict
        Settings that the sheet gives for this session, section by section.
    """

    name: str
    animal: str
    path: str
    pattern: str | None = None
    fps_hz: float | None = None
    units: str | None = None
    behavior: str | None = None
    where: str = ""
    metadata: dict = field(default_factory=dict)
    settings: dict = field(default_factory=dict)

    @property
    def is_included(self) -> bool:
        """Whether the session takes part in rules over all sessions."""
        return self.metadata.get("include", "").lower() not in {"no", "false", "0"}


def read_sheet(path: str | Path, simulated: frozenset = frozenset()) -> dict[str, Session]:
    """Read and check a sample sheet.

    Parameters
    ----------
    path : str or Path
        TSV or CSV with a header; relative paths in it are relative to its folder.
    simulated : frozenset of str
        Names of simulated recordings, which a row may have instead of a path.

    Returns
    -------
    dict
        Sessions by name, in the order of the sheet.

    Raises
    ------
    InputError
        With one line for each fault.
    """
    path = Path(path)
    rows = _read_rows(path)
    columns = setting_columns(list(rows[0][1]))
    faults, sessions = list(unknown_columns(columns, str(path))), {}
    if faults:
        raise InputError("\n".join(faults))
    seen: dict[str, str] = {}
    for number, values in rows:
        where = f"{path}, row {number} ({values['session'] or 'no name'})"
        found = list(_faults(values, where, path.parent, simulated))
        settings, wrong = settings_of(values, columns, where)
        found += wrong
        name = values["session"]
        if name.lower() in seen:
            found.append(
                f"{where}: session {name!r} stands in {seen[name.lower()]} already (upper and "
                "lower case count as equal). Give every session its own name."
            )
        seen.setdefault(name.lower(), f"row {number}")
        faults += found
        if not found:
            metadata = {k: v for k, v in values.items() if k not in columns}
            sessions[name] = _session(metadata, where, path.parent, simulated, settings)
    if faults:
        raise InputError("\n".join(faults))
    return sessions


def _read_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return (number of the line, values by column) of every row that is not blank."""
    try:
        text = path.read_text("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"sessions: there is no file {path} (looked for in {Path.cwd()}). Correct the path, "
            "or write the sheet: a table with the columns session, animal, path."
        ) from None
    except IsADirectoryError:
        raise InputError(
            f"sessions: {path} is a folder; a TSV or CSV file is needed. To have the sheet built "
            f"from folder names, set discover instead."
        ) from None
    except UnicodeDecodeError:
        raise InputError(
            f"sessions: {path} is not a text file in UTF-8. Save the sheet as text, tab-separated "
            "(.tsv) or comma-separated (.csv), in UTF-8."
        ) from None
    lines = text.splitlines()
    header = next((line for line in lines if line.strip()), "")
    delimiter = max(DELIMITERS, key=header.count)
    table = [
        (number, [cell.strip() for cell in cells])
        for number, cells in enumerate(csv.reader(lines, delimiter=delimiter), start=1)
        if any(cell.strip() for cell in cells)
    ]
    columns = table[0][1] if table else []
    missing = [c for c in read_schema("sessions")["required"] if c not in columns]
    if missing:
        spaced = len(columns) == 1 and "  " in columns[0]
        raise InputError(
            f"{path}: column {missing[0]} is missing; found: {', '.join(columns) or 'nothing'}. "
            "The first row must name the columns session, animal and path, with "
            + ("tabs between them (here are spaces)." if spaced else "tabs or commas between them.")
        )
    twice = [c for c in columns if c and columns.count(c) > 1]
    if twice:
        raise InputError(f"{path}: column {twice[0]} stands there twice. Remove one.")
    if len(table) < 2:
        raise InputError(f"{path}: there are no rows. Write one row for each session.")
    rows = []
    for number, cells in table[1:]:
        if len(cells) > len(columns) and any(cells[len(columns) :]):
            raise InputError(
                f"{path}, row {number}: {len(cells)} values for {len(columns)} columns. Quote a "
                "value that holds the separator."
            )
        cells += [""] * (len(columns) - len(cells))
        rows.append((number, {c: v for c, v in zip(columns, cells, strict=False) if c}))
    return rows


def _faults(values: dict, where: str, folder: Path, simulated: frozenset) -> Iterator[str]:
    for column, rule in read_schema("sessions")["properties"].items():
        value = values.get(column, "")
        if column == "path" and not value and values.get("units"):
            continue  # nothing is recorded that would be read
        if not value and column in read_schema("sessions")["required"]:
            yield f"{where}: column {column} is empty; allowed: {rule['x-allowed']}."
        elif value and "pattern" in rule and not re.fullmatch(rule["pattern"], value):
            yield f"{where}: {column} is {value!r}; allowed: {rule['x-allowed']}."
    path = values["path"]
    if path and path not in simulated and not (folder / path).exists():
        yield (
            f"{where}: path {path!r} does not exist (looked for at {(folder / path).absolute()}). "
            "Correct it: a folder or a file, relative to the sheet's folder, or the name of a "
            "recording under simulate in the config."
        )
    units = values.get("units", "")
    if units and not (folder / units).exists():
        yield (
            f"{where}: {units!r}, named in column units, does not exist (looked for at "
            f"{(folder / units).absolute()}). Correct it, or leave it empty to find the units in "
            "the videos."
        )
    behavior = values.get("behavior", "")
    if behavior and not (folder / behavior).is_file():
        yield (
            f"{where}: there is no file {behavior!r}, named in column behavior (looked for at "
            f"{(folder / behavior).absolute()}). Correct it or leave it empty."
        )


def _session(
    values: dict, where: str, folder: Path, simulated: frozenset, settings: dict
) -> Session:
    path = values["path"]
    fps, units = values.get("fps_hz", ""), values.get("units", "")
    return Session(
        name=values["session"],
        animal=values["animal"],
        path=path if path in simulated or not path else (folder / path).as_posix(),
        pattern=values.get("pattern") or None,
        fps_hz=float(fps) if fps else None,
        units=(folder / units).as_posix() if units else None,
        behavior=(folder / values["behavior"]).as_posix() if values.get("behavior") else None,
        where=where,
        metadata=values,
        settings=settings,
    )
