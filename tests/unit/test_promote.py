"""A promoted variant changes values of the config and not a letter of the rest."""

import pytest
import yaml

from scopeflow.errors import InputError
from scopeflow.plan.promote import promote, promoted

CONFIG = """\
# My config.
sessions: sheet.tsv   # the table
cell_diameter_px: 16

motion:
  # as far as she runs
  max_shift_px: 30   # px
  region:
# seeds of cells
seeds: {pnr_min: 2}   # low

variants:
  default: {}
  # for the paper
  strict:   # fewer cells
    cell_diameter_px: 14.5
    motion: {max_shift_px: 40, aggregation: max, region: {top: 1, bottom: 9, left: 2, right: 8}}
    seeds:
      merge_correlation: 0.8
      pnr_min: null
    merge: {method: none}
  # for the boss
  loose: {seeds: {pnr_min: 1}}
export: {formats: [csv]}
"""

PROMOTED = """\
# My config.
sessions: sheet.tsv   # the table
cell_diameter_px: 14.5

motion:
  # as far as she runs
  max_shift_px: 40   # px
  region: {top: 1, bottom: 9, left: 2, right: 8}
  aggregation: max
# seeds of cells
seeds: {pnr_min: null, merge_correlation: 0.8}   # low

variants:
  default: {}
  # for the paper
  # for the boss
  loose: {seeds: {pnr_min: 1}}
export: {formats: [csv]}
merge:
  method: none
"""


def test_values_are_written_where_they_belong_and_all_else_stays():
    assert promoted(CONFIG, "strict") == PROMOTED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("variants: {a: {seed: 3}}", "seed: 3\n"),
        ("variants: {a: {seed: 3}, b: {}}\nseed: 1", "variants: {b: {}}\nseed: 3"),
        ("variants: {b: {}, a: {seed: 3}}\nseed: 1", "variants: {b: {}}\nseed: 3"),
        ("seed: 1\nvariants:\n  a:\n    seed: 3\n# end\n", "seed: 3\n# end\n"),
        ("variants:\n  default:\n    seed: 2\n  a: {merge: {method: none}}\n",
         "variants:\n  default: {}\nmerge:\n  method: none\n"),
        ("variants:\n  a:\n  default: {seed: 4}", "variants:\n  default: {}"),
        ("x: 1\nexport:\n  formats: # all\n  - csv\n  - nwb\n"
         "variants:\n  a: {export: {formats: []}}\n",
         "x: 1\nexport:\n  formats: [] # all\n"),
        ("{variants: {a: {export: {formats: [csv, nwb]}}, b: {}}}",
         "{variants: {b: {}}, export: {formats: [csv, nwb]}}"),
    ],
)  # fmt: skip
def test_other_forms_of_yaml(text, expected):
    name = "a"
    assert promoted(text, name) == expected or yaml.safe_load(promoted(text, name)) == (
        yaml.safe_load(expected)
    )


def test_settings_of_default_itself_can_be_promoted():
    text = "variants: {default: {seed: 3}, b: {}}\nseed: 1\n"
    assert promoted(text, "default") == "variants: {default: {}, b: {}}\nseed: 3\n"


@pytest.mark.parametrize("name", [None, "default", "other"])
def test_an_unknown_variant_is_refused(name):
    with pytest.raises(InputError, match=r"my.yaml has strict, loose. Name one"):
        promoted(CONFIG, name, "my.yaml")


def test_what_cannot_be_changed_safely_is_told_and_not_written():
    text = "motion: &m {max_shift_px: 3}\nvariants: {a: {motion: *m, seed: 2}, b: {motion: *m}}\n"
    new = yaml.safe_load(promoted(text, "a"))
    assert new["motion"] == {"max_shift_px": 3}
    assert new["variants"] == {"b": {"motion": {"max_shift_px": 3}}}
    assert new["seed"] == 2
    shared = "seeds: &m {pnr_min: 3}\nload: *m\nvariants: {a: {load: {pnr_min: 4}}}\n"
    with pytest.raises(InputError, match=r"Write this yourself: load.pnr_min=4"):
        promoted(shared, "a")


def test_the_former_text_is_kept_and_what_the_new_default_does_not_reach_is_told(tmp_path):
    (tmp_path / "sheet.tsv").write_text(
        "session\tanimal\tpath\tseed\ns1\tm\tfake\t7\ns2\tm\tfake\t"
    )
    path = tmp_path / "my.yaml"
    text = (
        f"sessions: {tmp_path / 'sheet.tsv'}\nsimulate: {{fake: {{}}}}\n"
        "overrides: {s2: {merge: {method: none}}}\n"
        "variants: {a: {seed: 3, merge: {correlation_min: 0.5}}, b: {n_iterations: 1}}\n"
    )
    path.write_text(text)
    lines = promote(path, "a")
    assert (tmp_path / "my.before_a.yaml").read_text() == text
    new = yaml.safe_load(path.read_text())
    assert new["seed"] == 3
    assert new["merge"] == {"correlation_min": 0.5}
    assert set(new["variants"]) == {"b"}
    words = "\n".join(lines)
    assert "seed: 3 (was not set)" in words
    assert "variant b builds upon the new default: merge.correlation_min=0.5" in words
    # The variant went before the sheet; the config does not.
    assert "session s1 has settings of its own" in words
    assert "seed=7" in words
    assert "session s2" not in words
    assert "computes for default what a had for itself: seeds_init, seeds_refine" in words
    path.write_text(text)
    promote(path, "a")
    assert (tmp_path / "my.before_a_2.yaml").read_text() == text


def test_the_ends_of_lines_and_a_link_stay(tmp_path):
    (tmp_path / "sheet.tsv").write_text("session\tanimal\tpath\ns1\tm\tfake\n")
    text = (
        f"sessions: {tmp_path / 'sheet.tsv'}\r\nsimulate: {{fake: {{}}}}\r\n"
        "seed: 1 # mine\r\nvariants:\r\n  a: {seed: 2}\r\n"
    )
    (tmp_path / "real.yaml").write_bytes(text.encode())
    (tmp_path / "my.yaml").symlink_to("real.yaml")
    promote(tmp_path / "my.yaml", "a")
    assert (tmp_path / "my.yaml").is_symlink()
    assert b"\r\nseed: 2 # mine\r\n" in (tmp_path / "real.yaml").read_bytes()
