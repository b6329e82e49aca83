"""The curation page: every key and button, by clicking in the browser."""

import csv
import hashlib
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import zarr

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
# The text of a part of the page, through all shadow roots.
TEXT = """(id) => {
  const find = (root) => {
    const found = root.querySelector('#' + id)
    if (found) { return found }
    for (const node of root.querySelectorAll('*')) {
      const inner = node.shadowRoot && find(node.shadowRoot)
      if (inner) { return inner }
    }
  }
  const read = (node) => {
    let text = node.shadowRoot ? read(node.shadowRoot) : ''
    for (const child of node.childNodes) {
      if (child.nodeType == 3) { text += child.data }
      else if (!['STYLE', 'LINK'].includes(child.nodeName)) { text += read(child) }
    }
    return text
  }
  const found = find(document)
  return found ? read(found) : ''
}"""
# Where a point of a figure lies on the screen.
PLACE = """([name, x, y]) => {
  const view = [...Bokeh.index.query((view) => view.model.name == name)][0]
  const box = view.canvas_view.el.getBoundingClientRect()
  return [box.left + view.frame.x_scale.compute(x), box.top + view.frame.y_scale.compute(y)]
}"""
MODEL = "Bokeh.documents[0].get_model_by_name"


class Server:
    """The command, running on a copy of finished results."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        command = [sys.executable, "-u", "scripts/open_curation.py", str(folder)]
        self.process = subprocess.Popen(
            [*command, "--no-browser", *options],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        self.url = re.search(r"http\S+", self.process.stdout.readline()).group()

    @property
    def labels(self) -> Path:
        session, variant = self.folder.parts[-2:]
        return self.folder.parents[2] / "curation" / session / f"{variant}.csv"

    def rows(self, log: bool = False) -> list[dict]:
        """Lines of the log, or the rows that say something of their unit."""
        path = self.labels.with_suffix(".log.csv") if log else self.labels
        with path.open(newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
        said = ("action", "label", "merge_into", "note")
        return [row for row in rows if any(row.get(column) for column in said)]

    def stop(self) -> str:
        self.process.terminate()
        return self.process.communicate(timeout=20)[0]


def digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            total.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return total.hexdigest()


@pytest.fixture(scope="module")
def results(made, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("curated")
    shutil.copytree(made.folder, root / "results" / made.session / made.variant)
    return root / "results" / made.session / made.variant


@pytest.fixture(scope="module")
def server(results):
    running = Server(results)
    yield running
    running.stop()


class Opened:
    """The page in the browser, and what can be done with it."""

    def __init__(self, page, server) -> None:
        self.page, self.server = page, server
        page.goto(server.url)
        page.wait_for_function("window.scopeflow_ready_ms")

    def text(self, part: str) -> str:
        return self.page.evaluate(TEXT, part)

    def expect(self, words: str, part: str = "status") -> None:
        """Wait until a part of the page says something."""
        code = f"([id, words]) => ({TEXT})(id).includes(words)"
        try:
            self.page.wait_for_function(code, arg=[part, words])
        except Exception as error:
            raise AssertionError(f"{part} says {self.text(part)!r}, not {words!r}") from error

    def press(self, key: str, words: str, part: str = "status") -> None:
        self.page.keyboard.press(key)
        self.expect(words, part)

    def click(self, figure: str, x: float, y: float) -> None:
        self.page.mouse.click(*self.page.evaluate(PLACE, [figure, float(x), float(y)]))

    def frame(self) -> int:
        return self.page.evaluate(f"{MODEL}('frame').value")

    def image_sum(self, figure: str) -> float:
        """Return the sum of what a figure shows."""
        return self.page.evaluate(
            f"{MODEL}('{figure}').renderers.find((r) => r.glyph.type == 'Image')"
            ".data_source.data.image[0].reduce((a, b) => a + b, 0)"
        )


@pytest.fixture
def opened(page, server):
    server.labels.unlink(missing_ok=True)
    server.labels.with_suffix(".log.csv").unlink(missing_ok=True)
    return Opened(page, server)


def apart(units, made):
    """Return positions of three units that lie well apart."""
    place = np.stack([units["centroid_height"][:], units["centroid_width"][:]], axis=1)
    distance = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))
    np.fill_diagonal(distance, 99)
    best = [int(k) for k in np.argsort(-distance.min(axis=1))[:3]]
    return place, best


def test_keys_decide_and_every_decision_is_on_the_disk(opened, results, made):
    before = digest(results)
    ids, server = made.unit_id.tolist(), opened.server
    opened.expect(f"unit {ids[0]} (1 of {len(ids)})")
    opened.press("k", f"unit {ids[1]} (2 of")
    assert [(r["unit_id"], r["label"]) for r in server.rows()] == [(str(ids[0]), "accept")]
    opened.press("d", "1 kept, 1 dropped")
    opened.press("ArrowLeft", "drop")
    opened.press("s", "0 dropped, 0 merged, 1 split")
    opened.press("u", "1 dropped, 0 merged, 0 split")
    opened.press("r", "0 dropped, 0 merged, 1 split")
    opened.press("c", "1 kept, 0 dropped, 0 merged, 0 split")
    opened.press("ArrowRight", f"unit {ids[2]} (3 of")
    opened.press("m", "at least two units", "message")
    opened.press("o", f"unit {ids[3]} (4 of")
    opened.page.keyboard.press("n")
    opened.page.keyboard.type("two cells? kdmsu <b>x</b>")
    opened.page.keyboard.press("Enter")
    opened.expect("two cells? kdmsu <b>x</b>", "units")
    assert [(r["label"], r["note"]) for r in server.rows()] == [
        ("accept", ""), ("", "two cells? kdmsu <b>x</b>"),
    ]  # fmt: skip
    actions = [row["action"] for row in server.rows(log=True)]
    assert actions == ["keep", "drop", "split", "undo", "redo", "clear", "note"]
    assert digest(results) == before


def test_units_are_chosen_by_clicking_and_merged_with_shift(opened, results, made):
    units = zarr.open_group(results / "units.zarr", mode="r")
    place, (a, b, c) = apart(units, made)
    ids, page = made.unit_id, opened.page
    opened.click("field", place[a][1], place[a][0])
    opened.expect(f"unit {ids[a]} ")
    opened.click("movie", place[b][1], place[b][0])
    opened.expect(f"unit {ids[b]} ")
    page.keyboard.down("Shift")
    opened.click("activity", place[c][1], place[c][0])
    page.keyboard.up("Shift")
    opened.expect(f"and {ids[c]}")
    opened.press("m", "1 merged")
    row = opened.server.rows()[0]
    assert (row["unit_id"], row["merge_into"]) == (str(ids[c]), str(ids[b]))
    opened.press("g", f"unit {ids[b]} ")
    page.wait_for_function(f"{MODEL}('group').title.text.split(':').length >= 6")
    here = opened.text("status")
    page.keyboard.press("PageDown")
    page.wait_for_function(f"([a]) => ({TEXT})('status') != a", arg=[here])
    page.keyboard.press("PageUp")
    width = page.evaluate(f"{MODEL}('field').x_range.end - {MODEL}('field').x_range.start")
    page.keyboard.press("z")
    page.wait_for_function(
        f"{MODEL}('movie').x_range.end - {MODEL}('movie').x_range.start < 0.8 * {width}"
    )
    page.keyboard.press("z")
    page.wait_for_function(
        f"{MODEL}('movie').x_range.end - {MODEL}('movie').x_range.start == {width}"
    )


def test_frames_follow_keys_clicks_and_playing(opened, results):
    page = opened.page
    start, image = opened.frame(), opened.image_sum("movie")
    page.keyboard.press(".")
    page.wait_for_function(f"{MODEL}('frame').value == {start + 1}")
    page.wait_for_function(
        f"{MODEL}('movie').renderers.find((r) => r.glyph.type == 'Image')"
        f".data_source.data.image[0].reduce((a, b) => a + b, 0) != {image}"
    )
    page.keyboard.press(",")
    page.wait_for_function(f"{MODEL}('frame').value == {start}")
    opened.click("trace", 10.0, 1.0)
    page.wait_for_function(f"Math.abs({MODEL}('frame').value - 300) <= 1")
    opened.expect("10.0", "frame")
    page.keyboard.press(" ")
    page.wait_for_function(f"{MODEL}('frame').value > 310")
    page.keyboard.press(" ")
    opened.expect("play", "play")
    here = opened.frame()
    page.keyboard.press("e")
    page.wait_for_function(f"{MODEL}('frame').value != {here}")
    page.wait_for_function(f"{MODEL}('mini').title.text.includes('events')")
    page.wait_for_function("window.scopeflow_mini_shown > 1")


def test_every_button_list_and_tab_answers(opened, made):
    page = opened.page
    for name in ("next", "previous", "group_on", "group_back", "open", "neighbours", "zoom",
                 "zoom", "event", "background", "scale", "play", "play", "split", "clear", "drop",
                 "keep", "undo", "redo"):  # fmt: skip
        page.locator(f"#{name} button").click()
    opened.expect("1 kept, 1 dropped")
    page.locator("#merge button").click()
    opened.expect("at least two", "message")
    page.locator("#order select").select_option(label="snr, highest first")
    opened.expect("snr", "units")
    for column in ("snr", "label", "tau_decay_s"):
        page.locator("#colour select").select_option(label=column)
        page.wait_for_function(
            f"{MODEL}('field').below.some((b) => b.type == 'ColorBar' && "
            f"b.visible == {str(column != 'label').lower()})"
        )
    page.locator("#backdrop select").select_option(label="max projection")
    page.wait_for_function(f"{MODEL}('field').title.text == 'max projection'")
    page.locator("#tabs").get_by_text("Merges", exact=True).click()
    page.locator("#find button").click()
    opened.expect("pairs share pixels", "page")
    page.locator("#tabs").get_by_text("Raters", exact=True).click()
    opened.expect("--rater NAME", "agreement")
    page.locator("#difference button").click()
    opened.expect("Choose a rater", "message")
    page.keyboard.press("h")
    opened.expect("next unit that is not decided", "help")
    page.locator("#tabs").get_by_text("Units", exact=True).click()
    row = page.locator("#units .slick-row").nth(3)
    unit = row.locator(".slick-cell").first.inner_text()
    row.click()
    opened.expect(f"unit {unit} (")


def test_a_page_without_a_movie_and_with_a_second_rater(page, made, tmp_path):
    folder = tmp_path / "results" / made.session / made.variant
    shutil.copytree(made.folder, folder, ignore=shutil.ignore_patterns("Y.zarr"))
    server = Server(folder, "--rater", "bob")
    try:
        opened = Opened(page, server)
        opened.expect("was not kept", "message")
        opened.press("k", "1 kept")
        table = server.labels.with_name(f"{made.variant}.bob.csv")
        assert "accept" in table.read_text()
        assert not server.labels.exists()
        shutil.copy(table, server.labels)
        server.labels.write_text(server.labels.read_text().replace("accept", "reject"))
        page.goto(server.url)
        page.wait_for_function("window.scopeflow_ready_ms")
        page.locator("#tabs").get_by_text("Raters", exact=True).click()
        page.locator("#others select").select_option(label="workflow")
        opened.expect("same verdict: 0 %", "agreement")
        page.locator("#difference button").click()
        opened.expect(f"unit {made.unit_id[0]} (1 of")
    finally:
        text = server.stop()
    assert "Traceback" not in text


def refusal(url: str) -> int:
    """Return the status with which an address is refused."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url, timeout=20)
    with refused.value as answer:
        return answer.code


def test_strangers_see_one_sentence_and_files_stay_where_they_are(server):
    plain = server.url.split("?")[0]
    for path in ("", "?token=guess", "ws", "autoload.js?token=%ff"):
        assert refusal(plain + path) in (400, 403)
    up = "..%2f" * 7
    assert refusal(f"{plain}static/{up}etc/passwd") in (400, 403, 404)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "nowhere is not a folder"),
        (["."], "holds no units.zarr"),
        (["RESULT", "--address", "192.0.2.1"], "cannot listen on 192.0.2.1"),
        (["RESULT", "--port", "99999"], "cannot listen on 127.0.0.1, port 99999"),
        (["RESULT", "--rater", "../x"], "--rater"),
        (["RESULT", "--compare", "ann", "bob"], "there are no labels of that rater"),
    ],
)
def test_mistakes_are_told_in_a_sentence(made, arguments, words):
    arguments = [str(made.folder) if a == "RESULT" else a for a in arguments]
    done = subprocess.run(
        [sys.executable, "scripts/open_curation.py", "--no-browser", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
