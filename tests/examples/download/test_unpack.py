"""Archives that are whole, cut, damaged, or malicious."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from examples.download.unpack import is_unpacked, unpack


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
        if path.is_file() and not path.name.startswith(".")
    }


PART1 = {"set/0/a.png": b"a", "set/0/b.png": b"b" * 100_000, "set/1/c.png": b"c"}
PART2 = {"set/1/d.png": b"d", "set/2/e.png": b"e"}


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "zip"])
def test_parts_are_merged(ending: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = pack(tmp_path / f"one.{ending}", PART1)
    second = pack(tmp_path / f"two.{ending}", PART2)
    data.mkdir()
    for archive in (first, second, first):
        unpack(archive, data)
        assert is_unpacked(archive, data)
    assert tree(data) == PART1 | PART2
    (data / "set/2/e.png").unlink()
    (data / "set/2").rmdir()
    assert is_unpacked(first, data)
    assert not is_unpacked(second, data)


@pytest.mark.parametrize("ending", ["tar.gz", "zip"])
@pytest.mark.parametrize("length", [0, 1, 100, 5_000, -30, -1])
def test_a_cut_archive_writes_nothing(ending: str, length: int, tmp_path: Path) -> None:
    rows = {f"set/{i}.bin": bytes([i * 37 % 256]) * 7 + str(i).encode() * 400 for i in range(300)}
    archive = pack(tmp_path / f"one.{ending}", rows)
    content = archive.read_bytes()
    archive.write_bytes(content[:length])
    data = tmp_path / "data"
    data.mkdir()
    with pytest.raises(ValueError, match=r"one\.(tar\.gz|zip) .*remove it and get it again"):
        unpack(archive, data)
    assert list(data.iterdir()) == []
    assert not is_unpacked(archive, data)


def test_a_flipped_byte_writes_nothing(tmp_path: Path) -> None:
    archive = pack(tmp_path / "one.tar.gz", PART1)
    content = bytearray(archive.read_bytes())
    content[-8] ^= 1  # gzip's own checksum, which tar alone would not look at
    archive.write_bytes(content)
    (tmp_path / "data").mkdir()
    with pytest.raises(ValueError, match="is damaged or no archive: CRC check failed"):
        unpack(archive, tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []


def test_a_flipped_byte_in_a_zip_writes_nothing(tmp_path: Path) -> None:
    archive = pack(tmp_path / "one.zip", {"set/a.bin": bytes(range(256)) * 50})
    content = bytearray(archive.read_bytes())
    content[100] ^= 1
    archive.write_bytes(content)
    (tmp_path / "data").mkdir()
    with pytest.raises(ValueError, match=r"one\.zip is damaged or no archive"):
        unpack(archive, tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_compression_says_when_it_is_damaged(method: int, tmp_path: Path) -> None:
    archive = tmp_path / "one.zip"
    with zipfile.ZipFile(archive, "w", method) as file:
        file.writestr("a", bytes(range(256)) * 50)
    content = bytearray(archive.read_bytes())
    content[35:60] = bytes(25)
    archive.write_bytes(content)
    with pytest.raises(ValueError, match=r"one\.zip is damaged or no archive"):
        unpack(archive, tmp_path)


def test_a_zip_in_a_tar_stays_what_it_is(tmp_path: Path) -> None:
    inner = pack(tmp_path / "inner.zip", {"a": b"b"}).read_bytes()
    archive = pack(tmp_path / "one.tar", {"set/x": b"x", "set/inner.zip": inner})
    (tmp_path / "data").mkdir()
    unpack(archive, tmp_path / "data")
    assert tree(tmp_path / "data") == {"set/x": b"x", "set/inner.zip": inner}


def test_files_without_a_folder_are_missed(tmp_path: Path) -> None:
    archive = pack(tmp_path / "one.zip", {"train.csv": b"1", "test.csv": b"2"})
    unpack(archive, tmp_path)
    assert is_unpacked(archive, tmp_path)
    (tmp_path / "test.csv").unlink()
    assert not is_unpacked(archive, tmp_path)


def test_other_files_are_no_archives(tmp_path: Path) -> None:
    archive = tmp_path / "one.tar.gz"
    archive.write_bytes(b"<html>Not found</html>" * 100)
    with pytest.raises(ValueError, match="is damaged or no archive"):
        unpack(archive, tmp_path)
    with pytest.raises(ValueError, match="holds no files"):
        unpack(pack(tmp_path / "empty.tar.gz", {}), tmp_path)


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
def test_what_is_not_safe_is_refused(
    files: dict[str, bytes], more: list[tarfile.TarInfo], tmp_path: Path
) -> None:
    data = tmp_path / "deep" / "data"
    data.mkdir(parents=True)
    archive = pack(data / "one.tar.gz", files, *more)
    with pytest.raises(ValueError, match=r"one\.tar\.gz is not safe to unpack"):
        unpack(archive, data)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["one.tar.gz"]


@pytest.mark.parametrize("name", [".", "../escaped", "/escaped", "set/link"])
def test_a_zip_that_is_not_safe_is_refused(name: str, tmp_path: Path) -> None:
    data = tmp_path / "deep" / "data"
    data.mkdir(parents=True)
    member = zipfile.ZipInfo(name)
    if name == "set/link":
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(data / "one.zip", "w") as file:
        file.writestr(member, "/etc/passwd")
    with pytest.raises(ValueError, match=r"one\.zip is not safe to unpack"):
        unpack(data / "one.zip", data)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["one.zip"]


def test_a_full_disk_is_said_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = pack(tmp_path / "one.tar.gz", PART1)
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(OSError, match=r"1,000 bytes free: one\.tar\.gz needs 100,002"):
        unpack(archive, tmp_path)
    assert tree(tmp_path).keys() == {"one.tar.gz"}
