"""Measure how fast the pages answer, in headless Chromium; prints a table.

Calls: ``python scripts/measure_pages.py explorer --configfile my.yaml --session NAME`` and
``python scripts/measure_pages.py curation results/SESSION/VARIANT``. Needs playwright and
Chromium, as the tests of the pages do. Nothing else should run on the machine.
"""

import argparse
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from scopeflow.errors import InputError
from scopeflow.pages.serve import run

N_FRAMES = 60
STEP = """async (button) => {
  const shown = SHOWN, next = () => new Promise(requestAnimationFrame)
  const before = shown(), start = performance.now()
  if (button) { button.click() }
  else { document.body.dispatchEvent(new KeyboardEvent("keydown", {key: ".", bubbles: true})) }
  while (shown() <= before) { await next() }
  await next()
  return performance.now() - start
}"""

# The number of the frame that the browser shows, and what asks for the next one.
SHOWN = {
    "explorer": "() => Bokeh.documents[0].get_model_by_name('frame-drawn').data.frame[0]",
    "curation": "() => [...Bokeh.documents[0]._all_models.values()]"
    ".find((m) => m.shown != null && m.ask != null).shown",
}
USABLE = {"explorer": ".movie-raw canvas", "curation": "#frame"}


def main() -> None:
    """Start a page as a user would, look at it, step through frames."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="What follows goes to the page: --configfile and --session, --variant of "
        "open_explorer.py, or the folder that open_curation.py opens.",
    )
    parser.add_argument("page", choices=sorted(SHOWN))
    known, options = parser.parse_known_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise InputError("no Chromium is installed. Install it: the pages are opened in it.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1400, "height": 1000})
        tab.set_default_timeout(120_000)
        row = _measured(tab, known.page, options)
        browser.close()
    pd.DataFrame([row]).to_csv(sys.stdout, sep="\t", index=False, float_format="%.3g")


def _measured(tab, page: str, options: list[str]) -> dict:
    command = [sys.executable, "-u", str(Path(__file__).with_name(f"open_{page}.py"))]
    start = time.perf_counter()
    with subprocess.Popen(
        [*command, "--no-browser", *options], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            address = re.search(r"http\S+", server.stdout.readline())
            if address is None:
                raise InputError(f"the page did not start: {' '.join(command[2:] + options)}")
            tab.goto(address.group())
            picture = (
                "document.getElementById('picture')?.naturalWidth || window.Bokeh?.documents.length"
            )
            while not tab.evaluate(picture):
                if server.poll() is not None:
                    raise InputError("the page has ended; what it said stands above")
                tab.wait_for_timeout(10)
            picture_s = time.perf_counter() - start
            tab.locator(USABLE[page]).first.wait_for()
            usable_s = time.perf_counter() - start
            frames_ms = _stepped(tab, page)
            memory_mb = psutil.Process(server.pid).memory_full_info().pss / 1e6
        finally:
            server.terminate()
    return {
        "page": page,
        "first_picture_s": picture_s,
        "usable_s": usable_s,
        "frame_ms_median": np.median(frames_ms),
        "frame_ms_90th": np.quantile(frames_ms, 0.9),
        "server_mb": memory_mb,
    }


def _stepped(tab, page: str) -> list[float]:
    """Step from frame to frame; return the time until each is drawn, ms."""
    tab.wait_for_timeout(3000)  # whatever is filled in after the first picture
    button = None
    if page == "explorer":
        button = tab.locator(".forth button").first.element_handle()
    else:  # it begins at a large event of the first unit
        tab.evaluate("() => { Bokeh.documents[0].get_model_by_name('frame').value = 0 }")
        tab.wait_for_function(f"({SHOWN[page]})() == 0")
    return [tab.evaluate(STEP.replace("SHOWN", SHOWN[page]), button) for _ in range(N_FRAMES)]


if __name__ == "__main__":
    run(main)
