"""A web server of a test's own: answers of many kinds, and requests sent back as they came."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PNG = b"\x89PNG\r\n\x1a\n\xff\x00"


class WebServer:
    """Serves ``pages`` (path: status, headers, body), and /echo and /slow, on 127.0.0.1."""

    def __init__(self, pages=None):
        self.pages = {
            "/json": (200, {"Content-Type": "application/json", "X-Kind": "a"}, b'{"a": [1]}'),
            "/png": (200, {"Content-Type": "image/png"}, PNG),
            "/latin": (
                200,
                {"Content-Type": "text/plain; charset=latin-1"},
                "né".encode("latin-1"),
            ),
            "/utf8": (200, {"Content-Type": "text/plain"}, "né".encode()),
            "/missing": (404, {}, b"nothing here"),
            "/broken": (503, {}, b""),
            "/moved": (302, {"Location": "/echo?from=moved"}, b""),
            "/other": (303, {"Location": "/echo?from=other"}, b""),
            "/kept": (307, {"Location": "/echo?from=kept"}, b""),
            **(pages or {}),
        }
        self.asked = []
        self.let_go = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.asked.append((self.command, self.path, body))
                path = self.path.partition("?")[0]
                if path == "/slow":
                    server.let_go.wait(30)
                if path in server.pages:
                    page = server.pages[path]
                    status, headers, content = page(self.path, body) if callable(page) else page
                else:
                    status, headers, content = (
                        200,
                        {"Content-Type": "application/json"},
                        self.told(body),
                    )
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Connection", "close")
                self.end_headers()
                if self.command != "HEAD":
                    with contextlib.suppress(OSError):  # who asked has left
                        self.wfile.write(content)

            def told(self, body):
                names = ("Content-Type", "Authorization", "X-One")
                return json.dumps(
                    {
                        "method": self.command,
                        "path": self.path,
                        "headers": {
                            name: self.headers[name] for name in names if self.headers[name]
                        },
                        "body": base64.b64encode(body).decode(),
                    }
                ).encode()

            def log_message(self, *_):
                pass

        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"):
            setattr(Handler, f"do_{method}", Handler.answer)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()

    def close(self):
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
