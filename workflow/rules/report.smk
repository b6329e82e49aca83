# One page and one video per session and variant, which show every step.
rule preview_motion:
    input:
        raw=plan.product("load", "raw.zarr"),
        frames=plan.product("load", "frames.tsv"),
        motion=plan.product("estimate_motion", "motion.zarr"),
    output:
        preview=directory("<results>/{session}/{variant}/motion/preview.zarr"),
    log:
        "<logs>/{session}/{variant}/preview_motion.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/preview_motion.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("preview_motion"),
        runtime=lambda wc, attempt: 30 * attempt,
    params:
        settings=plan.settings("preview_motion"),
        code=digest("preview_motion"),
    message:
        "Comparing frames before and after the correction, session {wildcards.session}"
    script:
        "../../scripts/preview_motion.py"


rule report:
    input:
        units="<results>/{session}/{variant}/units.zarr",
        curated="<results>/{session}/{variant}/curated.zarr",
        frames=plan.product("load", "frames.tsv"),
        preview=plan.product("preprocess", "preview.zarr"),
        motion=plan.product("estimate_motion", "motion.zarr"),
        motion_preview=plan.product("preview_motion", "preview.zarr"),
        seeds=plan.product("seeds_refine", "seeds.tsv"),
        initialize=plan.product("initialize", "units.zarr"),
        spatial=plan.all_iterations("spatial_update", "units.zarr"),
        temporal=plan.all_iterations("temporal_update", "units.zarr"),
        merges=plan.merges,
    output:
        report="<results>/{session}/{variant}/report.html",
    log:
        "<logs>/{session}/{variant}/report.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/report.tsv"
    priority: 1  # what is long, or waited for, goes first
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("report"),
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        settings=plan.settings("report"),
        defaults=plan.defaults,
        logs=plan.job_files("logs", "log"),
        benchmarks=plan.job_files("benchmarks", "tsv"),
        code=digest("report"),
    message:
        "Writing the report of session {wildcards.session}, variant {wildcards.variant}"
    script:
        "../../scripts/report.py"


rule video:
    input:
        A=plan.product("spatial_update", "units.zarr"),
        traces=plan.product("compute_traces", "units.zarr"),
        temporal=plan.product("temporal_update", "units.zarr"),
        frames=plan.product("load", "frames.tsv"),
        raw=plan.product("load", "raw.zarr"),
        Y=plan.product("apply_motion", "Y.zarr"),
    output:
        video="<results>/{session}/{variant}/video.mp4",
    log:
        "<logs>/{session}/{variant}/video.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/video.tsv"
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=plan.memory("video"),
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        settings=plan.settings("video"),
        code=digest("video"),
    message:
        "Making the video of session {wildcards.session}, variant {wildcards.variant}"
    script:
        "../../scripts/video.py"


rule cross_report:
    input:
        mappings="<results>/cross_registration/{animal}/{variant}/mappings.csv",
        cells="<results>/cross_registration/{animal}/{variant}/cells.csv",
        shifts="<results>/cross_registration/{animal}/{variant}/shifts.csv",
        pairs="<results>/cross_registration/{animal}/{variant}/pairs.csv",
        scores="<results>/cross_registration/{animal}/{variant}/scores.csv",
        model="<results>/cross_registration/{animal}/{variant}/model.csv",
        control="<results>/cross_registration/{animal}/{variant}/control.csv",
        aligned="<results>/cross_registration/{animal}/{variant}/aligned.zarr",
    output:
        report="<results>/cross_registration/{animal}/{variant}/report.html",
    log:
        "<logs>/cross_registration/{animal}/{variant}/cross_report.log",
    benchmark:
        "<benchmarks>/cross_registration/{animal}/{variant}/cross_report.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("cross_report"),
        runtime=lambda wc, attempt: 30 * attempt,
    params:
        code=digest("cross_report"),
    message:
        "Writing the page of animal {wildcards.animal}, variant {wildcards.variant}"
    script:
        "../../scripts/cross_report.py"
