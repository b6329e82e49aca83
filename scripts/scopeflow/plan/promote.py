"""The settings of a variant written into the user's config, so that they become the default."""

from pathlib import Path
from types import SimpleNamespace

import yaml

from scopeflow.errors import InputError
from scopeflow.plan.differences import differences, flat, shown
from scopeflow.plan.variants import Variants, laid_over
from scopeflow.plan.yaml_text import empty, remove, set_value

SHOWN = 10  # sessions that are told one by one


def promote(path: Path, name: str | None) -> list[str]:
    """Write a variant's settings into a config; return lines that say what was done.

    Parameters
    ----------
    path : Path
        The config; its former text is kept beside it.
    name : str or None
        The variant.

    Raises
    ------
    InputError
        If there is no such variant, or if the file cannot be changed safely.
    """
    path = path.resolve()  # a link stays a link
    text = path.read_bytes().decode("utf-8")  # as it is: the ends of its lines stay, too
    new = promoted(text, name, str(path))
    before, after = (yaml.safe_load(t) for t in (text, new))
    old_plan, new_plan = Variants(before, str(path)), Variants(after, str(path))
    backup = _backup_name(path, name)
    backup.write_bytes(text.encode("utf-8"))
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(new.encode("utf-8"))
    part.replace(path)
    changes = _changes(before, name)
    return [
        f"variant {name} is the default now, in {path}; the former text is {backup.name}",
        *(f"  {line}" for line in changes),
        *_exceptions(old_plan, new_plan, name),
        *_due(old_plan, name),
    ]


def promoted(text: str, name: str | None, source: str = "the config") -> str:
    """Return the text of a config with the settings of a variant as its own.

    Parameters
    ----------
    text : str
        YAML; comments and layout are kept.
    name : str or None
        The variant. It is removed from ``variants``, as are settings of ``default`` there.
    source : str
        Where the text is from, for messages.

    Raises
    ------
    InputError
        If there is no such variant, or if the result is not what it should be.
    """
    config = yaml.safe_load(text)
    variants = (config.get("variants") if isinstance(config, dict) else None) or {}
    others = [v for v in variants if v != "default" or variants[v]]
    if name not in others:
        raise InputError(
            f"promote: variant is {name!r}; {source} has {', '.join(others) or 'no variants'}. "
            "Name one: --config variant=NAME."
        )
    goal = _goal(config, name)
    try:
        text = _edited(text, variants, name)
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):  # a form of YAML that the editing does not know
        found = None
    if found != goal:
        raise InputError(
            f"promote: {source} cannot be changed safely (it may use anchors, or its keys stand "
            f"there twice). Write this yourself: {differences(variants[name], {})}."
        )
    return text


def _edited(text: str, variants: dict, name: str) -> str:
    """Return the text after all changes, unchecked."""
    for dotted, value in flat(variants[name] or {}).items():
        text = set_value(text, tuple(dotted.split(".")), value)
    if variants.get("default"):
        text = empty(text, ("variants", "default"))
    if name != "default":
        text = remove(text, ("variants",) if set(variants) == {name} else ("variants", name))
    return text


def _goal(config: dict, name: str) -> dict:
    """Return what the config must say afterwards."""
    goal = _unshared(config)  # else a section with two names would change in both places
    variants = goal["variants"]
    laid_over(goal, _without_empty(variants[name] or {}))
    if variants.get("default"):
        variants["default"] = {}
    if name != "default":
        del variants[name]
        if not variants:
            del goal["variants"]
    return goal


def _unshared(value: object) -> object:
    """Return a copy in which no part stands in two places."""
    if isinstance(value, dict):
        return {key: _unshared(inner) for key, inner in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else value


def _without_empty(settings: dict) -> dict:
    """Return settings without empty sections, which say nothing."""
    kept = {k: _without_empty(v) if isinstance(v, dict) else v for k, v in settings.items()}
    return {k: v for k, v in kept.items() if v != {}}


def _backup_name(path: Path, name: str) -> Path:
    """Return a name beside the config that no file has."""
    backup = path.with_name(f"{path.stem}.before_{name}{path.suffix}")
    count = 1
    while backup.exists():
        count += 1
        backup = path.with_name(f"{path.stem}.before_{name}_{count}{path.suffix}")
    return backup


def _changes(before: dict, name: str) -> list[str]:
    """Return a line for each setting: its new value, and what the config said before."""
    said = flat({k: v for k, v in before.items() if k != "variants"})
    lines = []
    for key, value in flat(before["variants"][name] or {}).items():
        was = f"was {shown(said[key])}" if key in said else "was not set"
        lines.append(f"{key}: {shown(value)} ({was})")
    return lines


def _due(old: Variants, name: str) -> list[str]:
    """Say which steps the next run computes anew: results lie in a folder of their variant."""
    own: dict[str, None] = {}
    for session in old.sessions:
        found = old.computed_by(SimpleNamespace(session=session, variant=name))
        own.update((step, None) for step, owner in found.items() if owner == name)
    if name == "default" or not own:
        return []
    return [
        f"the next run computes for default what {name} had for itself: {', '.join(own)}, and what "
        f"follows from the units; the results of {name} stay in its folder (snakemake -n shows it)"
    ]


def _exceptions(old: Variants, new: Variants, name: str) -> list[str]:
    """Say where the new default is not what the variant was, and which variants changed."""
    lines, others = [], 0
    for session in new.sessions:
        off = differences(new.effective(session, "default"), old.effective(session, name))
        others += bool(off)
        if off and others <= SHOWN:
            lines.append(
                f"session {session} has settings of its own (overrides, or the sample sheet) that "
                f"go before the new default: {off}"
            )
    if others > SHOWN:
        lines.append(f"... and {others - SHOWN} more sessions have settings of their own")
    for variant in new.variants[1:]:
        first = next(iter(new.sessions))
        off = differences(new.effective(first, variant), old.effective(first, variant))
        if off:
            lines.append(f"variant {variant} builds upon the new default: {off}")
    return lines
