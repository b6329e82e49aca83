"""What the browser sees while a page is still loading: its title, and a first picture.

Runs in a thread on the socket that the page itself will listen on, with nothing but the standard
library, and has the browser fetch Bokeh's scripts meanwhile.
"""

import hashlib
import hmac
import html
import importlib.util
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

REFUSED = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Scopeflow</title>
<p>This page opens with its whole address only, the part with <code>token=</code> included.
Copy it from the terminal in which the page was started.</p></html>"""

SCRIPTS = ("bokeh.min.js", "bokeh-widgets.min.js", "bokeh-tables.min.js")
POLL_MS = 100

# Asks until the page itself answers that it is ready.
WAITING = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{title}</title>
{prefetch}
<body style="font-family: sans-serif; margin: 1em"><p>{title}: opening ...</p>
<img id="picture" alt="" style="background: black; max-width: 90vw; max-height: 80vh">
<script>
const query = location.search
let shown = false
async function ask() {{
  let answer = {{}}
  try {{
    const response = await fetch("loading.json" + query)
    answer = await response.json()
    if (answer.ready) {{ location.reload(); return }}
  }} catch (error) {{ }}
  if (answer.picture && !shown) {{
    shown = true
    document.getElementById("picture").src = "picture.png" + query
  }}
  setTimeout(ask, {poll_ms})
}}
ask()
</script></body></html>"""


class Splash:
    """The page before the page.

    Parameters
    ----------
    listening : socket.socket
        Stays open; whoever asks after `stop` waits for the next that accepts on it.
    token : str
        Required in the address.
    title : str
        Of the page.
    """

    def __init__(self, listening: socket.socket, token: str, title: str) -> None:
        self._picture: bytes | None = None
        self._token, self._title = token, title
        splash = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                code, kind, body = splash.answer(self.path)
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                lasting = "max-age=86400" if self.path.startswith("/static/") else "no-store"
                self.send_header("Cache-Control", lasting)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_) -> None:
                """Nothing is logged."""

        self._server = ThreadingHTTPServer(("", 0), Handler, bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = listening.dup()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.daemon = True
        self._thread.start()

    def show(self, png: bytes) -> None:
        """Show a picture until the page comes."""
        self._picture = png

    def stop(self) -> None:
        """Accept no further requests."""
        self._server.shutdown()
        self._thread.join()
        self._server.socket.close()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Return status, type and body of the answer to a request."""
        parts = urlsplit(path)
        name = parts.path.removeprefix("/static/js/")
        if name in SCRIPTS:  # nothing else is ever read from the disk
            return 200, "text/javascript", (_scripts() / name).read_bytes()
        if parts.path == "/favicon.ico":
            return 200, "image/x-icon", b""
        given = parse_qs(parts.query).get("token", [""])[0]
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            return 403, "text/html; charset=utf-8", REFUSED.encode()
        if parts.path == "/loading.json":
            state = {"ready": False, "picture": self._picture is not None}
            return 200, "application/json", json.dumps(state).encode()
        if parts.path == "/picture.png" and self._picture is not None:
            return 200, "image/png", self._picture
        if parts.path == "/":
            return 200, "text/html; charset=utf-8", self._page().encode()
        return 404, "text/plain", b"not found"

    def _page(self) -> str:
        links = []
        for name in SCRIPTS:
            # The address that Bokeh gives its scripts, so that they are fetched once.
            version = hashlib.sha512((_scripts() / name).read_bytes()).hexdigest()
            link = f"static/js/{name}?v={version}"
            links.append(f'<link rel="prefetch" as="script" href="{link}">')
        title = html.escape(self._title)
        return WAITING.format(title=title, prefetch="\n".join(links), poll_ms=POLL_MS)


def _scripts() -> Path:
    """Return the folder of Bokeh's scripts, without importing Bokeh."""
    found = importlib.util.find_spec("bokeh")
    return Path(next(iter(found.submodule_search_locations)), "server", "static", "js")
