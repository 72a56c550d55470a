"""TFRecord files of `tf.Example` messages, without TensorFlow.

A record is u64 length, u32 masked CRC of the length, payload, u32 masked CRC of the payload, little
endian; a file is its records one after the other, perhaps gzipped. The package `tfrecord` has the
messages. Its reader is not used: it verifies no checksum and believes a damaged length.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from crc32c import crc32c
from google.protobuf.message import DecodeError
from tfrecord import example_pb2


def masked_crc32c(data: bytes) -> int:
    """Compute what TFRecord files store: `rotate_right(crc, 15) + 0xa282ead8`, modulo 2^32.

    Examples:
        >>> hex(masked_crc32c(b"123456789"))
        '0xc78ab0e5'
    """
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


class Frame(NamedTuple):
    """One record as it is in the file, its payload not yet verified."""

    place: str
    """FILE, record NUMBER."""
    payload: bytes
    checksum: int
    """Expected masked CRC-32C of the payload."""


def read_frames(path: str | Path) -> Iterator[Frame]:
    """Iterate over the records of a TFRecord file, leaving the payloads' checksums to the caller.

    Args:
        path: The file, plain or gzipped.

    Yields:
        The records; other processes may verify and decode them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is truncated or no TFRecord file; names file and record.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such TFRecord file: {path}")
    with path.open("rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        file = gzip.GzipFile(fileobj=raw) if compressed else raw
        for number in count():
            place = f"{path}, record {number}"
            try:
                content = _read_record(file)
            except (ValueError, EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise ValueError(f"{place}: {error}") from error
            if content is None:
                return
            yield Frame(place, *content)


def verified(frame: Frame) -> bytes:
    """Return the payload of a record if its checksum is right, or raise ValueError."""
    if masked_crc32c(frame.payload) != frame.checksum:
        raise ValueError("the payload's checksum is wrong: the file is corrupt")
    return frame.payload


def _read_record(file: BinaryIO | gzip.GzipFile) -> tuple[bytes, int] | None:
    header = file.read(12)
    if not header:
        return None
    if len(header) < 12:
        raise ValueError(f"truncated: {len(header)} bytes where a record's 12-byte header starts")
    length, length_crc = struct.unpack("<QI", header)
    if masked_crc32c(header[:8]) != length_crc:
        raise ValueError("the length's checksum is wrong: not a TFRecord file, or corrupt")
    payload, data_crc = file.read(length), file.read(4)
    if len(payload) < length or len(data_crc) < 4:
        got = len(payload) + len(data_crc)
        raise ValueError(f"truncated: {got} of the record's {length + 4} bytes are there")
    return payload, int.from_bytes(data_crc, "little")


def parse_example(data: bytes) -> Mapping[str, Any]:
    """Parse a serialised `tf.Example`.

    Args:
        data: The payload of a record.

    Returns:
        Its features, for `bytes_of`.

    Raises:
        ValueError: If it is none.
    """
    try:
        # Its module makes its names as it is imported.
        example = example_pb2.Example  # pyright: ignore[reportAttributeAccessIssue]
        return example.FromString(data).features.feature
    except DecodeError as error:
        raise ValueError(f"not a tf.Example: {error}") from error


def bytes_of(features: Mapping[str, Any], name: str) -> np.ndarray:
    """Join the values of a feature of bytes into one uint8 array.

    Args:
        features: What `parse_example` returns.
        name: Name of the feature.

    Returns:
        `(n,)` uint8.

    Raises:
        ValueError: If there is no such feature of bytes.
    """
    if name not in features or features[name].WhichOneof("kind") != "bytes_list":
        raise ValueError(f"the record needs a bytes feature `{name}`; has {[*features]}")
    values = features[name].bytes_list
    # The data sets store one value per pixel's byte, over a million in a record of CLEVR. As a
    # message, each is a tag, its length and itself: with equal lengths, rows of a matrix.
    length = len(values.value[0]) if values.value else 0
    message = np.frombuffer(values.SerializeToString(), dtype=np.uint8)
    if 0 < length < 128 and len(message) == len(values.value) * (length + 2):
        rows = message.reshape(-1, length + 2)
        if (rows[:, 1] == length).all():
            return rows[:, 2:].reshape(-1)
    return np.frombuffer(b"".join(values.value), dtype=np.uint8)
