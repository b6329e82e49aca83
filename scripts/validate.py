"""Rule ``validate``: scores of all simulated sessions, beside published ones."""

from typing import TYPE_CHECKING

import matplotlib as mpl
import pandas as pd

from scopeflow import validation
from scopeflow.logs import job_log, logger
from scopeflow.stores import new_store

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    mpl.use("agg")
    from matplotlib import pyplot as plt  # after the choice of the backend

    from scopeflow import validation_figures

    scores = pd.concat([pd.read_csv(path, sep="\t") for path in smk.input.score])
    levels = scores["signal_level"].to_list()
    cells = _together(smk.input.cells, levels)
    found = _together(smk.input.found, levels)
    published = pd.read_csv(smk.input.published, sep="\t", comment="#")

    tables = {
        "scores": scores,
        "summary": validation.summary(scores, published),
        "neighbours": validation.by_neighbour(cells),
        "quality": validation.separation(found),
    }
    for name, table in tables.items():
        with new_store(smk.output[name]) as part:
            table.to_csv(part, sep="\t", index=False, float_format="%.4f", na_rep="nan")
    figures = {
        "medians": validation_figures.medians(tables["summary"], published),
        "spread": validation_figures.spread(scores),
        "close": validation_figures.neighbours(tables["neighbours"]),
    }
    for name, figure in figures.items():
        with new_store(smk.output[name]) as part:
            figure.savefig(part, dpi=110, format="png")
        plt.close(figure)
    for row in tables["summary"].itertuples():
        logger.info(
            "signal %g, %d cells: F1 %.3f, footprint r %.3f, calcium r %.3f, spikes r %.3f",
            row.signal_level, row.n_cells, row.f1, row.footprint_r, row.calcium_r, row.spikes_r,
        )  # fmt: skip


def _together(paths: list[str], levels: list[float]) -> pd.DataFrame:
    """Return the tables of all recordings as one, with their signal level."""
    parts = [pd.read_csv(path, sep="\t") for path in paths]
    return pd.concat([p.assign(signal_level=s) for p, s in zip(parts, levels, strict=True)])


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake)
