"""A download command: everything of a data set that is not there yet."""

import re
import sys
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from examples.download.transfer import fetch
from examples.download.unpack import is_unpacked, unpack

ARCHIVE = re.compile(r"\.(tar|tar\.gz|tgz|zip)$")


@dataclass(frozen=True, kw_only=True)
class DownloadOptions:
    """Get the original data of a set: download, check, unpack."""

    addresses: ClassVar[Mapping[str, tuple[str, ...]]]
    """The published addresses of every set; subclasses name them."""

    dataset: str
    """Which set."""
    to: Path = Path("runs/data")
    """Folder for the archives and what is in them."""
    url: tuple[str, ...] = ()
    """Addresses instead of the published ones, one for each archive."""
    sha256: tuple[str, ...] = ()
    """Checksums, as many as addresses."""

    def __post_init__(self):
        if self.dataset not in self.addresses:
            raise ValueError(
                f"unknown --dataset {self.dataset!r}; known are: {', '.join(self.addresses)}"
            )
        names = [name_of(url) for url in self.urls]
        if len(set(names)) < len(names):
            raise ValueError(f"the addresses must end in different file names: got {names}")
        if self.sha256 and len(self.sha256) != len(names):
            raise ValueError(
                f"--sha256 needs one checksum per address: got {len(self.sha256)} for {len(names)}"
            )

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses to use."""
        return self.url or self.addresses[self.dataset]


def download(options: DownloadOptions, *, check: Callable[[Path], None]) -> None:
    """Get everything of a data set that is not there yet.

    Args:
        options: Which one, from where, to where.
        check: Raises ValueError for a file, no archive, that cannot be what it should be.

    Raises:
        ValueError: If a checksum or an archive is wrong.
        OSError: If the server or the disk refuses.
    """
    checksums = options.sha256 or (None,) * len(options.urls)
    for url, sha256 in zip(options.urls, checksums, strict=True):
        path = options.to / name_of(url)
        is_archive = ARCHIVE.search(path.name) is not None
        if is_archive and is_unpacked(path, options.to):
            print(f"{path.name} is unpacked in {options.to}", file=sys.stderr)
            continue
        fetch(url, path, sha256=sha256)
        if is_archive:
            unpack(path, options.to)
            print(f"{path} is unpacked and no longer needed", file=sys.stderr)
        else:
            check(path)
            print(f"{path} is there", file=sys.stderr)


def name_of(url: str) -> str:
    """The file name that an address ends in."""
    name = urllib.parse.unquote(urllib.parse.urlsplit(url).path).rsplit("/", 1)[-1]
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise ValueError(f"an address must end in a file name: got {url!r}")
    return name
