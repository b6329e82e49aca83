"""What became of the candidates for cells: the first test that each failed."""

import numpy as np
import pandas as pd

KEPT = "kept"


def tests_of(seeds: pd.DataFrame) -> list[str]:
    """Return the names of the tests of a table of seeds, in their order."""
    return [name.removeprefix("mask_") for name in seeds if name.startswith("mask_")]


def fates(seeds: pd.DataFrame) -> np.ndarray:
    """Return the first test that each candidate fails, in the order of the columns.

    Parameters
    ----------
    seeds : DataFrame
        A row for each candidate, a column ``mask_<test>`` for each test.

    Returns
    -------
    ndarray of str, shape (candidate,)
        Name of the test, or `KEPT`.
    """
    fate = np.full(len(seeds), KEPT, dtype=object)
    for test in reversed(tests_of(seeds)):
        fate[~seeds[f"mask_{test}"].to_numpy(dtype=bool)] = test
    return fate


def attrition(seeds: pd.DataFrame) -> pd.DataFrame:
    """Return how many candidates each test dropped.

    Parameters
    ----------
    seeds : DataFrame
        A row for each candidate, a column ``mask_<test>`` for each test, in order.

    Returns
    -------
    DataFrame
        Columns ``test``; ``fail``, candidates that fail it; ``dropped``, those that passed
        every test before; ``left``.
    """
    left, rows = len(seeds), []
    fate = fates(seeds)
    for test in tests_of(seeds):
        fail = int((~seeds[f"mask_{test}"].to_numpy(dtype=bool)).sum())
        dropped = int((fate == test).sum())
        left -= dropped
        rows.append((test, fail, dropped, left))
    return pd.DataFrame(rows, columns=["test", "fail", "dropped", "left"])
