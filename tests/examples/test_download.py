"""The download command, as one types it, against a server on this machine."""

import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from examples.download.sets import download, name_of
from examples.object_discovery.data import LOADERS, load
from examples.object_discovery.download import ADDRESSES, ImageDownloadOptions, check_records
from tests.examples.data.scenes import write_clevrtex
from tests.examples.data.test_tfrecord import frame
from tests.examples.download.server import Site, serving


def archive(folder: Path, indices: range) -> bytes:
    write_clevrtex(folder, indices, variant="pbg", width=20)
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        tar.add(folder / "clevrtex_pbg", "clevrtex_pbg")
    return content.getvalue()


def command(*words: str) -> subprocess.CompletedProcess:
    start = [sys.executable, "-m", "examples.object_discovery.download", *words]
    return subprocess.run(start, capture_output=True, text=True)


def test_every_data_set_has_addresses() -> None:
    assert ADDRESSES.keys() == LOADERS.keys()
    for name in ADDRESSES:
        ImageDownloadOptions(dataset=name)


def test_what_is_downloaded_is_read(tmp_path: Path) -> None:
    content = archive(tmp_path / "source", range(10))
    digest = hashlib.sha256(content).hexdigest()
    to = tmp_path / "data"
    with serving(Site(content, cuts=2, cut_after=1000)) as site:
        url = site.url.replace("data.bin", "pbg.tar.gz")
        words = ("--dataset", "clevrtex-pbg", "--to", str(to), "--url", url, "--sha256", digest)
        result = command(*words)
        assert result.returncode == 0, result.stderr
        assert "is unpacked and no longer needed" in result.stderr
        assert len(site.asked) == 3
        (to / "pbg.tar.gz").unlink()
        options = ImageDownloadOptions(dataset="clevrtex-pbg", to=to, url=(url,))
        download(options, check=check_records)
        assert len(site.asked) == 3  # all is there
        (to / "clevrtex_pbg/0/CLEVRTEX_pbg_000000.png").unlink()
    data = load("clevrtex-pbg", "train", root=to, count=None, seed=0, size=8)
    assert len(data) == 8


def test_parts_make_one_folder(tmp_path: Path) -> None:
    to = tmp_path / "data"
    first = Site(archive(tmp_path / "one", range(990, 1000)))
    second = Site(archive(tmp_path / "two", range(1000, 1010)))
    with serving(first), serving(second):
        urls = [first.url.replace("data.bin", "1.tgz"), second.url.replace("data.bin", "2.tgz")]
        options = ImageDownloadOptions(dataset="clevrtex-pbg", to=to, url=(*urls,))
        download(options, check=check_records)
    assert len(load("clevrtex-pbg", "train", root=to, count=None, seed=0, size=8)) == 16


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    with serving(Site(b"<html>Moved</html>", content_type="text/html")) as site:
        result = command("--dataset", "clevr", "--to", str(tmp_path), "--url", site.url)
    assert result.returncode == 1
    message = f"error: {site.url} is a web page, not a file; give its address with --url\n"
    assert result.stderr == message


def test_a_file_of_records_is_looked_at(tmp_path: Path) -> None:
    with serving(Site(b"no records at all")) as site:
        options = ImageDownloadOptions(dataset="tetrominoes", to=tmp_path, url=(site.url,))
        with pytest.raises(ValueError, match=r"data\.bin, record 0: .*not a TFRecord file"):
            download(options, check=check_records)
        (tmp_path / "data.bin").unlink()
        site.content = frame(b"record")
        download(options, check=check_records)
        assert (tmp_path / "data.bin").read_bytes() == site.content


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataset": "mnist"}, "unknown --dataset 'mnist'; known are: tetrominoes, dsprites,"),
        ({"url": ("http://a/",)}, "must end in a file name: got 'http://a/'"),
        ({"url": ("http://a/..",)}, "must end in a file name"),
        ({"url": ("http://a/%2e%2e%2fx",)}, None),
        ({"url": ("http://a/x", "http://b/x")}, "must end in different file names"),
        ({"url": ("http://a/x",), "sha256": ("1", "2")}, "one checksum per address: got 2 for 1"),
    ],
)
def test_nonsense_is_refused(options: dict, message: str | None) -> None:
    if message is None:
        assert name_of(options["url"][0]) == "x"
        return
    with pytest.raises(ValueError, match=message):
        ImageDownloadOptions(**{"dataset": "clevr", **options})
