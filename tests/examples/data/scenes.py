"""Small data sets in the published layouts, and PNG files of unusual kinds, made for the tests."""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from examples.object_discovery.data import DataOptions, SegmentedImages, load


def read(name: str, split: str, root: Path, count: int | None = None, **fields) -> SegmentedImages:
    """Load `count` images of a split."""
    number = {"num_images" if split == "train" else "num_test_images": count}
    return load(DataOptions(name=name, root=root, **{**number, **fields}), split)


def replace(path: Path, content: bytes | Image.Image | None) -> None:
    """Put something else in a file's place, or nothing."""
    path.unlink()
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        content.save(path)


def write_clevrtex(
    folder: Path, indices: range | list[int], *, variant: str = "full", width: int = 320
) -> Path:
    """A folder `clevrtex_<variant>`; pixel (0, 0) of the crop tells a scene's index."""
    height = width * 3 // 4
    for index in indices:
        stem = folder / f"clevrtex_{variant}" / str(index // 1000)
        stem.mkdir(parents=True, exist_ok=True)
        name = f"CLEVRTEX_{variant}_{index:06d}"
        image = np.full((height, width, 4), (index % 251, index // 251, 7, 0), np.uint8)
        labels = np.zeros((height, width), np.uint8)
        labels[height // 3 : height // 2, width // 3 : width // 2] = 1 + index % 10
        Image.fromarray(image).save(stem / f"{name}.png")
        flat = Image.fromarray(labels)
        flat.putpalette(bytes(range(255, -1, -1)) * 3)
        flat.save(stem / f"{name}_flat.png")
        (stem / f"{name}.json").write_text("{}")
        (stem / f"{name}_depth_0001.png").write_bytes(b"no image")
    return folder / f"clevrtex_{variant}"


def write_clevr(folder: Path, objects: list[int]) -> Path:
    """A PNG export of CLEVR with masks; scene i has `objects[i]` objects and colour (i, 1, 2)."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, count in enumerate(objects):
        image = np.full((240, 320, 3), (index, 1, 2), np.uint8)
        Image.fromarray(image).save(folder / f"CLEVR_image_{index}.png")
        for entity, mask in enumerate(clevr_masks(count)):
            Image.fromarray(mask).save(folder / f"CLEVR_mask_{index}_{entity}.png")
    return folder


def clevr_masks(count: int) -> np.ndarray:
    """`(11, 240, 320)`: a row of squares inside the crop."""
    masks = np.zeros((11, 240, 320), np.uint8)
    for entity in range(1, count + 1):
        masks[entity, 100:112, 64 + 12 * entity : 76 + 12 * entity] = 255
    masks[0] = 255 - masks[1:].max(axis=0)
    return masks


def png(pixels: np.ndarray, bits: int, *, interlaced: bool = False) -> bytes:
    """A grey `(H, W)` or RGB `(H, W, 3)` PNG file of any depth; pillow writes but a few kinds."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        length, checksum = (struct.pack(">I", n) for n in (len(data), zlib.crc32(kind + data)))
        return length + kind + data + checksum

    def packed(row: np.ndarray) -> bytes:
        if bits >= 8:
            return row.astype(f">u{bits // 8}").tobytes()
        return np.packbits(np.unpackbits(np.uint8(row)[:, None], axis=1)[:, -bits:]).tobytes()

    adam7 = [(0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2)]
    passes = [*adam7, (1, 2, 0, 1)] if interlaced else [(0, 1, 0, 1)]
    rows = b"".join(
        b"\0" + packed(row)
        for top, down, left, right in passes
        for row in pixels[top::down, left::right]
        if len(row)
    )
    height, width = pixels.shape[:2]
    kind = (bits, 2 if pixels.ndim == 3 else 0, 0, 0, int(interlaced))
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, *kind))
    return head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
