"""BLAS has as many threads after clustering as before, however many callers there were."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

import pytest
import torch

from kuramoto_nn.clustering import average_linkage

blas = pytest.importorskip("kuramoto_nn.clustering.blas", exc_type=ImportError)


@pytest.fixture
def num_threads():
    libraries = blas.ThreadpoolController().select(user_api="blas")

    def get():
        return [library.get_num_threads() for library in libraries.lib_controllers]

    with libraries.limit(limits=3):
        if not get() or set(get()) != {3}:
            pytest.skip("this BLAS has one thread")
        yield get


def test_the_last_to_go_restores_what_the_first_found(num_threads):
    first, second = ExitStack(), ExitStack()
    before = num_threads()
    first.enter_context(blas.one_blas_thread)
    second.enter_context(blas.one_blas_thread)
    first.close()
    assert set(num_threads()) == {1}
    second.close()
    assert num_threads() == before


def test_clusterings_that_overlap_leave_blas_as_it_was(monkeypatch, num_threads):
    from kuramoto_nn.clustering import chain

    before, follow_chain = num_threads(), chain._follow_chain
    arrived, leave = ({points: Event() for points in (3, 4)} for _ in range(2))

    def wait_and_follow(matrix, parent, height):
        arrived[len(parent)].set()
        assert leave[len(parent)].wait(30)
        follow_chain(matrix, parent, height)

    monkeypatch.setattr(chain, "_follow_chain", wait_and_follow)
    with ThreadPoolExecutor(2) as callers:
        jobs = {}
        for points in (3, 4):
            jobs[points] = callers.submit(average_linkage, torch.randn(1, points, 2), 2)
            assert arrived[points].wait(30)
        for points in (3, 4):
            leave[points].set()
            jobs[points].result()
    assert num_threads() == before
