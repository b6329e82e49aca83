# Pictures of a session, for every variant.
rule plot_summary:
    input:
        units="<results>/{session}/{variant}/units.zarr",
        seeds=plan.product("seeds_refine", "seeds.tsv"),
        preview=plan.product("preprocess", "preview.zarr"),
    output:
        summary="<results>/{session}/{variant}/figures/summary.png",
    log:
        "<logs>/{session}/{variant}/plot_summary.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/plot_summary.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("plot_summary"),
        runtime=lambda wc, attempt: 30 * attempt,
    params:
        code=digest("plot_summary"),
    message:
        "Drawing the summary of session {wildcards.session}, variant {wildcards.variant}"
    script:
        "../../scripts/plot_summary.py"
