"""Get the original data of a set: download, check, unpack.

    python -m examples.object_discovery.download --dataset clevrtex-full --to runs/data

The same command continues with the missing files, and does nothing if all of them exist.
"""

from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import ClassVar

from examples.common.command import run_command
from examples.common.download import DownloadOptions, download
from examples.object_discovery.data import SETS
from examples.object_discovery.data.originals import read_frames, verified


@dataclass(frozen=True, kw_only=True)
class ImageDownloadOptions(DownloadOptions):
    """Get the original data of a set: download, check, unpack."""

    addresses: ClassVar = {
        name: image_set.addresses for name, image_set in SETS.items() if image_set.addresses
    }

    dataset: str
    """tetrominoes, dsprites, clevr, voc, or clevrtex-full, -outd, -camo, -pbg, -vbg, -grassbg."""


def check_records(path: Path) -> None:
    """Raise ValueError if a file does not start with a record; the readers check all others."""
    first = [*islice(read_frames(path), 1)]
    if not first:
        raise ValueError(f"{path} holds no record; remove it and get it again")
    verified(first[0])


if __name__ == "__main__":
    run_command(partial(download, check=check_records), ImageDownloadOptions)
