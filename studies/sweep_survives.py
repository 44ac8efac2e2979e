"""A sweep loses a worker midway, and its table is the one of a sweep that lost none, bit for bit.

    python studies/sweep_survives.py
    python studies/sweep_survives.py --points 40 --workers 4 --out survives

The grid is that of one perceptron on one chip: resolution of the ADC, largest conductance, seed. The same file is swept
once undisturbed, once with a worker killed (SIGKILL) when half of the points are done.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurosim.sweep import run_sweep
from neurosim.sweep.running import Unwatched

SWEEP = """\
format = 1
title = "A sweep that loses a worker"

[run]
network = "digits_mlp"
chip = "joshi_2020"
times = ["25 s", "1 year"]
{limit}
[grid]
"adc.bits" = [4, 5, 6, 8]
"device.g_max" = {{from = 5, to = 25, step = 5, unit = "uS"}}

[monte_carlo]
seeds = {seeds}
"""
GRID = 20  # points of the two axes


@dataclass(frozen=True)
class Swept:
    """One sweep: its table, what the table's bytes hash to, and what it took."""

    table: Path
    sha256: str
    rows: int
    failed: int
    seconds: float
    begun_again: int
    killed: str


class Killer(Unwatched):
    """Kills the worker that hands in the last of the first half of the points."""

    def __init__(self, after: int) -> None:
        self.after, self.killed = after, ""

    def finished(self, sweep: Any, outcome: Any, done: int, failed: int) -> None:  # noqa: ARG002
        """Count, and kill when it is time."""
        if not self.killed and done + failed >= self.after:
            self.killed = outcome.worker
            os.kill(int(outcome.worker.rpartition(":")[2]), signal.SIGKILL)


def sweep_once(folder: Path, name: str, workers: int, kill_after: int | None = None) -> Swept:
    """Sweep the file in `folder`; where `kill_after` points are done, a worker is killed."""
    watch = Killer(kill_after) if kill_after is not None else Unwatched()
    start = time.perf_counter()
    done = run_sweep(folder / "sweep.toml", folder / name, workers=workers, watch=watch)
    seconds = time.perf_counter() - start
    content = done.table.read_bytes()
    with (done.folder / "timings.csv").open(newline="") as file:
        again = sum(int(row["tries"]) > 1 for row in csv.DictReader(file))
    return Swept(done.table, hashlib.sha256(content).hexdigest(), content.count(b"\n") - 1, done.failed, seconds, again,
                 getattr(watch, "killed", ""))  # fmt: skip


def survive(
    folder: Path, points: int, workers: int, limit: int | None = None, alone: int | None = None
) -> tuple[Swept, Swept]:
    """The undisturbed sweep, by `alone` workers where they are to be others, and the one that loses a worker."""
    text = SWEEP.format(seeds=max(1, points // GRID), limit="" if limit is None else f"limit = {limit}\n")
    (folder / "sweep.toml").write_text(text)
    undisturbed = sweep_once(folder, "undisturbed", workers if alone is None else alone)
    return undisturbed, sweep_once(folder, "disturbed", workers, points // 2)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=200, help="a multiple of 20")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, help="keep the sweeps in this folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.out or Path(scratch)
        folder.mkdir(exist_ok=True)
        plain, disturbed = survive(folder, options.points, options.workers)
        same = plain.table.read_bytes() == disturbed.table.read_bytes()
    print(f"{'':14} {'rows':>5} {'failed':>6} {'begun again':>11} {'seconds':>8}  sha256 of the table")
    for name, one in (("undisturbed", plain), ("worker killed", disturbed)):
        print(f"{name:14} {one.rows:5} {one.failed:6} {one.begun_again:11} {one.seconds:8.1f}  {one.sha256}")
    print(f"killed: {disturbed.killed}; tables are {'bit-identical' if same else 'DIFFERENT'}")
    if not same or plain.failed or disturbed.failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
