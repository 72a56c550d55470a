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
    return {name: _feature(value) for name, value in split_example(data).items()}


def split_example(data: bytes) -> dict[str, bytes]:
    """Split a serialised `tf.Example` into its features without decoding them.

    Args:
        data: One record.

    Returns:
        By name, what `bytes_of` and `numbers_of` decode.

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
            result[key] = b"".join(_messages(entry, 2))
    return result


def bytes_of(features: dict[str, bytes], name: str) -> np.ndarray:
    """Decode a feature of bytes into one array: the values, one after the other.

    Args:
        features: What `split_example` returns.
        name: Name of the feature.

    Returns:
        1-D uint8.

    Raises:
        ValueError: When there is no such feature, or it holds no bytes.
    """
    for kind, _, value in _fields(features.get(name, b"")):
        if kind == _BYTES_LIST:
            rows = _equal_rows(value)
            if rows is None:
                return np.frombuffer(b"".join(_messages(value, 1)), dtype=np.uint8)
            return rows.reshape(-1)
    raise ValueError(f"the record needs a bytes feature `{name}`; has {[*features]}")


def numbers_of(features: dict[str, bytes], name: str) -> np.ndarray:
    """Decode a feature of numbers.

    Args:
        features: What `split_example` returns.
        name: Name of the feature.

    Returns:
        1-D float32 or int64.

    Raises:
        ValueError: When there is no such feature, or it holds no numbers.
    """
    values = _feature(features.get(name, b""))
    if not isinstance(values, np.ndarray):
        raise ValueError(f"the record needs a feature `{name}` of numbers; has {[*features]}")
    return values


def _feature(data: bytes) -> np.ndarray | list[bytes]:
    for kind, _, value in _fields(data):
        if kind == _BYTES_LIST:
            return list(_messages(value, 1))
        if kind == _FLOAT_LIST:
            packed = b"".join(_values(value, _FIXED32))
            if len(packed) % 4:
                raise ValueError("not a tf.Example: a float list is cut")
            return np.frombuffer(packed, dtype="<f4")
        if kind == _INT64_LIST:
            return np.array(list(_integers(value)), dtype=np.uint64).astype(np.int64)
    return []


def _equal_rows(data: bytes) -> np.ndarray | None:
    """Read a list of short values of one length at once; None when it is not such a list.

    The data sets store one list entry per pixel's byte: over a million in a record of CLEVR.
    """
    if len(data) < 2 or data[1] > 0x7F or len(data) % (data[1] + 2):
        return None
    stride = data[1] + 2
    rows = np.frombuffer(data, dtype=np.uint8).reshape(-1, stride)
    if (rows[:, 0] != 1 << 3 | _BYTES).any() or (rows[:, 1] != data[1]).any():
        return None
    return rows[:, 2:]


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
