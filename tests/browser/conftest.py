"""Pages in headless Chromium, cut off from the network."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from made_results import Made, make_results

HERE = Path(__file__).parent
ALLOWED = ("file", "data", "blob", "about")
LOCAL = ("127.0.0.1", "localhost")


def pytest_collection_modifyitems(items) -> None:
    """Mark what needs a browser, so that it can be left out: ``-m "not browser"``."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium of the system."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium on this machine: pages are not tested")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def watched_page(browser) -> Iterator[tuple]:
    """Give a page without network, and the list of all that goes wrong in it."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(20_000)
    faults: list[str] = []

    def guard(route) -> None:
        parts = urlsplit(route.request.url)
        if parts.scheme in ALLOWED or parts.hostname in LOCAL:
            route.continue_()
        else:
            faults.append(f"asked the network for {route.request.url}")
            route.abort()

    def note(message) -> None:
        if message.type == "error":
            faults.append(f"console: {message.text}")

    page.route("**/*", guard)
    page.on("pageerror", lambda error: faults.append(f"error: {error}"))
    page.on("console", note)
    yield page, faults
    context.close()


@pytest.fixture
def watched(browser) -> Iterator[tuple]:
    """Give a page, and the list of all that goes wrong in it, for the test to look at."""
    with watched_page(browser) as pair:
        yield pair


@pytest.fixture
def page(watched) -> Iterator:
    """A page that fails its test on any error in it, and on any request to the network."""
    page, faults = watched
    yield page
    assert not faults, faults


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Made:
    """Finished results of a small session; read-only: copy what a test changes."""
    return make_results(tmp_path_factory.mktemp("made"))
