"""The config is checked strictly, and its file and documentation follow the schema."""

import re
from pathlib import Path

import pytest
import yaml

from scopeflow.errors import InputError
from scopeflow.plan.document import config_text, with_tables
from scopeflow.plan.settings import load_config, read_schema, typed, walk
from scopeflow.recipes import DEFAULTS

CONFIG = Path(__file__).parents[2] / "config"

UNITS = {"_px": "px", "_s": " s", "_hz": "hz", "_frames": "frame"}


def faults(**config) -> list[str]:
    with pytest.raises(InputError) as caught:
        load_config({"sessions": "sessions.tsv", **config}, "my.yaml")
    first, *lines = str(caught.value).split("\n")
    assert first == "my.yaml is not valid:"
    return lines


def test_every_default_is_filled_in():
    full = load_config({"sessions": "sessions.tsv"})
    for dotted, part in walk(read_schema("config")):
        if dotted == "sessions":
            continue
        value = full
        for key in dotted.split("."):
            if value is None:
                break  # a section that is null as a whole
            value = value[key]
        if part.get("default") != {} and "default" in part and value is not None:
            assert value == part["default"], dotted


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"cell_diameter": 12}, ["cell_diameter: found 12", "did you mean cell_diameter_px?"]),
        ({"motion": {"max_shfit_px": 3}}, ["motion.max_shfit_px", "mean motion.max_shift_px?"]),
        ({"max_shift_px": 3}, ["max_shift_px", "did you mean motion.max_shift_px?"]),
        ({"zzz": 3}, ["zzz: found 3", "allowed: ", "cell_diameter_px"]),
        ({"n_iterations": "two"}, ["n_iterations: found 'two'", "a whole number >= 1 and <= 10"]),
        ({"n_iterations": 0}, ["n_iterations: found 0", "a whole number >= 1 and <= 10"]),
        ({"n_iterations": True}, ["n_iterations: found True"]),
        ({"cell_diameter_px": None}, ["cell_diameter_px: found None", "a number >= 3"]),
        ({"motion": None}, ["motion: found None", "a section of keys"]),
        (
            {"spatial": {"method": "caiman"}},
            ["spatial.method: found 'caiman'", "scopeflow, minian"],
        ),
        ({"seeds": {"ks_alpha": 1.5}}, ["seeds.ks_alpha: found 1.5", "<= 1, or null"]),
        ({"load": {"exclude": [[3, 3]]}}, ["load.exclude: found [3, 3]", "must be larger"]),
        (
            {"overrides": {"s": {"load": {"exclude": [[1, 2], [9, 3]]}}}},
            ["overrides.s.load.exclude: found [9, 3]"],
        ),
        ({"motion": {"polygon": [[1, 2], [3, 4]]}}, ["motion.polygon", "at least three corners"]),
        ({"simulate": {"a b": {}}}, ["simulate: 'a b' is not a name"]),
        ({"simulate": {"a": {"n_cell": 3}}}, ["simulate.a.n_cell", "mean simulate.a.n_cells?"]),
        ({"simulate": {"a": {"shift_px": [99, 0]}}}, ["simulate.a: shift_px is [99.0, 0.0]"]),
        ({"variants": {"v": {"results": "x"}}}, ["variants.v.results"]),
        ({"variants": {"v": {"seed": -1}}}, ["variants.v.seed: found -1", ">= 0"]),
        ({"overrides": {"s": {"motion": {"subpixl": 1}}}}, ["mean overrides.s.motion.subpixel?"]),
        ({"sessions": None}, ["sessions, discover: found neither"]),
        ({"discover": {"root": "a", "pattern": "{session}"}}, ["found both"]),
    ],
)
def test_a_fault_is_told_in_one_line_with_key_value_and_remedy(config, words):
    lines = faults(**config)
    assert len(lines) == 1
    for word in words:
        assert word in lines[0]


def test_all_faults_are_told_at_once():
    assert len(faults(seed=-1, motion={"subpixel": 3}, variants={"v": {"sed": 1}})) == 3


def test_numbers_and_order_of_keys_do_not_matter():
    one = load_config(yaml.safe_load("{sessions: s, cell_diameter_px: 20, motion: {subpixel: no}}"))
    two = load_config(
        yaml.safe_load("{motion: {subpixel: no}, cell_diameter_px: 20.0, sessions: s}")
    )
    assert repr(one) == repr(two)


def test_texts_of_the_command_line_that_are_no_yaml_stay_texts():
    given = {"a": "a: b: c", "b": "2020-13-45", "c": "{x", "d": "3", "e": ["true", "[1"]}
    assert typed(given) == {**given, "d": 3, "e": [True, "[1"]}


def test_every_key_is_described_with_its_unit():
    for dotted, part in walk(read_schema("config")):
        assert part.get("description"), dotted
        for suffix, unit in UNITS.items():
            if dotted.endswith(suffix) and "simulate" not in dotted:
                text = part["description"].lower()
                assert unit in text or "pixel" in text, f"{dotted}: no unit in {text!r}"


def test_every_leaf_has_a_default_and_a_type():
    for dotted, part in walk(read_schema("config")):
        if not re.match(r"motion.region\.|discover\.", dotted):
            assert "default" in part, dotted
        assert {"type", "enum", "anyOf"} & set(part), dotted


def test_defaults_of_recipes_are_those_of_the_simulator():
    recipe = read_schema("config")["properties"]["simulate"]["additionalProperties"]["properties"]
    assert {key: part["default"] for key, part in recipe.items()} == DEFAULTS


def test_the_shipped_config_and_its_guide_follow_the_schema():
    text = (CONFIG / "config.yaml").read_text("utf-8")
    guide = (CONFIG / "README.md").read_text("utf-8")
    renew = "call python scripts/write_config_docs.py"
    assert text == config_text(yaml.safe_load(text)), renew
    assert guide == with_tables(guide), renew


def test_the_shipped_config_activates_the_demo_alone_and_its_comments_are_the_defaults():
    text = (CONFIG / "config.yaml").read_text("utf-8")
    active = yaml.safe_load(text)
    assert set(active) == {"sessions", "results", "cell_diameter_px", "simulate"}
    _head, *blocks = text.split("\n\n")
    for i, block in enumerate(blocks):
        if all(line.startswith("# ") for line in block.splitlines()):
            blocks[i] = re.sub(r"^# ", "", block, flags=re.MULTILINE)
    everything = yaml.safe_load("\n".join(blocks))
    assert set(everything) == set(read_schema("config")["properties"])
    assert load_config(everything) == load_config(active)
