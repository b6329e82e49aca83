"""In which settings two runs differ."""

import json


def flat(settings: dict, prefix: str = "") -> dict[str, object]:
    """Return nested settings as one dict with dotted keys; empty sections are left out."""
    found: dict[str, object] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            found.update(flat(value, f"{prefix}{key}."))
        else:
            found[f"{prefix}{key}"] = value
    return found


def differences(settings: dict, reference: dict) -> str:
    """Return the settings in which a run differs, such as ``seed=3; merge.method=none``.

    A key that only the reference has is told as null: its section is null here.
    """
    own, other = flat(settings), flat(reference)
    changed = [k for k in [*own, *(k for k in other if k not in own)] if own.get(k) != other.get(k)]
    return "; ".join(f"{key}={shown(own.get(key))}" for key in changed)


def shown(value: object) -> str:
    """Return a value as it would stand in the config."""
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)
