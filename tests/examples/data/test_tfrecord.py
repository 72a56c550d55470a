"""TFRecord framing, its checksums against a plain loop, and what is read of a tf.Example."""

import gzip
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tfrecord import example_pb2

from examples.object_discovery.data.originals import (
    bytes_of,
    masked_crc32c,
    parse_example,
    read_frames,
    verified,
)
from examples.object_discovery.data.tetrominoes import Tetrominoes
from tests.examples.data.scenes import read


def read_records(path: Path | str) -> Iterator[bytes]:
    for number, part in enumerate(read_frames(path)):
        assert part.place == f"{path}, record {number}"
        try:
            yield verified(part)
        except ValueError as error:
            raise ValueError(f"{part.place}: {error}") from error


def read_scenes(path: Path) -> list[np.ndarray | None]:
    return [Tetrominoes().decode_frame(32, part) for part in read_frames(path)]


def bitwise_crc(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def frame(*payloads: bytes) -> bytes:
    result = b""
    for payload in payloads:
        length = struct.pack("<Q", len(payload))
        checksums = (struct.pack("<I", masked_crc32c(part)) for part in (length, payload))
        result += length + next(checksums) + payload + next(checksums)
    return result


def encode_example(features: dict[str, list]) -> bytes:
    kinds = {bytes: "bytes_list", float: "float_list", int: "int64_list"}
    example = example_pb2.Example()
    for name, values in features.items():
        getattr(example.features.feature[name], kinds[type(values[0])]).value.extend(values)
    return example.SerializeToString()


def values_of(element: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(element, min_size=1, max_size=6)


EXAMPLES = st.dictionaries(
    st.text(max_size=5),
    values_of(st.binary(max_size=200))
    | values_of(st.binary(min_size=1, max_size=1))
    | values_of(st.floats(width=32, allow_nan=False))
    | values_of(st.integers(-(2**63), 2**63 - 1)),
    max_size=4,
)


@pytest.mark.parametrize("length", [0, 1, 3, 9, 3000])
def test_checksums_agree_with_the_bitwise_loop(length):
    data = np.random.default_rng(length).bytes(length)
    crc = bitwise_crc(data)
    assert masked_crc32c(data) == ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


@settings(max_examples=60, deadline=None)
@given(features=EXAMPLES)
def test_features_of_bytes_are_joined_and_others_refused(features):
    decoded = parse_example(encode_example(features))
    assert decoded.keys() == features.keys()
    for name, values in features.items():
        if isinstance(values[0], bytes):
            assert bytes_of(decoded, name).tobytes() == b"".join(values)
        else:
            with pytest.raises(ValueError, match="the record needs a bytes feature"):
                bytes_of(decoded, name)


def parse(data: bytes) -> dict[str, bytes]:
    features = parse_example(data)
    return {name: bytes_of(features, name).tobytes() for name in features}


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=40), features=EXAMPLES, cut=st.integers(0, 60))
def test_garbage_is_a_value_error(data, features, cut):
    for garbage in (data, encode_example(features)[:cut], encode_example(features)[:cut] + data):
        try:
            assert isinstance(parse(garbage), dict)
        except ValueError as error:
            assert "not a tf.Example" in str(error) or "needs a bytes feature" in str(error)


@pytest.mark.parametrize(
    "data",
    [
        b"\x0b",
        b"\x0a\x05abc",
        b"\x0a",
        b"\xff" * 11,
        encode_example({"a": [b"abc"]})[:-1],
        b"\x0a\x05\x0a\x03\x0a\x01\xff",  # a feature's name that is no UTF-8
        b"\x0a\x0a\x0a\x08\x12\x06\x0a\x04\x0dabc",
    ],
)
def test_malformed_examples_are_refused(data):
    with pytest.raises(ValueError, match="not a tf.Example"):
        parse(data)


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_records_round_trip(compress, tmp_path):
    payloads = [b"", b"one", bytes(range(256)) * 9]
    path = tmp_path / "a.tfrecords"
    path.write_bytes(compress(frame(*payloads)))
    assert list(read_records(path)) == payloads
    assert list(read_records(str(path))) == payloads


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_truncation_anywhere_is_a_clean_end_or_error(compress, tmp_path):
    payloads = [b"first", b"", b"third one"]
    content = compress(frame(*payloads))
    path = tmp_path / "cut.tfrecords"
    ends = {0, *(len(frame(*payloads[:n])) for n in (1, 2))} if compress is bytes else {0}
    for length in range(len(content)):
        path.write_bytes(content[:length])
        read = []
        try:
            for record in read_records(path):
                read.append(record)
            assert length in ends
        except ValueError as error:
            assert str(error).startswith(f"{path}, record {len(read)}: ")
            assert "\n" not in str(error)
            assert length not in ends
        assert read == payloads[: len(read)]


def test_every_flipped_byte_is_noticed(tmp_path):
    content = frame(b"first", b"second")
    path = tmp_path / "flipped.tfrecords"
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 0x10
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"flipped\.tfrecords, record [01]: .*corrupt"):
            list(read_records(path))


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("this is not a TFRecord file")
    with pytest.raises(ValueError, match=r"a\.txt, record 0: .*not a TFRecord file"):
        list(read_records(path))
    path.write_bytes(gzip.compress(b"x" * 50)[:-9] + b"\x00" * 9)
    with pytest.raises(ValueError, match=r"a\.txt, record 0: "):
        list(read_records(path))
    for missing in (tmp_path / "gone", tmp_path):
        with pytest.raises(OSError, match=str(missing)):
            list(read_records(missing))


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"x": [1]}, "needs a bytes feature `image`; has .*'x'"),
        ({"image": [1.0]}, "needs a bytes feature `image`"),
        ({"image": [b"abc"]}, "feature `image` needs 3675 bytes: got 3"),
        ({"image": [bytes(3675)], "mask": [b""]}, "feature `mask` needs 4900 bytes: got 0"),
    ],
)
def test_records_of_another_data_set_are_refused(features, message, tmp_path):
    path = tmp_path / "other.tfrecords"
    good = encode_example({"image": [bytes(3675)], "mask": [bytes(4900)]})
    path.write_bytes(frame(good, encode_example(features)))
    with pytest.raises(ValueError, match=rf"other\.tfrecords, record 1: .*{message}"):
        read_scenes(path)


def test_records_become_images_and_labels(tmp_path):
    rng = np.random.default_rng(0)
    image = rng.integers(256, size=(35, 35, 3), dtype=np.uint8)
    label = rng.integers(4, size=(35, 35))
    mask = np.stack([255 * (label == index) for index in range(4)]).astype(np.uint8)
    path = tmp_path / "a.tfrecords"
    path.write_bytes(frame(encode_example({"image": [image.tobytes()], "mask": [mask.tobytes()]})))
    (planes,) = read_scenes(path)
    assert planes is not None
    np.testing.assert_array_equal(planes[:3], image.transpose(2, 0, 1)[:, 1:33, 1:33])
    np.testing.assert_array_equal(planes[3], label[1:33, 1:33])


def test_an_empty_file_has_no_records(tmp_path, capsys):
    path = tmp_path / "empty.tfrecords"
    path.touch()
    assert read_scenes(path) == []
    path.rename(tmp_path / "tetrominoes.tfrecords")
    with pytest.raises(ValueError, match="tetrominoes test has 0 scenes: too few"):
        read("tetrominoes", "test", tmp_path)
    assert "tetrominoes.tfrecords, from record 64 on" in capsys.readouterr().err
