"""The config file and its documentation, written from the schemas so that they cannot drift."""

import json
import textwrap

from scopeflow.plan.settings import allowed, read_schema

ACTIVE = ("sessions", "results", "cell_diameter_px", "simulate")  # the rest are comments
WIDTH = 92

HEAD = """\
# Settings of Scopeflow. As shipped, this runs the demo: `make demo`.
#
# For recordings of your own, copy this file, set `sessions` and `cell_diameter_px`, remove
# `simulate`, and call: snakemake --cores 4 --configfile my.yaml
#
# Every other key stands here as a comment, with its default; null means that the value
# follows from cell_diameter_px or from the frame rate. To change one, take the "#" off it
# and off the head of its section. Times are in seconds, frequencies in Hz, lengths in pixels.
# Written by scripts/write_config_docs.py from workflow/schemas/config.schema.yaml.
"""


def config_text(active: dict) -> str:
    """Return the text of ``config/config.yaml``.

    Parameters
    ----------
    active : dict
        Values of the keys in `ACTIVE`, which stand there without a comment sign.
    """
    lines = [HEAD]
    for name, part in read_schema("config")["properties"].items():
        if name in ACTIVE:
            lines += [*_comment(part, ""), *_value(name, active[name])]
        else:
            lines += [f"# {line}".rstrip() for line in _entry(name, part, "")]
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def _comment(part: dict, indent: str) -> list[str]:
    words = part["description"]
    if "properties" not in part:
        words = f"{words} [{allowed(part)}]"
    return textwrap.wrap(
        words, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# "
    )


def _entry(name: str, part: dict, indent: str) -> list[str]:
    """Return comment and default of a key, sections with all their keys."""
    lines = _comment(part, indent)
    if part.get("default") == {} and "properties" in part:
        lines.append(f"{indent}{name}:")
        for key, inner in part["properties"].items():
            lines += _entry(key, inner, indent + "  ")
        return lines
    return [*lines, f"{indent}{name}: {_flow(part['default'])}"]


def _value(name: str, value: object) -> list[str]:
    """Return an active key; recipes of simulated recordings one below the other."""
    if not isinstance(value, dict):
        return [f"{name}: {_flow(value)}"]
    lines = [f"{name}:"]
    for key, inner in value.items():
        lines.append(f"  {key}:")
        lines += [f"    {k}: {_flow(v)}" for k, v in inner.items()]
    return lines


def _flow(value: object) -> str:
    """Return a value as YAML on one line; plain words without quotes."""
    if isinstance(value, str) and value and value.replace("/", "").replace(".", "").isidentifier():
        return value
    return json.dumps(value)


def settings_table() -> str:
    """Return the table of all settings, in Markdown."""
    lines = ["| key | default | allowed | meaning |", "|---|---|---|---|"]
    lines += _rows(read_schema("config"), "")
    return "\n".join(lines) + "\n"


def _rows(schema: dict, prefix: str) -> list[str]:
    rows = []
    for name, part in schema["properties"].items():
        inner = part if "properties" in part else part.get("additionalProperties")
        inner = inner if isinstance(inner, dict) and "properties" in inner else None
        dotted = f"{prefix}{name}"
        shown = _cell(f"`{_flow(part['default'])}`" if "default" in part else "")
        if part.get("default") == {} and inner:
            rows.append(f"| **`{dotted}`** | | | {_cell(part['description'])} |")
        else:
            rows.append(f"| `{dotted}` | {shown} | {_cell(allowed(part))} | {_meaning(part)} |")
        if inner:
            rows += _rows(inner, f"{dotted}." if inner is part else f"{dotted}.NAME.")
    return rows


def _meaning(part: dict) -> str:
    return _cell(part["description"])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def columns_table() -> str:
    """Return the table of the sample sheet's columns, in Markdown."""
    schema = read_schema("sessions")
    lines = ["| column | needed | meaning | allowed |", "|---|---|---|---|"]
    for name, part in schema["properties"].items():
        needed = "yes" if name in schema["required"] else ""
        meaning = _cell(part["description"])
        lines.append(f"| `{name}` | {needed} | {meaning} | {_cell(part.get('x-allowed', ''))} |")
    return "\n".join(lines) + "\n"


def with_tables(text: str) -> str:
    """Return the text of ``config/README.md`` with its two tables renewed."""
    for name, table in {"columns": columns_table(), "settings": settings_table()}.items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n{table}\n{end}{after}"
    return text
