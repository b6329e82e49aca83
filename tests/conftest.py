"""Tests that share an expensive fixture run in one process, where it is made once."""

import pytest

SHARED = (
    *("finished", "finished_model", "bad_data", "reads", "as_documented", "undisturbed"),
    *("formats", "browser"),
)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the groups
def pytest_collection_modifyitems(items) -> None:
    for item in items:
        shared = next((name for name in SHARED if name in item.fixturenames), None)
        if shared is not None:
            item.add_marker(pytest.mark.xdist_group(shared))
