"""Original files: where they are, and whether they are still the ones a cache was built from."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class SourceFile(NamedTuple):
    """A file as a folder's listing shows it."""

    path: str
    size: int
    changed: int

    @classmethod
    def of(cls, entry: os.DirEntry | Path) -> SourceFile:
        """Look at one file without opening it."""
        status = entry.stat()
        return cls(os.fspath(entry), status.st_size, status.st_mtime_ns)


def identity(folder: Path, files: Iterable[SourceFile]) -> str:
    """Name the content of some files, without reading them.

    A file that is added, removed, renamed, or written anew changes the identity, and so does a
    folder that is moved. What keeps name, size and time of change (a bit that flips on the disk, a
    tool that sets the old time) does not.

    Args:
        folder: The folder that they lie in.
        files: The files, in a fixed order.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256(os.fsencode(folder.resolve()))
    for file in files:
        relative = os.path.relpath(file.path, folder)
        digest.update(f"\n{relative}\t{file.size}\t{file.changed}".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def list_files(folder: Path, pattern: str) -> list[tuple[re.Match[str], SourceFile]]:
    """Find files by name in a folder and the folders directly below it.

    Args:
        folder: Where to look.
        pattern: What the whole file name must match.

    Returns:
        The match and the file, sorted by path.
    """
    found = []
    wanted = re.compile(pattern)
    with os.scandir(folder) as entries:
        folders = [folder, *(Path(entry) for entry in entries if entry.is_dir())]
    for place in folders:
        with os.scandir(place) as entries:
            for entry in entries:
                match = wanted.fullmatch(entry.name)
                if match and entry.is_file():
                    found.append((match, SourceFile.of(entry)))
    return sorted(found, key=lambda item: item[1].path)


def find_records(source: Path, pattern: str) -> Path:
    """Find a TFRecord file.

    Args:
        source: The file, or a folder that holds exactly one.
        pattern: What its name looks like in the folder, such as "*tetrominoes*.tfrecords".

    Returns:
        The file.

    Raises:
        FileNotFoundError: When there is no such file or folder.
        ValueError: When the folder holds none, or several.
    """
    if not source.exists():
        raise FileNotFoundError(f"no such file: {source}")
    if not source.is_dir():
        return source
    found = sorted(source.glob(pattern))
    if len(found) != 1:
        raise ValueError(
            f"{source} holds {len(found)} {pattern} files, one is needed; give the file's path"
        )
    return found[0]
