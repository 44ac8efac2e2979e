"""How fast a simulated chip is, as ratios to the plain float32 products of the same network in one process.

    python benchmarks/speed.py            # everything, some minutes; one thread
    python benchmarks/speed.py --short    # a small run of everything, as the tests do: figures mean nothing

Each row is the median of several runs over the median of the plain matrix products (numpy, one BLAS thread)
of 784-256-128-10 on the same 10,000 images. Where aihwkit is installed (extra `bench`) it runs beside.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before numpy loads its BLAS

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.chips import load_chip
from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.engines.inference import OneImage, RateEngine
from neurosim.graph import load_network
from neurosim.inputs import load_dataset, prepare
from neurosim.pipeline import Silent
from neurosim.placement import place
from neurosim.programming import calibrate_network, program

NETWORK = "mnist_mlp"
AIHWKIT_CHIPS = 3  # of its Monte Carlo; every chip takes as long as the next
DAY_S = 86400.0
TIMES_S = (1.0, 60.0, 3600.0, DAY_S, 30 * DAY_S, 365 * DAY_S)


@dataclass(frozen=True)
class Row:
    """One line of the table: what, seconds, and over what it is a ratio."""

    what: str
    seconds: float
    ratio: float | None = None
    target: str = ""
    note: str = ""


@dataclass(frozen=True)
class Bench:
    """What all rows share."""

    images: np.ndarray
    labels: np.ndarray
    calibration_images: np.ndarray
    plain_s: float
    repeats: int
    chips: int
    times_s: tuple[float, ...]


def median_s(action: Callable[[], object], repeats: int) -> float:
    """Median processor seconds (steadier than the clock on a shared machine) after one warm-up."""
    action()
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        action()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def prepared(short: bool) -> Bench:
    network = load_network(NETWORK)
    limit = 500 if short else None
    test, train = (
        load_dataset(network.input.dataset, "test", limit),
        load_dataset(network.input.dataset, "train", 500),
    )
    images = prepare(test.images, test.max_level, network.input.shape)
    repeats = 2 if short else 9
    plain = median_s(plain_products(images), repeats)
    chips, times = (2, TIMES_S[:2]) if short else (25, TIMES_S)
    calibration = prepare(train.images, train.max_level, network.input.shape)
    return Bench(images, test.labels, calibration, plain, repeats, chips, times)


def plain_products(images: np.ndarray) -> Callable[[], object]:
    """The network's three float32 matrix products, each into its own array, without bias or ReLU."""
    network = load_network(NETWORK)
    _, kept = network.trace(images, {layer.inputs[0] for layer in network.weighted} - {"input"})
    kept["input"] = images
    work = []
    for layer in network.weighted:
        weights = layer.matrices(network.params[layer.name])[0]
        x = kept[layer.inputs[0]]
        work.append((x, weights, np.empty((len(x), weights.shape[1]), np.float32)))

    def products() -> None:
        for x, weights, out in work:
            np.matmul(x, weights, out=out)

    return products


def programmed(bench: Bench, instance: int = 0, **options: object):
    network, chip = load_network(NETWORK), load_chip("joshi_2020").with_options(**options)
    calibration = calibrate_network(network, bench.calibration_images)
    return program(network, chip, place(network, chip, calibration.signed), calibration, 0, instance)


def read(chip, inputs: Inputs) -> MemoryRecorder:
    recorder = MemoryRecorder()
    RateEngine().run(chip, inputs, recorder, lambda n: None, Settings())
    return recorder


def noisy_rows(bench: Bench) -> list[Row]:
    """All test images on one chip at one time, ageing included."""
    inputs = Inputs(bench.images, (DAY_S,))
    chip = programmed(bench)
    accuracy = float((read(chip, inputs).scores(0).argmax(1) == bench.labels).mean())
    seconds = median_s(lambda: read(chip, inputs), bench.repeats)
    quiet = programmed(bench, read_noise="none")
    quiet_s = median_s(lambda: read(quiet, inputs), bench.repeats)
    network = load_network(NETWORK)
    float_s = median_s(lambda: network.forward(bench.images), bench.repeats)
    return [
        Row("plain float32 products", bench.plain_s, 1.0),
        Row("float network (bias, ReLU, softmax)", float_s, float_s / bench.plain_s),
        Row("joshi_2020, all noise, 8-bit DAC and ADC", seconds, seconds / bench.plain_s, "<= 2.5",
            f"accuracy {accuracy:.4f}"),
        Row("the same without read noise", quiet_s, quiet_s / bench.plain_s),
    ]  # fmt: skip


def converter_rows(bench: Bench) -> list[Row]:
    """All noise, behind converters that are not uniform."""
    inputs, rows = Inputs(bench.images, (DAY_S,)), []
    for what, options in (
        ("the same, SAR with mismatch", {"adc__kind": "sar", "adc__capacitor_mismatch": 0.02}),
        ("the same, comparators with noise", {"adc__comparator_noise": 0.3}),
        (
            "the same, SAR, both",
            {"adc__kind": "sar", "adc__capacitor_mismatch": 0.02, "adc__comparator_noise": 0.3},
        ),
        ("the same, voltages in place of currents", {"read__sensing": "voltage"}),
    ):
        chip = programmed(bench, **options)
        seconds = median_s(lambda chip=chip: read(chip, inputs), bench.repeats)
        rows.append(Row(what, seconds, seconds / bench.plain_s))
    return rows


def monte_carlo_row(bench: Bench) -> Row:
    """Chips times times: programming, calibrating, ageing and reading all images."""
    network, chip = load_network(NETWORK), load_chip("joshi_2020")
    calibration = calibrate_network(network, bench.calibration_images)
    placement = place(network, chip, calibration.signed)
    inputs = Inputs(bench.images, bench.times_s)
    start = time.process_time()
    for instance in range(bench.chips):
        read(program(network, chip, placement, calibration, 0, instance), inputs)
    seconds = time.process_time() - start
    plain = bench.plain_s * bench.chips * len(bench.times_s)
    return Row(
        f"Monte Carlo, {bench.chips} chips x {len(bench.times_s)} times", seconds, seconds / plain, "<= 2.0"
    )


def single_row(bench: Bench) -> Row:
    """One image at a time."""
    one = OneImage(programmed(bench).age_to(DAY_S))
    images = bench.images[:500]
    seconds = median_s(
        lambda: [one.scores(image, index) for index, image in enumerate(images)], bench.repeats
    )
    return Row("one image at a time, per image", seconds / len(images), note="fused" if one.fused else "")


def recording_rows(bench: Bench) -> list[Row]:
    """Seconds by the clock that a run file adds: a whole run, against the same work kept in memory."""
    chips, times = min(bench.chips, 10), ("25 s", "1 h", "1 day", "1 year")[: len(bench.times_s)]
    network, chip = load_network(NETWORK), load_chip("joshi_2020")
    calibration = calibrate_network(network, bench.calibration_images)
    placement = place(network, chip, calibration.signed)
    inputs = Inputs(bench.images, bench.times_s[: len(times)])

    def in_memory() -> float:
        start = time.perf_counter()
        for instance in range(chips):
            read(program(network, chip, placement, calibration, 0, instance), inputs)
        return time.perf_counter() - start

    def recorded() -> float:
        clock = Stages()
        with tempfile.TemporaryDirectory() as folder:
            ns.run(NETWORK, instances=chips, times=times, out=Path(folder) / "run.h5", threads=1, progress=clock,
                   limit=len(bench.images))  # fmt: skip
            return time.perf_counter() - clock.last_stage

    pairs = [(in_memory(), recorded()) for _ in range(min(bench.repeats, 3))]
    bare, whole = (statistics.median(column) for column in zip(*pairs, strict=True))
    return [
        Row(f"{chips} chips x {len(times)} times in memory (clock)", bare),
        Row("the same into a sealed run file (clock)", whole, None, f"<= +{0.1 * bare + 0.2:.2f} s",
            f"+{whole - bare:.2f} s"),
    ]  # fmt: skip


class Stages(Silent):
    """Remembers when the last stage of a run, the chips', began."""

    last_stage = 0.0

    def stage(self, text: str, total: int, done: int = 0) -> None:
        self.last_stage = time.perf_counter()


def import_row() -> Row:
    """A fresh interpreter that imports neurosim, less one that imports nothing."""

    def fresh(code: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - start

    seconds = [fresh("import neurosim") - fresh("pass") for _ in range(5)]
    return Row("import neurosim (clock)", max(statistics.median(seconds), 0.0))


def aihwkit_rows(bench: Bench) -> list[Row]:
    """The same network and images on aihwkit's PCM inference tiles; empty where it is not installed."""
    try:
        import aihwkit_peer
    except ImportError:
        return []
    rows = []
    for what, seconds in aihwkit_peer.measure(bench.images, bench.labels, DAY_S, bench.repeats, median_s):
        per_image = "one image" in what
        rows.append(Row(what, seconds, None if per_image else seconds / bench.plain_s))
    chips = min(bench.chips, AIHWKIT_CHIPS)
    for what, seconds in aihwkit_peer.monte_carlo(bench.images, bench.times_s, chips):
        rows.append(Row(what, seconds, seconds / (bench.plain_s * chips * len(bench.times_s))))
    return rows


def table(short: bool, peers: bool = True) -> list[Row]:
    """All rows; what the tests call with short=True."""
    bench = prepared(short)
    rows = [
        *noisy_rows(bench),
        *converter_rows(bench),
        monte_carlo_row(bench),
        single_row(bench),
        *recording_rows(bench),
        import_row(),
    ]
    return [*rows, *(aihwkit_rows(bench) if peers else [])]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    print(f"{'what':52} {'seconds':>10} {'ratio':>7}  {'target':>9}  note")
    for row in table(options.short):
        ratio = f"{row.ratio:7.2f}" if row.ratio is not None else " " * 7
        print(f"{row.what:52} {row.seconds:10.6f} {ratio}  {row.target:>9}  {row.note}")


if __name__ == "__main__":
    main()
