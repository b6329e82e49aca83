# Time and memory of whole runs: each session alone, with each number of processes.
rule benchmark_run:
    input:
        unpack(plan.recording),
        unpack(plan.known_truth),
    output:
        run="<results>/benchmark/{session}/{cores}/run.tsv",
        steps="<results>/benchmark/{session}/{cores}/steps.tsv",
    log:
        "<logs>/benchmark/{session}/{cores}/benchmark_run.log",
    conda:
        "../../environment.yml"
    threads: workflow.cores  # nothing runs beside it
    resources:
        mem_mb=plan.memory("benchmark_run"),
        runtime=lambda wc, attempt: 600 * attempt,
    params:
        alone=lambda wc: alone(plan, wc.session),
        code=[digest(name) for name in ["benchmark_run", *STAGES, "units"]],
    message:
        "Measuring session {wildcards.session} with {wildcards.cores} processes"
    script:
        "../../scripts/benchmark_run.py"


rule benchmark_summary:
    input:
        runs=lambda wc: plan.benchmark_tables("run"),
        steps=lambda wc: plan.benchmark_tables("steps"),
    output:
        runs="<results>/benchmark/runs.tsv",
        steps="<results>/benchmark/steps.tsv",
        by_frames="<results>/benchmark/frames.png",
        by_cores="<results>/benchmark/processes.png",
        by_step="<results>/benchmark/steps.png",
    log:
        "<logs>/benchmark/benchmark_summary.log",
    benchmark:
        "<benchmarks>/benchmark/benchmark_summary.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("benchmark_summary"),
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        code=digest("benchmark_summary"),
    message:
        "Summing up time and memory of all runs"
    script:
        "../../scripts/benchmark_summary.py"


rule benchmark:
    input:
        "<results>/benchmark/runs.tsv",
    localrule: True
