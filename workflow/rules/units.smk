# The result of a session in one store; exists for every variant. It reads no movie: where these
# are removed after use, new metadata or another acceptance must not bring them back.
rule units:
    input:
        A=plan.product("spatial_update", "units.zarr"),
        traces=plan.product("compute_traces", "units.zarr"),
        temporal=plan.product("temporal_update", "units.zarr"),
        projections=plan.product("apply_motion", "projections.zarr"),
        motion=plan.product("estimate_motion", "motion.zarr"),
        frames=plan.product("load", "frames.tsv"),
        merges=plan.merges,
    output:
        units=directory("<results>/{session}/{variant}/units.zarr"),
    log:
        "<logs>/{session}/{variant}/units.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/units.tsv"
    wildcard_constraints:
        session=one_of(plan.recorded, f"(?:{PREVIEW}|{IMPLANT})?"),
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("units"),
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        settings=plan.all_settings,
        computed_by=plan.computed_by,
        code=digest("units"),
    message:
        "Writing the units of session {wildcards.session}, variant {wildcards.variant}"
    script:
        "../../scripts/units.py"
