"""Rule ``score_mappings``: mappings of simulated sessions against the truth."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scopeflow.cross_registration import truth
from scopeflow.footprints import read_footprints
from scopeflow.logs import job_log, logger
from scopeflow.parallel import single_threaded_libraries
from scopeflow.stores import new_store, read

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    labels = []
    for units, known in zip(smk.input.units, smk.input.truth, strict=True):
        (A, shape), (true_A, true_shape) = read_footprints(units), read_footprints(known)
        truth.refuse_other_size(units, shape, true_shape)
        cells = truth.true_cells(A, true_A, read(known, "unit_id"), shape)
        labels.append(dict(zip(read(units, "unit_id").tolist(), cells.tolist(), strict=True)))
    # By position, since the names of sessions may be any.
    mappings = pd.read_csv(smk.input.mappings).to_numpy(dtype=np.float64)
    scores = truth.score(mappings, labels)
    with new_store(smk.output.score) as part:
        table = pd.DataFrame([{"animal": smk.wildcards.animal, **scores}])
        table.to_csv(part, sep="\t", index=False, float_format="%.4f", na_rep="nan")
    logger.info(
        "animal %s: %d pairs found, %d true, precision %.3f, recall %.3f",
        smk.wildcards.animal, scores["n_pairs_found"], scores["n_pairs_true"],
        scores["precision"], scores["recall"],
    )  # fmt: skip


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
