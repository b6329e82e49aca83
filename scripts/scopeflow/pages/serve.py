"""Serve a page to the browser: to this machine alone unless told otherwise, and by token.

The socket listens and the browser is started before the libraries are imported; its request
waits in the socket's queue meanwhile, so that both start at the same time.
"""

import argparse
import hmac
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from scopeflow.errors import InputError

if TYPE_CHECKING:
    from bokeh.document import Document
    from tornado.web import RequestHandler

Page = Callable[["Document"], None]

LOCAL = ("127.0.0.1", "localhost", "::1")
REFUSED = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Scopeflow</title>
<p>This page opens with its whole address only, the part with <code>token=</code> included.
Copy it from the terminal in which the page was started.</p></html>"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `serve` to a command: port, address, origin, no-browser."""
    parser.add_argument(
        "--port", type=int, default=0, help="port to listen on (default: any that is free)"
    )
    parser.add_argument(
        "--address", default="127.0.0.1",
        help="address to listen on (default: 127.0.0.1, this machine alone); 0.0.0.0: all",
    )  # fmt: skip
    parser.add_argument(
        "--origin", action="append", default=[], metavar="HOST:PORT",
        help="further name under which the browser sees the page, for tunnels and proxies",
    )  # fmt: skip
    parser.add_argument("--no-browser", action="store_true", help="only print the address")


def run(main: Callable[[], None]) -> None:
    """Run a command; a mistake of the user ends it with a sentence and exit code 1."""
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("\nClosed.")


def serve(load: Callable[[], Page], options: argparse.Namespace, title: str) -> None:
    """Serve a page until the command is stopped.

    Parameters
    ----------
    load : callable
        Imports what the page needs and opens its data; returns the function that fills a
        Bokeh document, once for each opened tab. A page of Panel calls ``server_doc`` in it.
    options : argparse.Namespace
        Of a parser with `add_options`.
    title : str
        Of the page, for the tab and the terminal.

    Raises
    ------
    InputError
        If the address cannot be listened on, or from `load`.

    Notes
    -----
    Whoever has no token sees one sentence and gets no connection. It is required on
    127.0.0.1, too: other accounts of a shared machine reach that address as well.
    """
    started = time.perf_counter()
    listening = _listen(options.address, options.port)
    port = listening.getsockname()[1]
    token = secrets.token_urlsafe(16)
    host = "127.0.0.1" if options.address in (*LOCAL, "0.0.0.0", "::", "") else options.address
    url = f"http://{host}:{port}/?token={token}"
    print(f"{title}: {url}", flush=True)
    if host != options.address and options.address not in LOCAL:
        print(f"From other machines: http://{socket.gethostname()}:{port}/?token={token}")
    if not options.no_browser:
        _open_browser(url)
    try:
        page = load()
        _loop(page, title, listening, token, _origins(options, port), started)
    finally:
        listening.close()


def _listen(address: str, port: int) -> socket.socket:
    """Return a listening socket; the port is chosen where it is 0."""
    try:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listening = socket.create_server((address, port), family=family, backlog=128)
    except (OSError, OverflowError) as error:
        raise InputError(
            f"cannot listen on {address}, port {port}: {getattr(error, 'strerror', None) or error}."
            " Choose another --port, or leave it out; --address must be one of this machine's."
        ) from None
    listening.setblocking(False)
    return listening


def _open_browser(url: str) -> None:
    """Start the browser of the desktop, if there is one."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        print("There is no desktop here: open the address in a browser yourself. Over ssh, first "
              "forward the port: ssh -L PORT:127.0.0.1:PORT HOST", flush=True)  # fmt: skip
        return
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def _origins(options: argparse.Namespace, port: int) -> list[str]:
    """Return the names under which a page may open a connection to us."""
    hosts = [*LOCAL[:2], options.address]
    if options.address not in LOCAL:
        hosts += [socket.gethostname(), socket.getfqdn()]
    return sorted({f"{host}:{port}" for host in hosts if host} | {*options.origin})


def _loop(
    page: Page, title: str, listening: socket.socket, token: str, origins: list[str], started: float
) -> None:
    from bokeh.server.server import BaseServer
    from bokeh.server.tornado import BokehTornado
    from tornado.httpserver import HTTPServer
    from tornado.ioloop import IOLoop

    def fill(document: "Document") -> None:
        document.title = title
        page(document)

    port = listening.getsockname()[1]
    application = BokehTornado(
        fill,
        extra_websocket_origins=origins,
        auth_provider=_by_token(token, f"scopeflow_{port}"),
        secret_key=secrets.token_bytes(32),
        sign_sessions=True,
    )
    http = HTTPServer(application)
    http.add_sockets([listening])
    loop = IOLoop.current()
    server = BaseServer(loop, application, http)
    server.start()
    print(f"Ready after {time.perf_counter() - started:.1f} s. Stop with Ctrl-C.", flush=True)
    try:
        loop.start()
    except KeyboardInterrupt:
        print("\nClosed.")
    finally:
        server.stop()


def _by_token(token: str, cookie: str):
    """Return Bokeh's kind of gate: the token of the address, then a cookie that holds it."""
    from bokeh.server.auth_provider import AuthProvider
    from tornado.web import RequestHandler
    from tornado.websocket import WebSocketHandler

    class Refusal(RequestHandler):
        def get(self) -> None:
            self.set_status(403)
            self.write(REFUSED)

    def user(handler: "RequestHandler") -> str | None:
        given = handler.get_query_argument("token", None)
        if given is not None and hmac.compare_digest(given.encode(), token.encode()):
            if not isinstance(handler, WebSocketHandler):  # which can set none
                handler.set_cookie(cookie, token, httponly=True, samesite="Strict")
            return "owner"
        kept = handler.get_cookie(cookie) or ""
        return "owner" if hmac.compare_digest(kept.encode(), token.encode()) else None

    class ByToken(AuthProvider):
        get_user = property(lambda self: user)
        login_url = property(lambda self: "/refused")
        login_handler = property(lambda self: Refusal)
        get_login_url = get_user_async = property(lambda self: None)
        logout_url = logout_handler = property(lambda self: None)

    return ByToken()
