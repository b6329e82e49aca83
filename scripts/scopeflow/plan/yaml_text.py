"""Single values changed in the text of a YAML file; all else, comments too, stays as it is.

The text is parsed for the places of its values only, and cut and filled there. What comes
out must be read again and compared with what is meant (`promote.promoted` does): anchors
and aliases, for instance, are not followed.
"""

import textwrap

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

Path = tuple[str, ...]


def set_value(text: str, path: Path, value: object) -> str:
    """Return the text with one value set, in place of the old one or as a new key.

    Parameters
    ----------
    text : str
        Of a YAML file that holds a mapping.
    path : tuple of str
        Key, or keys of sections and key.
    value : object
        None, bool, int, float, str, or a list of these.
    """
    node = _root(text)
    for depth, key in enumerate(path):
        rest = path[depth + 1 :]
        found = _child(node, key)
        if found is None:
            return _inserted(text, node, key, _nested(rest, value))
        name, child = found
        if rest and isinstance(child, MappingNode):
            node = child
            continue
        start, stop = child.start_mark.index, _end(child)
        filling, colon = _flow(_nested(rest, value)), text.index(":", name.end_mark.index) + 1
        if start == stop:  # nothing is written there
            return f"{text[:colon]} {filling}{text[colon:]}"
        if not isinstance(child, ScalarNode) and not child.flow_style:  # lines of their own
            between = text[colon : text.rfind("\n", 0, start)].rstrip("\r\n")
            return f"{text[:colon]} {filling}{between}{text[stop:]}"
        return text[:start] + filling + text[stop:]
    raise ValueError("an empty path")


def remove(text: str, path: Path) -> str:
    """Return the text without a key and all that stands below it.

    In a mapping without braces whole lines are removed, and comments between them; those
    after the last of them stay.
    """
    node = _root(text)
    for key in path[:-1]:
        node = _child(node, key)[1]
    pairs = node.value
    place = next(i for i, (name, _) in enumerate(pairs) if name.value == path[-1])
    start, stop = pairs[place][0].start_mark.index, _end(pairs[place][1])
    if node.flow_style:
        if place + 1 < len(pairs):
            stop = pairs[place + 1][0].start_mark.index
        elif place:
            start = _end(pairs[place - 1][1])
        return text[:start] + text[stop:]
    return text[: text.rfind("\n", 0, start) + 1] + text[_line_end(text, stop) :]


def empty(text: str, path: Path) -> str:
    """Return the text with ``{}`` in place of a section."""
    node = _root(text)
    for key in path:
        name, node = _child(node, key)
    colon = text.index(":", name.end_mark.index) + 1
    return text[:colon] + " {}" + text[_end(node) :]


def _root(text: str) -> Node:
    """Return the mapping that the file holds; an empty one stands at the end of the text."""
    node = yaml.compose(text, yaml.SafeLoader)
    if not isinstance(node, MappingNode):
        raise ValueError("the file does not hold a mapping")
    return node


def _child(node: Node, key: str) -> tuple[Node, Node] | None:
    """Return the nodes of a key and of its value."""
    return next(((k, v) for k, v in node.value if k.value == key), None)


def _end(node: Node) -> int:
    """Return where a value ends: that of its last part, for a section goes on to the next key."""
    if node.value and not isinstance(node.value, str) and not node.flow_style:
        last = node.value[-1]
        return _end(last[1] if isinstance(node, MappingNode) else last)
    return node.end_mark.index


def _line_end(text: str, place: int) -> int:
    """Return where the line after the one of `place` begins."""
    if place and text[place - 1] == "\n":  # a block of text ends with its last line
        return place
    found = text.find("\n", place)
    return len(text) if found < 0 else found + 1


def _inserted(text: str, node: MappingNode, key: str, value: object) -> str:
    """Return the text with a new key at the end of a mapping."""
    if node.flow_style:
        if node.value:
            place = _end(node.value[-1][1])
            return f"{text[:place]}, {key}: {_flow(value)}{text[place:]}"
        place = node.start_mark.index + 1
        return f"{text[:place]}{key}: {_flow(value)}{text[place:]}"
    place = _line_end(text, _end(node.value[-1][1]))
    indent = " " * node.value[0][0].start_mark.column
    lines = yaml.safe_dump({key: value}, default_flow_style=False, sort_keys=False)
    before = text[:place] if text[:place].endswith("\n") else text[:place] + "\n"
    return before + textwrap.indent(lines, indent) + text[place:]


def _nested(path: Path, value: object) -> object:
    for key in reversed(path):
        value = {key: value}
    return value


def _flow(value: object) -> str:
    """Return a value as YAML on one line."""
    return yaml.safe_dump([value], default_flow_style=True, sort_keys=False, width=10**6)[1:-2]
