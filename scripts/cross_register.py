"""Rule ``cross_register``: which units of an animal's sessions are the same cell."""

from functools import partial
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np

from scopeflow.cross_registration import control, register, tables, telling
from scopeflow.cross_registration.align import Limits
from scopeflow.cross_registration.reading import read_cells, refuse_different_sizes
from scopeflow.cross_registration.store import write_field
from scopeflow.logs import job_log
from scopeflow.parallel import map_slabs, single_threaded_libraries
from scopeflow.stores import new_store

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

DPI = 90


def main(smk: "Snakemake") -> None:
    settings = smk.params.settings["cross_register"]
    diameter = smk.params.settings["cell_diameter_px"]
    names, furthest = smk.params.sessions, settings["distance_max_px"]
    read = partial(_read, align_by=settings["align_by"])
    sessions = list(map_slabs(read, list(zip(smk.input.units, names, strict=True)), smk.threads))
    refuse_different_sizes(sessions)
    reach = settings["max_shift_px"] or min(sessions[0].shape) / 4
    limits = Limits(settings["transform"], reach, settings["max_rotation_deg"], diameter)
    template = None if smk.params.template is None else names.index(smk.params.template)
    field = register.align_sessions(sessions, template, limits, smk.threads)
    telling.alignment(sessions, field)

    least = settings["probability_min"]
    choose = register.chooser(settings["method"], furthest, least)
    matches, model = register.compare_sessions(field, diameter, furthest, choose, smk.threads)
    groups = register.group_units(field, matches, settings["conflict"], least)
    curve = register.control_curve(field, matches, model, diameter, furthest, choose)
    cells = tables.cells(field, matches, groups)
    results = {
        "mappings": tables.mappings(sessions, groups),
        "cells": cells,
        "shifts": tables.shifts(sessions, field, smk.params.sheet),
        "pairs": tables.matched_pairs(sessions, matches, groups),
        "scores": tables.scores(sessions, field, matches),
        "model": tables.of_model(model, sum(len(m.pairs) for m in matches)),
        "control": curve,
    }
    for name, table in results.items():
        with new_store(smk.output[name]) as part:
            table.to_csv(part, index=False, float_format="%.4f")
    with new_store(smk.output.aligned) as part:
        write_field(part, sessions, field)
    telling.matches(sessions, results)
    _draw(smk, sessions, field, matches, model, results, (diameter, furthest))


def _read(session: tuple[str, str], align_by: str) -> register.Cells:
    return read_cells(*session, align_by)


def _draw(smk, sessions, field, matches, model, results, sizes: tuple[float, float]) -> None:
    mpl.use("agg")
    from matplotlib import pyplot as plt  # after the choice of the backend

    from scopeflow.cross_registration import figures

    diameter, furthest = sizes
    kept = control.kept_matches(matches, np.asarray(results["pairs"]["in_mappings"], dtype=bool))
    drawn = {
        "overlay": lambda: figures.overlay(sessions, field, diameter),
        "outlines": lambda: figures.outlines(sessions, field, matches, kept),
        "distributions": lambda: figures.distributions(matches, model, furthest),
        "control_figure": lambda: figures.control(results["control"], furthest),
        "overview": lambda: figures.overview(
            sessions, results["scores"], results["cells"]["n_sessions"].to_numpy()
        ),
    }
    for name, draw in drawn.items():
        figure = draw()
        with new_store(smk.output[name]) as part:
            figure.savefig(part, dpi=DPI, format="png")
        plt.close(figure)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
