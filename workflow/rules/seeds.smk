# Where cells may be: candidates with their traces, then the tests that keep or drop them.
rule seeds_init:
    input:
        Y=plan.product("apply_motion", "Y.zarr"),
        projections=plan.product("apply_motion", "projections.zarr"),
    output:
        candidates=directory("<results>/{session}/{variant}/seeds/candidates.zarr"),
    log:
        "<logs>/{session}/{variant}/seeds_init.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/seeds_init.tsv"
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        mem_mb=plan.memory("seeds_init"),
        runtime=lambda wc, attempt: 240 * attempt,
    params:
        settings=plan.settings("seeds_init"),
        code=digest("seeds_init"),
    message:
        "Looking for candidates of session {wildcards.session}"
    script:
        "../../scripts/seeds_init.py"


rule seeds_refine:
    input:
        candidates=plan.product("seeds_init", "candidates.zarr"),
    output:
        seeds="<results>/{session}/{variant}/seeds/seeds.tsv",
    log:
        "<logs>/{session}/{variant}/seeds_refine.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/seeds_refine.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("seeds_refine"),
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        settings=plan.settings("seeds_refine"),
        code=digest("seeds_refine"),
    message:
        "Testing the candidates of session {wildcards.session}"
    script:
        "../../scripts/seeds_refine.py"
