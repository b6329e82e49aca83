"""Who computes what: products are shared exactly as far as settings agree."""

import ast
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from scopeflow.errors import InputError
from scopeflow.plan.alone import alone
from scopeflow.plan.plan import Plan
from scopeflow.plan.settings import read_schema
from scopeflow.plan.stages import FINAL, STAGES
from scopeflow.provenance import code_digest

ROOT = Path(__file__).parents[2]


class Wildcards(SimpleNamespace):
    def get(self, name):
        return getattr(self, name, None)


def plan(folder, **config) -> Plan:
    sheet = folder / "sessions.tsv"
    sheet.write_text("session\tanimal\tpath\tfps_hz\ns1\tm\tfake\t20\ns2\tm\tfake\t\n")
    return Plan({"sessions": str(sheet), "simulate": {"fake": {}}, **config})


def path_of(plan, stage, **wildcards):
    return plan.product_path(stage, "x", Wildcards(session="s1", **wildcards))


def test_a_pattern_in_place_of_a_search_leads_to_the_same_file(tmp_path):
    p = plan(tmp_path)
    n_patterns = 0
    for stage in [*STAGES, "<merge"]:
        found = p.product(stage, "x")
        wildcards = Wildcards(session="s1", variant="default", iteration="2")
        path = p.product_path(stage, "x", wildcards)
        if isinstance(found, str):
            found = found.replace("<results>", p.results).format(session="s1", variant="default")
            n_patterns += 1
        else:
            found = found(wildcards)
        assert found == path
    assert n_patterns > 5
    several = plan(tmp_path, variants={"a": {"merge": {"correlation_min": 0.5}}})
    assert callable(several.product("load", "x"))


def test_a_variant_computes_what_it_changes_and_what_follows(tmp_path):
    p = plan(tmp_path, variants={"strict": {"spatial": {"sparse_penalty": 9}}})
    owners = p.computed_by(Wildcards(session="s1", variant="strict"))
    own = {stage for stage, owner in owners.items() if owner == "strict"}
    assert own == {
        *("spatial_update/1", "compute_traces/1", "temporal_update/1", "merge/1"),
        *("spatial_update/2", "compute_traces/2", "temporal_update/2"),
    }


def test_filters_count_for_motion_only_where_it_uses_them(tmp_path):
    denoise = {"preprocess": {"denoise": {"window_px": 3}}}
    p = plan(tmp_path, variants={"smooth": denoise})
    motion = path_of(p, "estimate_motion", variant="smooth")
    assert motion == path_of(p, "estimate_motion", variant="default")
    p = plan(tmp_path, motion={"filtered": True}, variants={"smooth": denoise})
    assert path_of(p, "estimate_motion", variant="smooth") == "results/s1/smooth/motion/x"


def test_the_first_variant_that_agrees_owns_a_product(tmp_path):
    change = {"merge": {"correlation_min": 0.5}}
    p = plan(tmp_path, variants={"a": change, "b": {**change, "temporal": {"sparse_penalty": 3}}})
    assert path_of(p, "merge", variant="a", iteration=1) == "results/s1/a/merge/1/x"
    assert path_of(p, "temporal_update", variant="a", iteration=1) == (
        "results/s1/default/temporal/1/x"
    )
    assert path_of(p, "temporal_update", variant="b") == "results/s1/b/temporal/2/x"


def test_iterations_are_read_in_order(tmp_path):
    p = plan(tmp_path, n_iterations=3)
    assert path_of(p, "<merge", variant="default", iteration=1) == (
        "results/s1/default/initialize/x"
    )
    assert path_of(p, "<merge", variant="default", iteration=3) == ("results/s1/default/merge/2/x")
    assert path_of(p, "compute_traces", variant="default") == "results/s1/default/traces/3/x"


def test_more_iterations_share_the_first_ones(tmp_path):
    p = plan(tmp_path, n_iterations=1, variants={"long": {"n_iterations": 3}})
    assert path_of(p, "temporal_update", variant="long", iteration=1).startswith(
        "results/s1/default"
    )
    # default ends with iteration 1, which has no merge
    assert path_of(p, "merge", variant="long", iteration=1).startswith("results/s1/long")


def test_precedence_is_config_then_session_then_variant(tmp_path):
    p = plan(
        tmp_path,
        motion={"max_shift_px": 1, "border_error_px": 1},
        overrides={"s1": {"motion": {"max_shift_px": 2, "border_error_px": 2}}},
        variants={"v": {"motion": {"border_error_px": 3}}},
    )
    motion = p.effective("s1", "v")["motion"]
    assert (motion["max_shift_px"], motion["border_error_px"]) == (2, 3)
    assert p.effective("s2", "v")["motion"]["max_shift_px"] == 1


def test_a_stage_gets_the_settings_it_declares_and_no_other(tmp_path):
    settings = plan(tmp_path).settings("seeds_refine")(Wildcards(session="s1", variant="default"))
    assert "pnr_min" in settings["seeds"]
    assert "event_window_s" not in settings["seeds"]
    assert "motion" not in settings


def test_every_setting_is_used_by_some_stage():
    keys = {key for stage in STAGES.values() for key in stage.keys}
    keys |= {key for used in FINAL.values() for key in used}
    sections = {key for key in keys if "." not in key}
    per_session = set(read_schema("config")["properties"]) - {
        *("sessions", "discover", "results", "simulate", "overrides", "variants", "mem_mb"),
        "compare",
        "benchmark",
        "preview",
        "variant",
        "inspect",
        *("keep_movies", "n_iterations"),
    }
    for section in per_session - sections:
        for key in read_schema("config")["properties"][section]["properties"]:
            assert f"{section}.{key}" in keys, f"{section}.{key} reaches no script"


@pytest.mark.parametrize("stage", STAGES)
def test_a_script_asks_only_for_settings_that_exist(stage):
    """Every key that a script takes from its section is declared for the stage."""
    script = ROOT / "scripts" / f"{stage}.py"
    tree = ast.parse(script.read_text("utf-8"))
    taken = {
        item.slice.value
        for item in ast.walk(tree)
        if isinstance(item, ast.Subscript)
        and isinstance(item.slice, ast.Constant)
        and isinstance(item.slice.value, str)
        and "settings" in ast.unparse(item.value)
    }
    known = set()
    for dotted in STAGES[stage].keys:
        section, _, key = dotted.partition(".")
        known |= {section, key} if key else {section, *_keys_below(section)}
    assert taken <= known


def _keys_below(section: str) -> set[str]:
    part = read_schema("config")["properties"].get(section, {})
    found, queue = set(), [part]
    while queue:
        for key, inner in queue.pop().get("properties", {}).items():
            found.add(key)
            queue.append(inner)
    return found


def test_inputs_of_rules_are_stages_that_the_table_declares():
    """A rule that read an undeclared stage would share products wrongly."""
    for file in (ROOT / "workflow" / "rules").glob("*.smk"):
        for rule in file.read_text("utf-8").split("\nrule ")[1:]:
            name = rule.split(":")[0]
            read = set(re.findall(r'plan\.product\(\s*"([^"]+)"', rule))
            if name in STAGES:
                assert read <= set(STAGES[name].reads), name
                assert set(STAGES[name].reads) <= read, f"{name} declares more than it reads"


def test_overrides_for_a_stranger_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"overrides.s9: .* allowed: s1, s2"):
        plan(tmp_path, overrides={"s9": {}})


def test_files_of_a_simulated_recording_follow_from_its_recipe(tmp_path):
    p = plan(tmp_path, simulate={"fake": {"n_frames": 10, "frames_per_file": 4}}, results="o/r")
    files = p.recording(Wildcards(session="s1", variant="default"))
    assert files["videos"] == [f"o/simulated/fake/video/msCam{i}.avi" for i in (1, 2, 3)]
    assert files["timestamps"] == ["o/simulated/fake/video/timeStamps.csv"]


def test_the_digest_follows_formulas_and_not_comments(tmp_path):
    package = tmp_path / "scopeflow"
    package.mkdir()
    (tmp_path / "rule.py").write_text("from scopeflow.near import f\n")
    (package / "near.py").write_text(
        "from scopeflow import far\n\ndef f(x):\n    return far.g(x)\n"
    )
    (package / "far.py").write_text("def g(x):\n    return x + 1\n")

    def digest(**files):
        for name, text in files.items():
            (package / f"{name}.py").write_text(text)
        code_digest.__globals__["_parsed"].cache_clear()
        return code_digest(tmp_path / "rule.py")

    first = digest()
    assert digest(far="def g(x):\n    # why\n    return (x + 1)\n") == first
    assert digest(far="def g(x):\n    return x + 2\n") != first
    assert digest(far="def g(x):\n    return x + 1\n", other="x = 1\n") == first


def test_a_session_alone_has_its_settings_and_an_absolute_path(tmp_path):
    overrides = {s: {"temporal": {"ar_order": n}} for s, n in (("s1", 1), ("s2", 2))}
    whole = plan(tmp_path, results=str(tmp_path / "results"), overrides=overrides, n_iterations=1)
    config, row = alone(whole, "s1")
    assert Path(row["path"]).is_absolute()
    assert row["fps_hz"] == "20.0"
    Path(row["path"]).mkdir(parents=True)
    Path(row["path"], "msCam1.avi").touch()
    (tmp_path / "one.tsv").write_text("\t".join(row) + "\n" + "\t".join(row.values()) + "\n")
    again = Plan({**config, "sessions": str(tmp_path / "one.tsv")})
    assert list(again.sessions) == ["s1"]
    assert again.used("temporal_update", "s1", "default")["temporal"]["ar_order"] == 1
    assert again.used("load", "s1", "default")["session"]["fps_hz"] == 20
    assert again.effective("s1", "default")["n_iterations"] == 1


def test_labels_ask_for_the_movie_only_where_units_are_made_anew(tmp_path):
    config = {
        "results": str(tmp_path / "results"),
        "variants": {"late": {"merge": {"method": "none"}}},
    }
    of_s1 = Wildcards(session="s1", variant="late")
    labels = tmp_path / "curation" / "s1" / "late.csv"
    labels.parent.mkdir(parents=True)
    plans = [plan(tmp_path, **config, keep_movies=keep) for keep in (True, False)]
    assert [p.movie_for_labels(of_s1) for p in plans] == [[], []]
    for text, asks in (
        ("unit_id,label\n1,reject\n", False),
        ("unit_id,label\n1,Split\n", True),
        ("unit_id;label;merge_into\n1;;2\n", True),
        ("no table", False),
    ):
        labels.write_text(text)
        movie = [f"{tmp_path}/results/s1/default/motion/Y.zarr"]
        for either in plans:  # else a change of keep_movies would undo what labels made
            assert either.movie_for_labels(of_s1) == (movie if asks else [])
