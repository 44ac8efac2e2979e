"""How fast sliced weights and inputs in phases are read, as ratios to their own float32 matrix products.

    python benchmarks/slices.py            # everything, a few minutes; one thread
    python benchmarks/slices.py --short    # a small run of everything, as the tests do: figures mean nothing

Every slice and phase is a product of its own, with conversions of its own: 8 slices by 16 phases are 128 products of
the network. "own" is the whole run (programming apart: unfolding, cutting into phases, products, noise, converters,
shift and add, bias, ReLU, pooling) over numpy's float32 products of the same digits and slices, "plain" the same over
one float32 product of every layer. Processor seconds, median of several runs, one process, one BLAS thread.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before numpy loads its BLAS

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from neurosim.chips import Chip, load_chip
from neurosim.circuits.sliced import AgedSliced
from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.engines.inference import RateEngine
from neurosim.graph import Network, load_network
from neurosim.inputs import load_dataset, prepare
from neurosim.placement import place
from neurosim.programming import ProgrammedChip, calibrate_network, program

DAY_S = 86400.0
# 8 bits over 4 slices of 2, 8 input bits one by one, a conversion after each: what CrossSim 3.2 does in 169 to 187
# plain products of mnist_mlp (one core of the machine this was written on), without read noise
EIGHT_BITS = {
    "cell__weight_bits": 9, "cell__slices": 4, "cell__bits_per_cell": 2, "read__input_bits": 8, "read__phases": 8,
    "dac__bits": 1, "cell__subtraction": "analog",
}  # fmt: skip
CROSSSIM_PLAIN = 169.0


@dataclass(frozen=True)
class Case:
    """One network on one chip."""

    what: str
    network: str
    chip: str
    options: dict[str, object] = field(default_factory=dict)
    target: str = ""
    images: int = 1000
    sample: int = 250  # of them, for numpy's products: there must be room for the results of all phases

    def build(self) -> tuple[Network, Chip]:
        """The network and the chip with its options."""
        return load_network(self.network), load_chip(self.chip).with_options(**self.options)


CASES = (
    Case("mnist_mlp, joshi_2020 devices, 4 slices x 8 phases", "mnist_mlp", "joshi_2020",
         {**EIGHT_BITS, "read_noise": "none"}, f"own <= 1.2, plain <= {CROSSSIM_PLAIN / 5:.0f}", 5000),
    Case("the same with read noise", "mnist_mlp", "joshi_2020", EIGHT_BITS, "", 5000),
    Case("mnist_mlp, isaac, 8 slices x 16 phases", "mnist_mlp", "isaac", {}, "own <= 1.2"),
    Case("mnist_lenet, isaac, 8 slices x 16 phases", "mnist_lenet", "isaac", {}, "", 250, 50),
    Case("mnist_mlp, prime, 2 slices x 2 phases of 3 bits", "mnist_mlp", "prime", {}, "", 5000),
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One line of the table: seconds of a run, of its own products and of the plain ones."""

    case: Case
    seconds: float
    own_s: float
    plain_s: float
    accuracy: float


def median_s(action: Callable[[], object], repeats: int) -> float:
    """Median processor seconds (steadier than the clock on a shared machine) after one warm-up."""
    action()
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        action()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def fed(programmed: ProgrammedChip, images: np.ndarray) -> dict[str, np.ndarray]:
    """What each layer's matrices are fed on these images: float32 (groups, vectors, rows)."""
    network = programmed.network
    wanted = {layer.name: layer.inputs[0] for layer in network.weighted}
    kept = {"input": images, **network.trace(images, set(wanted.values()) - {"input"})[1]}
    unfolded = {layer.name: layer.unfold(kept[wanted[layer.name]]) for layer in network.weighted}
    return {name: x.reshape(len(x), -1, x.shape[-1]) for name, x in unfolded.items()}


def own_products(programmed: ProgrammedChip, images: np.ndarray) -> Callable[[], object]:
    """The products of every phase with every slice, by numpy; digits and room for results are made before."""
    aged, work = programmed.age_to(DAY_S), []
    for name, vectors in fed(programmed, images).items():
        layer = aged.layers[name]
        for crossbar, converters, x in zip(layer.crossbars, layer.converters, vectors, strict=True):
            assert isinstance(crossbar, AgedSliced)
            codes = np.floor(x / converters.dac.lsb + 0.5).astype(np.int64)
            read = crossbar.crossbar.read
            mask = 2**read.bits_per_phase - 1
            for k in range(read.phases):
                digits = (codes >> read.bits_per_phase * k & mask).astype(np.float32)
                for d, (a, b) in zip(
                    crossbar.d, pairwise(np.cumsum((0, *crossbar.crossbar.row_splits))), strict=True
                ):
                    work.append(
                        (np.ascontiguousarray(digits[:, a:b]), d, np.empty((len(x), d.shape[1]), np.float32))
                    )

    def products() -> None:
        for x, d, out in work:
            np.matmul(x, d, out=out)

    return products


def plain_products(programmed: ProgrammedChip, images: np.ndarray) -> Callable[[], object]:
    """One float32 product of every matrix."""
    network, work = programmed.network, []
    for layer in network.weighted:
        matrices = layer.matrices(network.params[layer.name])
        for x, weights in zip(fed(programmed, images)[layer.name], matrices, strict=True):
            work.append((np.ascontiguousarray(x), weights, np.empty((len(x), weights.shape[1]), np.float32)))

    def products() -> None:
        for x, weights, out in work:
            np.matmul(x, weights, out=out)

    return products


def scores(programmed: ProgrammedChip, images: np.ndarray) -> np.ndarray:
    """A whole run on one thread."""
    recorder = MemoryRecorder()
    RateEngine().run(programmed, Inputs(images, (DAY_S,)), recorder, lambda n: None, Settings())
    return recorder.scores(0)


def measure(case: Case, short: bool) -> Row:
    """One line of the table."""
    network, chip = case.build()
    count, repeats = (250, 1) if short else (case.images, 5)
    test, train = load_dataset("mnist", "test", count), load_dataset("mnist", "train", 500)
    images = prepare(test.images, test.max_level, network.input.shape, network.input.crop)
    calibration = calibrate_network(network, prepare(train.images, train.max_level, network.input.shape))
    programmed = program(network, chip, place(network, chip, calibration.signed), calibration, 0)
    accuracy = float((scores(programmed, images).argmax(axis=1) == test.labels).mean())
    seconds = median_s(lambda: scores(programmed, images), repeats)
    sample = images[: 20 if short else case.sample]
    share = len(images) / len(sample)
    own = median_s(own_products(programmed, sample), repeats) * share
    return Row(case, seconds, own, median_s(plain_products(programmed, sample), repeats) * share, accuracy)


def table(short: bool) -> list[Row]:
    """All rows; what the tests call with short=True."""
    return [measure(case, short) for case in CASES]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    print(f"{'what':52} {'ms/image':>9} {'own':>6} {'plain':>7}  {'target':24} accuracy")
    for row in table(options.short):
        per_image = 1e3 * row.seconds / (250 if options.short else row.case.images)
        print(
            f"{row.case.what:52} {per_image:9.3f} {row.seconds / row.own_s:6.2f} {row.seconds / row.plain_s:7.1f}  "
            f"{row.case.target:24} {row.accuracy:.4f}"
        )


if __name__ == "__main__":
    main()
