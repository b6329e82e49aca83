# Cells of an animal across its sessions.
rule cross_register:
    input:
        units=lambda wc: plan.units_of_animal(wc),
    output:
        mappings="<results>/cross_registration/{animal}/{variant}/mappings.csv",
        cells="<results>/cross_registration/{animal}/{variant}/cells.csv",
        shifts="<results>/cross_registration/{animal}/{variant}/shifts.csv",
        pairs="<results>/cross_registration/{animal}/{variant}/pairs.csv",
        scores="<results>/cross_registration/{animal}/{variant}/scores.csv",
        model="<results>/cross_registration/{animal}/{variant}/model.csv",
        control="<results>/cross_registration/{animal}/{variant}/control.csv",
        aligned=directory(
            "<results>/cross_registration/{animal}/{variant}/aligned.zarr"
        ),
        overlay=report(
            "<results>/cross_registration/{animal}/{variant}/overlay.png",
            caption="../report/cross_overlay.rst",
            category="Cells across sessions",
            labels={
                "animal": "{animal}",
                "variant": "{variant}",
                "figure": "1 overlay",
            },
        ),
        outlines=report(
            "<results>/cross_registration/{animal}/{variant}/outlines.png",
            caption="../report/cross_outlines.rst",
            category="Cells across sessions",
            labels={
                "animal": "{animal}",
                "variant": "{variant}",
                "figure": "2 outlines",
            },
        ),
        distributions=report(
            "<results>/cross_registration/{animal}/{variant}/distributions.png",
            caption="../report/cross_distributions.rst",
            category="Cells across sessions",
            labels={
                "animal": "{animal}",
                "variant": "{variant}",
                "figure": "3 distances and likeness",
            },
        ),
        control_figure=report(
            "<results>/cross_registration/{animal}/{variant}/control.png",
            caption="../report/cross_control.rst",
            category="Cells across sessions",
            labels={
                "animal": "{animal}",
                "variant": "{variant}",
                "figure": "4 control",
            },
        ),
        overview=report(
            "<results>/cross_registration/{animal}/{variant}/overview.png",
            caption="../report/cross_overview.rst",
            category="Cells across sessions",
            labels={
                "animal": "{animal}",
                "variant": "{variant}",
                "figure": "5 overview",
            },
        ),
    log:
        "<logs>/cross_registration/{animal}/{variant}/cross_register.log",
    benchmark:
        "<benchmarks>/cross_registration/{animal}/{variant}/cross_register.tsv"
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        mem_mb=plan.memory("cross_register"),
        runtime=lambda wc, attempt: 240 * attempt,
    params:
        settings=plan.animal_settings("cross_register"),
        sessions=lambda wc: plan.animals[wc.animal],
        template=lambda wc: plan.template_of(wc.animal, wc.variant),
        sheet=lambda wc: [plan.sessions[s].metadata for s in plan.animals[wc.animal]],
        code=digest("cross_register"),
    message:
        "Matching cells across the sessions of animal {wildcards.animal}"
    script:
        "../../scripts/cross_register.py"


# The same against the truth, where all sessions of an animal are simulated.
rule score_mappings:
    input:
        mappings="<results>/cross_registration/{animal}/{variant}/mappings.csv",
        units=lambda wc: plan.units_of_animal(wc),
        truth=lambda wc: plan.truths_of_animal(wc),
    output:
        score="<results>/cross_registration/{animal}/{variant}/score.tsv",
    log:
        "<logs>/cross_registration/{animal}/{variant}/score_mappings.log",
    benchmark:
        "<benchmarks>/cross_registration/{animal}/{variant}/score_mappings.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("score_mappings"),
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        code=digest("score_mappings"),
    message:
        "Comparing matched cells with the truth: animal {wildcards.animal}"
    script:
        "../../scripts/score_mappings.py"
