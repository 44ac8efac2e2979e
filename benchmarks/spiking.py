"""How fast spikes are simulated, beside PyTorch's spiking libraries and Brian2 itself, in one process.

    python benchmarks/spiking.py                     # everything, about half an hour; one thread
    python benchmarks/spiking.py --only inference    # or memory, chips, ticks, once, learning
    python benchmarks/spiking.py --short             # a small run: figures mean nothing

Inference: the network of integers of spiking_problem.py, with the same weights, thresholds and input spikes for
everyone; the spike counts of the output neurons are compared image by image, and a row says whether all were equal.
Contenders take turns, so that a busy machine slows all alike, and figures are medians over the turns, in processor
time of one thread. Making the input spikes is timed for ours and Brian2 alone: peers get theirs as float32 tensors.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from spiking_problem import Contender, Problem, load_problem, read_problem

import numpy as np  # isort: skip  # after spiking_problem, which sets the number of threads

HOMES = ("spiking_ours", "torch_peers", "brian_peers")
# ours over the fastest float32 peer at this batch, None being the best of each
TARGETS: dict[int | None, float] = {None: 4.0, 1: 30.0, 10: 15.0}
LEAST_S = 0.3  # that one measurement lasts, where the images suffice


@dataclass
class Line:
    """A contender's images per second at batches of 1, of 10 and of its best; and whether its counts are right."""

    contender: Contender
    best: int
    speeds: dict[int, list[float]] = field(default_factory=dict)
    equal: int = 0
    compared: int = 0

    def speed(self, batch: int) -> float | None:
        """Median images per second at this batch; None where it was not measured."""
        return statistics.median(self.speeds[batch]) if batch in self.speeds else None


def contenders(problem: Problem, homes: tuple[str, ...] = HOMES,
               only: str | None = None) -> tuple[list[Contender], list[str]]:  # fmt: skip
    """Everyone who is installed, and a line of text for those who are not."""
    found: list[Contender] = []
    missing: list[str] = []
    for home in homes:
        try:
            module = importlib.import_module(home)
        except ImportError as error:
            missing.append(f"{home}: not installed: {error}")
            continue
        for each in module.contenders(problem, only):
            if isinstance(each, Contender):
                found.append(each)
            else:
                missing.append(": ".join(each))
    return found, missing


def images_per_second(line: Line, batch: int, problem: Problem, most: int) -> float:
    """Processor time of whole batches, until LEAST_S or `most` images; counts are compared on the way."""
    contender, seconds, done = line.contender, 0.0, 0
    while done == 0 or (seconds < LEAST_S and done + batch <= most):
        where = slice(done, done + batch)
        given = contender.load(where)
        start = time.process_time()
        counts = contender.count(given)
        seconds += time.process_time() - start
        line.equal += int((counts == problem.counts[where]).all(axis=1).sum())
        line.compared += batch
        done += batch
    return done / seconds


def settle() -> None:
    """Take what is loaded from the garbage collection with which Brian2 begins every run: it would pay for PyTorch."""
    gc.collect()
    gc.freeze()


def compare(problem: Problem, everyone: list[Contender], turns: int) -> list[Line]:
    """Find each contender's best batch, then let all take turns."""
    most = len(problem.images)
    lines = []
    for contender in everyone:
        batches = [batch for batch in contender.batches if batch <= most]
        line = Line(contender, batches[0])
        images_per_second(line, batches[0], problem, batches[0])  # compiles, fills caches
        settle()
        if len(batches) > 1:
            found = {batch: images_per_second(line, batch, problem, most) for batch in batches}
            line.best = max(found, key=found.__getitem__)
        lines.append(line)
    for _ in range(turns):
        for line in lines:
            for batch in {1, 10, line.best} & {batch for batch in line.contender.batches if batch <= most}:
                line.speeds.setdefault(batch, []).append(images_per_second(line, batch, problem, most))
    return lines


def ratio(ours: Line, line: Line, batch: int | None) -> float | None:
    """Ours over a contender, the median of the turns' ratios; None where one of both has no such batch."""
    mine, its = ours.speeds.get(batch or ours.best), line.speeds.get(batch or line.best)
    if mine is None or its is None:
        return None
    return statistics.median(a / b for a, b in zip(mine, its, strict=True))


def inference_table(problem: Problem, turns: int) -> Iterator[str]:
    """The comparison as lines of text: everyone's images per second, and ours over each."""
    everyone, missing = contenders(problem)
    lines = compare(problem, everyone, turns)
    yield f"{'':42} {'images per second':^30}       {'ours over it':^24}  spike counts"
    yield f"{'batch':42} {'1':>9} {'10':>9} {'best':>9} {'of':>5} {'1':>8} {'10':>8} {'best':>8}"
    for line in lines:
        ours = lines[0]
        speeds = " ".join(cell(line.speed(batch), 9) for batch in (1, 10, line.best))
        ratios = " ".join(cell(ratio(ours, line, batch), 8) for batch in (1, 10, None))
        equal = "equal" if line.equal == line.compared else f"{line.equal} of {line.compared} equal"
        yield f"{line.contender.name:42} {speeds} {line.best:5} {ratios}  {equal}"
    yield from missing
    yield from judged(lines)


def judged(lines: list[Line]) -> Iterator[str]:
    """Ours over the fastest float32 peer at each batch, beside the targets."""
    peers = [line for line in lines if line.contender.group == "float32 peer"]
    for ours in (line for line in lines if line.contender.group == "ours"):
        for batch, target in TARGETS.items():
            reached = [(value, line.contender.name) for line in peers if (value := ratio(ours, line, batch))]
            if reached:
                value, name = min(reached)
                what = "best batch" if batch is None else f"batch {batch}"
                yield f"{ours.contender.name} over {name}, {what}: {value:.2f} (target {target:g})"


def cell(value: float | None, width: int) -> str:
    """A number with about three digits."""
    return (
        " " * width
        if value is None
        else f"{value:{width},.{0 if value >= 100 else 1 if value >= 10 else 2}f}"
    )


def memory_table(problem: Problem) -> Iterator[str]:
    """Peak memory of a fresh process that runs one contender at a batch of 100, imports included; Linux alone."""
    yield "peak memory of a process of its own, MB"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "problem.npz"
        problem.save(path)
        for contender in contenders(problem)[0]:
            command = [sys.executable, __file__, "--peak-of", contender.home, contender.name, str(path)]
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            yield f"{contender.name:42} {json.loads(told.splitlines()[-1]):9.0f}"


def peak_mb(home: str, name: str, path: Path) -> float:
    """Run one contender on two batches and give this process's peak memory."""
    problem = read_problem(path)
    (contender,), _ = contenders(problem, (home,), name)
    batch = max(batch for batch in contender.batches if batch <= 100)
    for start in (0, batch):
        contender.count(contender.load(slice(start, start + batch)))
    # not ru_maxrss: it holds what the parent had when it started this process
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def timed_s(action: Callable[[], object], turns: int) -> float:
    """Median processor seconds after one warm-up."""
    action()
    settle()
    return statistics.median(_seconds(action) for _ in range(turns))


def _seconds(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def chip_table(problem: Problem, turns: int) -> Iterator[str]:
    """The engine as `neurosim run --mode spiking` uses it, on chips with and without noise and converters."""
    import spiking_ours

    yield f"{'mnist_500 on a chip, every event counted':42} {'images/s':>9}  accuracy"
    for name in spiking_ours.CHIPS:
        run = spiking_ours.chip_run(name)
        seconds = timed_s(lambda run=run: run(problem.images), turns)
        accuracy = (run(problem.images).argmax(axis=1) == problem.labels).mean()
        yield f"{name:42} {cell(len(problem.images) / seconds, 9)}  {accuracy:.4f}"


def tick_table(turns: int, short: bool) -> Iterator[str]:
    """Synaptic events per second of 64 cores."""
    import spiking_ticks

    problem = spiking_ticks.tick_problem(4 if short else 64, 100 if short else 1000)
    events = spiking_ticks.synaptic_events(problem)
    yield f"{f'cores: {events / 1e6:.1f} M synaptic events':42} {'G/s':>9} {'ms':>9}  spikes"
    wanted = None
    for contender in spiking_ticks.contenders(problem, peers=not short):
        times, neurons = contender.run(True)
        wanted = wanted or (times, neurons)
        equal = all(np.array_equal(a, b) for a, b in zip(wanted, (times, neurons), strict=True))
        seconds = timed_s(lambda contender=contender: contender.run(False), turns)
        told = f"{len(times)}, {'equal' if equal else 'NOT equal'}"
        yield f"{contender.name:42} {cell(events / seconds / 1e9, 9)} {cell(1e3 * seconds, 9)}  {told}"


def once_table(problem: Problem, turns: int) -> Iterator[str]:
    """Images per second of neurons that spike once."""
    import spiking_once

    from neurosim.graph import load_network

    yield f"{'mnist_ttfs':42} {'images/s':>9}  same class as the closed form"
    wanted = None
    for contender in spiking_once.contenders(load_network("mnist_ttfs"), len(problem.images)):
        images = problem.images[: contender.images]
        classes = contender.run(images)
        wanted = classes if wanted is None else wanted
        seconds = timed_s(lambda run=contender.run, images=images: run(images), turns)
        same = (classes == wanted[: len(classes)]).mean()
        yield f"{contender.name:42} {cell(len(images) / seconds, 9)}  {same:.3f} of {len(classes)}"


def learning_table(problem: Problem, turns: int, short: bool) -> Iterator[str]:
    """Images per second of STDP on device pairs."""
    import spiking_learning

    yield f"{f'{spiking_learning.NETWORK} on {spiking_learning.CHIP}, learning':42} {'images/s':>9}  spikes per image"
    for contender in spiking_learning.contenders(peers=not short):
        count = len(problem.images)
        results = [contender.run(problem.images) for _ in range(turns + 1)][1:]
        seconds, spikes = (statistics.median(column) for column in zip(*results, strict=True))
        yield f"{contender.name:42} {cell(count / seconds, 9)}  {spikes / count:.1f}"


def tables(short: bool) -> dict[str, Callable[[], Iterator[str]]]:
    """What can be measured, by name."""
    problem, turns = load_problem(20 if short else 1000), 1 if short else 7
    return {
        "inference": lambda: inference_table(problem, turns),
        "memory": lambda: memory_table(problem),
        "chips": lambda: chip_table(problem, turns),
        "ticks": lambda: tick_table(turns, short),
        "once": lambda: once_table(problem, turns),
        "learning": lambda: learning_table(problem, min(turns, 3), short),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", action="append", metavar="TABLE")
    parser.add_argument("--peak-of", nargs=3, metavar=("HOME", "NAME", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak_of:
        home, name, path = options.peak_of
        print(json.dumps(peak_mb(home, name, Path(path))))
        return
    for name, table in tables(options.short).items():
        if not options.only or name in options.only:
            print(*table(), "", sep="\n", flush=True)


if __name__ == "__main__":
    main()
