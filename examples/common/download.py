"""Downloads of published data: fetched by pooch, checked, and unpacked as a whole or not at all."""

import json
import os
import re
import shutil
import sys
import tarfile
import tempfile
import urllib.parse
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pooch
from rich.progress import DownloadColumn, TimeRemainingColumn, TransferSpeedColumn

from examples.common.files import first_line, one_at_a_time, write_json
from examples.common.progress import Meter

ARCHIVE = re.compile(r"\.(tar|tar\.gz|tgz|zip)$")
RETRIES = 3  # times that a failed download is started again before giving up
_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class DownloadOptions:
    """Get the original data of a set: download, check, unpack."""

    addresses: ClassVar[Mapping[str, tuple[str, ...]]]
    """The published addresses of every set; subclasses name them."""

    dataset: str
    """Name of the set."""
    to: Path = Path("runs/data")
    """Folder for the archives and their contents."""
    url: tuple[str, ...] = ()
    """Addresses instead of the published ones, one for each archive."""
    sha256: tuple[str, ...] = ()
    """Checksums, as many as addresses."""

    def __post_init__(self):
        if self.dataset not in self.addresses:
            known = ", ".join(self.addresses)
            raise ValueError(f"unknown --dataset {self.dataset!r}; known are: {known}")
        names = [name_of(url) for url in self.urls]
        if len(set(names)) < len(names):
            raise ValueError(f"addresses (--url) must end in different file names: got {names}")
        if self.sha256 and len(self.sha256) != len(names):
            raise ValueError(
                f"--sha256 needs one checksum per address: got {len(self.sha256)} for {len(names)}"
            )

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses to use."""
        return self.url or self.addresses[self.dataset]


def download(options: DownloadOptions, *, check: Callable[[Path], object]) -> None:
    """Get everything of a data set that is missing.

    ``check`` raises ValueError for a file (not an archive) that is damaged or of another kind.
    """
    checksums = options.sha256 or (None,) * len(options.urls)
    for url, sha256 in zip(options.urls, checksums, strict=True):
        path = options.to / name_of(url)
        is_archive = ARCHIVE.search(path.name) is not None
        if is_archive and is_unpacked(path):
            print(f"{path.name} is unpacked in {options.to}", file=sys.stderr)
            continue
        with one_at_a_time(path):
            fetch(url, path, sha256=sha256)
            if is_archive:
                unpack(path)
                print(f"{path} is unpacked and no longer needed", file=sys.stderr)
            else:
                check(path)
                print(f"{path} is complete", file=sys.stderr)


def name_of(url: str) -> str:
    """The file name that an address ends in."""
    parts = urllib.parse.urlsplit(url)
    name = urllib.parse.unquote(parts.path).rsplit("/", 1)[-1]
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"\w[\w.+-]*", name):
        raise ValueError(f"--url must be http(s)://… and end in a file name: got {url!r}")
    return name


def fetch(url: str, path: Path, *, sha256: str | None = None) -> None:
    """Download a file unless it exists; a failed download starts again, it is not resumed.

    The file gets its name when it is complete. Without a checksum its length alone is checked.
    """
    name = path.name
    parts = {"registry": {name: sha256}, "urls": {name: url}}
    source = pooch.create(path.parent, "", **parts, retry_if_failed=RETRIES)
    headers = {"Accept-Encoding": "identity"}  # else a server may send an archive decompressed
    try:
        with Meter(name, DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()) as meter:
            bar: Any = _Bar(meter)
            loader: Any = pooch.HTTPDownloader(bar, chunk_size=_BLOCK, headers=headers)
            source.fetch(name, downloader=loader)
        os.umask(mask := os.umask(0))
        path.chmod(0o666 & ~mask)  # pooch's files are private
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}"
        if error.errno is None:  # an exception of requests, not of the disk
            message = f"{url}: {error}; try again, or give another address with --url"
        raise OSError(message) from error


class _Bar:
    """A `Meter` with the methods of a progress bar that pooch calls."""

    def __init__(self, meter: Meter):
        self.meter, self.total, self.done = meter, 0, 0

    def update(self, count: int) -> None:
        self.done += count
        self.meter.show(min(self.done, self.total or self.done), self.total or None)

    def reset(self) -> None:
        self.done = 0  # also before the next attempt

    close = reset


def unpack(archive: Path) -> None:
    """Unpack a zip or a tar archive, plain or gzipped, into the folder that it lies in.

    It is unpacked in a folder of its own first, so that a damaged archive changes nothing, and then
    merged with the existing files, which it replaces. A tar with links, or with paths outside of
    the folder, is refused; in a zip, Python makes them harmless.
    """
    with tempfile.TemporaryDirectory(dir=archive.parent, prefix=f".{archive.name}.") as staging:
        try:
            _extract(archive, staging)
            found = [*Path(staging).rglob("*")]
            if not any(place.is_file() for place in found):
                raise ValueError("it holds no files")
        except Exception as error:  # every compression has its own errors
            if isinstance(error, OSError) and error.errno:
                raise OSError(f"cannot unpack {archive}: {error.strerror}") from error
            raise ValueError(
                f"{archive} is damaged or not safe to unpack: {first_line(error)}; remove it and "
                f"get it again"
            ) from error
        folders = [place for place in found if place.is_dir()]
        content = [str(place.relative_to(staging)) for place in folders or found]
        for place in Path(staging).iterdir():
            target = archive.parent / place.name
            if place.is_dir():
                shutil.copytree(place, target, copy_function=os.replace, dirs_exist_ok=True)
            else:
                os.replace(place, target)
        write_json(_mark(archive), content)


def _extract(archive: Path, folder: str) -> None:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as members:
            return members.extractall(folder)
    with tarfile.open(archive) as members:
        members.extractall(folder, filter=_only_files)
        while members.fileobj.read(_BLOCK):  # up to gzip's checksum after the archive
            pass


def _only_files(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
    if not (member.isfile() or member.isdir()):
        raise tarfile.SpecialFileError(member)
    return tarfile.data_filter(member, folder)


def is_unpacked(archive: Path) -> bool:
    """Whether an archive was unpacked and its folders (or files, without folders) still exist."""
    try:
        names = json.loads(_mark(archive).read_text())
        return all((archive.parent / name).exists() for name in names)
    except (OSError, ValueError, TypeError):
        return False


def _mark(archive: Path) -> Path:
    return archive.with_name(f".{archive.name}.unpacked")
