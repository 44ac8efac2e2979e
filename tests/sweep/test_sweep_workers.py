"""Sweeps on Dask: the same bits whoever computes them, dead workers, poisoned points, clusters of others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import distributed
import psutil
import pytest
from sweep_samples import SMALL

import neurosim
from neurosim.foundation.errors import ConfigError, LimitError
from neurosim.sweep import Outcome, read_table, run_sweep
from neurosim.sweep.running import Unwatched

# ruff: noqa: ARG002  (a watch takes more than it looks at)

SIX = SMALL.replace("[3, 8]", "[3, 6, 8]").replace("chips = 2\n", "")
POISON = """
import os, signal
from neurosim.sweep import points
points.plain = getattr(points, "plain", points._computed)  # Dask may load this file twice

def poisoned(path, point):
    if point.number == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return points.plain(path, point)

points._computed = poisoned
"""


@pytest.fixture(autouse=True)
def no_process_left() -> Iterator[None]:
    """Whatever a sweep started is gone after it; multiprocessing's own tracker may stay."""
    before = set(psutil.Process().children(recursive=True))
    yield
    limit = time.monotonic() + 5
    while left := [
        one for one in psutil.Process().children(recursive=True) if one not in before and not tracker(one)
    ]:
        assert time.monotonic() < limit, left
        time.sleep(0.05)


def tracker(process: psutil.Process) -> bool:
    try:
        return "resource_tracker" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return True


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of the six points, computed in this process."""
    folder = tmp_path_factory.mktemp("reference")
    (folder / "s.toml").write_text(SIX)
    return run_sweep(folder / "s.toml", folder / "o", workers=0).table


@pytest.fixture
def six(tmp_path: Path) -> Path:
    (tmp_path / "s.toml").write_text(SIX)
    return tmp_path / "s.toml"


def test_a_poisoned_point_is_given_up_and_the_others_are_as_ever(
    six: Path, reference: Path, tmp_path: Path
) -> None:
    (tmp_path / "poison.py").write_text(POISON)
    with dask.config.set({"distributed.worker.preload": [str(tmp_path / "poison.py")]}):
        done = run_sweep(six, tmp_path / "o", workers=2)
    assert (done.points, done.failed) == (6, 1)
    table, expected = read_table(done.table), read_table(reference)
    for row, point in enumerate(table["point"]):
        if point == 4:
            assert table["status"][row] == "failed"
            assert (
                table["error"][row] == "its worker died while computing it, 3 times; it was not tried again"
            )
        else:
            assert {name: column[row] for name, column in table.items()} == {
                name: column[row] for name, column in expected.items()
            }
    # when the cause is gone, the sweep can be completed
    again = run_sweep(six, tmp_path / "o", workers=0, resume=True)
    assert again.failed == 0
    assert again.table.read_bytes() == reference.read_bytes()


def test_a_worker_killed_midway_leaves_no_trace_in_the_table(tmp_path: Path, project_root: Path) -> None:
    sys.path.insert(0, str(project_root / "studies"))
    import sweep_survives

    sweep_survives.SWEEP, former = sweep_survives.SWEEP.replace("step = 5", "step = 10"), sweep_survives.SWEEP
    try:
        plain, disturbed = sweep_survives.survive(tmp_path, points=12, workers=2, limit=20, alone=0)
    finally:
        sweep_survives.SWEEP = former
    assert plain.rows == disturbed.rows == 24
    assert (plain.failed, disturbed.failed) == (0, 0)
    assert plain.killed == ""
    assert disturbed.killed
    assert plain.table.read_bytes() == disturbed.table.read_bytes()


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A scheduler with a worker, each a process of its own that runs already: its address and process."""
    told, quiet = tmp_path / "scheduler.json", {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    program = [sys.executable, "-m", "dask"]
    options = ["--scheduler-file", str(told), "--no-dashboard"]
    environment = {**os.environ, "PYTHONPATH": str(Path(neurosim.__file__).resolve().parents[1])}
    with subprocess.Popen(
        [*program, "scheduler", "--host", "127.0.0.1", "--port", "0", *options], **quiet
    ) as head:
        with subprocess.Popen(
            [*program, "worker", "--nthreads", "1", *options], cwd=tmp_path, env=environment, **quiet
        ) as worker:
            while not told.is_file():
                time.sleep(0.05)
            yield json.loads(told.read_text())["address"], head
            worker.kill()
        head.kill()


def test_a_scheduler_that_runs_already_and_one_that_goes_away(
    six: Path, reference: Path, tmp_path: Path, scheduler: tuple[str, subprocess.Popen[bytes]]
) -> None:
    address, head = scheduler
    done = run_sweep(six, tmp_path / "o", scheduler=address)
    assert done.table.read_bytes() == reference.read_bytes()
    assert head.poll() is None  # it stays

    class Kill(Unwatched):
        def finished(self, sweep: Any, outcome: Outcome, done: int, failed: int) -> None:
            head.kill()

    with pytest.raises(
        LimitError, match="expected a connection, got none any more; what was finished is safe"
    ):
        run_sweep(six, tmp_path / "p", scheduler=address, watch=Kill())
    assert len((tmp_path / "p" / "journal.jsonl").read_text().splitlines()) == 1


def test_workers_with_several_threads_are_refused(six: Path, tmp_path: Path) -> None:
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, protocol="tcp://", dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"}, silence_logs=100,
    ) as made, pytest.raises(ConfigError, match="expected one thread, got 2 threads; start it with --nth"):  # fmt: skip
        run_sweep(six, tmp_path / "o", scheduler=made.scheduler_address)


def test_a_scheduler_that_is_none(six: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="expected an address such as tcp://10.0.0.1:8786"):
        run_sweep(six, tmp_path / "o", scheduler="foo bar")
    monkeypatch.setattr("neurosim.sweep.crew.ANSWER_S", "0.3s")
    with pytest.raises(
        LimitError, match="expected a Dask scheduler that answers, got .*; start one with `dask sched"
    ):
        run_sweep(six, tmp_path / "o", scheduler="tcp://127.0.0.1:9")
    assert not (tmp_path / "o").exists()


def test_interrupted_workers_are_gone_and_what_they_did_stays(
    six: Path, reference: Path, tmp_path: Path
) -> None:
    class Stop(Unwatched):
        addresses: set[str] = set()  # noqa: RUF012
        workers: set[str] = set()  # noqa: RUF012

        def finished(self, sweep: Any, outcome: Outcome, done: int, failed: int) -> None:
            self.workers.add(outcome.worker)
            if done == 3:
                for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
                    listening = (
                        used for used in process.net_connections() if used.status == psutil.CONN_LISTEN
                    )
                    self.addresses.update(used.laddr.ip for used in listening)
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_sweep(six, tmp_path / "o", workers=2, watch=Stop())
    assert Stop.addresses == {"127.0.0.1"}  # nobody else can reach them
    assert all(int(name.rpartition(":")[2]) != os.getpid() for name in Stop.workers)
    done = run_sweep(six, tmp_path / "o", workers=0, resume=True)
    assert done.table.read_bytes() == reference.read_bytes()
