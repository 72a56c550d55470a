"""BLAS has as many threads after clustering as before, however many callers there were."""

from contextlib import ExitStack

import pytest

chain = pytest.importorskip("kuramoto_nn._ops.chain", exc_type=ImportError)


@pytest.fixture
def num_threads():
    libraries = chain.ThreadpoolController().select(user_api="blas")

    def get():
        return [library.get_num_threads() for library in libraries.lib_controllers]

    with libraries.limit(limits=3):
        if not get() or set(get()) != {3}:
            pytest.skip("this BLAS has one thread")
        yield get


def test_the_last_to_go_restores_what_the_first_found(num_threads):
    first, second = ExitStack(), ExitStack()
    before = num_threads()
    first.enter_context(chain.one_blas_thread)
    second.enter_context(chain.one_blas_thread)
    first.close()
    assert set(num_threads()) == {1}
    second.close()
    assert num_threads() == before
