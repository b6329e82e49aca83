# Recordings of known cells. The number of files follows from the recipe, and outputs must
# be known by name: hence one rule for each number of files that occurs.
for (n_files, has_behavior), names in plan.recordings_by_files().items():

    rule:
        name:
            f"simulate_{n_files}_files" + ("_and_a_run" if has_behavior else "")
        output:
            **(
                {"behavior": "<simulated>/{recording}/behavior.csv"}
                if has_behavior
                else {}
            ),
            videos=expand(
                "<simulated>/{{recording}}/video/msCam{i}.avi", i=range(1, n_files + 1)
            ),
            timestamps="<simulated>/{recording}/video/timeStamps.csv",
            truth=directory("<simulated>/{recording}/truth.zarr"),
        log:
            "<logs>/simulated/{recording}/simulate.log",
        benchmark:
            "<benchmarks>/simulated/{recording}/simulate.tsv"
        wildcard_constraints:
            recording="|".join(map(re.escape, names)),
        conda:
            "../../environment.yml"
        threads: 2
        resources:
            mem_mb=plan.memory("simulate"),
            runtime=lambda wc, attempt: 60 * attempt,
        params:
            recipe=lambda wc: plan.recipes[wc.recording],
            code=digest("simulate"),
        message:
            "Simulating recording {wildcards.recording}"
        script:
            "../../scripts/simulate.py"
