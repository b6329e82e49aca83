"""Let a change of numerics rerun the rules that depend on it."""

import ast
import hashlib
from functools import lru_cache
from pathlib import Path

# No result depends on these; the version is written to results, but a release reruns nothing.
PLUMBING = {"durable.py", "errors.py", "logs.py", "page_cache.py", "version.py"}


def code_digest(script: Path) -> str:
    """Return a digest of a script and of every project module it imports, directly or not.

    Passed to a rule as a parameter, because Snakemake watches only the script itself.
    Comments and layout do not count, so reformatting does not rerun hours of work;
    relative imports are not followed (ruff refuses them).

    Parameters
    ----------
    script : Path
        Its folder is where imports are looked for.

    Returns
    -------
    str
        Twelve hexadecimal digits.
    """
    root, found, queue = script.parent, set(), [script]
    while queue:
        path = queue.pop()
        if path not in found:
            found.add(path)
            queue += _parsed(path, root)[1]
    digest = hashlib.sha256()
    for path in sorted(found):
        digest.update(_parsed(path, root)[0])
    return digest.hexdigest()[:12]


@lru_cache(None)
def _parsed(path: Path, root: Path) -> tuple[bytes, list[Path]]:
    """Return a digest of a file's syntax tree, and the files below `root` that it imports."""
    parts: list[str] = []
    names: list[str] = []
    _walk(ast.parse(path.read_text("utf-8")), parts, names)
    stems = [root.joinpath(*name.split(".")) for name in set(names)]
    files = [file for stem in stems for file in (stem.with_suffix(".py"), stem / "__init__.py")]
    imported = [file for file in files if file.name not in PLUMBING and file.is_file()]
    return hashlib.sha256("\n".join(parts).encode()).digest(), imported


def _walk(item: object, parts: list[str], names: list[str]) -> None:
    """Add the words of a syntax tree to `parts`, without its places, and imports to `names`.

    `ast.dump` and `ast.walk` take three times as long, at every start of Snakemake.
    """
    if isinstance(item, list):
        parts.append("[")
        for each in item:
            _walk(each, parts, names)
        parts.append("]")
    elif isinstance(item, ast.AST):
        if isinstance(item, ast.Import):
            names += [alias.name for alias in item.names]
        elif isinstance(item, ast.ImportFrom) and item.module:
            names += [item.module, *(f"{item.module}.{a.name}" for a in item.names)]
        parts.append(type(item).__name__)
        for field in item._fields:
            _walk(getattr(item, field, None), parts, names)
    else:
        parts.append(repr(item))
