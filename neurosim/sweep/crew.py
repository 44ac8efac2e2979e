"""Who computes the points: workers of a Dask cluster, on this machine or elsewhere, or this process itself.

A crew is given batches and hands back what became of them, in any order. A worker that dies loses its batch, which is
then given to another; what its points had finished stands on the disk.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import queue
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import neurosim
from neurosim.foundation.errors import ConfigError, LimitError, NeurosimError
from neurosim.sweep.points import FAILED, Outcome, Point, run_batch
from neurosim.sweep.table import INSTALL

ALLOWED_FAILURES = 2  # deaths of workers that Dask forgives a task before it gives it back
ANSWER_S = "10s"  # for a scheduler to answer
LOOK_S = 2.0  # between two looks at how many workers there are
_LOGGERS = ("distributed", "distributed.client", "distributed.gc", "tornado", "asyncio")
_QUIET = logging.CRITICAL + 1
# one thread each: results depend on none, but cores would be shared by too many
_THREADS = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
_CONFIG: dict[str, Any] = {
    "distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
    "distributed.scheduler.worker-ttl": None,  # a point may keep its worker busy for longer than any limit
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.worker.daemon": True,
    "distributed.worker.profile.enabled": False,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.logging.distributed": "critical",
}


@dataclass(frozen=True)
class Batch:
    """Points that one worker computes one after the other; losses: how often Dask has given them back."""

    points: tuple[Point, ...]
    losses: int = 0


@dataclass(frozen=True)
class Finished:
    """A batch, and what became of its points."""

    batch: Batch
    outcomes: tuple[Outcome, ...]


class Crew(Protocol):
    """Computes batches."""

    @property
    def size(self) -> int:
        """Workers there are now."""
        ...

    def submit(self, batch: Batch) -> None:
        """Take a batch."""
        ...

    def next(self, timeout_s: float) -> Finished | None:
        """A finished batch, or None when there is none within the time."""
        ...


class OwnProcess:
    """Computes in this process, one batch at a time, without Dask. A point that kills it ends the sweep."""

    size = 1

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._batches: list[Batch] = []

    def submit(self, batch: Batch) -> None:
        """Take a batch."""
        self._batches.append(batch)

    def next(self, timeout_s: float) -> Finished | None:  # noqa: ARG002  (there is nothing to wait for)
        """Compute the batch that has waited longest."""
        if not self._batches:
            return None
        batch = self._batches.pop(0)
        return Finished(batch, tuple(run_batch(str(self._folder), neurosim.__version__, batch.points)))


class DaskWorkers:
    """Computes with the workers of a Dask client."""

    def __init__(self, client: Any, folder: Path) -> None:
        self._client, self._folder = client, folder
        self._ended: queue.SimpleQueue[tuple[Batch, Any]] = queue.SimpleQueue()
        self._futures: dict[int, Any] = {}  # Dask drops a task that nobody holds
        self._counted, self._size = -math.inf, 0

    @property
    def size(self) -> int:
        """Workers there are now; looked up every LOOK_S.

        Raises ConfigError for a worker with several threads: points would share its process.
        """
        now = time.monotonic()
        if now - self._counted >= LOOK_S:
            with _connected(self._client):
                threads = self._client.nthreads()
            for address, count in threads.items():
                if count > 1:
                    raise ConfigError(f"worker {address}", "one thread", f"{count} threads",
                                      "start it with --nthreads 1, and more workers instead")  # fmt: skip
            self._counted, self._size = now, len(threads)
        return self._size

    def submit(self, batch: Batch) -> None:
        """Give a batch to whichever worker is free first."""
        with _connected(self._client):
            future = self._client.submit(
                run_batch, str(self._folder), neurosim.__version__, batch.points, pure=False
            )
        self._futures[batch.points[0].number] = future
        future.add_done_callback(lambda ended: self._ended.put((batch, ended)))

    def next(self, timeout_s: float) -> Finished | None:
        """A finished batch, or None when there is none within the time.

        Raises LimitError when the cluster is gone, and what a worker says that cannot take part in the sweep.
        """
        from distributed import KilledWorker

        try:
            batch, future = self._ended.get(timeout=timeout_s)
        except queue.Empty:
            if self._client.status not in ("running", "connecting"):
                raise _gone(self._client) from None
            return None
        try:
            with _connected(self._client):
                outcomes = future.result()
        except KilledWorker:
            return self._again(batch)
        finally:
            self._futures.pop(batch.points[0].number, None)
        return Finished(batch, tuple(outcomes))

    def _again(self, batch: Batch) -> Finished | None:
        """Give a batch out once more. Every time one of its points was begun, so it ends: a point is begun three
        times at most. Only where workers die before they begin any is it given up."""
        if batch.losses <= len(batch.points):
            self.submit(Batch(batch.points, batch.losses + 1))
            return None
        text = "its workers died before they could begin it"
        return Finished(batch, tuple(Outcome(point.number, FAILED, text) for point in batch.points))


@contextlib.contextmanager
def local_workers(folder: Path, count: int) -> Iterator[DaskWorkers]:
    """Workers of a cluster of this machine, which listens on the loopback interface only and is gone afterwards.

    Raises ConfigError where Dask is not installed.
    """
    dask, distributed = require_dask()
    with dask.config.set(_CONFIG), _quiet(), contextlib.ExitStack() as stack:
        cluster = stack.enter_context(
            distributed.LocalCluster(
                n_workers=count, threads_per_worker=1, processes=True, host="127.0.0.1", silence_logs=_QUIET,
                dashboard_address=None, scheduler_kwargs={"dashboard_address": "127.0.0.1:0"}, memory_limit=0,
                env=_THREADS,
            )
        )  # fmt: skip
        client = stack.enter_context(distributed.Client(cluster, set_as_default=False))
        client.register_plugin(_leave_interrupts_to_the_sweep())
        # a worker at work when the cluster closes has four seconds to finish, and is then killed
        yield DaskWorkers(client, folder)


@contextlib.contextmanager
def scheduler_workers(folder: Path, address: str) -> Iterator[DaskWorkers]:
    """Workers of a Dask scheduler that runs already, which stays when the sweep is over.

    Raises ConfigError where Dask is not installed or the address is none, LimitError when nobody answers.
    """
    _, distributed = require_dask()
    from distributed.comm.addressing import parse_address, parse_host_port

    where = f"--scheduler {address}"
    try:  # first, because a client that was refused its address does not end well
        parse_host_port(parse_address(address)[1])
    except ValueError as problem:
        remedy = "copy what the scheduler prints when it starts"
        raise ConfigError(where, "an address such as tcp://10.0.0.1:8786", str(problem), remedy) from None
    with contextlib.ExitStack() as stack:
        stack.enter_context(_quiet())
        try:
            client = stack.enter_context(distributed.Client(address, timeout=ANSWER_S, set_as_default=False))
        except (OSError, TimeoutError) as problem:
            got = (str(problem).splitlines() or ["none"])[0]
            remedy = "start one with `dask scheduler`, and workers with `dask worker`"
            raise LimitError(where, "a Dask scheduler that answers", got, remedy) from None
        yield DaskWorkers(client, folder)


def require_dask() -> tuple[Any, Any]:
    """dask and distributed; ConfigError where they are not installed."""
    try:
        import dask
        import distributed
    except ImportError:
        remedy = f"install it: {INSTALL}, or give --workers 0 to compute in this process"
        raise ConfigError("sweep", "the package distributed", "none", remedy) from None
    return dask, distributed


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without Dask's log: what it says of dead workers is told by the sweep."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(_QUIET)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextlib.contextmanager
def _connected(client: Any) -> Iterator[None]:
    """Turn a lost cluster into LimitError."""
    from concurrent.futures import CancelledError

    from distributed import KilledWorker

    try:
        yield
    except (NeurosimError, KilledWorker):
        raise
    except (OSError, CancelledError, TimeoutError) as problem:
        raise _gone(client) from problem


def _gone(client: Any) -> LimitError:
    address = client.scheduler.address if client.scheduler else ""
    remedy = "what was finished is safe: start it again, then sweep with --resume"
    return LimitError(f"scheduler {address}".strip(), "a connection", "none any more", remedy)


def _leave_interrupts_to_the_sweep() -> Any:
    """A plugin of workers that lets Ctrl-C, which a terminal sends to all processes, reach the sweep alone."""
    from distributed import WorkerPlugin

    class IgnoreInterrupts(WorkerPlugin):
        name = "neurosim-ignores-interrupts"

        def setup(self, worker: Any) -> None:  # noqa: ARG002  (Dask calls it by name)
            with contextlib.suppress(ValueError):  # not the main thread
                signal.signal(signal.SIGINT, signal.SIG_IGN)

    return IgnoreInterrupts()
