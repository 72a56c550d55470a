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
from pathlib import Path
from typing import BinaryIO

from examples.object_discovery.data.crc32c import masked_crc32c


def read_records(path: str | Path) -> Iterator[bytes]:
    """Iterate over the payloads of a TFRecord file.

    Args:
        path: The file, plain or gzipped (told by its first two bytes).

    Yields:
        The bytes of one record after the other.

    Raises:
        FileNotFoundError: When there is no such file.
        ValueError: When the file is truncated, corrupt or no TFRecord; names file and record.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such TFRecord file: {path}")
    with path.open("rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        file = gzip.GzipFile(fileobj=raw) if compressed else raw
        number = 0
        while True:
            try:
                record = _read_record(file)
            except (ValueError, EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise ValueError(f"{path}, record {number}: {error}") from error
            if record is None:
                return
            yield record
            number += 1


def _read_record(file: BinaryIO | gzip.GzipFile) -> bytes | None:
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
    if masked_crc32c(payload) != int.from_bytes(data_crc, "little"):
        raise ValueError("the payload's checksum is wrong: the file is corrupt")
    return payload
