"""What was chosen goes into the user's config: all else stays as it is."""

import os
import stat

import pytest
import yaml

from scopeflow.errors import InputError
from scopeflow.explore.saving import (
    changed_text,
    destination,
    refuse_overruled,
    write_config,
)

CONFIG = """\
# My config; the first line stays.
sessions: "sheet.tsv"   # where they are
cell_diameter_px: 12.5

motion:
  max_shift_px: 20  # they move a lot
# spatial:
#   sparse_penalty: null
variants: {}
"""


def changed(values, path=(), text=CONFIG):
    return changed_text(text, values, path, "my.yaml")


def test_comments_quotes_and_order_stay():
    text = changed({"motion.max_shift_px": 30, "spatial.sparse_penalty": 0})
    for line in CONFIG.splitlines():
        if "max_shift" not in line:
            assert line in text
    assert "max_shift_px: 30  # they move a lot" in text
    assert yaml.safe_load(text)["spatial"] == {"sparse_penalty": 0}
    assert text.index("# My config") < text.index("sessions") < text.index("motion")


def test_a_file_with_nothing_changed_is_the_same():
    assert changed({}) == CONFIG


def test_nested_sections_are_made_and_lists_stay_on_one_line():
    exclude = [[0, 30], [900, 950]]
    polygon = [[1.5, 2.0], [30.0, 2.0], [30.0, 40.5]]
    text = changed(
        {"load.exclude": exclude, "motion.polygon": polygon, "load.region.top": 8},
        ("overrides", "day1"),
    )
    assert "exclude: [[0, 30], [900, 950]]" in text
    saved = yaml.safe_load(text)["overrides"]["day1"]
    assert saved["load"] == {"exclude": exclude, "region": {"top": 8}}
    assert saved["motion"]["polygon"] == polygon


def test_a_variant_is_added_beside_others():
    text = CONFIG.replace("variants: {}", "variants: {low: {merge: {correlation_min: 0.5}}}")
    saved = yaml.safe_load(changed({"temporal.tau_decay_s": 0.4}, ("variants", "slow"), text))
    assert list(saved["variants"]) == ["low", "slow"]
    assert saved["variants"]["slow"] == {"temporal": {"tau_decay_s": 0.4}}
    assert saved["variants"]["low"] == {"merge": {"correlation_min": 0.5}}


def test_null_sections_and_null_values():
    text = changed({"motion.region": None}, ("variants", "a"), CONFIG.replace("{}", "{a: null}"))
    assert yaml.safe_load(text)["variants"]["a"] == {"motion": {"region": None}}


def test_a_long_line_of_the_user_is_not_broken():
    long = f"# {'x' * 60}\nmotion: {{max_shift_px: 20, aggregation: mean, border_error_px: 5, "
    text = f"sessions: s.tsv\n{long}subpixel: true, filtered: false}}\n"
    assert len(changed({"seed": 3}, (), text).splitlines()) == len(text.splitlines()) + 1


@pytest.mark.parametrize(
    ("text", "values", "words"),
    [
        (CONFIG, {"motion.max_shift_px": -3}, "motion.max_shift_px: found -3"),
        (CONFIG, {"load.exclude": [[5, 2]]}, "load.exclude: found [5, 2]"),
        (CONFIG + "nonsense: 1\n", {"seed": 1}, "nonsense"),
        ("a: [1\n", {"seed": 1}, "not readable as YAML"),
        ("", {"seed": 1}, "holds no settings"),
        ("- 1\n", {"seed": 1}, "holds no settings"),
    ],
)
def test_what_the_workflow_would_refuse_is_never_written(text, values, words):
    with pytest.raises(InputError, match=r"my\.yaml") as caught:
        changed(values, (), text)
    assert words in str(caught.value)


def test_what_is_drawn_holds_for_its_session_only():
    values = {"motion.polygon": [[0, 0]], "spatial.sparse_penalty": 2}
    own, rest = {"motion.polygon": [[0, 0]]}, {"spatial.sparse_penalty": 2}
    assert destination("session", "s1", "", values, 2) == {("overrides", "s1"): values}
    assert destination("all", "s1", "", values, 2) == {(): rest, ("overrides", "s1"): own}
    assert destination("all", "s1", "", rest, 2) == {(): rest}
    assert destination("all", "s1", "", values, 1) == {(): values}
    assert destination("variant", "s1", "low", rest, 2) == {("variants", "low"): rest}
    assert destination("variant", "s1", "low", values, 1) == {("variants", "low"): values}
    with pytest.raises(InputError, match=r"motion.polygon: drawn on session s1"):
        destination("variant", "s1", "low", values, 2)


def test_what_would_not_hold_is_refused():
    refuse_overruled({"a.b": 3}, {"a.b": 3.0}, "session s, variant default")
    with pytest.raises(InputError, match=r"a\.b: saved there, 3 would not hold for session s"):
        refuse_overruled({"a.b": 3}, {"a.b": 5}, "session s, variant foo")


def test_the_file_before_is_kept_and_links_and_modes_stay(tmp_path):
    real, link = tmp_path / "real.yaml", tmp_path / "my.yaml"
    real.write_text("one\n")
    real.chmod(0o640)
    link.symlink_to(real)
    first = write_config(link, "two\n")
    second = write_config(link, "three\n")
    assert link.is_symlink()
    assert real.read_text() == "three\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert (first.read_text(), second.read_text()) == ("one\n", "two\n")
    assert not list(tmp_path.glob(".*"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to_is_told(tmp_path):
    config = tmp_path / "my.yaml"
    config.write_text("one\n")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match="cannot be written"):
            write_config(config, "two\n")
    finally:
        tmp_path.chmod(0o700)
    assert config.read_text() == "one\n"
