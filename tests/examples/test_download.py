"""Downloads and archives: complete, cut, damaged or malicious; from a server on this machine."""

import hashlib
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from examples.common import download as module
from examples.common.download import download, fetch, is_unpacked, name_of, unpack
from examples.object_discovery.data import SETS
from examples.object_discovery.download import ImageDownloadOptions, check_records
from examples.sudoku.boards import read_boards
from examples.sudoku.data import BoardOptions, load
from examples.sudoku.download import SudokuDownloadOptions
from tests.examples.data.scenes import read, write_clevrtex
from tests.examples.data.test_tfrecord import frame
from tests.examples.runs import finish, largest_file, start, umask
from tests.examples.server import Site, serving
from tests.examples.sudoku.boards import MADE, made

DOWNLOAD = "examples.object_discovery.download"
CONTENT = os.urandom(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PART1 = {"set/0/a.png": b"a", "set/0/b.png": b"b" * 100_000, "set/1/c.png": b"c"}
PART2 = {"set/1/d.png": b"d", "set/2/e.png": b"e"}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr("pooch.core.time.sleep", lambda _: None)


@pytest.fixture
def site():
    with serving(Site(CONTENT)) as site:
        yield site


def get(site: Site, folder: Path, **options) -> bytes:
    fetch(site.url, folder / "data.bin", **options)
    return (folder / "data.bin").read_bytes()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_once(site, tmp_path):
    for _ in range(2):
        assert get(site, tmp_path / "new" / "folder", sha256=SHA256.upper()) == CONTENT
    assert site.requests == 1
    assert names(tmp_path / "new" / "folder") == ["data.bin"]
    site.sends_length = False
    assert get(site, tmp_path / "other") == CONTENT


def test_files_are_as_private_as_the_umask_says(site, tmp_path):
    archive = pack(tmp_path / "one.zip", {"set/a.png": b"a"})
    tmp_path.chmod(0o775)
    with umask(0o027):
        get(site, tmp_path)
        unpack(archive)
    found = {name: (tmp_path / name).stat().st_mode & 0o777 for name in ("data.bin", "set", ".")}
    assert found == {"data.bin": 0o640, "set": 0o750, ".": 0o775}


def test_cut_downloads_start_again(site, tmp_path):
    site.cuts, site.cut_after = module.RETRIES, 400_000
    assert get(site, tmp_path) == CONTENT
    assert site.requests == module.RETRIES + 1
    site.cuts = 99
    with pytest.raises(OSError, match=r"data\.bin: .*IncompleteRead.*; try again, or give another"):
        get(site, tmp_path / "other")
    assert names(tmp_path / "other") == []


def test_a_wrong_checksum_leaves_no_file(site, tmp_path):
    with pytest.raises(ValueError, match=r"SHA256 hash of downloaded file \(data\.bin\) does not"):
        get(site, tmp_path, sha256="0" * 64)
    assert names(tmp_path) == []
    (tmp_path / "data.bin").write_bytes(b"something else")
    assert get(site, tmp_path, sha256=SHA256) == CONTENT


def test_refusals_name_the_address(site, tmp_path):
    site.status = 404
    with pytest.raises(OSError, match=r"data\.bin: 404 .*; try again, .* with --url"):
        get(site, tmp_path)
    with pytest.raises(OSError, match=r"127\.0\.0\.1:1/a: .*refused.*--url"):
        fetch("http://127.0.0.1:1/a", tmp_path / "a")


def test_a_full_disk_is_said(site, tmp_path):
    message = r"cannot write .*data\.bin: File too large"
    with largest_file(1_500_000), pytest.raises(OSError, match=message):
        get(site, tmp_path)
    assert names(tmp_path) == []


def pack(path: Path, files: dict[str, bytes], *more: tarfile.TarInfo) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in files.items():
                file.writestr(name, content)
        return path
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for info in more:
            tar.addfile(info)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.parent != folder
    }


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "zip"])
def test_parts_are_merged(ending, tmp_path):
    first = pack(tmp_path / f"one.{ending}", PART1)
    second = pack(tmp_path / f"two.{ending}", PART2)
    for archive in (first, second, first):
        unpack(archive)
        assert is_unpacked(archive)
    assert tree(tmp_path) == PART1 | PART2
    (tmp_path / "set/2/e.png").unlink()
    (tmp_path / "set/2").rmdir()
    assert is_unpacked(first)
    assert not is_unpacked(second)
    flat = pack(tmp_path / f"flat.{ending}", {"train.csv": b"1", "test.csv": b"2"})
    unpack(flat)
    assert is_unpacked(flat)
    (tmp_path / "test.csv").unlink()
    assert not is_unpacked(flat)


def refused(archive: Path, content: bytes, message: str = "is damaged or not safe") -> None:
    """The archive with this content is refused and nothing is written."""
    archive.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{archive.name} {message}.*remove it and get it again"):
        unpack(archive)
    assert names(archive.parent) == [archive.name]
    assert not is_unpacked(archive)


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "zip"])
def test_cut_archives_write_nothing(ending, tmp_path):
    rows = {f"set/{i}.bin": bytes([i * 37 % 256]) * 7 + str(i).encode() * 400 for i in range(300)}
    archive = pack(tmp_path / f"one.{ending}", rows)
    content = archive.read_bytes()
    for length in (0, 1, 100, 5_000, *((-30, -1) if ending != "tar" else ())):
        refused(archive, content[:length])


def test_flipped_bytes_write_nothing(tmp_path):
    archive = pack(tmp_path / "tar" / "one.tar.gz", PART1)
    content = bytearray(archive.read_bytes())
    content[-8] ^= 1  # gzip's own checksum, which tar alone would not look at
    refused(archive, content, "is damaged .*CRC check failed")
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        archive = tmp_path / str(method) / "one.zip"
        archive.parent.mkdir()
        with zipfile.ZipFile(archive, "w", method) as file:
            file.writestr("a", bytes(range(256)) * 50)
        content = bytearray(archive.read_bytes())
        content[35:60] = bytes(25)
        refused(archive, content)


def test_other_files_are_no_archives(tmp_path):
    refused(tmp_path / "one.tar.gz", b"<html>Not found</html>" * 100)
    empty = pack(tmp_path / "one.tar.gz", {}).read_bytes()
    refused(tmp_path / "one.tar.gz", empty, "is damaged .*it holds no files")


def test_a_zip_in_a_tar_stays_what_it_is(tmp_path):
    inner = pack(tmp_path / "inner.zip", {"a": b"b"}).read_bytes()
    unpack(pack(tmp_path / "one.tar", {"set/x": b"x", "set/inner.zip": inner}))
    assert tree(tmp_path) == {"set/x": b"x", "set/inner.zip": inner}


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    ("files", "more"),
    [
        ({"../escaped": b"x"}, []),
        ({"set/../../escaped": b"x"}, []),
        (PART1, [link("set/l", "/etc/passwd", tarfile.SYMTYPE)]),
        (PART1, [link("set/l", "0/a.png", tarfile.SYMTYPE)]),
        (PART1, [link("set/l", "set/0/a.png", tarfile.LNKTYPE)]),
        (PART1, [link("set/pipe", "", tarfile.FIFOTYPE)]),
    ],
)
def test_links_and_places_outside_are_refused(files, more, tmp_path):
    archive = pack(tmp_path / "deep" / "data" / "one.tar.gz", files, *more)
    refused(archive, archive.read_bytes())
    assert names(tmp_path) == ["deep"] and names(tmp_path / "deep") == ["data"]


def test_a_zip_writes_no_links_and_nothing_outside(tmp_path):
    archive = tmp_path / "deep" / "data" / "one.zip"
    archive.parent.mkdir(parents=True)
    linked = zipfile.ZipInfo("set/link")
    linked.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive, "w") as file:
        for member in ("../escaped", "/rooted", linked):
            file.writestr(member, "/etc/passwd")
    unpack(archive)
    assert names(tmp_path) == ["deep"] and names(tmp_path / "deep") == ["data"]
    assert names(archive.parent) == [".one.zip.unpacked", "escaped", "one.zip", "rooted", "set"]
    assert not (archive.parent / "set/link").is_symlink()


def pbg(folder: Path, indices: range) -> bytes:
    write_clevrtex(folder, indices, variant="pbg", width=20)
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        tar.add(folder / "clevrtex_pbg", "clevrtex_pbg")
    return content.getvalue()


def test_every_set_that_is_not_drawn_has_addresses():
    for name, image_set in SETS.items():
        if not name.startswith("textures"):
            assert ImageDownloadOptions(dataset=name).urls == image_set.addresses != ()
    for name in SudokuDownloadOptions.addresses:
        assert SudokuDownloadOptions(dataset=name).urls
    with pytest.raises(ValueError, match="known are: sudoku, sudoku-hard"):
        SudokuDownloadOptions(dataset="royle17")
    site = "https://thor.robots.ox.ac.uk/datasets/clevrtex"
    parts = tuple(f"{site}/clevrtex_full_part{part}.tar.gz" for part in range(1, 6))
    assert SETS["clevrtex-full"].addresses == parts
    assert SETS["clevrtex-outd"].addresses == (f"{site}/clevrtex_outd.tar.gz",)


def test_what_is_downloaded_is_read(tmp_path):
    content = pbg(tmp_path / "source", range(10))
    digest = hashlib.sha256(content).hexdigest()
    to = tmp_path / "data"
    with serving(Site(content, cuts=1, cut_after=1000)) as site:
        url = site.url.replace("data.bin", "pbg.tar.gz")
        words = ("--dataset", "clevrtex-pbg", "--to", to, "--url", url, "--sha256", digest)
        _, errors = finish(start(DOWNLOAD, *words))
        assert "is unpacked and no longer needed" in errors
        assert site.requests == 2
        (to / "pbg.tar.gz").unlink()
        options = ImageDownloadOptions(dataset="clevrtex-pbg", to=to, url=(url,))
        download(options, check=check_records)
        assert site.requests == 2  # all is there
        (to / "clevrtex_pbg/0/CLEVRTEX_pbg_000000.png").unlink()
    data = read("clevrtex-pbg", "train", to, image_size=8)
    assert len(data) == 8


def test_parts_make_one_folder(tmp_path):
    to = tmp_path / "data"
    first = Site(pbg(tmp_path / "one", range(990, 1000)))
    second = Site(pbg(tmp_path / "two", range(1000, 1010)))
    with serving(first), serving(second):
        urls = [first.url.replace("data.bin", "1.tgz"), second.url.replace("data.bin", "2.tgz")]
        options = ImageDownloadOptions(dataset="clevrtex-pbg", to=to, url=(*urls,))
        download(options, check=check_records)
    assert len(read("clevrtex-pbg", "train", to, image_size=8, partial=True)) == 16


def test_mistakes_end_in_one_line(tmp_path):
    with serving(Site(b"<html>Moved</html>")) as site:
        url = site.url.replace("data.bin", "pbg.tar.gz")
        words = ("--dataset", "clevrtex-pbg", "--to", tmp_path, "--url", url)
        _, errors = finish(start(DOWNLOAD, *words), code=1)
    assert "Traceback" not in errors
    message = f"error: {tmp_path}/pbg.tar.gz is damaged or not safe to unpack: "
    assert errors.splitlines()[-1].startswith(message)


@pytest.mark.parametrize(
    ("options", "dataset", "check", "content", "message"),
    [
        (ImageDownloadOptions, "tetrominoes", check_records, frame(b"a"), "record 0: .*TFRecord"),
        (SudokuDownloadOptions, "sudoku", read_boards, MADE.read_bytes(), "a board has 81 char"),
    ],
    ids=["records", "boards"],
)
def test_a_single_file_is_looked_at(options, dataset, check, content, message, tmp_path):
    with serving(Site(b"neither records nor boards" * 4)) as site:
        given = options(dataset=dataset, to=tmp_path, url=(site.url,))
        with pytest.raises(ValueError, match=rf"data\.bin.*{message}"):
            download(given, check=check)
        (tmp_path / "data.bin").unlink()
        site.content = content
        download(given, check=check)
        assert (tmp_path / "data.bin").read_bytes() == content


def test_an_archive_becomes_a_folder_of_boards(tmp_path):
    archive = pack(tmp_path / "source.zip", {"sudoku-hard/test.csv": MADE.read_bytes()})
    with serving(Site(archive.read_bytes())) as site:
        url = site.url.replace("data.bin", "sudoku-hard.zip?dl=1")
        options = SudokuDownloadOptions(dataset="sudoku-hard", to=tmp_path, url=(url,))
        download(options, check=read_boards)
    boards = load(BoardOptions(name="rrn", root=tmp_path), "test")
    assert boards.fingerprint() == made().fingerprint()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataset": "mnist"}, "unknown --dataset 'mnist'; known are: tetrominoes, dsprites,"),
        ({"dataset": "textures-full"}, "unknown --dataset 'textures-full'"),
        ({"url": ("http://a/",)}, "must be .* and end in a file name: got 'http://a/'"),
        ({"url": ("http://a/..",)}, "end in a file name"),
        ({"url": ("file:///etc/passwd",)}, "must be http"),
        ({"url": ("data.bin",)}, "must be http"),
        ({"url": ("http://a/x", "http://b/x")}, "must end in different file names"),
        ({"url": ("http://a/x",), "sha256": ("1", "2")}, "one checksum per address: got 2 for 1"),
    ],
)
def test_nonsense_is_refused(options, message):
    assert name_of("http://a/%2e%2e%2fx") == "x"
    with pytest.raises(ValueError, match=message):
        ImageDownloadOptions(**{"dataset": "clevr", **options})
