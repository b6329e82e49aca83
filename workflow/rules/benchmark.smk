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
        dataset=lambda wc: plan.effective(wc.session, "default")["load"]["dataset"],
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


# The same recordings by Minian, in an environment of its own.
rule minian_environment:
    input:
        requirements=workflow.source_path("../resources/minian-requirements.txt"),
    output:
        versions="<results>/benchmark/minian_environment/versions.txt",
    log:
        "<logs>/benchmark/minian_environment.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("minian_environment"),
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        folder=lambda wc, output: Path(output.versions).parent,
        our_python=sys.executable,
    message:
        "Installing Minian in an environment of its own"
    shell:
        "( {params.our_python:q} -m venv --clear {params.folder:q} && "
        "{params.folder:q}/bin/python -m pip install --quiet -r {input.requirements:q} ) "
        "> {log:q} 2>&1 && {params.folder:q}/bin/python -m pip freeze > {output.versions:q} 2>> {log:q}"


rule minian_run:
    input:
        unpack(plan.recording),
        unpack(plan.known_truth),
        versions=ancient("<results>/benchmark/minian_environment/versions.txt"),
    output:
        run="<results>/benchmark/{session}/{cores}/minian.tsv",
        units=directory("<results>/benchmark/{session}/{cores}/minian_units.zarr"),
    log:
        "<logs>/benchmark/{session}/{cores}/minian_run.log",
    conda:
        "../../environment.yml"
    threads: workflow.cores  # nothing runs beside it
    resources:
        mem_mb=plan.memory("minian_run"),
        runtime=lambda wc, attempt: 2000 * attempt,
    params:
        code=digest("minian_run"),
    message:
        "Minian on session {wildcards.session} with {wildcards.cores} processes"
    script:
        "../../scripts/minian_run.py"


rule compare_programs:
    input:
        ours=lambda wc: plan.benchmark_tables("run"),
        theirs=lambda wc: plan.benchmark_tables("minian"),
    output:
        table="<results>/benchmark/minian.tsv",
    log:
        "<logs>/benchmark/compare_programs.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("benchmark_summary"),
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        code=digest("compare_programs"),
    message:
        "Minian and Scopeflow side by side"
    script:
        "../../scripts/compare_programs.py"


rule compare_minian:
    input:
        "<results>/benchmark/minian.tsv",
    localrule: True
