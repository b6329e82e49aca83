# Units of a simulated session against the truth.
rule score:
    input:
        units="<results>/{session}/{variant}/units.zarr",
        truth=plan.truth,
    output:
        score="<results>/{session}/{variant}/score.tsv",
        cells="<results>/{session}/{variant}/score_cells.tsv",
        found="<results>/{session}/{variant}/score_found.tsv",
    log:
        "<logs>/{session}/{variant}/score.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/score.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("score"),
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        code=digest("score"),
    message:
        "Comparing with the truth: session {wildcards.session}, variant {wildcards.variant}"
    script:
        "../../scripts/score.py"


# All simulated sessions together, beside what was published of other programs.
rule validate:
    input:
        score=lambda wc: plan.scores(wc.variant, "score"),
        cells=lambda wc: plan.scores(wc.variant, "score_cells"),
        found=lambda wc: plan.scores(wc.variant, "score_found"),
        published=workflow.source_path("../resources/published_validation.tsv"),
    output:
        scores="<results>/validation/{variant}/scores.tsv",
        summary="<results>/validation/{variant}/summary.tsv",
        neighbours="<results>/validation/{variant}/neighbours.tsv",
        quality="<results>/validation/{variant}/quality.tsv",
        medians=report(
            "<results>/validation/{variant}/medians.png",
            caption="../report/validation.rst",
            category="Validation",
            labels={"variant": "{variant}", "figure": "medians"},
        ),
        spread=report(
            "<results>/validation/{variant}/spread.png",
            caption="../report/validation.rst",
            category="Validation",
            labels={"variant": "{variant}", "figure": "spread over cells"},
        ),
        close=report(
            "<results>/validation/{variant}/neighbours.png",
            caption="../report/validation.rst",
            category="Validation",
            labels={"variant": "{variant}", "figure": "by distance of neighbours"},
        ),
    log:
        "<logs>/validation/{variant}/validate.log",
    benchmark:
        "<benchmarks>/validation/{variant}/validate.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("validate"),
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        code=digest("validate"),
    message:
        "Summing up all simulated sessions, variant {wildcards.variant}"
    script:
        "../../scripts/validate.py"


rule validation:
    input:
        [f"{plan.results}/validation/{v}/summary.tsv" for v in plan.variants],
    localrule: True
