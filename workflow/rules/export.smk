# The curated units in the formats of other programs.
rule export:
    input:
        units="<results>/{session}/{variant}/curated.zarr",
    output:
        export=directory("<results>/{session}/{variant}/export"),
    log:
        "<logs>/{session}/{variant}/export.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/export.tsv"
    priority: 1  # what is long, or waited for, goes first
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("export"),
        runtime=lambda wc, attempt: 120 * attempt,
    params:
        settings=plan.settings("export"),
        keep_movies=plan.config["keep_movies"],
        code=digest("export"),
    message:
        "Exporting session {wildcards.session}, variant {wildcards.variant}"
    script:
        "../../scripts/export.py"
