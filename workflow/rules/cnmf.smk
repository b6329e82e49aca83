# Spatial update, traces, temporal update, merge: n_iterations times, no merge after the last.
# "<merge" is the merge of the iteration before, or initialize.
rule noise:
    input:
        Y=plan.product("apply_motion", "Y.zarr"),
    output:
        noise=directory("<results>/{session}/{variant}/noise/noise.zarr"),
    log:
        "<logs>/{session}/{variant}/noise.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/noise.tsv"
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        mem_mb=plan.memory("noise"),
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        settings=plan.settings("noise"),
        code=digest("noise"),
    message:
        "Noise of the pixels of session {wildcards.session}"
    script:
        "../../scripts/noise.py"


rule spatial_update:
    input:
        previous=plan.product("<merge", "units.zarr"),
        Y=plan.product("apply_motion", "Y.zarr"),
        projections=plan.product("apply_motion", "projections.zarr"),
        noise=plan.product("noise", "noise.zarr"),
    output:
        units=directory("<results>/{session}/{variant}/spatial/{iteration}/units.zarr"),
    log:
        "<logs>/{session}/{variant}/spatial_update.{iteration}.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/spatial_update.{iteration}.tsv"
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        mem_mb=plan.memory("spatial_update"),
        runtime=lambda wc, attempt: 240 * attempt,
    params:
        settings=plan.settings("spatial_update"),
        code=digest("spatial_update"),
    message:
        "Footprints of session {wildcards.session}, iteration {wildcards.iteration}"
    script:
        "../../scripts/spatial_update.py"


rule compute_traces:
    input:
        A=plan.product("spatial_update", "units.zarr"),
        previous=plan.product("<merge", "units.zarr"),
        Y=plan.product("apply_motion", "Y.zarr"),
        projections=plan.product("apply_motion", "projections.zarr"),
        noise=plan.product("noise", "noise.zarr"),
    output:
        units=directory("<results>/{session}/{variant}/traces/{iteration}/units.zarr"),
    log:
        "<logs>/{session}/{variant}/compute_traces.{iteration}.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/compute_traces.{iteration}.tsv"
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        mem_mb=plan.memory("compute_traces"),
        runtime=lambda wc, attempt: 240 * attempt,
    params:
        settings=plan.settings("compute_traces"),
        code=digest("compute_traces"),
    message:
        "Raw traces of session {wildcards.session}, iteration {wildcards.iteration}"
    script:
        "../../scripts/compute_traces.py"


rule temporal_update:
    input:
        traces=plan.product("compute_traces", "units.zarr"),
        A=plan.product("spatial_update", "units.zarr"),
        Y=plan.product("apply_motion", "Y.zarr"),
    output:
        units=directory("<results>/{session}/{variant}/temporal/{iteration}/units.zarr"),
    log:
        "<logs>/{session}/{variant}/temporal_update.{iteration}.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/temporal_update.{iteration}.tsv"
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        mem_mb=plan.memory("temporal_update"),
        runtime=lambda wc, attempt: 240 * attempt,
    params:
        settings=plan.settings("temporal_update"),
        code=digest("temporal_update"),
    message:
        "Calcium and activity of session {wildcards.session}, iteration {wildcards.iteration}"
    script:
        "../../scripts/temporal_update.py"


rule merge:
    input:
        A=plan.product("spatial_update", "units.zarr"),
        traces=plan.product("compute_traces", "units.zarr"),
        temporal=plan.product("temporal_update", "units.zarr"),
        Y=plan.product("apply_motion", "Y.zarr"),
    output:
        units=directory("<results>/{session}/{variant}/merge/{iteration}/units.zarr"),
    log:
        "<logs>/{session}/{variant}/merge.{iteration}.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/merge.{iteration}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("merge"),
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        settings=plan.settings("merge"),
        code=digest("merge"),
    message:
        "Merging units of session {wildcards.session}, iteration {wildcards.iteration}"
    script:
        "../../scripts/merge.py"
