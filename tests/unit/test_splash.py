"""What the browser sees until a page is there; nothing without the token."""

import json
import socket
import urllib.error
import urllib.request

import pytest

from scopeflow.pages.splash import Splash


@pytest.fixture
def splash():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = Splash(listening, "secret", "A <page>")
        running.port = listening.getsockname()[1]
        yield running
        running.stop()


def get(splash, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{splash.port}{path}", timeout=10) as answer:
        return answer.read()


def test_a_picture_is_shown_as_soon_as_there_is_one(splash):
    page = get(splash, "/?token=secret").decode()
    assert "A &lt;page&gt;" in page
    assert "static/js/bokeh.min.js?v=" in page
    assert json.loads(get(splash, "/loading.json?token=secret")) == {
        "ready": False, "picture": False,
    }  # fmt: skip
    splash.show(b"png")
    assert json.loads(get(splash, "/loading.json?token=secret"))["picture"]
    assert get(splash, "/picture.png?token=secret") == b"png"
    assert b"Bokeh" in get(splash, "/static/js/bokeh.min.js?v=1")[:3000]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/", 403),
        ("/?token=", 403),
        ("/?token=gu%C3%9Fess", 403),
        ("/picture.png", 403),
        ("/loading.json?token=x", 403),
        ("/picture.png?token=secret", 404),
        ("/elsewhere?token=secret", 404),
        ("/static/js/../../../../settings.py?token=secret", 404),
        ("/static/js/%2e%2e/%2e%2e/views/ws.py?token=secret", 404),
    ],
)
def test_nothing_else_is_given_away(splash, path, code):
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(splash, path)
    with refused.value as answer:
        assert answer.code == code
        answer.read()
