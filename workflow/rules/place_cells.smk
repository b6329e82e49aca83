# Cells that fire at places, in sessions with a table of behavior.
rule place_cells:
    input:
        unpack(plan.behavior),
        units="<results>/{session}/{variant}/curated.zarr",
    output:
        table="<results>/{session}/{variant}/place_cells/place_cells.tsv",
        maps=directory("<results>/{session}/{variant}/place_cells/maps.zarr"),
        figure=report(
            "<results>/{session}/{variant}/place_cells/place_cells.png",
            caption="../report/place_cells.rst",
            category="Place cells",
            labels=of_session("7 place cells"),
        ),
    log:
        "<logs>/{session}/{variant}/place_cells.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/place_cells.tsv"
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=plan.memory("place_cells"),
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        settings=plan.settings("place_cells"),
        code=digest("place_cells"),
    message:
        "Finding place cells of session {wildcards.session}, variant {wildcards.variant}"
    script:
        "../../scripts/place_cells.py"


# The same cells on other days, matched by the cross-registration.
rule place_across:
    input:
        unpack(plan.placed_sessions),
        mappings="<results>/cross_registration/{animal}/{variant}/mappings.csv",
    output:
        pairs="<results>/cross_registration/{animal}/{variant}/place_cells/pairs.tsv",
        summary="<results>/cross_registration/{animal}/{variant}/place_cells/summary.tsv",
        control="<results>/cross_registration/{animal}/{variant}/place_cells/control.tsv",
        figure=report(
            "<results>/cross_registration/{animal}/{variant}/place_cells/place_across.png",
            caption="../report/place_across.rst",
            category="Place cells",
            labels={"animal": "{animal}", "variant": "{variant}"},
        ),
    log:
        "<logs>/cross_registration/{animal}/{variant}/place_across.log",
    benchmark:
        "<benchmarks>/cross_registration/{animal}/{variant}/place_across.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("place_across"),
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        settings=plan.animal_settings("place_cells"),
        sessions=lambda wc: plan.sessions_with_places(wc.animal),
        code=digest("place_across"),
    message:
        "Comparing the place cells of animal {wildcards.animal}, variant {wildcards.variant}"
    script:
        "../../scripts/place_across.py"
