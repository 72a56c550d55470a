"""A web server on this machine that misbehaves as it is told to."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Site:
    """What is served, and how; may be changed while the server runs.

    Attributes:
        content: The file, whatever its name.
        cut_after: Bytes after which the connections of `cuts` are closed.
        cuts: How many connections to cut.
        ranges: Whether a Range is honoured.
        etag: The file's version; None sends none.
        status: An error to answer with, if not 200.
        content_type: What the file is said to be.
        asked: The Range header of every request.
    """

    content: bytes
    cut_after: int = 0
    cuts: int = 0
    ranges: bool = True
    etag: str | None = '"one"'
    status: int = 200
    content_type: str = "application/octet-stream"
    sends_length: bool = True
    asked: list[str | None] = field(default_factory=list)
    url: str = ""


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            site.asked.append(wanted)
            if site.status != 200:
                self.send_error(site.status)
                return
            start, total = 0, len(site.content)
            same = self.headers.get("If-Range") in (None, site.etag)
            if site.ranges and wanted and same:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                if start >= total:
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{total}")
                    self.end_headers()
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            else:
                self.send_response(200)
            self.send_header("Content-Type", site.content_type)
            if site.sends_length:
                self.send_header("Content-Length", str(total - start))
            if site.etag:
                self.send_header("ETag", site.etag)
            self.end_headers()
            body = site.content[start:]
            if site.cuts > 0:
                site.cuts -= 1
                body = body[: site.cut_after]
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}/files/data.bin"
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
