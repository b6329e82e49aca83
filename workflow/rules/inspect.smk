# What the recordings are and what their analysis will cost; on request, before anything runs.
rule inspect_sessions:
    input:
        plan.all_files,
    output:
        table="<results>/inspect.tsv",
        text="<results>/inspect.txt",
    log:
        "<logs>/inspect_sessions.log",
    benchmark:
        "<benchmarks>/inspect_sessions.tsv"
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        mem_mb=plan.memory("inspect_sessions"),
        runtime=lambda wc, attempt: 120 * attempt,
    params:
        sessions=plan.to_inspect,
        cores=workflow.cores,
        budget_mb=plan.budgets,
        decode=plan.config["inspect"]["decode"],
        code=digest("inspect_sessions"),
    message:
        "Looking at the recordings"
    script:
        "../../scripts/inspect_sessions.py"


rule inspect:
    input:
        text="<results>/inspect.txt",
    log:
        "<logs>/inspect.log",
    localrule: True
    run:
        found = Path(input.text).read_text("utf-8")
        Path(log[0]).write_text(found, "utf-8")
        print(found)
