# Videos -> one store in the camera's own dtype, and a table of frames.
rule load:
    input:
        unpack(plan.recording),
    output:
        raw=movie("<results>/{session}/{variant}/load/raw.zarr"),
        frames="<results>/{session}/{variant}/load/frames.tsv",
    log:
        "<logs>/{session}/{variant}/load.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/load.tsv"
    wildcard_constraints:
        session=one_of(plan.sessions, f"(?:{PREVIEW})?"),
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        mem_mb=plan.memory("load"),
        runtime=lambda wc, attempt: 240 * attempt,
    params:
        settings=plan.settings("load"),
        files=plan.file_names,
        code=digest("load"),
    message:
        "Reading the videos of session {wildcards.session}"
    script:
        "../../scripts/load.py"
