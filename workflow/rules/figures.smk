# Pictures of a session, for every variant.
rule plot_summary:
    input:
        units="<results>/{session}/{variant}/units.zarr",
        seeds=plan.product("seeds_refine", "seeds.tsv"),
        preview=plan.product("preprocess", "preview.zarr"),
        initialize=plan.product("initialize", "units.zarr"),
        spatial=plan.all_iterations("spatial_update", "units.zarr"),
        temporal=plan.all_iterations("temporal_update", "units.zarr"),
        merges=plan.merges,
    output:
        summary=report(
            "<results>/{session}/{variant}/figures/summary.png",
            caption="../report/summary.rst",
            category="Sessions",
            labels=of_session("6 units"),
        ),
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


rule plot_steps:
    input:
        frames=plan.product("load", "frames.tsv"),
        preview=plan.product("preprocess", "preview.zarr"),
        motion=plan.product("estimate_motion", "motion.zarr"),
        motion_preview=plan.product("preview_motion", "preview.zarr"),
        projections=plan.product("apply_motion", "projections.zarr"),
        seeds=plan.product("seeds_refine", "seeds.tsv"),
        initialize=plan.product("initialize", "units.zarr"),
        spatial=plan.all_iterations("spatial_update", "units.zarr"),
    output:
        recording=report(
            "<results>/{session}/{variant}/figures/recording.png",
            caption="../report/recording.rst",
            category="Sessions",
            labels=of_session("1 recording"),
        ),
        filters=report(
            "<results>/{session}/{variant}/figures/filters.png",
            caption="../report/filters.rst",
            category="Sessions",
            labels=of_session("2 filters"),
        ),
        motion=report(
            "<results>/{session}/{variant}/figures/motion.png",
            caption="../report/motion.rst",
            category="Sessions",
            labels=of_session("3 motion"),
        ),
        seeds=report(
            "<results>/{session}/{variant}/figures/seeds.png",
            caption="../report/seeds.rst",
            category="Sessions",
            labels=of_session("4 seeds"),
        ),
        footprints=report(
            "<results>/{session}/{variant}/figures/footprints.png",
            caption="../report/footprints.rst",
            category="Sessions",
            labels=of_session("5 footprints"),
        ),
    log:
        "<logs>/{session}/{variant}/plot_steps.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/plot_steps.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("plot_steps"),
        runtime=lambda wc, attempt: 30 * attempt,
    params:
        settings=plan.settings("estimate_motion"),
        code=digest("plot_steps"),
    message:
        "Drawing the steps of session {wildcards.session}, variant {wildcards.variant}"
    script:
        "../../scripts/plot_steps.py"
