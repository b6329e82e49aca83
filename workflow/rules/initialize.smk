# First footprints, traces and background.
rule initialize:
    input:
        seeds=plan.product("seeds_refine", "seeds.tsv"),
        Y=plan.product("apply_motion", "Y.zarr"),
        projections=plan.product("apply_motion", "projections.zarr"),
    output:
        units=directory("<results>/{session}/{variant}/initialize/units.zarr"),
    log:
        "<logs>/{session}/{variant}/initialize.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/initialize.tsv"
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        mem_mb=plan.memory("initialize"),
        runtime=lambda wc, attempt: 240 * attempt,
    params:
        settings=plan.settings("initialize"),
        code=digest("initialize"),
    message:
        "First footprints of session {wildcards.session}"
    script:
        "../../scripts/initialize.py"
