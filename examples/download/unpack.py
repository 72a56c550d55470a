"""Archives: looked through first, then unpacked beside their place and moved there.

Only files and folders inside the target are taken. An archive that is cut, damaged or holds
anything else is refused before a single file is written.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from examples.training.files import write_json
from examples.training.lock import one_at_a_time

_BLOCK = 1 << 20


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip or a tar archive, plain or gzipped.

    Args:
        archive: The file.
        folder: Where its content goes, merged with what is there; files of the same name are
            replaced.

    Raises:
        ValueError: If the archive is damaged, empty, or holds what no data set needs.
        OSError: If the disk is full or cannot be written.
    """
    staging = folder / f".{archive.name}.unpacking"
    with one_at_a_time(staging):
        needed = _look_through(archive)
        shutil.rmtree(staging, ignore_errors=True)
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise OSError(f"{folder} has {free:,} bytes free: {archive.name} needs {needed:,}")
        try:
            _extract(archive, staging)
            places = [p for p in staging.rglob("*") if p.is_dir()] or [*staging.iterdir()]
            names = sorted(str(place.relative_to(staging)) for place in places)
            _merge(staging, folder)
        except OSError as error:
            raise OSError(f"cannot unpack {archive} into {folder}: {error}") from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        write_json(_mark(archive, folder), {"bytes": archive.stat().st_size, "folders": names})


def is_unpacked(archive: Path, folder: Path) -> bool:
    """Whether `unpack` has finished for an archive of this name, and what it made is still there.

    That is its folders, or its files if there were none.
    """
    try:
        places = json.loads(_mark(archive, folder).read_text())["folders"]
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return all((folder / place).exists() for place in places)


def _look_through(archive: Path) -> int:
    """Read an archive from end to end without writing anything; bytes of its files."""
    size = _look_through_zip(archive) if _is_zip(archive) else _look_through_tar(archive)
    if size == 0:
        raise ValueError(f"{archive} holds no files; remove it and get it again")
    return size


def _extract(archive: Path, folder: Path) -> None:
    if _is_zip(archive):
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)
    else:
        with _opened(archive) as tar:
            tar.extractall(folder, filter="data")


def _is_zip(archive: Path) -> bool:
    """By its first bytes: `zipfile.is_zipfile` takes a tar archive for a zip that is last in it."""
    with archive.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _look_through_zip(archive: Path) -> int:
    try:
        with zipfile.ZipFile(archive) as file:
            members, damaged = file.infolist(), file.testzip()
    except Exception as error:  # every compression has errors of its own
        raise _damaged(archive, error) from error
    if damaged is not None:
        raise _damaged(archive, damaged)
    for member in members:
        path = PurePosixPath(member.filename)
        kind = stat.S_IFMT(member.external_attr >> 16)  # 0 where the system has no such kinds
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError(f"{archive} is not safe to unpack: {path} lies outside")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ValueError(f"{archive} is not safe to unpack: {path} is no file")
    return sum(member.file_size for member in members)


def _look_through_tar(archive: Path) -> int:
    size = 0
    with _opened(archive) as tar:
        for member in tar:
            try:
                tarfile.data_filter(member, os.fspath(archive.parent))
            except tarfile.FilterError as error:
                raise ValueError(f"{archive} is not safe to unpack: {error}") from error
            if not (member.isfile() or member.isdir()):
                raise ValueError(f"{archive} is not safe to unpack: {member.name} is no file")
            size += member.size if member.isfile() else 0
    return size


def _damaged(archive: Path, reason: object) -> ValueError:
    return ValueError(f"{archive} is damaged or no archive: {reason}; remove it and get it again")


@contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    with archive.open("rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        file = gzip.GzipFile(fileobj=raw) if compressed else raw
        try:
            with tarfile.open(fileobj=file, mode="r|") as tar:
                yield tar
            while file.read(_BLOCK):  # up to gzip's own checksum, which lies behind the archive
                pass
        except (tarfile.ReadError, gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise _damaged(archive, error) from error


def _merge(source: Path, target: Path) -> None:
    """Move a folder's content into another, whole folders at once where there is none yet."""
    for entry in sorted(source.iterdir()):
        place = target / entry.name
        if entry.is_dir() and place.is_dir():
            _merge(entry, place)
        else:
            os.replace(entry, place)


def _mark(archive: Path, folder: Path) -> Path:
    return folder / f".{archive.name}.unpacked"
