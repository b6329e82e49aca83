"""The config: checked against the schema, completed with its defaults.

The schema (``workflow/schemas/config.schema.yaml``) is the one place that knows keys,
types, bounds and defaults. All faults are told at once, a line for each.
"""

import difflib
from collections.abc import Iterator
from copy import deepcopy
from functools import lru_cache
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from scopeflow.errors import InputError
from scopeflow.recipes import complete

SCHEMAS = Path(__file__).parents[3] / "workflow" / "schemas"

# Keys that hold for a whole run: neither a session nor a variant can override them.
RUN_KEYS = frozenset(
    {"sessions", "discover", "results", "simulate", "overrides", "variants", "keep_movies"}
    | {"mem_mb", "compare", "benchmark", "preview", "variant", "inspect"}
)


@lru_cache(None)
def read_schema(name: str) -> dict:
    """Return a schema (``"config"`` or ``"sessions"``)."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((SCHEMAS / f"{name}.schema.yaml").read_text("utf-8"), loader)


@lru_cache(None)
def override_schema() -> dict:
    """Return the part of the config's schema that a session or a variant may override."""
    schema = read_schema("config")
    kept = {k: v for k, v in schema["properties"].items() if k not in RUN_KEYS}
    return {"type": "object", "additionalProperties": False, "properties": kept}


def load_config(config: dict, source: str = "the config") -> dict:
    """Check a config and return it with every default filled in.

    Parameters
    ----------
    config : dict
        As read from YAML and from the command line.
    source : str
        Where it comes from, for messages.

    Returns
    -------
    dict
        A new dict with every key of the schema, in the schema's order, and with numbers
        in the schema's type (20 becomes 20.0 where any number is allowed), so that equal
        settings look equal.

    Raises
    ------
    InputError
        With one line for each fault.
    """
    config = {k: v for k, v in config.items() if k != "pathvars"}
    schema = read_schema("config")
    faults = list(find_faults(config, schema))
    for key in ("overrides", "variants"):
        for name, values in _items(config, key):
            faults += find_faults(values or {}, override_schema(), f"{key}.{name}")
    if not faults:
        full = fill(config, schema)
        for key in ("overrides", "variants"):
            full[key] = {n: normal(v or {}, override_schema()) for n, v in full[key].items()}
        faults = list(_cross_faults(full))
    if faults:
        raise InputError("\n".join([f"{source} is not valid:", *(f"  {f}" for f in faults)]))
    return full


def typed(given: dict) -> dict:
    """Return settings of the command line with their types.

    Snakemake leaves ``--config motion='{max_shift_px: 30}'`` with the text "30".
    """
    return {key: _typed(value) for key, value in given.items()}


def _typed(value: object) -> object:
    if isinstance(value, dict):
        return typed(value)
    if isinstance(value, list):
        return [_typed(item) for item in value]
    if not isinstance(value, str):
        return value
    try:
        parsed = yaml.safe_load(value) if len(value) < 40 else value
    except (yaml.YAMLError, ValueError):  # a text that looks like YAML, or like a date
        return value
    return parsed if isinstance(parsed, bool | int | float | None) else value


def _items(config: dict, key: str) -> list[tuple]:
    """Return the items of a mapping of the config; none where it is not a mapping."""
    value = config.get(key)
    return list(value.items()) if isinstance(value, dict) else []


def _cross_faults(config: dict) -> Iterator[str]:
    """Yield faults that concern several keys of a config valid by itself."""
    if (config["sessions"] is None) == (config["discover"] is None):
        found = "both" if config["sessions"] else "neither"
        yield (
            f"sessions, discover: found {found}; allowed is exactly one. Set sessions to the "
            "path of your sample sheet, such as config/sessions.tsv, or discover to the folder "
            "that holds your recordings."
        )
    yield from _reversed_ranges(config, "")
    for key in ("overrides", "variants"):
        for name, values in config[key].items():
            yield from _reversed_ranges(values, f"{key}.{name}.")
    for name, recipe in config["simulate"].items():
        try:
            complete(recipe)
        except InputError as error:
            yield f"simulate.{name}: {str(error).removeprefix('simulate: ')}"


def _reversed_ranges(settings: dict, prefix: str) -> Iterator[str]:
    """Yield a line for each pair of frames that ends before it begins."""
    for first, stop in settings.get("load", {}).get("exclude", []):
        if first >= stop:
            yield (
                f"{prefix}load.exclude: found [{first}, {stop}]; the second must be larger: it is "
                "the frame behind the last one left out."
            )


def find_faults(config: object, schema: dict, prefix: str = "") -> Iterator[str]:
    """Yield one line for each fault: dotted key, value found, what is allowed."""
    validator = Draft202012Validator(schema)
    for error in sorted(validator.iter_errors(config), key=lambda e: [str(p) for p in e.path]):
        where = ".".join([*([prefix] if prefix else []), *(str(part) for part in error.path)])
        if error.validator == "additionalProperties":
            yield from _unknown_keys(error, where, schema)
        elif "propertyNames" in error.schema_path:
            yield f"{where}: {error.instance!r} is not a name; allowed: {_NAME}."
        else:
            found = error.instance
            yield f"{where or 'the file'}: found {found!r}; allowed: {allowed(error.schema)}."


_NAME = "letters, digits, '.', '_' and '-', the first a letter or digit"


def _unknown_keys(error: ValidationError, where: str, schema: dict) -> Iterator[str]:
    known = list(error.schema.get("properties", {}))
    for key in error.instance:
        if key in known:
            continue
        dotted = f"{where}.{key}" if where else str(key)
        near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.6)
        suggestion = f"{where}.{near[0]}" if where and near else near[0] if near else None
        suggestion = suggestion or _elsewhere(str(key), schema, where)
        hint = f"did you mean {suggestion}?" if suggestion else f"allowed: {', '.join(known)}."
        yield f"{dotted}: found {error.instance[key]!r}, but there is no such key; {hint}"


def _elsewhere(key: str, schema: dict, where: str) -> str | None:
    """Return the nearest key of any section: a key may stand on the wrong level."""
    leaves: dict[str, str] = {}
    for dotted, _ in walk(schema):
        leaves.setdefault(dotted.rsplit(".", 1)[-1], dotted)  # of equal names, the first
    near = difflib.get_close_matches(key, leaves, n=1, cutoff=0.8)
    return leaves[near[0]] if near else None


def walk(schema: dict, prefix: str = "") -> Iterator[tuple[str, dict]]:
    """Yield every key of a schema with its own part of it: sections before their keys."""
    for name, part in schema.get("properties", {}).items():
        dotted = f"{prefix}{name}"
        yield dotted, part
        yield from walk(part, f"{dotted}.")


def allowed(schema: dict) -> str:
    """Say in words what a part of the schema allows."""
    if "x-allowed" in schema:
        return schema["x-allowed"]
    if "anyOf" in schema:
        return " or ".join(allowed(option) for option in schema["anyOf"])
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return ", ".join("null" if v is None else _plain(v) for v in schema["enum"])
    types = schema.get("type", "any value")
    types = [types] if isinstance(types, str) else types
    words = " or ".join(_WORDS.get(t, t) for t in types if t != "null")
    bounds = [f"{sign} {schema[k]:.12g}" for k, sign in _BOUNDS.items() if k in schema]
    words = f"{words} {' and '.join(bounds)}" if bounds else words
    return f"{words}, or null" if "null" in types else words


_WORDS = {
    "number": "a number",
    "integer": "a whole number",
    "string": "a text",
    "boolean": "true or false",
    "object": "a section of keys",
    "array": "a list",
}
_BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def fill(value: dict, schema: dict) -> dict:
    """Return a section with every default of its schema filled in, in the schema's order."""
    full = {}
    for key, part in schema["properties"].items():
        given = value[key] if key in value else deepcopy(part.get("default"))
        if isinstance(given, dict) and "properties" in part:
            full[key] = fill(given, part)
        elif isinstance(given, dict) and isinstance(part.get("additionalProperties"), dict):
            full[key] = {str(k): _complete_item(v, part) for k, v in given.items()}
        else:
            full[key] = normal(given, part)
    return full


def _complete_item(value: object, part: dict) -> object:
    """Return one named item of a mapping, such as a recipe, with its defaults."""
    item = part["additionalProperties"]
    return fill(value, item) if isinstance(value, dict) and "properties" in item else value


def normal(value: object, schema: dict) -> object:
    """Return a value with its numbers in the schema's type, sections in the schema's order."""
    for option in schema.get("anyOf", []):
        if Draft202012Validator(option).is_valid(value):
            return normal(value, option)
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if isinstance(value, dict) and "properties" in schema:
        parts = schema["properties"]
        return {key: normal(value[key], parts[key]) for key in parts if key in value}
    if isinstance(value, list) and "items" in schema:
        return [normal(item, schema["items"]) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if "number" in types:
        return float(value)
    return int(value) if "integer" in types else value
