"""Simulations are spread over whatever works, and come back in order."""

import signal
from concurrent.futures import Future

import pytest

from goodstanding.errors import GoodstandingError
from goodstanding.operate import simulating


def test_processes_work_and_end() -> None:
    with simulating.processes(2) as workers:
        assert [future.result(60) for future in [workers.submit(abs, -1), workers.submit(abs, -2)]] == [1, 2]
    with pytest.raises(RuntimeError):
        workers.submit(abs, -3)


def test_what_has_not_begun_is_not_done_after_an_interruption() -> None:
    waiting: list[Future[int]] = []
    with pytest.raises(KeyboardInterrupt), simulating.processes(1) as workers:
        waiting = [workers.submit(abs, number) for number in range(200)]
        raise KeyboardInterrupt
    assert all(future.done() for future in waiting)
    assert any(future.cancelled() for future in waiting)


def test_a_worker_ends_without_a_word_when_it_is_interrupted() -> None:
    with simulating.processes(1) as workers:
        assert workers.submit(signal.getsignal, signal.SIGINT).result(60) == signal.SIG_DFL


@pytest.mark.parametrize("address", ["dask://127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_needs_its_extra(address: str) -> None:
    with pytest.raises(GoodstandingError) as refused, simulating.cluster_at(address):
        pass
    assert f"goodstanding[{address[: address.index(':')]}]" in str(refused.value)


@pytest.mark.parametrize("address", ["spark://host:1", "dask://", "host:8786"])
def test_an_unknown_cluster_is_refused_with_what_to_write(address: str) -> None:
    with pytest.raises(GoodstandingError, match="dask://HOST:PORT"), simulating.cluster_at(address):
        pass


def test_this_process_may_use_a_core() -> None:
    assert simulating.cores() >= 1
