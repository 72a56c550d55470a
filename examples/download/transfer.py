"""One file from the web: resumed where it was cut, and under its name only when it is whole."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import shutil
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from examples.training.lock import one_at_a_time
from examples.training.progress import Meter

ATTEMPTS = 5
"""Connections in a row that bring nothing before giving up."""
PAUSE = 2.0
"""Seconds before the second attempt; each further one waits twice as long."""
TIMEOUT = 60.0
"""Seconds without a byte before a connection counts as cut."""
_BLOCK = 1 << 20


class _Cut(Exception):
    """The connection failed in a way that may not happen again."""


def fetch(url: str, path: Path, *, sha256: str | None = None, pause: float = PAUSE) -> Path:
    """Download a file unless it is there.

    What has arrived lies in `<path>.part`; the same call goes on there, if the server can.

    Args:
        url: An http or https address.
        path: The file; its folder is made if missing.
        sha256: Checksum in hexadecimal digits; None checks the length alone.
        pause: Seconds before the second attempt.

    Returns:
        `path`.

    Raises:
        ValueError: If the address is none, gives a web page, or the checksum is wrong.
        OSError: If the server refuses or cannot be reached, or the disk is full.
    """
    if not re.match(r"https?://[^/]+/", url):
        raise ValueError(f"an address must start with http:// or https://: got {url!r}")
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise ValueError(f"a SHA-256 has 64 hexadecimal digits: got {sha256!r}")
    with one_at_a_time(path):
        if path.exists():
            _check(path, url, sha256)
            return path
        part = path.with_name(f"{path.name}.part")
        _transfer(url, part, pause)
        _tag_of(part).unlink(missing_ok=True)
        _check(part, url, sha256)
        os.replace(part, path)
    return path


def _transfer(url: str, part: Path, pause: float) -> None:
    failures = 0
    with Meter(part.name.removesuffix(".part"), in_bytes=True) as meter:
        while True:
            before = _length(part)
            try:
                return _go_on(url, part, meter)
            except _Cut as error:
                failures = 1 if _length(part) > before else failures + 1
                if failures == ATTEMPTS:
                    raise OSError(
                        f"{url} failed {ATTEMPTS} times in a row: {error}; the same command goes "
                        f"on where it was, --url names another address"
                    ) from error
                print(f"{url}: {error}; trying again", file=sys.stderr)
                time.sleep(pause * 2 ** (failures - 1))


def _go_on(url: str, part: Path, meter: Meter) -> None:
    """Ask for what is missing, once."""
    have, tag = _length(part), _tag_of(part)
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        if tag.exists():  # a file that has changed since then is sent whole
            request.add_header("If-Range", tag.read_text())
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        with error:
            return _refused(error, url, part, have)
    except (OSError, http.client.HTTPException) as error:
        raise _Cut(str(getattr(error, "reason", error))) from error
    with response:
        if response.headers.get_content_type() == "text/html":
            raise ValueError(f"{url} is a web page, not a file; give its address with --url")
        span = re.match(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        resumed = response.status == 206 and span is not None and int(span[1]) == have
        if response.status == 206 and not resumed:
            part.unlink()
            raise _Cut("the server sent another part than asked for")
        have = have if resumed else 0
        length = response.headers.get("Content-Length")
        total = int(span[2]) if resumed and span else int(length) if length else None
        if total is not None and shutil.disk_usage(part.parent).free < total - have:
            raise OSError(f"{part.parent} has no room for the {total - have:,} bytes of {url}")
        _remember(tag, response.headers)
        try:
            with part.open("ab" if resumed else "wb") as file:
                while block := _read(response):
                    file.write(block)
                    have += len(block)
                    meter.show(have, total)
        except OSError as error:
            raise OSError(
                f"cannot write {part}: {error.strerror}; the same command goes on where it was"
            ) from error
    if total is not None and _length(part) != total:
        raise _Cut(f"{_length(part):,} of {total:,} bytes have come")


def _read(response: Any) -> bytes:
    try:
        return response.read(_BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise _Cut(str(error) or type(error).__name__) from error


def _refused(error: urllib.error.HTTPError, url: str, part: Path, have: int) -> None:
    """Say what an error status means; return if everything is there already."""
    if error.code == 416 and have:
        if error.headers.get("Content-Range") == f"bytes */{have}":
            return
        part.unlink()
        raise _Cut("the file has changed, starting over") from error
    if error.code >= 500 or error.code in (408, 429):
        raise _Cut(f"the server says {error.code} {error.reason}") from error
    raise OSError(
        f"{url}: the server says {error.code} {error.reason}; give the right address with --url"
    ) from error


def _remember(tag: Path, headers: Any) -> None:
    """Keep what names this version of the file: a strong ETag, or the time of its last change."""
    etag = headers.get("ETag", "")
    value = etag if etag.startswith('"') else headers.get("Last-Modified")
    if value:
        tag.write_text(value)
    else:
        tag.unlink(missing_ok=True)


def _check(file: Path, url: str, sha256: str | None) -> None:
    if sha256 is None:
        return
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    if digest != sha256.lower():
        file.unlink()
        raise ValueError(
            f"{url} has SHA-256 {digest}, not {sha256.lower()}; the file was removed: try again, "
            f"or check --sha256"
        )


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _tag_of(part: Path) -> Path:
    return part.with_name(f".{part.name}.tag")
