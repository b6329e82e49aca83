# Rigid motion, and the motion-corrected movie that cells are extracted from.
rule estimate_motion:
    input:
        raw=plan.product("load", "raw.zarr"),
        frames=plan.product("load", "frames.tsv"),
    output:
        motion=directory("<results>/{session}/{variant}/motion/motion.zarr"),
    log:
        "<logs>/{session}/{variant}/estimate_motion.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/estimate_motion.tsv"
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        mem_mb=plan.memory("estimate_motion"),
        runtime=lambda wc, attempt: 240 * attempt,
    params:
        settings=plan.settings("estimate_motion"),
        code=digest("estimate_motion"),
    message:
        "Estimating motion of session {wildcards.session}"
    script:
        "../../scripts/estimate_motion.py"


rule apply_motion:
    input:
        raw=plan.product("load", "raw.zarr"),
        frames=plan.product("load", "frames.tsv"),
        motion=plan.product("estimate_motion", "motion.zarr"),
    output:
        Y=movie("<results>/{session}/{variant}/motion/Y.zarr"),
        projections=directory("<results>/{session}/{variant}/motion/projections.zarr"),
    log:
        "<logs>/{session}/{variant}/apply_motion.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/apply_motion.tsv"
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        mem_mb=plan.memory("apply_motion"),
        runtime=lambda wc, attempt: 240 * attempt,
    params:
        settings=plan.settings("apply_motion"),
        code=digest("apply_motion"),
    message:
        "Correcting motion of session {wildcards.session}"
    script:
        "../../scripts/apply_motion.py"
