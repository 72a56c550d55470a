"""The published boards, from a server on this machine to a reader."""

import io
import zipfile
from pathlib import Path

import pytest

from examples.common.download import download
from examples.sudoku.boards import read_boards
from examples.sudoku.data import BoardOptions, load
from examples.sudoku.download import SudokuDownloadOptions
from tests.examples.server import Site, serving
from tests.examples.sudoku.boards import MADE, made


def test_an_archive_becomes_a_folder_of_boards(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.write(MADE, "sudoku-hard/test.csv")
    with serving(Site(content.getvalue())) as site:
        url = site.url.replace("data.bin", "sudoku-hard.zip?dl=1")
        options = SudokuDownloadOptions(dataset="sudoku-hard", to=tmp_path, url=(url,))
        download(options, check=read_boards)
    assert len(load(BoardOptions(name="rrn", root=tmp_path), "test")) == len(made())


def test_a_single_file_is_looked_at(tmp_path: Path) -> None:
    with serving(Site(b"no boards at all")) as site:
        options = SudokuDownloadOptions(dataset="sudoku", to=tmp_path, url=(site.url,))
        with pytest.raises(ValueError, match=r"data\.bin"):
            download(options, check=read_boards)


def test_addresses_end_in_file_names() -> None:
    for name in SudokuDownloadOptions.addresses:
        assert SudokuDownloadOptions(dataset=name).urls
    with pytest.raises(ValueError, match="known are: sudoku, sudoku-hard"):
        SudokuDownloadOptions(dataset="royle17")
