"""Let a change of numerics rerun the rules that depend on it."""

import ast
import hashlib
from pathlib import Path

PLUMBING = {"errors.py", "logs.py"}  # no result depends on these


def code_digest(script: Path) -> str:
    """Digest of a script and of every project module it imports, directly or not.

    Passed to a rule as a parameter, because Snakemake watches only the script itself.
    Comments and layout do not count, so reformatting does not rerun hours of work;
    relative imports are not followed.
    """
    root, found, queue = script.parent, set(), [script]
    while queue:
        path = queue.pop()
        if path in found or path.name in PLUMBING or not path.is_file():
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
            for name in names:
                stem = root.joinpath(*name.split("."))
                queue += [stem.with_suffix(".py"), stem / "__init__.py"]
    digest = hashlib.sha256()
    for path in sorted(found):
        digest.update(ast.dump(ast.parse(path.read_text())).encode())
    return digest.hexdigest()[:12]
