"""A sample sheet built from the names of folders."""

import re
from collections.abc import Iterator
from pathlib import Path

from scopeflow.errors import InputError
from scopeflow.plan.settings import read_schema
from scopeflow.plan.sheet import Session
from scopeflow.plan.videos import SUFFIXES, has_recording, natural_key


def discover(root: str, pattern: str, session: str) -> dict[str, Session]:
    """Find the sessions below a folder.

    Parameters
    ----------
    root : str
        Folder to search.
    pattern : str
        Path of a session's folder below it, with names in braces, such as
        ``{animal}/{date}/{session}``: each becomes a column.
    session : str
        How a session's unique name is made of these, such as ``{session}`` or
        ``{animal}-{date}``.

    Returns
    -------
    dict
        Sessions by name, in natural order. Folders without any video are left out.

    Raises
    ------
    InputError
        If nothing is found or names are not unique.
    """
    if not Path(root).is_dir():
        raise InputError(f"discover.root: there is no folder {root} (looked for in {Path.cwd()}).")
    columns = re.findall(r"{(\w+)}", pattern)
    unknown = [c for c in ["animal", *re.findall(r"{(\w+)}", session)] if c not in columns]
    if unknown:
        raise InputError(
            f"discover.pattern: {pattern!r} does not name {{{unknown[0]}}}, which is needed for "
            f"the animal or for discover.session ({session!r}). Allowed is such as "
            "{animal}/{date}/{session}."
        )
    _refuse_unusable(pattern, columns)
    sessions: dict[str, Session] = {}
    rules = read_schema("sessions")["properties"]
    for folder, values in _match(Path(root), pattern.strip("/").split("/"), {}):
        if not has_recording(folder):
            continue
        name = _named(session, values)
        where = f"discover, folder {folder}"
        for column, value in {"session": name, "animal": values["animal"]}.items():
            if not re.fullmatch(rules[column]["pattern"], value):
                raise InputError(
                    f"{where}: {column} is {value!r}; allowed: {rules[column]['x-allowed']}. "
                    "Rename the folder, or write a sample sheet (sessions)."
                )
        if name.lower() in {other.lower() for other in sessions}:
            raise InputError(
                f"{where}: there is another session {name!r}. Make names unique by "
                "discover.session, such as '{animal}-{date}-{session}'."
            )
        metadata = {**values, "session": name, "path": folder.as_posix()}
        sessions[name] = Session(
            name, values["animal"], folder.as_posix(), where=where, metadata=metadata
        )
    if not sessions:
        raise InputError(
            f"discover: no folder with a video below {root} fits {pattern!r}. Known videos are "
            f"{', '.join(SUFFIXES)}."
        )
    return sessions


def _refuse_unusable(pattern: str, columns: list[str]) -> None:
    """Refuse a pattern with a name that stands there twice, or is a number."""
    for column in columns:
        if columns.count(column) > 1 or not column.isidentifier():
            fault = "twice" if columns.count(column) > 1 else "but a name begins with a letter"
            raise InputError(
                f"discover.pattern: {pattern!r} names {{{column}}} {fault}. Give each part of the "
                "path a name of its own, such as {animal}/{date}/{session}."
            )


def _named(session: str, values: dict) -> str:
    try:
        return session.format(**values)
    except (ValueError, LookupError, AttributeError) as error:
        raise InputError(
            f"discover.session: {session!r} is no pattern of a name ({error}). Allowed is such as "
            "{session} or {animal}-{date}."
        ) from None


def _match(folder: Path, parts: list[str], values: dict) -> Iterator[tuple[Path, dict]]:
    """Yield the folders that fit the rest of a pattern, with the values of its names."""
    if not parts:
        yield folder, values
        return
    tokens = re.split(r"{(\w+)}", parts[0])
    regex = "".join(f"(?P<{t}>.+?)" if i % 2 else re.escape(t) for i, t in enumerate(tokens))
    subfolders = [entry for entry in folder.iterdir() if entry.is_dir()]
    for entry in sorted(subfolders, key=lambda e: natural_key(e.name)):
        match = re.fullmatch(regex, entry.name)
        if match and not entry.name.startswith("."):
            yield from _match(entry, parts[1:], {**values, **match.groupdict()})
