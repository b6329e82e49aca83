# Units that another program found (column `units` of the sheet): no step from videos to cells.
rule import_units:
    input:
        earlier=plan.earlier,
    output:
        units=directory("<results>/{session}/{variant}/units.zarr"),
    log:
        "<logs>/{session}/{variant}/import_units.log",
    benchmark:
        "<benchmarks>/{session}/{variant}/import_units.tsv"
    wildcard_constraints:
        session=one_of(plan.imported),
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=plan.memory("import_units"),
        runtime=lambda wc, attempt: 30 * attempt,
    params:
        settings=plan.settings("import_units"),
        code=digest("import_units"),
    message:
        "Taking over the units of session {wildcards.session}"
    script:
        "../../scripts/import_units.py"
