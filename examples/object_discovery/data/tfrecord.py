"""TFRecord files without TensorFlow.

A record is u64 length, u32 masked crc of the length, payload, u32 masked crc of the payload, little
endian; a file is its records one after the other, perhaps gzipped. Both checksums are always
verified: in numpy they cost less than decoding.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import BinaryIO, NamedTuple

from examples.object_discovery.data.crc32c import masked_crc32c


class Frame(NamedTuple):
    """One record as it is in the file, its payload not yet verified.

    Attributes:
        place: "FILE, record NUMBER".
        payload: The content.
        checksum: What its masked CRC-32C should be.
    """

    place: str
    payload: bytes
    checksum: int


def read_frames(path: str | Path) -> Iterator[Frame]:
    """Iterate over the records of a TFRecord file, leaving the payloads' checksums to the caller.

    Reading is one process's work; what `verified` does can be shared out.

    Args:
        path: The file, plain or gzipped (told by its first two bytes).

    Yields:
        One record after the other.

    Raises:
        FileNotFoundError: When there is no such file.
        ValueError: When the file is truncated or no TFRecord; names file and record.
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
    """Give the payload of a record if its checksum is right, or raise ValueError."""
    if masked_crc32c(frame.payload) != frame.checksum:
        raise ValueError("the payload's checksum is wrong: the file is corrupt")
    return frame.payload


def read_records(path: str | Path) -> Iterator[bytes]:
    """Iterate over the verified payloads of a TFRecord file.

    Args:
        path: The file, plain or gzipped.

    Yields:
        The bytes of one record after the other.

    Raises:
        FileNotFoundError: When there is no such file.
        ValueError: When the file is truncated, corrupt or no TFRecord; names file and record.
    """
    for frame in read_frames(path):
        try:
            yield verified(frame)
        except ValueError as error:
            raise ValueError(f"{frame.place}: {error}") from error


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
