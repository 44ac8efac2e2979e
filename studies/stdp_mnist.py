"""Winner-take-all networks that learn MNIST on the chip by STDP: accuracy while they learn, and what they learned.

    python studies/stdp_mnist.py                        # 100 neurons, one pass on ideal, PCM and RRAM synapses
    python studies/stdp_mnist.py mnist_stdp_400 --chips kim_2015 --png stdp_400.png
    python studies/stdp_mnist.py --limit 2000           # short: the first 2,000 images of each split

Published for ideal synapses, after several passes (Diehl and Cook 2015): 82.9 % with 100 neurons, 87.0 % with 400.
At every stage of learning the neurons are given their classes by training images, and classify the test images.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np

from neurosim.chips import load_chip
from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.engines.spiking.plastic import LearnedChip, PlasticEngine, at_snapshot, learn
from neurosim.foundation.units import format_si
from neurosim.graph import load_network
from neurosim.inputs import load_dataset, prepare
from neurosim.placement import place

CHIPS = ("ideal_float", "kim_2015", "rram_pairs")
STAGES = (250, 1000, 2500, 5000, 10000, 20000, 40000)
READ_S = 25.0


@dataclass(frozen=True)
class Course:
    """One chip's learning: the chip, images seen and test accuracy at each stage, seconds of processor time."""

    learned: LearnedChip
    images: np.ndarray
    accuracy: np.ndarray
    seconds: float

    def per_image(self, counter: str) -> float:
        """A count of learning, per training image."""
        totals = self.learned.log.totals
        return totals.fixed[counter][totals.layers[0]] / self.images[-1]


def images_of(network, split, limit):
    """Flat images (N, 784) with values 0 to 1, and labels."""
    data = load_dataset(network.input.dataset, split, limit)
    return prepare(data.images, data.max_level, network.input.shape, network.input.crop), np.asarray(
        data.labels
    )


def accuracy(learned, images, labels, t_s=READ_S):
    """Share of the test images that a chip classifies correctly, t_s after it has learned."""
    recorder = MemoryRecorder()
    PlasticEngine().run(learned, Inputs(images, (t_s,)), recorder, lambda _: None, Settings())
    return float((recorder.scores(0).argmax(axis=1) == labels).mean())


def course(network_name, chip_name, limit=None, seed=0):
    """Let one chip learn a pass over the training images, and test it at every stage."""
    network, chip = load_network(network_name), load_chip(chip_name)
    learning = network.learning.model_copy(update={"snapshots": STAGES})
    network = type(network)(
        network.name, network.input, network.layers, {}, network.title, None, "", "plastic", learning
    )
    (x, y), (test_x, test_y) = images_of(network, "train", limit), images_of(network, "test", limit)
    start = time.process_time()
    learned = learn(network, chip, place(network, chip), x, y, seed)
    seconds = time.process_time() - start
    seen = learned.log.snapshots.presentations
    stages = [accuracy(at_snapshot(learned, k, x, y), test_x, test_y) for k in range(len(seen) - 1)]
    return Course(learned, seen, np.array([*stages, accuracy(learned, test_x, test_y)]), seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("network", nargs="?", default="mnist_stdp")
    parser.add_argument("--chips", nargs="+", default=CHIPS)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--png")
    options = parser.parse_args()
    courses = {name: course(options.network, name, options.limit, options.seed) for name in options.chips}
    for name, one in courses.items():
        print_course(options.network, name, one)
    if options.png:
        plot(options.network, courses, options.png)


def print_course(network, name, one):
    """The learning curve and what it took."""
    print(f"{network} on {name}: {one.accuracy[-1]:.2%} after {one.images[-1]} images")
    print("  images  " + "".join(f"{n:>9}" for n in one.images))
    print("  accuracy" + "".join(f"{a:>9.2%}" for a in one.accuracy))
    log, counts = one.learned.log, ("cell_pulses", "device_reads", "spikes", "input_spikes")
    print("  per image: " + ", ".join(f"{one.per_image(c):.1f} {c.replace('_', ' ')}" for c in counts))
    refreshes = log.refreshes / one.images[-1]
    print(f"  refreshes per image: {refreshes:.2f}; images without a spike: {log.silent_presentations}")
    mean = log.totals.varying["array_siemens"].sum() / one.images[-1]
    print(f"  conductance read per image: {format_si(mean, 'S')}; processor time {one.seconds:.1f} s, "
          f"{one.images[-1] / one.seconds:.0f} images/s")  # fmt: skip
    print(
        f"  neurons without a class: {one.learned.unassigned}; classes without a neuron: {one.learned.missing_classes}"
    )


def plot(network, courses, path):
    """Learning curves above, receptive fields G+ - G- below."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, 1 + len(courses), figsize=(4.2 * (1 + len(courses)), 4), layout="constrained"
    )
    for name, one in courses.items():
        axes[0].plot(one.images[1:], 100 * one.accuracy[1:], "o-", label=name)
    axes[0].set(xscale="log", xlabel="images seen", ylabel="test accuracy (%)", title=f"{network}, one pass")
    axes[0].legend()
    for axis, (name, one) in zip(axes[1:], courses.items(), strict=True):
        last = one.learned.log.snapshots
        field = tiled(last.g_plus[-1] - last.g_minus[-1]) * 1e6
        bound = np.percentile(np.abs(field), 99.5)
        image = axis.imshow(field, cmap="RdBu_r", vmin=-bound, vmax=bound)
        axis.set(xticks=[], yticks=[], title=f"{name}: G+ - G- (uS)")
        figure.colorbar(image, ax=axis, shrink=0.8)
    figure.savefig(path, dpi=80)


def tiled(weights):
    """Weights (784, neurons) as a square of 28 x 28 pictures."""
    side = int(np.sqrt(weights.shape[1]))
    pictures = weights.T[: side * side].reshape(side, side, 28, 28)
    return pictures.transpose(0, 2, 1, 3).reshape(28 * side, 28 * side)


if __name__ == "__main__":
    main()
