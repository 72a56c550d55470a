"""Serialised `tf.Example` messages without protobuf.

`Example{1: Features{1: map<string, Feature>}}`, where a `Feature` is one of
`{1: BytesList, 2: FloatList, 3: Int64List}` and each list is `{1: repeated value}`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = 1, 2, 3


def parse_example(data: bytes) -> dict[str, np.ndarray | list[bytes]]:
    """Decode a serialised `tf.Example`.

    Args:
        data: One record.

    Returns:
        By feature name: a list of bytes, or a 1-D array of float32 or int64. A feature without
        any value is an empty list.

    Raises:
        ValueError: When the bytes are no such message.
    """
    result = {}
    for features in _messages(data, 1):
        for entry in _messages(features, 1):
            name = b"".join(_messages(entry, 1))
            try:
                key = name.decode()
            except UnicodeDecodeError as error:
                raise ValueError(f"not a tf.Example: feature name {name!r}") from error
            result[key] = _feature(b"".join(_messages(entry, 2)))
    return result


def _feature(data: bytes) -> np.ndarray | list[bytes]:
    for kind, _, value in _fields(data):
        if kind == _BYTES_LIST:
            return _equal_chunks(value) or list(_messages(value, 1))
        if kind == _FLOAT_LIST:
            packed = b"".join(_values(value, _FIXED32))
            if len(packed) % 4:
                raise ValueError("not a tf.Example: a float list is cut")
            return np.frombuffer(packed, dtype="<f4")
        if kind == _INT64_LIST:
            return np.array(list(_integers(value)), dtype=np.uint64).astype(np.int64)
    return []


def _equal_chunks(data: bytes) -> list[bytes] | None:
    """Split a list of short values of one length at once; None when it is not such a list.

    Tetrominoes stores one list entry per pixel byte, 8,575 per record.
    """
    if len(data) < 2 or data[1] > 0x7F or len(data) % (data[1] + 2):
        return None
    stride = data[1] + 2
    rows = np.frombuffer(data, dtype=np.uint8).reshape(-1, stride)
    if (rows[:, 0] != 1 << 3 | _BYTES).any() or (rows[:, 1] != data[1]).any():
        return None
    return [data[start + 2 : start + stride] for start in range(0, len(data), stride)]


def _integers(data: bytes) -> Iterator[int]:
    for packed in _values(data, _VARINT):
        position = 0
        while position < len(packed):
            integer, position = _varint(packed, position)
            yield integer


def _values(data: bytes, single: int) -> Iterator[bytes]:
    """Yield the items of a list of numbers; each is one number or several packed."""
    for number, wire, value in _fields(data):
        if number == 1:
            if wire not in (single, _BYTES):
                raise ValueError(f"not a tf.Example: a list item has wire type {wire}")
            yield value


def _messages(data: bytes, wanted: int) -> Iterator[bytes]:
    for number, wire, value in _fields(data):
        if number == wanted:
            if wire != _BYTES:
                raise ValueError(f"not a tf.Example: field {number} has wire type {wire}")
            yield value


def _fields(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield field number, wire type and the value's bytes."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            length = _varint(data, position)[1] - position
        elif wire == _BYTES:
            length, position = _varint(data, position)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"not a tf.Example: wire type {wire} at byte {position}")
        if position + length > len(data):
            raise ValueError(f"not a tf.Example: {length} bytes wanted at byte {position}")
        yield number, wire, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise ValueError("not a tf.Example: the message ends inside an integer")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position
    raise ValueError(f"not a tf.Example: an integer longer than 10 bytes at byte {position - 10}")
