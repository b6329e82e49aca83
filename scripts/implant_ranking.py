"""Rule ``implant_ranking``: the variants of a session, by the synthetic cells they found."""

from typing import TYPE_CHECKING

import matplotlib as mpl
import pandas as pd

from scopeflow.implant.rank import by_level, choices, ranked, summarize, true_score
from scopeflow.logs import job_log, logger
from scopeflow.parallel import single_threaded_libraries
from scopeflow.stores import new_store

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    mpl.use("agg")
    from scopeflow.implant.figures import draw_implants  # after the choice of the backend

    session = smk.wildcards.session
    cells = pd.concat(_tables(smk.input.cells), ignore_index=True)
    counts = pd.concat(_tables(smk.input.counts), ignore_index=True)
    counts["kept"] = 1 - counts["n_lost"] / counts["n_units_before"].clip(lower=1)
    kept = dict(zip(counts["variant"], counts["kept"], strict=True))
    rows = [
        {"variant": variant, **summarize(own, kept[variant])}
        for variant, own in cells.groupby("variant", sort=False)
    ]
    table = pd.DataFrame(rows).merge(counts, on="variant")
    if smk.input.get("score_cells"):
        truths = zip(_tables(smk.input.score_cells), _tables(smk.input.score_found), strict=True)
        known = pd.DataFrame([true_score(own, len(found)) for own, found in truths])
        table = pd.concat([table, known], axis=1)
    table = ranked(table)
    levels, choice = by_level(cells), {"session": session, **choices(table)}
    for path, rows in (
        (smk.output.cells, cells), (smk.output.ranking, table), (smk.output.levels, levels),
        (smk.output.agreement, pd.DataFrame([choice])),
    ):  # fmt: skip
        with new_store(path) as part:
            rows.to_csv(part, sep="\t", index=False, float_format="%.4f", na_rep="nan")
    with new_store(smk.output.figure) as part:
        n_cells = int(table["n_implants"].iloc[0])
        title = f"session {session}: {n_cells} synthetic cells in the recording"
        draw_implants(levels, table, title).savefig(part, dpi=110, format="png")
    logger.info("session %s, the best first: %s", session, ", ".join(
        f"{row.variant} {row.score:.3f}" for row in table.itertuples()
    ))  # fmt: skip
    if "true_score" in table:
        logger.info(
            "rank correlation with the true cells %.3f; the best by them is %s, %.3f above the "
            "best by synthetic cells", choice["rho"], choice["best_by_truth"], choice["regret"],
        )  # fmt: skip


def _tables(paths) -> list[pd.DataFrame]:
    return [pd.read_csv(path, sep="\t") for path in ([paths] if isinstance(paths, str) else paths)]


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
