# Units of a simulated session against the truth.
rule score:
    input:
        units="<results>/{session}/{variant}/units.zarr",
        truth=plan.truth,
    output:
        score="<results>/{session}/{variant}/score.tsv",
    log:
        "<logs>/{session}/{variant}/score.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/score.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("score"),
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        code=digest("score"),
    message:
        "Comparing with the truth: session {wildcards.session}, variant {wildcards.variant}"
    script:
        "../../scripts/score.py"
