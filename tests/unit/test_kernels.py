"""Compiled functions: kept between jobs, and free to run in threads."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "scripts"


def decorators():
    """Yield (place, decorator) of every function that Numba compiles."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            for decorator in getattr(node, "decorator_list", []):
                if "numba" in ast.dump(decorator):
                    yield f"{path.relative_to(PACKAGE)}:{node.name}", decorator


KERNELS = dict(decorators())


def test_there_are_kernels():
    assert len(KERNELS) > 30


@pytest.mark.parametrize("place", KERNELS)
def test_kernels_are_kept_between_jobs_and_release_the_interpreter(place):
    given = {word.arg: ast.literal_eval(word.value) for word in KERNELS[place].keywords}
    assert given.get("cache") is True
    assert given.get("nogil") is True


@pytest.mark.parametrize("place", KERNELS)
def test_kernels_have_no_threads_of_their_own(place):
    assert "parallel" not in {word.arg for word in KERNELS[place].keywords}
