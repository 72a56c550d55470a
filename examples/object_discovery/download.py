"""Get the original data of a set: download, check, unpack.

    python -m examples.object_discovery.download --dataset clevrtex-full --to runs/data

The same command goes on where it was stopped, and does nothing when all is there.
"""

from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import ClassVar

from examples.download.sets import DownloadOptions, download
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
class ImageDownloadOptions(DownloadOptions):
    """Get the original data of a set: download, check, unpack."""

    addresses: ClassVar = ADDRESSES

    dataset: str
    """tetrominoes, dsprites, clevr, or clevrtex-full, -outd, -camo, -pbg, -vbg, -grassbg."""


def check_records(path: Path) -> None:
    """Raise ValueError if a file does not start with a record; the readers check all others."""
    if not [*islice(read_records(path), 1)]:
        raise ValueError(f"{path} holds no record; remove it and get it again")


if __name__ == "__main__":
    run_command(partial(download, check=check_records), ImageDownloadOptions)
