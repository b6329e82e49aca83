"""Rule ``cross_report``: one page on the cells of an animal across its sessions."""

import html
from typing import TYPE_CHECKING

import pandas as pd

from scopeflow.intact import open_store
from scopeflow.logs import job_log
from scopeflow.parallel import single_threaded_libraries
from scopeflow.report.animal_page import alignment_section, cells_section, pairs_section
from scopeflow.report.page import page
from scopeflow.stores import new_store

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    aligned = open_store(smk.input.aligned)
    images, names = aligned["image"][...], list(aligned.attrs["sessions"])
    corner = float(aligned["height"][0]), float(aligned["width"][0])
    template = names.index(aligned.attrs["template"])
    tables = {
        name: pd.read_csv(smk.input[name], dtype={"session": str})
        for name in ("cells", "shifts", "pairs", "scores", "model", "control")
    }
    mappings = pd.read_csv(smk.input.mappings, dtype="Int64")
    sections = [
        alignment_section(images, names, template, tables["shifts"], corner),
        cells_section(tables["cells"], mappings, images[template], corner),
        pairs_section(*(tables[name] for name in ("scores", "pairs", "control", "model"))),
    ]
    animal, variant = smk.wildcards.animal, smk.wildcards.variant
    lead = f"<p>variant {html.escape(variant)}, {len(names)} sessions, {len(mappings)} cells</p>"
    with new_store(smk.output.report) as part:
        part.write_text(page(f"Animal {animal}", lead, sections, {}), "utf-8")


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
