"""Downloads from a server that cuts, forgets, lies, and changes its mind."""

import hashlib
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.download.transfer import fetch
from tests.examples.download.server import Site, serving

CONTENT = os.urandom(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site(CONTENT)) as site:
        yield site


def get(site: Site, folder: Path, **options: object) -> bytes:
    return fetch(site.url, folder / "data.bin", pause=0.01, **options).read_bytes()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_once(site: Site, tmp_path: Path) -> None:
    for _ in range(2):
        assert get(site, tmp_path / "new" / "folder", sha256=SHA256.upper()) == CONTENT
    assert site.asked == [None]
    assert names(tmp_path / "new" / "folder") == ["data.bin"]


def test_cut_connections_are_resumed(site: Site, tmp_path: Path) -> None:
    site.cuts, site.cut_after = 7, 400_000
    assert get(site, tmp_path, sha256=SHA256) == CONTENT
    assert site.asked == [None, *(f"bytes={400_000 * n}-" for n in range(1, 8))]
    assert names(tmp_path) == ["data.bin"]


def test_a_server_without_ranges_starts_over(site: Site, tmp_path: Path) -> None:
    site.cuts, site.cut_after, site.ranges = 2, 400_000, False
    assert get(site, tmp_path, sha256=SHA256) == CONTENT
    assert len(site.asked) == 3


def test_a_later_call_goes_on(site: Site, tmp_path: Path) -> None:
    site.cuts, site.cut_after, site.ranges = 99, 2_000_000, False
    with pytest.raises(OSError, match=r"failed 5 times in a row: 2,000,000 of 3,000,000 bytes"):
        get(site, tmp_path)
    assert names(tmp_path) == [".data.bin.part.tag", "data.bin.part"]
    site.cuts, site.ranges, site.asked = 0, True, []
    assert get(site, tmp_path) == CONTENT
    assert site.asked == ["bytes=2000000-"]
    assert names(tmp_path) == ["data.bin"]


@pytest.mark.parametrize("etag", ['"two"', None])
def test_a_file_that_has_changed_starts_over(site: Site, tmp_path: Path, etag: str | None) -> None:
    (tmp_path / "data.bin.part").write_bytes(b"old")
    (tmp_path / ".data.bin.part.tag").write_text('"zero"')
    site.etag = etag
    assert get(site, tmp_path) == CONTENT
    assert site.asked == ["bytes=3-"]


def test_a_part_that_is_whole_is_taken(site: Site, tmp_path: Path) -> None:
    (tmp_path / "data.bin.part").write_bytes(CONTENT)
    assert get(site, tmp_path, sha256=SHA256) == CONTENT


def test_a_part_that_is_too_long_starts_over(site: Site, tmp_path: Path) -> None:
    (tmp_path / "data.bin.part").write_bytes(CONTENT + b"more")
    assert get(site, tmp_path, sha256=SHA256) == CONTENT


def test_a_length_is_not_needed(site: Site, tmp_path: Path) -> None:
    site.sends_length, site.etag = False, None
    assert get(site, tmp_path, sha256=SHA256) == CONTENT


def test_a_wrong_checksum_removes_the_file(site: Site, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"has SHA-256 {SHA256}, not 0+; the file was removed"):
        get(site, tmp_path, sha256="0" * 64)
    assert names(tmp_path) == []
    (tmp_path / "data.bin").write_bytes(b"something else")
    with pytest.raises(ValueError, match="the file was removed"):
        get(site, tmp_path, sha256=SHA256)
    assert get(site, tmp_path, sha256=SHA256) == CONTENT


def test_a_web_page_is_no_file(site: Site, tmp_path: Path) -> None:
    site.content_type = "text/html; charset=utf-8"
    with pytest.raises(ValueError, match="is a web page, not a file; give its address with --url"):
        get(site, tmp_path)
    assert names(tmp_path) == []


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_is_final(site: Site, tmp_path: Path, status: int) -> None:
    site.status = status
    with pytest.raises(OSError, match=rf"the server says {status} .*--url"):
        get(site, tmp_path)
    assert len(site.asked) == 1


def test_a_busy_server_is_asked_again(site: Site, tmp_path: Path) -> None:
    site.status = 503
    threading.Timer(0.05, lambda: setattr(site, "status", 200)).start()
    assert fetch(site.url, tmp_path / "a", pause=0.05).read_bytes() == CONTENT
    assert len(site.asked) > 1


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"127\.0\.0\.1:1/a failed 5 times in a row: .*refused"):
        fetch("http://127.0.0.1:1/a", tmp_path / "a", pause=0.01)


@pytest.mark.parametrize(
    ("url", "sha256", "message"),
    [
        ("data.bin", None, "must start with http:// or https://: got 'data.bin'"),
        ("file:///etc/passwd", None, "must start with http"),
        ("http://a/b", "12", "64 hexadecimal digits: got '12'"),
    ],
)
def test_nonsense_is_refused(url: str, sha256: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        fetch(url, tmp_path / "a", sha256=sha256)


def test_a_full_disk_keeps_what_has_come(site: Site, tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"cannot write .*data\.bin\.part: File too large"):
            get(site, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, previous)
    assert (tmp_path / "data.bin.part").stat().st_size > 1_000_000
    assert get(site, tmp_path, sha256=SHA256) == CONTENT


def test_a_disk_without_room_is_said_before(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(OSError, match="has no room for the 3,000,000 bytes"):
        get(site, tmp_path)


def test_a_killed_download_goes_on(site: Site, tmp_path: Path) -> None:
    # Connections that end without an error: the process is killed while it pauses between two.
    site.cuts, site.cut_after = 99, 300_000
    code = (
        "import sys; from pathlib import Path; from examples.download.transfer import fetch;"
        "fetch(sys.argv[1], Path(sys.argv[2]), pause=0.3)"
    )
    command = [sys.executable, "-c", code, site.url, str(tmp_path / "data.bin")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    limit = time.monotonic() + 60
    part = tmp_path / "data.bin.part"
    while not (part.exists() and part.stat().st_size >= 300_000):
        assert time.monotonic() < limit and process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.communicate()
    length = part.stat().st_size
    assert length < len(CONTENT)
    site.cuts, site.asked = 0, []
    assert get(site, tmp_path, sha256=SHA256) == CONTENT
    assert site.asked == [f"bytes={length}-"]
    assert names(tmp_path) == ["data.bin"]
