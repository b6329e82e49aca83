# The units after the labels of a person, if there are any.
rule curate:
    input:
        units="<results>/{session}/{variant}/units.zarr",
        labels=plan.labels,
        movie=plan.movie_for_labels,
    output:
        curated=directory("<results>/{session}/{variant}/curated.zarr"),
    log:
        "<logs>/{session}/{variant}/curate.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/curate.tsv"
    priority: 2  # what is long, or waited for, goes first
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("curate"),
        runtime=lambda wc, attempt: 30 * attempt,
    params:
        code=digest("curate"),
    message:
        "Applying labels to session {wildcards.session}, variant {wildcards.variant}"
    script:
        "../../scripts/curate.py"
