"""A store that holds one object and does not give it away as it should."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Fault = Literal["denied", "elsewhere", "busy", "broken", "cut", "silent"]

#: What S3 may say in its errors and nobody may see.
SECRET = "AKIA-nobody-may-see"

CONTENT = b"id,note\n" + b"".join(b"p%d,%s\n" % (n, b"x" * 40) for n in range(40_000))


class Hostile:
    """What it does, and to how many of the first GETs; asked: the requests so far."""

    def __init__(self, fault: Fault, times: int | None) -> None:
        self.fault, self.times = fault, times
        self.address = ""
        self.asked: list[str] = []
        self.is_over = threading.Event()

    def is_at_fault(self, method: str) -> bool:
        """Whether this request meets the fault."""
        if self.fault in ("cut", "silent") and method == "HEAD":
            return False
        if self.times is None:
            return True
        self.times -= 1
        return self.times >= 0


_ANSWERS = {
    "denied": (403, "AccessDenied"),
    "elsewhere": (301, "PermanentRedirect"),
    "busy": (503, "SlowDown"),
    "broken": (500, "InternalError"),
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    us: Hostile


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_HEAD(self) -> None:
        if not self._is_failed():
            self._answer(200, CONTENT)

    def do_GET(self) -> None:
        if not self._is_failed():
            first, last = self.headers["Range"].removeprefix("bytes=").split("-")
            self._answer(206, CONTENT[int(first) : int(last) + 1])

    def _is_failed(self) -> bool:
        us = self.server.us
        us.asked.append(self.command)
        if not us.is_at_fault(self.command):
            return False
        if us.fault == "cut":
            self._answer(206, CONTENT, sent=1000)
            self.close_connection = True
        elif us.fault == "silent":
            us.is_over.wait()
            self.close_connection = True
        else:
            status, code = _ANSWERS[us.fault]
            text = f"<Error><Code>{code}</Code><Message>{SECRET}</Message></Error>"
            self._answer(status, text.encode())
        return True

    def _answer(self, status: int, body: bytes, sent: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "text/csv" if status < 300 else "application/xml")
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Sat, 28 Nov 2026 12:00:00 GMT")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[:sent])

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def hostile(fault: Fault, times: int | None = None) -> Iterator[Hostile]:
    """Serve on a free port of this machine until the context ends."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.us = us = Hostile(fault, times)
    us.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield us
    finally:
        us.is_over.set()
        server.shutdown()
        server.server_close()
        thread.join()
