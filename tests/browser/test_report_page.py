"""The report in a browser: every section stands, and units are browsed by clicking."""

import importlib
import re
from types import SimpleNamespace

import numpy as np
import pytest
import zarr

from scopeflow.plan.settings import load_config, normal, read_schema, walk

SECTIONS = ["glance", "settings", "recording", "filters", "motion", "seeds", "footprints", "units",
            "changes", "video", "costs", "versions"]  # fmt: skip


class Files(dict):
    """Inputs or params of a rule, by name."""

    __getattr__ = dict.__getitem__


def run(script: str, **parts) -> None:
    """Call a script as Snakemake would, without a job."""
    parts = {k: Files(v) if isinstance(v, dict) else v for k, v in parts.items()}
    importlib.import_module(script).main(SimpleNamespace(threads=1, **parts))


def write_report(made, folder, units="units.zarr", video=True):
    """Write the report of made results, and its video; return the page's path."""
    results = made.folder
    settings = load_config({"sessions": "sheet.tsv"})
    wildcards = SimpleNamespace(session=made.session, variant=made.variant)
    load = {"raw": results / "load/raw.zarr", "frames": results / "load/frames.tsv"}
    motion = {**load, "motion": results / "motion/motion.zarr"}
    preview = folder / "motion_preview.zarr"
    run("preview_motion", input=motion, output={"preview": preview}, wildcards=wildcards,
        params={"settings": settings})  # fmt: skip
    defaults = {
        key: normal(part["default"], part)
        for key, part in walk(read_schema("config"))
        if "default" in part and "properties" not in part
    }
    steps = [path.stem for path in (made.root / "logs" / made.session / "default").iterdir()]
    jobs = {
        kind: {s: f"{made.root}/{kind}/{made.session}/default/{s}.{end}" for s in sorted(steps)}
        for kind, end in (("logs", "log"), ("benchmarks", "tsv"))
    }
    of_rounds = {
        stage: [str(results / f"{stage}/{i}/units.zarr") for i in (1, 2)]
        for stage in ("spatial", "temporal")
    }
    run(
        "report",
        input={
            **motion, **of_rounds, "units": results / units, "curated": results / "curated.zarr",
            "preview": results / "preprocess/preview.zarr", "motion_preview": preview,
            "seeds": results / "seeds/seeds.tsv", "initialize": results / "initialize/units.zarr",
            "merges": [str(results / "merge/1/units.zarr")],
        },
        output={"report": folder / "report.html"},
        params={"settings": {"report": {"video": video}}, "defaults": defaults, **jobs},
        wildcards=wildcards,
    )  # fmt: skip
    run(
        "video",
        input={
            **load,
            "Y": results / "motion/Y.zarr",
            "A": results / "spatial/2/units.zarr",
            "traces": results / "traces/2/units.zarr",
            "temporal": results / "temporal/2/units.zarr",
        },
        output={"video": folder / "video.mp4"},
        params={"settings": settings},
        wildcards=wildcards,
    )
    return folder / "report.html"


@pytest.fixture(scope="module")
def report(made, tmp_path_factory):
    return write_report(made, tmp_path_factory.mktemp("report"))


def draw_all(page, report) -> None:
    """Open the page and draw every figure, so that none that comes later moves the others."""
    page.goto(report.as_uri())
    page.evaluate("window.scopeflow.drawAll()")
    page.wait_for_selector("body[data-drawn]")


@pytest.fixture
def opened(page, report):
    """The page with every figure drawn."""
    draw_all(page, report)
    return page


def model(page, name: str, expression: str):
    """Return the value of an expression of a Bokeh model ``m`` with this name."""
    return page.evaluate(
        """([name, text]) => {
          for (const d of Bokeh.documents) {
            const m = d.get_model_by_name(name);
            if (m) return new Function("m", `return ${text}`)(m);
          }
        }""",
        [name, expression],
    )


def shown_unit(page) -> int:
    """Wait until the traces of the selected unit are drawn, and return its label."""
    page.wait_for_function(
        """() => Bokeh.documents.some((d) => {
          const units = d.get_model_by_name("units"), number = d.get_model_by_name("number");
          return units && number.value === units.data.unit_id[units.selected.indices[0]];
        })"""
    )
    return model(page, "number", "m.value")


def wait_for_unit(page, unit: int) -> None:
    """Wait until a unit is selected and its traces are drawn."""
    page.wait_for_function(
        """(unit) => Bokeh.documents.some((d) => {
          const units = d.get_model_by_name("units"), number = d.get_model_by_name("number");
          return units && number.value === unit
            && units.data.unit_id[units.selected.indices[0]] === unit;
        })""",
        arg=unit,
    )
    assert shown_unit(page) == unit


def lengths_of_images(page) -> dict[str, int]:
    """Return the lengths of the encoded images that are drawn, by the id of their data."""
    return page.evaluate(
        """() => Object.fromEntries(Bokeh.documents.flatMap((d) => [...d._all_models.values()])
          .filter((m) => m.data?.url).map((m) => [m.id, m.data.url[0].length]))"""
    )


def numbered_anew(text: str) -> str:
    """Return a page with its models numbered from 0: in one process they are counted on."""
    seen: dict[str, str] = {}
    return re.sub(r'"p\d{4,}"', lambda found: seen.setdefault(found[0], f"p{len(seen)}"), text)


def test_the_page_asks_for_nothing_and_is_the_same_each_time(made, report, tmp_path):
    text = report.read_text("utf-8")
    body = re.sub(r"<script[^>]*>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.findall(r"<(?:script|link|img|iframe|source)[^>]*(?:src|href)=", body)
    assert re.findall(r"<script[^>]* src=", text) == []
    assert "http" not in body
    again = write_report(made, tmp_path).read_text("utf-8")
    assert numbered_anew(again) == numbered_anew(text)


def test_every_section_stands_and_says_what_good_looks_like(opened):
    assert opened.title() == "Session s1"
    assert [s.get_attribute("id") for s in opened.locator("section").all()] == SECTIONS
    for name in SECTIONS[:10]:
        guide = opened.locator(f"#{name} .guide").inner_text()
        assert "Good" in guide, name
    for place in opened.locator(".figure").all():
        assert place.locator("canvas, .bk-Canvas, .bk-Figure").count() or place.bounding_box()
    assert opened.locator("#warnings li").all_inner_texts() == [
        "estimate_motion: session s1: 1 of 597 good frames could not be placed",
        "load: 3 of 600 frames are bad",
    ]
    faults = opened.locator("#faults tbody tr, #faults tr").all_inner_texts()
    assert any(row.startswith("black\t2") for row in faults)
    rows = opened.locator("#attrition tr").all_inner_texts()
    assert [row.split("\t")[-1] for row in rows] == ["left", "23", "22", "21", "20", "19", "18"]
    assert [row.split("\t")[0] for row in rows if "\toff\t" in row] == ["gmm", "ks"]
    ends = " ".join(opened.locator("#ends tr").all_inner_texts())
    assert "900\tmerge 1\tmerged\t0" in ends
    assert "no compact footprint" in ends


def test_figures_are_drawn_when_they_come_near(page, report):
    page.goto(report.as_uri())
    page.wait_for_selector(".figure[data-drawn]")
    page.wait_for_timeout(1500)  # time enough to draw them all
    places = [place.get_attribute("id") for place in page.locator(".figure").all()]
    assert page.locator(f"#{places[-1]}").get_attribute("data-drawn") is None
    page.evaluate("(id) => document.getElementById(id).scrollIntoView()", places[-1])
    page.wait_for_selector(f"#{places[-1]}[data-drawn]")


def test_all_figures_stand_when_the_page_says_so(page, report):
    page.goto(report.as_uri())  # the first figures are being drawn when all are asked for
    page.evaluate("window.scopeflow.drawAll()")
    assert page.locator(".figure:not([data-drawn])").count() == 0
    assert page.locator("body").get_attribute("data-drawn") == "yes"


def test_pixels_are_square_and_no_figure_complains(page, report):
    said = []
    page.on("console", lambda message: said.append(message.text) if message.type != "info" else 0)
    draw_all(page, report)
    frames = page.evaluate(
        """() => Object.fromEntries([...Bokeh.index.query((v) => v.frame && v.model.name)]
          .map(({ model: m, frame: { bbox } }) => [m.name,
            [bbox.width / Math.abs(m.x_range.end - m.x_range.start),
             bbox.height / Math.abs(m.y_range.end - m.y_range.start)]]))"""
    )
    pictures = [
        "seeds", "unit-map", "footprint", "around", "mean_before", "max_after", "raw_image",
        "background_contours", "footprints_0", "changes",
    ]  # fmt: skip
    for name in pictures:
        across, down = frames[name]
        assert across == pytest.approx(down, rel=0.01), name
    assert not [text for text in said if "warning" in text or "could not" in text]


def test_a_unit_is_shown_as_it_is_in_the_store(opened, made):
    units = zarr.open_group(made.folder / "units.zarr", mode="r")
    k = int(np.argmin(units["snr"][:]))  # the most doubtful one comes first
    assert shown_unit(opened) == made.unit_id[k]
    assert f"1 of {len(made.unit_id)} by snr" in model(opened, "unit-heading", "m.text")
    order = np.argsort(units["snr"][:]).tolist()
    shown = "Array.from(Bokeh.index.find_one(m).data.index)"
    assert model(opened, "unit-table", shown) == order
    for name, column in (("raw", "value"), ("fit", "calcium")):
        found = np.array(
            model(opened, name, f"Array.from(m.data.{column}, (v) => (isNaN(v) ? null : v))"),
            dtype=float,
        )
        true = units[{"raw": "YrA", "fit": "C"}[name]][k]
        step = max(np.nanmax(true) - np.nanmin(true), 0) / 254
        step = max(step, units["sigma"][k] / 8) if name == "raw" else step
        np.testing.assert_allclose(found, true, atol=step)
    heights = model(opened, "spikes", "m.data.height.length")
    assert 0 < heights <= (units["S"][k] > 0).sum()


def test_units_are_browsed_by_buttons_keys_number_and_map(opened, made):
    first = shown_unit(opened)
    order = np.argsort(zarr.open_group(made.folder / "units.zarr", mode="r")["snr"][:])
    ids = made.unit_id[order].tolist()
    after = ids[(ids.index(first) + 1) % len(ids)]
    opened.locator("#unit-browser").get_by_role("button", name="next").click()
    wait_for_unit(opened, after)
    opened.locator("#units h2").scroll_into_view_if_needed()
    opened.keyboard.press("ArrowLeft")
    wait_for_unit(opened, first)
    box = opened.locator("#unit-browser input[type=text], #unit-browser input.bk-input").first
    box.fill(str(ids[3]))
    box.press("Enter")
    wait_for_unit(opened, ids[3])
    place = opened.evaluate(
        """(unit) => {
          for (const d of Bokeh.documents) {
            const units = d.get_model_by_name("units");
            if (!units) continue;
            const k = Array.from(units.data.unit_id).indexOf(unit);
            const view = Bokeh.index.find_one_by_id(d.get_model_by_name("unit-map").id);
            const frame = view.frame, box = view.canvas_view.events_el.getBoundingClientRect();
            return [box.x + frame.x_scale.compute(units.data.centroid_width[k]),
                    box.y + frame.y_scale.compute(units.data.centroid_height[k])];
          }
        }""",
        ids[7],
    )
    opened.mouse.click(*place)
    wait_for_unit(opened, ids[7])
    assert f"8 of {len(ids)} by snr" in model(opened, "unit-heading", "m.text")


def test_another_column_colours_the_map_and_orders_the_units(opened, made):
    shown_unit(opened)
    opened.locator("#unit-browser select").select_option("spatial_r")
    assert model(opened, "colour-bar", "m.title") == "spatial_r"
    shade = model(opened, "units", "Array.from(m.data.shade)")
    np.testing.assert_allclose(shade, np.linspace(0.86, 0.99, len(shade)), atol=1e-6)
    place = list(made.unit_id).index(shown_unit(opened)) + 1  # spatial_r rises with the label
    assert f", {place} of {len(shade)} by spatial_r" in model(opened, "unit-heading", "m.text")
    rows = model(opened, "unit-table", "Array.from(Bokeh.index.find_one(m).data.index)")
    assert rows == list(range(len(shade)))


def test_frames_and_steps_are_chosen(opened):
    before = lengths_of_images(opened)
    other = (model(opened, "frame", "m.active") + 1) % 3
    opened.locator("#filters-figure").get_by_role("button").nth(other).click()
    opened.locator("#footprints-figure").get_by_role("button", name="initialize").click()
    after = lengths_of_images(opened)
    changed = sum(after[name] != length for name, length in before.items())
    assert changed >= 4 + 2  # images of the filters, and of the footprints


def test_the_video_beside_the_page_plays(opened):
    opened.evaluate("document.getElementById('video-player').preload = 'metadata'")
    opened.evaluate("document.getElementById('video-player').load()")
    opened.wait_for_function("document.getElementById('video-player').readyState >= 1")
    width, length = opened.evaluate(
        "(() => { const v = document.getElementById('video-player');"
        " return [v.videoWidth, v.duration]; })()"
    )
    assert width == 4 * 128
    assert length == pytest.approx(20, abs=0.2)
    opened.evaluate("document.getElementById('video-player').play()")
    opened.wait_for_function("document.getElementById('video-player').currentTime > 0.1")
