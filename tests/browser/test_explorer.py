"""The explorer, by clicking in it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import av
import pytest
import yaml
import zarr

ROOT = Path(__file__).parents[2]

# Where a point of a plot's data lies on the page.
PLACE = """([name, x, y]) => {
    const view = Bokeh.index.find_one(Bokeh.documents[0].get_model_by_name(name))
    const {left, top} = view.canvas_view.el.getBoundingClientRect()
    const {x_scale, y_scale} = view.frame
    return [left + x_scale.compute(x), top + y_scale.compute(y)]
}"""
VALUE = "([name, key]) => Bokeh.documents[0].get_model_by_name(name)[key]"


class Opened:
    """The page, by the names of its parts."""

    def __init__(self, page, url: str) -> None:
        self.page = page
        page.goto(url)
        page.locator(".movie-raw canvas").first.wait_for()

    def value(self, name: str, key: str = "text"):
        return self.page.evaluate(VALUE, [name, key])

    def wait(self, name: str, words: str, key: str = "text") -> str:
        """Wait until a sentence holds words; return it."""
        expression = f"Bokeh.documents[0].get_model_by_name({name!r})?.{key}.includes({words!r})"
        self.page.wait_for_function(expression, timeout=60_000)
        return self.value(name, key)

    def click(self, name: str) -> None:
        self.page.locator(f".{name} button").first.click()

    def press(self, name: str, key: str, times: int = 1) -> None:
        """Move a slider by keys."""
        handle = self.page.locator(f".{name} .noUi-handle")
        handle.focus()
        for _ in range(times):
            handle.press(key)

    def drag(self, name: str, start: tuple, end: tuple) -> None:
        """Drag the mouse between points (x, y) of a plot's data."""
        mouse = self.page.mouse
        mouse.move(*self.page.evaluate(PLACE, [name, *start]))
        mouse.down()
        mouse.move(*self.page.evaluate(PLACE, [name, *end]), steps=4)
        mouse.up()

    def open(self, title: str) -> None:
        self.page.locator(".bk-tab", has_text=title).click()


@pytest.fixture(scope="module")
def project(made, tmp_path_factory) -> Path:
    """A project whose session is the made one, with its frames as a video."""
    folder = tmp_path_factory.mktemp("explorer")
    frames = zarr.open_array(made.folder / "load" / "raw.zarr", path="Y", mode="r")[:]
    video = folder / "video" / "msCam1.avi"
    video.parent.mkdir()
    with av.open(str(video), "w") as container:
        stream = container.add_stream("ffv1", rate=30)
        stream.height, stream.width = frames.shape[1:]
        stream.pix_fmt = "gray"
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="gray")))
        container.mux(stream.encode())
    sheet = "session\tanimal\tpath\tfps_hz\ns1\tm1\tvideo\t30\n"
    (folder / "sheet.tsv").write_text(sheet)
    config = f"# Mine.\nsessions: sheet.tsv\ncell_diameter_px: 16\nresults: {made.root}/results\n"
    (folder / "my.yaml").write_text(config)
    (folder / "damaged").mkdir()
    (folder / "damaged" / "msCam1.avi").write_bytes(b"no video")
    (folder / "damaged.tsv").write_text(sheet.replace("video", "damaged"))
    (folder / "damaged.yaml").write_text("sessions: damaged.tsv\n")
    (folder / "fresh.yaml").write_text(config.replace(f"{made.root}/results", "nothing/results"))
    return folder


def served(folder: Path, config: str):
    """Start the command; return the process and the address that it prints."""
    command = [sys.executable, str(ROOT / "scripts" / "open_explorer.py"), "--no-browser"]
    process = subprocess.Popen(
        [*command, "--configfile", config, "--session", "s1"],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    line = process.stdout.readline()
    found = re.search(r"http://\S+", line)
    assert found, line + process.stdout.read()
    return process, found.group()


@pytest.fixture(scope="module")
def address(project):
    process, url = served(project, "my.yaml")
    yield url
    process.terminate()
    said = process.communicate(timeout=20)[0]
    assert "Traceback" not in said, said


@pytest.fixture
def explorer(page, address) -> Opened:
    return Opened(page, address)


def test_the_player_steps_plays_and_shows_all_movies(explorer):
    explorer.wait("frame", "0.00 s, frame 0", "title")
    explorer.click("forth")
    explorer.wait("frame", "0.03 s, frame 1", "title")
    for name in ("filtered", "corrected", "cells"):
        explorer.page.locator(".videos button", has_text=name).click()
        explorer.page.locator(f".movie-{name} canvas").first.wait_for(timeout=60_000)
    explorer.page.wait_for_timeout(500)
    assert explorer.value("player-note") == ""
    explorer.click("play")
    explorer.page.wait_for_function(
        "Bokeh.documents[0].get_model_by_name('frame-drawn').data.frame[0] > 20", timeout=60_000
    )
    explorer.click("play")
    x, y = explorer.page.evaluate(PLACE, ["curves", 100 / 30, 50])
    explorer.page.mouse.click(x, y)
    explorer.wait("frame", "black", "title")  # frame 100 is one of the bad ones


def test_what_is_drawn_and_brushed_is_saved_into_the_config(explorer, project):
    explorer.drag("movie-raw", (20, 10), (110, 90))
    explorer.wait("drawn", "Box: rows 10 to 90, columns 20 to 110")
    explorer.click("use-for-motion")
    explorer.wait("chosen", "motion.region")
    explorer.drag("curves", (5, 50), (6, 60))
    explorer.wait("marked", "frames 1")
    explorer.click("exclude")
    explorer.wait("chosen", "load.exclude: [[15")
    before = (project / "my.yaml").read_text()
    try:
        explorer.page.locator(".save-where button", has_text="this session").click()
        explorer.click("save")
        explorer.wait("saved", "Saved under")
        text = (project / "my.yaml").read_text()
        saved = yaml.safe_load(text)["overrides"]["s1"]
        region, ((first, stop),) = saved["motion"]["region"], saved["load"]["exclude"]
        for key, value in {"top": 10, "bottom": 91, "left": 20, "right": 111}.items():
            assert abs(region[key] - value) <= 1
        assert abs(first - 150) <= 1
        assert abs(stop - 181) <= 1
        assert text.startswith("# Mine.\n")
        assert len(list(project.glob("my.yaml.*.bak"))) == 1
        assert "Nothing is chosen" in explorer.value("chosen")
    finally:
        (project / "my.yaml").write_text(before)


def test_a_polygon_is_drawn_freehand_and_taken_back(explorer):
    explorer.page.locator(".movie-raw .bk-tool-icon-lasso-select").first.click()
    mouse = explorer.page.mouse
    corners = [(20, 20), (100, 25), (60, 90), (25, 60)]
    mouse.move(*explorer.page.evaluate(PLACE, ["movie-raw", *corners[0]]))
    mouse.down()
    for corner in corners[1:]:
        mouse.move(*explorer.page.evaluate(PLACE, ["movie-raw", *corner]), steps=3)
    mouse.up()
    n_corners = int(re.search(r"Polygon of (\d+)", explorer.wait("drawn", "Polygon of")).group(1))
    assert len(corners) <= n_corners <= 60
    explorer.click("use-for-motion")
    text = explorer.wait("chosen", "motion.polygon")
    # Rows before columns, in px of the original image: the first corner is where it was drawn.
    first = re.search(r"motion\.polygon: \[\[([\d.]+), ([\d.]+)\]", text).groups()
    assert [float(x) for x in first] == pytest.approx([20, 20], abs=2)
    assert explorer.value("save", "disabled") is False
    explorer.click("forget")
    explorer.wait("chosen", "Nothing is chosen")
    assert explorer.value("save", "disabled") is True


def test_filters_follow_their_sliders(explorer):
    explorer.open("Filters")
    explorer.page.locator(".stage-denoise canvas").first.wait_for(timeout=90_000)
    levels = "Bokeh.documents[0].get_model_by_name('contours-denoise').renderers[0]"
    lines = f"{levels}.data_source.data.xs.length"
    explorer.page.wait_for_function(f"{lines} > 0")
    before = explorer.page.evaluate(lines)
    explorer.press("preprocess-denoise-window_px", "ArrowRight", 3)
    explorer.wait("chosen", "preprocess.denoise.window_px: 11")
    explorer.page.wait_for_function(f"{lines} < {before}")
    assert explorer.value("preprocess-denoise-window_px-auto", "active") is False


def test_seeds_are_judged_again_by_every_threshold(explorer):
    explorer.open("Seeds")
    many = int(re.match(r"<b>(\d+)", explorer.wait("seed-counts", "seeds")).group(1))
    explorer.press("seeds-pnr_min", "PageUp", 12)
    explorer.wait("chosen", "seeds.pnr_min")
    text = "Bokeh.documents[0].get_model_by_name('seed-counts').text"
    explorer.page.wait_for_function(f"parseInt({text}.slice(3)) < {many}")
    fewer = int(re.match(r"<b>(\d+)", explorer.value("seed-counts")).group(1))
    assert 0 <= fewer < many
    spans = "Bokeh.documents[0].get_model_by_name('spectrum').center.filter(c => c.dimension)"
    cuts = f"{spans}.map(s => s.location).filter(l => typeof l == 'number' && l > 0)"
    cut = max(explorer.page.evaluate(cuts))
    explorer.press("seeds-noise_cutoff_hz", "ArrowRight", 5)
    explorer.page.wait_for_function(f"{cuts}.some(l => l > {cut})")
    chosen = explorer.value("chosen")
    assert "seeds.pnr_min" in chosen
    assert "seeds.noise_cutoff_hz" in chosen


def test_a_penalty_shrinks_footprints_and_a_variant_is_saved(explorer, project):
    explorer.open("Footprints")
    explorer.wait("footprints-note", "Median size")
    size = float(re.search(r"Median size (\d+)", explorer.value("footprints-note")).group(1))
    explorer.press("spatial-sparse_penalty", "End")
    explorer.wait("chosen", "spatial.sparse_penalty: 20")
    explorer.page.wait_for_function(
        "parseFloat(Bokeh.documents[0].get_model_by_name('footprints-note').text"
        f".split('Median size ')[1]) < {size}"
    )
    explorer.page.locator(".save-where button", has_text="variant").click()
    explorer.click("save")
    explorer.wait("saved", "not a name")
    field = explorer.page.locator(".variant-name input")
    field.fill("sparse")
    field.press("Enter")
    before = (project / "my.yaml").read_text()
    try:
        explorer.click("save")
        explorer.wait("saved", "variants.sparse")
        config = yaml.safe_load((project / "my.yaml").read_text())
        assert config["variants"] == {"sparse": {"spatial": {"sparse_penalty": 20.0}}}
    finally:
        (project / "my.yaml").write_text(before)


def test_activity_is_fitted_again(explorer):
    explorer.open("Activity")
    explorer.wait("activity-note", "decay")
    title = "Bokeh.documents[0].get_model_by_name('unit-0').title.text"
    active = int(re.search(r"(\d+) frames with", explorer.page.evaluate(title)).group(1))
    explorer.press("temporal-sparse_penalty", "End")
    explorer.page.wait_for_function(f"parseInt({title}.split(': ')[1]) < {active}")
    explorer.press("temporal-tau_decay_s", "Home")
    note = explorer.wait("activity-note", "must be shorter than the decay")
    assert "rise" in note
    assert "temporal.sparse_penalty" in explorer.value("chosen")


def test_before_a_run_the_videos_are_enough(page, project):
    process, url = served(project, "fresh.yaml")
    try:
        explorer = Opened(page, url)
        explorer.page.wait_for_function(
            "Bokeh.documents[0].get_model_by_name('curves').title.text.includes('sample')"
        )
        explorer.click("forth")
        explorer.wait("frame", "frame 1", "title")
        page.locator(".videos button", has_text="corrected").click()
        explorer.wait("player-note", "step apply_motion has not run")
        explorer.open("Filters")
        page.locator(".stage-background canvas").first.wait_for(timeout=90_000)
        explorer.open("Seeds")
        explorer.wait("no-candidates", "step seeds_init has not run")
        explorer.click("glimpse")
        explorer.wait("seed-counts", "candidates")
        for tab in ("Footprints", "Activity"):
            explorer.open(tab)
            explorer.wait("missing", "has not run for this session")
    finally:
        process.terminate()
        said = process.communicate(timeout=20)[0]
    assert "Traceback" not in said, said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--session", "s9"], "there is no session s9; allowed: s1."),
        (["--session", "s1", "--variant", "x"], "there is no variant x; allowed: default."),
        (["--configfile", "none.yaml"], "none.yaml is not readable"),
        (["--port", "99999"], "port"),
        (["--configfile", "damaged.yaml"], "not readable as a video"),
    ],
)
def test_a_mistake_on_the_command_line_is_a_sentence(project, arguments, words):
    command = [sys.executable, str(ROOT / "scripts" / "open_explorer.py"), "--no-browser"]
    given = arguments if "--configfile" in arguments else ["--configfile", "my.yaml", *arguments]
    done = subprocess.run([*command, *given], cwd=project, capture_output=True, text=True,
                          timeout=60, check=False)  # fmt: skip
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
