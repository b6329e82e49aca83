# A few frames after each step of the filters; the filters themselves run inside motion.
rule preprocess:
    input:
        raw=plan.product("load", "raw.zarr"),
        frames=plan.product("load", "frames.tsv"),
    output:
        preview=directory("<results>/{session}/{variant}/preprocess/preview.zarr"),
    log:
        "<logs>/{session}/{variant}/preprocess.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/preprocess.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("preprocess"),
        runtime=lambda wc, attempt: 30 * attempt,
    params:
        settings=plan.settings("preprocess"),
        code=digest("preprocess"),
    message:
        "Previewing the filters of session {wildcards.session}"
    script:
        "../../scripts/preprocess.py"
