# The variants of a session side by side, and a preview of them on a small part of it.
rule compare_variants:
    input:
        units=lambda wc: plan.of_variants(wc.session, "units.zarr"),
        scores=plan.scores_of_variants,
    output:
        table="<results>/{session}/variants.tsv",
        figure=report(
            "<results>/{session}/variants.png",
            caption="../report/variants.rst",
            category="Variants",
            labels={"session": "{session}"},
        ),
    log:
        "<logs>/{session}/compare_variants.log",
    benchmark:
        "<benchmarks>/{session}/compare_variants.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("compare_variants"),
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        differences=plan.differences,
        code=digest("compare_variants"),
    message:
        "Comparing the variants of session {wildcards.session}"
    script:
        "../../scripts/compare_variants.py"


rule preview:
    input:
        lambda wc: plan.previews(),
    localrule: True


# Writes the settings of a variant into the user's config.
rule promote:
    log:
        "<logs>/promote.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        configs=[str(path) for path in workflow.configfiles],
        variant=lambda wc: plan.config["variant"],
    message:
        "Promoting variant {params.variant}"
    script:
        "../../scripts/promote.py"
