"""Runs the simulations of an assessment: here, over the cores of this machine, or over a cluster already running.

Whatever works as a ``concurrent.futures.Executor`` can do the work: a task and its result are plain values. The result
is the same wherever it was made, because each run has its own dice.
"""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context, resource_tracker
from typing import Any
from urllib.parse import urlsplit

from goodstanding.errors import GoodstandingError
from goodstanding.simulator import article, platforms
from goodstanding.simulator.assess import assessment, perform, plan
from goodstanding.simulator.assumptions import Assumption
from goodstanding.simulator.campaign_file import known_of
from goodstanding.simulator.laboratory import RUNS, Claim
from goodstanding.simulator.outcome import Assessment
from goodstanding.simulator.question import Question, Task
from goodstanding.simulator.summary import Runs

Told = Callable[[int], None]
"""Hears how many tasks are done."""


def cores() -> int:
    """Those this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def tasks_in(question: Question) -> int:
    """How many pieces the work has."""
    return len(plan(question))


def assess(question: Question, jobs: int, cluster: str, told: Told) -> Assessment:
    """The answer; ``cluster``: where the work is done (``dask://host:port``), empty: in ``jobs`` processes here."""
    tasks = plan(question)
    if not cluster and jobs == 1:
        results = _here(question, tasks, told)
    else:
        with cluster_at(cluster) if cluster else processes(min(jobs, len(tasks))) as workers:
            results = spread_over(workers, question, tasks, told)
    return assessment(question, tasks, results)


def known_assumptions() -> list[Assumption]:
    """Every assumption there is: everybody's, then those of each platform."""
    return list(known_of(platforms.usual()).values())


def claims(runs: int | None, seed: int | None) -> tuple[Claim, ...]:
    """The claims this program was made from, and what their experiments come to."""
    over = platforms.usual()
    return article.claims(over, known_of(over), runs or RUNS, 1 if seed is None else seed)


def _here(question: Question, tasks: list[Task], told: Told) -> list[Runs]:
    """One after another, in this process."""
    results = []
    for task in tasks:
        results.append(perform(question, task))
        told(len(results))
    return results


def spread_over(workers: Executor, question: Question, tasks: list[Task], told: Told) -> list[Runs]:
    """The results in the order of the tasks. GoodstandingError when a worker dies."""
    with _interruption_waits():
        futures = [workers.submit(perform, question, task) for task in tasks]
    try:
        for done, _ in enumerate(as_completed(futures), 1):
            told(done)
        return [future.result() for future in futures]
    except BrokenProcessPool as exc:
        raise GoodstandingError(
            "a process of the simulation died, most likely for want of memory; try fewer --jobs or --runs"
        ) from exc
    finally:
        for future in futures:
            future.cancel()


@contextmanager
def processes(jobs: int) -> Iterator[Executor]:
    """Processes of this machine; ends with the tasks under way when it is left early, and begins no other."""
    resource_tracker.ensure_running()  # it would let Ctrl-C through to processes that are being made
    workers = ProcessPoolExecutor(jobs, get_context("spawn"), _ends_without_a_word)
    try:
        yield workers
    finally:
        workers.shutdown(cancel_futures=True)


def _ends_without_a_word() -> None:
    """Ctrl-C reaches every process of a terminal: the first one tells, the others go."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


@contextmanager
def _interruption_waits() -> Iterator[None]:
    """Ctrl-C comes after this, here; processes made meanwhile are born deaf to it, until they can go in silence."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def cluster_at(address: str) -> Iterator[Executor]:
    """A cluster that is running already. GoodstandingError: none is known by that address, or it does not answer."""
    kind, place = urlsplit(address).scheme, urlsplit(address).netloc
    reach = {"dask": _dask, "ray": _ray}.get(kind)
    if reach is None or not place:
        raise GoodstandingError(f"--cluster {address}: write dask://HOST:PORT or ray://HOST:PORT")
    try:
        workers, leave = reach(place)
    except ImportError as exc:
        remedy = f"pip install 'goodstanding[{kind}]' here and on the cluster"
        raise GoodstandingError(f"--cluster {address}: {exc.name} is not installed; {remedy}") from exc
    except (OSError, ConnectionError, TimeoutError) as exc:
        raise GoodstandingError(f"--cluster {address} does not answer: {exc}; is the scheduler running there?") from exc
    try:
        yield workers
    finally:
        leave()


def _dask(place: str) -> tuple[Executor, Callable[[], None]]:
    client = importlib.import_module("distributed").Client(f"tcp://{place}", timeout=10)
    return client.get_executor(pure=False), client.close


def _ray(place: str) -> tuple[Executor, Callable[[], None]]:
    ray = importlib.import_module("ray")
    ray.init(f"ray://{place}")
    return _Ray(ray), ray.shutdown


class _Ray(Executor):
    """Ray as an executor: its references are futures already."""

    def __init__(self, ray: Any) -> None:
        self._remote = cache(ray.remote)  # each is told to the cluster once

    def submit(self, work: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        """See Executor."""
        future: Future[Any] = self._remote(work).remote(*given, **named).future()
        return future
