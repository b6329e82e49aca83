# Synthetic cells in the user's own recording: which of them each variant finds. A recording with
# synthetic cells is a session of its own, named implant/{session}, from `load` on; the
# ordinary rules do the rest.
rule implant_cells:
    input:
        raw=plan.product("load", "raw.zarr"),
        frames=plan.product("load", "frames.tsv"),
        motion=plan.product("estimate_motion", "motion.zarr"),
        units="<results>/{session}/{variant}/units.zarr",
    output:
        raw=movie("<results>/implant/{session}/{variant}/load/raw.zarr"),
        frames="<results>/implant/{session}/{variant}/load/frames.tsv",
        truth=directory("<results>/implant/{session}/{variant}/load/implants.zarr"),
    log:
        "<logs>/implant/{session}/{variant}/implant_cells.log",
    benchmark:
        "<benchmarks>/implant/{session}/{variant}/implant_cells.tsv"
    wildcard_constraints:
        session=one_of(plan.sessions),
        variant="default",
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        mem_mb=plan.memory("implant_cells"),
        runtime=lambda wc, attempt: 120 * attempt,
    params:
        settings=plan.settings("implant_cells"),
        code=digest("implant_cells"),
    message:
        "Putting synthetic cells into session {wildcards.session}"
    script:
        "../../scripts/implant_cells.py"


rule implant_score:
    input:
        after="<results>/implant/{session}/{variant}/units.zarr",
        before="<results>/{session}/{variant}/units.zarr",
        truth="<results>/implant/{session}/default/load/implants.zarr",
    output:
        cells="<results>/implant/{session}/{variant}/implant.tsv",
        counts="<results>/implant/{session}/{variant}/counts.tsv",
    log:
        "<logs>/implant/{session}/{variant}/implant_score.log",
    benchmark:
        "<benchmarks>/implant/{session}/{variant}/implant_score.tsv"
    wildcard_constraints:
        session=one_of(plan.sessions),
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("implant_score"),
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        settings=plan.settings("implant_score"),
        code=digest("implant_score"),
    message:
        "Looking for the synthetic cells of session {wildcards.session}, variant {wildcards.variant}"
    script:
        "../../scripts/implant_score.py"


rule implant_ranking:
    input:
        unpack(plan.implant_scores),
    output:
        cells="<results>/implant/{session}/implant.tsv",
        levels="<results>/implant/{session}/levels.tsv",
        ranking="<results>/implant/{session}/ranking.tsv",
        agreement="<results>/implant/{session}/agreement.tsv",
        figure="<results>/implant/{session}/implant.png",
    log:
        "<logs>/implant/{session}/implant_ranking.log",
    benchmark:
        "<benchmarks>/implant/{session}/implant_ranking.tsv"
    wildcard_constraints:
        session=one_of(plan.sessions),
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("implant_ranking"),
        runtime=lambda wc, attempt: 30 * attempt,
    params:
        code=digest("implant_ranking"),
    message:
        "Ranking the variants of session {wildcards.session} by synthetic cells"
    script:
        "../../scripts/implant_ranking.py"


rule implant:
    input:
        plan.implant_targets(),
    localrule: True
