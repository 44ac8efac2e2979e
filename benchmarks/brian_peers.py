"""The problem of spiking_problem.py on Brian2 as its users write it, for benchmarks/spiking.py.

Input neurons, both layers and `Synapses` are Brian2's own, nothing of this package takes part. A layer of Synapses
hands a spike over after the thresholds of its step, so that a spike takes two steps more to the output: the run is
two steps longer, and the counts are the same, as these neurons do not leak.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from spiking_problem import FULL, Contender, Problem

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its import warns of pyparsing's deprecations
    import brian2

IF = "v:1"
INPUT = "v:1\nlevel:1"
COUNTING = "v:1\ncount:1"


def contenders(problem: Problem, only: str | None = None) -> Iterator[Contender]:
    """Naive (one image, its state restored before the next), and copies of the network side by side."""
    for name, batch in (("Brian2, store and restore per image", 1), ("Brian2, Synapses side by side", 10)):
        if only in (None, name):
            network = SideBySide(problem, batch)
            yield Contender(name, __name__, lambda where: problem.levels[where], network.counts, (batch,))


class SideBySide:
    """The whole network `copies` times in one Brian2 network, built when first used."""

    def __init__(self, problem: Problem, copies: int):
        self.problem, self.copies = problem, copies
        self._built: tuple | None = None

    def counts(self, levels: np.ndarray) -> np.ndarray:
        """Output spikes of `copies` images, (copies, 10)."""
        if self._built is None:
            self._built = self._build()
        network, inputs, output = self._built
        network.restore()
        inputs.level = levels.ravel().astype(float)
        network.run((self.problem.steps + 2) * brian2.ms)
        return np.asarray(output.count[:]).reshape(self.copies, -1).astype(np.int64)

    def _build(self) -> tuple:
        brian2.defaultclock.dt = 1 * brian2.ms
        (w1, w2), (theta1, theta2) = self.problem.weights, self.problem.thresholds
        inputs = brian2.NeuronGroup(
            len(w1) * self.copies, INPUT, threshold="v >= full", reset="v -= full", namespace={"full": FULL}
        )
        encoding = inputs.run_regularly("v += level", when="before_thresholds")
        hidden = self._neurons(w1.shape[1], IF, "v -= theta", theta1)
        output = self._neurons(w2.shape[1], COUNTING, "v -= theta; count += 1", theta2)
        hidden.v, output.v = self.problem.initial
        synapses = [self._synapses(inputs, hidden, w1), self._synapses(hidden, output, w2)]
        network = brian2.Network(inputs, encoding, hidden, output, *synapses)
        network.store()
        network.run(1 * brian2.ms)  # compiles
        return network, inputs, output

    def _neurons(self, size: int, equations: str, reset: str, theta: int):
        return brian2.NeuronGroup(
            size * self.copies, equations, threshold="v >= theta", reset=reset, namespace={"theta": theta}
        )

    def _synapses(self, before, after, weights: np.ndarray):
        synapses = brian2.Synapses(before, after, "w:1", on_pre="v_post += w")
        rows, columns = weights.shape
        i, j = np.repeat(np.arange(rows), columns), np.tile(np.arange(columns), rows)
        copy = np.repeat(np.arange(self.copies), i.size)
        synapses.connect(i=np.tile(i, self.copies) + copy * rows, j=np.tile(j, self.copies) + copy * columns)
        synapses.w = np.tile(weights.ravel(), self.copies)
        return synapses
