"""BLAS has as many threads after clustering as before, however many callers there are."""

from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import pytest
import torch

chain = pytest.importorskip("kuramoto_nn._ops.chain", exc_type=ImportError)


@pytest.fixture
def num_threads():
    libraries = chain.ThreadpoolController().select(user_api="blas").lib_controllers

    def get():
        return {library.get_num_threads() for library in libraries}

    def set_to(count):  # on a thread that ends: threadpoolctl lets one thread at a time set it
        thread = Thread(target=lambda: [library.set_num_threads(count) for library in libraries])
        thread.start()
        thread.join()

    before = max(get(), default=1)
    set_to(3)
    if get() != {3}:
        pytest.skip("this BLAS has one thread")
    yield get
    set_to(before)


def test_one_thread_meanwhile_and_as_many_as_before_afterwards(num_threads, monkeypatch):
    follow, seen = chain._follow_chain, []

    def recorded(*arguments):
        seen.append(num_threads())
        follow(*arguments)

    monkeypatch.setattr(chain, "_follow_chain", recorded)
    points = torch.randn(3, 200, 4, generator=torch.Generator().manual_seed(0))
    with ThreadPoolExecutor(4) as callers:
        list(callers.map(lambda _: chain.merge_tree(points, 2), range(20)))
    assert seen == [{1}] * 60
    assert num_threads() == {3}
