"""Columns of the sample sheet that are named like settings and hold for their row's session."""

from collections.abc import Iterator

import yaml

from scopeflow.plan.settings import find_faults, normal, override_schema, walk


def setting_columns(columns: list[str]) -> list[str]:
    """Return the columns that are settings: single keys such as ``seed``, and dotted names."""
    parts = override_schema()["properties"]
    single = {key for key, part in parts.items() if "properties" not in part}
    return [column for column in columns if "." in column or column in single]


def settings_of(values: dict[str, str], columns: list[str], where: str) -> tuple[dict, list[str]]:
    """Return the settings of a row, section by section, and what is wrong with them.

    Parameters
    ----------
    values : dict of str
        Texts of the row by column; an empty one sets nothing.
    columns : list of str
        From `setting_columns`.
    where : str
        File and row, for messages.

    Returns
    -------
    settings : dict
        As under ``overrides`` in the config.
    faults : list of str
        One line for each; then `settings` is not to be used.
    """
    settings: dict = {}
    for column in columns:
        if values[column]:
            *sections, key = column.split(".")
            section = settings
            for name in sections:
                section = section.setdefault(name, {})
                if not isinstance(section, dict):
                    return {}, [f"{where}: column {column} and its section stand there both."]
            section[key] = _value(values[column])
    faults = [f"{where}: column {fault}" for fault in find_faults(settings, override_schema())]
    return (normal(settings, override_schema()) if not faults else {}), faults


def unknown_columns(columns: list[str], where: str) -> Iterator[str]:
    """Yield a line for each dotted column that names no setting, even if it is empty."""
    known = {dotted for dotted, _ in walk(override_schema())}
    for column in columns:
        if column not in known:
            faults = find_faults(_nested(column), override_schema())
            hint = next((f.partition("; ")[2] for f in faults if "no such key" in f), "")
            yield (
                f"{where}: column {column}: a name with a dot stands for a setting, but there is "
                f"no such setting; {hint or 'allowed are the keys of config/README.md.'} A column "
                "of your own needs a name without a dot."
            )


def _nested(column: str) -> dict:
    nested: object = None
    for key in reversed(column.split(".")):
        nested = {key: nested}
    return nested


def _value(text: str) -> object:
    """Return a cell's value as it would be read from the config."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text
