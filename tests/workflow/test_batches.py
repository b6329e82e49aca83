"""Many sessions: one that fails stops no other, and a table says so. Scripts are models."""

import csv

FAIL = """
if snakemake.wildcards.session in pathlib.Path("bad").read_text().split():
    pathlib.Path(snakemake.log[0]).write_text("10:00:00 ERROR session: no light. Switch it on.\\n")
    raise SystemExit(1)
"""


def status(project) -> dict[str, dict]:
    with (project.folder / "results" / "status.tsv").open(newline="") as handle:
        return {row["session"]: row for row in csv.DictReader(handle, delimiter="\t")}


def states(project) -> dict[str, str]:
    return {session: row["state"] for session, row in status(project).items()}


def test_a_table_tells_at_the_end_of_every_run_what_became_of_each_session(model):
    script = model.folder / "scripts" / "estimate_motion.py"
    script.write_text(script.read_text("utf-8") + FAIL, "utf-8")
    (model.folder / "bad").write_text("s2")
    model.sheet("s1\tm1\tfake", "s2\tm1\tfake")
    model.configure(**model.base, n_iterations=1)
    run = model.run()
    assert run.returncode != 0
    assert states(model) == {"s1": "finished", "s2": "failed"}
    row = status(model)["s2"]
    assert row["rule"] == "estimate_motion"
    assert row["log"] == "logs/s2/default/estimate_motion.log"
    assert row["reason"] == "session: no light. Switch it on."
    assert "Sessions: 1 finished, 1 failed. Table: results/status.tsv" in run.stderr
    assert "s2 default: estimate_motion failed: session: no light" in run.stderr

    (model.folder / "bad").write_text("")
    model.complete()
    assert set(states(model).values()) == {"finished"}
    (model.folder / "results" / "status.tsv").unlink()
    model.complete("--", "status")  # with nothing else to do
    assert set(states(model).values()) == {"finished"}


def test_settings_in_the_sheet_rerun_their_session_only(finished_model):
    sheet = finished_model.folder / "sheet.tsv"
    before = sheet.read_text("utf-8")
    header, first, second = before.splitlines()
    try:
        changed = [f"{header}\tmerge.correlation_min", f"{first}\t", f"{second}\t0.5"]
        sheet.write_text("\n".join(changed) + "\n", "utf-8")
        due = finished_model.due()
        assert due["merge"] == due["units"] == 1
        assert "load" not in due
    finally:
        sheet.write_text(before, "utf-8")
