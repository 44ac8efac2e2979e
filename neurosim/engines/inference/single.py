"""One image at a time, as fast as it goes: each dense layer is one call of one kernel.

The block path of `rate.py` computes 250 images together; this one is for latency. Both draw the same noise for
the same image; before the ADCs they agree to 1e-5 (sums are taken in another order).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.circuits.crossbar import AgedCrossbar, Converters, Tally
from neurosim.engines.inference.rate import forward_block
from neurosim.graph import Dense, Network, ReLU, Softmax
from neurosim.kernels import reads
from neurosim.programming import AgedChip, AgedLayer


@dataclass(frozen=True)
class _Step:
    """Arguments of `reads.read_one` for one dense layer, prepared once."""

    d: np.ndarray
    s2: np.ndarray
    edges: np.ndarray
    dac: np.ndarray
    adcs: np.ndarray
    words: tuple[np.uint64, np.uint64]
    scale: np.float32
    bias: np.ndarray
    relu: bool
    work: np.ndarray
    out: np.ndarray


class OneImage:
    """Scores of single images from an aged chip.

    Chains of dense layers with ReLU between them, plain cells and plain converters run through the fused kernel;
    any other network runs through the block path with a block of one image.
    """

    def __init__(self, aged: AgedChip) -> None:
        self.aged = aged
        self._steps = _steps(aged)

    @property
    def fused(self) -> bool:
        """Whether the fused kernel serves this network and chip."""
        return bool(self._steps)

    def scores(self, image: np.ndarray, index: int) -> np.ndarray:
        """Scores (classes,) of one image, float32 of the network's input shape; `index` keys its noise."""
        if not self._steps:
            tallies = {name: Tally(1) for name in self.aged.layers}
            return np.asarray(forward_block(self.aged, image[None], index, tallies)[0])
        x = image
        for step in self._steps:
            reads.read_one(x, step.d, step.s2, step.edges, step.dac, step.adcs, *step.words, index, step.scale,
                           step.bias, step.relu, step.work, step.out)  # fmt: skip
            x = step.out
        last = self.aged.programmed.network.layers[-1]
        return np.asarray(last.forward({}, x[None])[0]) if isinstance(last, Softmax) else x.copy()


def _steps(aged: AgedChip) -> tuple[_Step, ...]:
    network = aged.programmed.network
    pairs = _chain(network)
    steps = []
    for layer, relu in pairs:
        own = aged.layers[layer.name]
        crossbar, converters = own.crossbars[0], own.converters[0]
        two_phase = converters.dac.signed and crossbar.crossbar.read.signed_inputs == "two_phase"
        plain = all(adc.plain for adc in converters.adcs)
        apart = crossbar.converts_apart or crossbar.crossbar.in_parts
        if apart or crossbar.crossbar.scale.offset or two_phase or not plain:
            return ()
        word0, word1 = aged.noise.child(layer.name).child(0).words()
        bias = layer.bias(network.layer_params(layer.name))
        steps.append(_step(own, crossbar, converters, (np.uint64(word0), np.uint64(word1)), bias, relu))
    return tuple(steps)


def _chain(network: Network) -> list[tuple[Dense, bool]]:
    """The dense layers of a plain chain, and whether a ReLU follows each; empty for any other network."""
    chain: list[tuple[Dense, bool]] = []
    for number, layer in enumerate(network.layers):
        before = "input" if number == 0 else network.layers[number - 1].name
        if layer.inputs != (before,):
            return []
        if isinstance(layer, Dense):
            chain.append((layer, False))
        elif isinstance(layer, ReLU) and chain and not chain[-1][1]:
            chain[-1] = (chain[-1][0], True)
        elif isinstance(layer, Softmax) and layer is network.layers[-1]:
            continue
        else:
            return []
    return chain


def _step(own: AgedLayer, aged: AgedCrossbar, converters: Converters, words: tuple[np.uint64, np.uint64],
          bias: np.ndarray | None, relu: bool) -> _Step:  # fmt: skip
    d = np.ascontiguousarray(np.concatenate(aged.d))
    s2 = np.zeros((0, 0), np.float32) if aged.s2 is None else np.ascontiguousarray(np.concatenate(aged.s2))
    rows = [[adc.lsb, adc.low, adc.high] for adc in converters.adcs]
    dac = converters.dac
    columns = d.shape[1]
    return _Step(
        d=d,
        s2=s2,
        edges=np.cumsum((0, *aged.crossbar.row_splits)),
        dac=np.array([dac.lsb, dac.low, dac.high], np.float32),
        adcs=np.array(rows, np.float32),
        words=words,
        scale=np.float32(own.gain * aged.crossbar.scale.per_unit),
        bias=np.zeros(columns, np.float32) if bias is None else np.ascontiguousarray(bias[0]),
        relu=relu,
        work=np.empty((2, columns), np.float32),
        out=np.empty(columns, np.float32),
    )
