"""Chosen settings go into the user's config: comments kept, checked first, written whole.

Nothing is written that the workflow would refuse. The file as it was stays beside it.
"""

import io
import os
import shutil
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from scopeflow.errors import InputError
from scopeflow.plan.settings import load_config

# What a person draws or brushes holds for one recording only.
OF_ONE_SESSION = ("load.exclude", "load.region", "motion.region", "motion.polygon")


def changed_text(
    text: str, values: Mapping[str, object], path: tuple[str, ...], source: str
) -> str:
    """Return the text of a config with settings changed.

    Parameters
    ----------
    text : str
        YAML, as the user wrote it.
    values : mapping
        New values by dotted key, such as ``spatial.sparse_penalty``.
    path : tuple of str
        Where they go: ``()`` for all sessions, ``("overrides", session)`` or
        ``("variants", name)``.
    source : str
        Name of the file, for messages.

    Returns
    -------
    str
        Everything else, comments included, as it was.

    Raises
    ------
    InputError
        If the text is no YAML, or the result is no valid config.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096  # else long lines of the user are broken
    yaml.indent(mapping=2, sequence=4, offset=2)
    try:
        config = yaml.load(text)
    except YAMLError as error:
        line = str(error).splitlines()[0]
        raise InputError(f"{source}: not readable as YAML ({line}). Mend it by hand.") from None
    if not isinstance(config, CommentedMap):
        raise InputError(f"{source}: holds no settings. Write `sessions: ...` into it first.")
    place = config
    for key in path:
        place = _section(place, key)
    for dotted, value in values.items():
        *sections, last = dotted.split(".")
        goal = place
        for key in sections:
            goal = _section(goal, key)
        goal[last] = _flow(value)
    out = io.StringIO()
    yaml.dump(config, out)
    changed = out.getvalue()
    load_config(YAML(typ="safe").load(changed), source)
    return changed


def _section(place: CommentedMap, key: str) -> CommentedMap:
    """Return a section of a config, made where it is missing or null."""
    if not isinstance(place.get(key), dict):
        place[key] = CommentedMap()
    section = place[key]
    if isinstance(section, CommentedMap):
        # `{}` on one line would grow beyond any width.
        section.fa.set_block_style()
    return section


def _flow(value: object) -> object:
    """Return a list of pairs as it reads best, on one line."""
    if not isinstance(value, list):
        return value
    sequence = CommentedSeq([_flow(item) for item in value])
    sequence.fa.set_flow_style()
    return sequence


def destination(
    where: str, session: str, variant: str, values: Mapping[str, object], n_sessions: int
) -> dict[tuple[str, ...], dict]:
    """Return which values go where.

    Parameters
    ----------
    where : {"session", "all", "variant"}
        What the person chose.
    session, variant : str
        Name of the session that is open, and of the new variant.
    values : mapping
        New values by dotted key.
    n_sessions : int
        Number of sessions of the config.

    Raises
    ------
    InputError
        If what was drawn on one recording would hold for others, too.
    """
    own = {key: value for key, value in values.items() if key in OF_ONE_SESSION}
    rest = {key: value for key, value in values.items() if key not in own}
    if where == "session" or (n_sessions == 1 and where == "all"):
        path = ("overrides", session) if where == "session" else ()
        return {path: dict(values)}
    if where == "all":
        parts = {(): rest, ("overrides", session): own}
        return {path: part for path, part in parts.items() if part}
    if own and n_sessions > 1:
        raise InputError(
            f"{', '.join(own)}: drawn on session {session}, but a variant holds for all "
            f"{n_sessions} sessions. Save for this session first, then the rest as a variant."
        )
    return {("variants", variant): dict(values)}


def refuse_overruled(chosen: Mapping[str, object], holds: Mapping[str, object], who: str) -> None:
    """Raise InputError where a chosen value would be saved but not hold for what is open.

    Parameters
    ----------
    chosen, holds : mapping
        Values by dotted key: those to be saved, and those that would hold afterwards.
    who : str
        What is open, for the message.
    """
    for key, value in chosen.items():
        if holds[key] != value:
            raise InputError(
                f"{key}: saved there, {value} would not hold for {who}, where something nearer "
                f"sets {holds[key]} (a variant before a session, a session before all). Save it "
                "for this session or as a new variant."
            )


def write_config(path: Path, text: str) -> Path:
    """Replace a config, whole or not at all; return the copy of what it was.

    Parameters
    ----------
    path : Path
        The config; a link to it stays a link.
    text : str
        What it shall hold.
    """
    path = path.resolve()
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    backup = path.with_name(f"{path.name}.{stamp}.bak")
    number = 1
    while backup.exists():
        number += 1
        backup = path.with_name(f"{path.name}.{stamp}-{number}.bak")
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        shutil.copy2(path, backup)
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, part)
        part.replace(path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror}). Nothing is changed."
        ) from None
    finally:
        part.unlink(missing_ok=True)
    return backup
