"""Get the original data of a set: download, check, unpack.

    python -m examples.object_discovery.download --dataset clevrtex-full --to runs/data

The same command goes on where it was stopped, and does nothing when all is there.
"""

import re
import sys
import urllib.parse
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from examples.download.transfer import fetch
from examples.download.unpack import is_unpacked, unpack
from examples.object_discovery.data.tfrecord import read_records
from examples.training.command import run_command

GOOGLE = "https://storage.googleapis.com/multi-object-datasets"
"""DeepMind's multi_object_datasets."""
VGG = "https://thor.robots.ox.ac.uk/~vgg/data/clevrtex"
"""See https://www.robots.ox.ac.uk/~vgg/data/clevrtex/."""
NUM_PARTS = 5
"""Archives that `clevrtex-full` is split into."""

# As far as they are known here: there was no way to try them. --url names others.
ADDRESSES: dict[str, tuple[str, ...]] = {
    "tetrominoes": (f"{GOOGLE}/tetrominoes/tetrominoes_train.tfrecords",),
    "dsprites": (f"{GOOGLE}/multi_dsprites/multi_dsprites_colored_on_grayscale.tfrecords",),
    "clevr": (f"{GOOGLE}/clevr_with_masks/clevr_with_masks_train.tfrecords",),
    "clevrtex-full": tuple(
        f"{VGG}/clevrtex_full_part{part}.tar.gz" for part in range(1, NUM_PARTS + 1)
    ),
    **{
        f"clevrtex-{variant}": (f"{VGG}/clevrtex_{variant}.tar.gz",)
        for variant in ("outd", "camo", "pbg", "vbg", "grassbg")
    },
}


@dataclass(frozen=True, kw_only=True)
class DownloadOptions:
    """Get the original data of a set: download, check, unpack."""

    dataset: str
    """tetrominoes, dsprites, clevr, or clevrtex-full, -outd, -camo, -pbg, -vbg, -grassbg."""
    to: Path = Path("runs/data")
    """Folder for the archives and what is in them."""
    url: tuple[str, ...] = ()
    """Addresses instead of the published ones, one for each archive."""
    sha256: tuple[str, ...] = ()
    """Checksums, as many as addresses."""

    def __post_init__(self):
        if self.dataset not in ADDRESSES:
            raise ValueError(
                f"unknown --dataset {self.dataset!r}; known are: {', '.join(ADDRESSES)}"
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
        return self.url or ADDRESSES[self.dataset]


def download(options: DownloadOptions) -> None:
    """Get everything of a data set that is not there yet.

    Args:
        options: Which one, from where, to where.

    Raises:
        ValueError: If an option, a checksum or an archive is wrong.
        OSError: If the server or the disk refuses.
    """
    checksums = options.sha256 or (None,) * len(options.urls)
    for url, sha256 in zip(options.urls, checksums, strict=True):
        path = options.to / name_of(url)
        is_archive = re.search(r"\.(tar|tar\.gz|tgz)$", path.name) is not None
        if is_archive and is_unpacked(path, options.to):
            print(f"{path.name} is unpacked in {options.to}", file=sys.stderr)
            continue
        fetch(url, path, sha256=sha256)
        if is_archive:
            unpack(path, options.to)
            print(f"{path} is unpacked and no longer needed", file=sys.stderr)
        else:
            check_records(path)
            print(f"{path} is there", file=sys.stderr)


def check_records(path: Path) -> None:
    """Raise ValueError if a file does not start with a record; the readers check all others."""
    if not [*islice(read_records(path), 1)]:
        raise ValueError(f"{path} holds no record; remove it and get it again")


def name_of(url: str) -> str:
    """The file name that an address ends in."""
    name = urllib.parse.unquote(urllib.parse.urlsplit(url).path).rsplit("/", 1)[-1]
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise ValueError(f"an address must end in a file name: got {url!r}")
    return name


if __name__ == "__main__":
    run_command(download, DownloadOptions)
