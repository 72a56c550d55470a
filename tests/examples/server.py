"""A web server on this machine with faults on request."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Site:
    """The content that is served, and the faults; both may change while the server runs."""

    content: bytes
    cuts: int = 0  # connections that are closed early,
    cut_after: int = 0  # after so many bytes
    status: int = 200
    sends_length: bool = True
    stall_after: int = 0  # bytes after which nothing more is sent until the server ends; 0: never
    requests: int = 0  # so far
    url: str = ""


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    over = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.requests += 1
            if site.status != 200:
                self.send_error(site.status)
                return
            self.send_response(200)
            if site.sends_length:
                self.send_header("Content-Length", str(len(site.content)))
            self.end_headers()
            body = site.content
            if site.cuts > 0:
                site.cuts -= 1
                body = body[: site.cut_after]
            self.wfile.write(body[: site.stall_after or None])
            if site.stall_after:
                over.wait()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}/files/data.bin"
    try:
        yield site
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()
