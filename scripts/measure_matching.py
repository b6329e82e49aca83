"""Measure how well cells are matched across simulated sessions; prints a table.

Sessions of one field are made without videos: footprints with errors, units that are none,
cells that are not found. Run as ``python scripts/measure_matching.py --help``.
"""

import argparse
import sys
from itertools import product

import numpy as np
import pandas as pd

from scopeflow.cross_registration import register, tables, truth
from scopeflow.cross_registration.align import Limits
from scopeflow.cross_registration.trial import seen_session
from scopeflow.parallel import single_threaded_libraries

SIZE, DIAMETER, FURTHEST, SHIFT = 512, 16.0, 5.0, 30.0


def measured(seed: int, n_cells: int, degrees: float, options: argparse.Namespace) -> list[dict]:
    """Return precision and recall for one field, a row for each way of matching."""
    rng = np.random.default_rng(seed)
    sessions, labels = [], []
    for k in range(options.sessions):
        recipe = {
            "height_px": SIZE, "width_px": SIZE, "n_cells": n_cells, "field_seed": seed,
            "seed": 1000 * seed + k, "fraction_active": 1 - options.changed,
            "shift_px": (rng.uniform(-SHIFT, SHIFT, 2) * (k > 0)).tolist(),
            "rotation_deg": degrees * (k % 2),
        }  # fmt: skip
        seen = seen_session(recipe, rng, warp_px=options.warp_px * (k > 0))
        sessions.append(register.Cells(str(k), seen.unit_id, seen.A, seen.max_proj))
        labels.append(dict(zip(seen.unit_id.tolist(), seen.truth.tolist(), strict=True)))
    limits = Limits(options.transform, SIZE / 4, 6, DIAMETER)
    field = register.align_sessions(sessions, None, limits)
    rows = []
    for method, conflict in (("scopeflow", "consistent"), ("minian", "strict")):
        choose = register.chooser(method, FURTHEST, 0.5)
        matches, _ = register.compare_sessions(field, DIAMETER, FURTHEST, choose)
        groups = register.group_units(field, matches, conflict, 0.5)
        mappings = tables.mappings(sessions, groups).to_numpy(np.float64, na_value=np.nan)
        p = np.concatenate([np.zeros(0), *(m.probability[m.kept] for m in matches)])
        rows.append(
            {
                "n_cells": n_cells, "rotation_deg": degrees, "method": method, "seed": seed,
                **truth.score(mappings, labels),
                "expected_false_rate": (1 - p).mean() if len(p) else np.nan,
            }
        )  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[100, 300, 600], help="per field")
    parser.add_argument("--rotation-deg", type=float, nargs="+", default=[0, 3], help="degrees")
    parser.add_argument("--sessions", type=int, default=2, help="sessions of a field")
    parser.add_argument("--seeds", type=int, default=5, help="number of fields")
    parser.add_argument("--changed", type=float, default=0.3, help="share of cells not active")
    parser.add_argument("--warp-px", type=float, default=0.0, help="smooth deformation (px)")
    parser.add_argument("--transform", default="rigid", help="last kind of transform tried")
    options = parser.parse_args()
    rows: list[dict] = []
    with single_threaded_libraries():
        for seed, n, degrees in product(range(options.seeds), options.cells, options.rotation_deg):
            rows += measured(100 + seed, n, degrees, options)
    by = ["n_cells", "rotation_deg", "method"]
    names = ["precision", "recall", "cells_exact", "expected_false_rate"]
    table = pd.DataFrame(rows).groupby(by)[names].agg(["mean", "min"])
    table.columns = ["_".join(name) for name in table.columns]
    table.reset_index().to_csv(sys.stdout, sep="\t", index=False, float_format="%.4f")


if __name__ == "__main__":
    main()
