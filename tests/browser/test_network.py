"""The fixtures themselves: pages are cut off from the network, and their errors are seen."""


def test_a_page_opens(page, tmp_path):
    (tmp_path / "a.html").write_text("<title>one</title><p id=x>two</p>")
    page.goto((tmp_path / "a.html").as_uri())
    assert page.title() == "one"
    assert page.locator("#x").inner_text() == "two"


def test_what_asks_the_network_or_fails_is_noted(watched, tmp_path):
    page, faults = watched
    (tmp_path / "b.html").write_text(
        "<img src='https://example.org/a.png'><script>throw new Error('mine')</script>"
    )
    page.goto((tmp_path / "b.html").as_uri())
    page.wait_for_load_state("networkidle")
    assert any("example.org" in fault for fault in faults)
    assert any("mine" in fault for fault in faults)
