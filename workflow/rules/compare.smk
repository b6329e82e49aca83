# Two results of one recording side by side.
rule compare_results:
    input:
        first=lambda wc: plan.config["compare"][wc.comparison]["first"],
        second=lambda wc: plan.config["compare"][wc.comparison]["second"],
    output:
        matches="<results>/compare/{comparison}/matches.tsv",
        summary="<results>/compare/{comparison}/summary.tsv",
        figure=report(
            "<results>/compare/{comparison}/comparison.png",
            caption="../report/comparison.rst",
            category="Comparisons",
            labels={"comparison": "{comparison}"},
        ),
    log:
        "<logs>/compare/{comparison}/compare.log",
    benchmark:
        "<benchmarks>/compare/{comparison}/compare.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("compare"),
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        settings=lambda wc: plan.config["compare"][wc.comparison],
        code=digest("compare"),
    message:
        "Comparing two results: {wildcards.comparison}"
    script:
        "../../scripts/compare.py"


rule compare:
    input:
        lambda wc: plan.comparisons(),
    localrule: True
