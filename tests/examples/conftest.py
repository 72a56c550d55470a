"""Shared by the tests of the examples."""

import pytest


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Folder where the runs of a module keep their data."""
    return tmp_path_factory.mktemp("data")
