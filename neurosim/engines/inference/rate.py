"""Rate-coded inference: every matrix product of the network is a read of its crossbars."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from neurosim.circuits.crossbar import Read, Tally
from neurosim.engines.blocks import chunks, padded, through_layers
from neurosim.engines.engine import BLOCK, Inputs, Outcome, Progress, Recorder, Segment, Settings
from neurosim.engines.inference.counting import count_inference
from neurosim.foundation.blas import one_blas_thread
from neurosim.foundation.errors import ConfigError, DataError
from neurosim.graph import Layer, Network, Weighted
from neurosim.programming import AgedChip, AgedLayer, ProgrammedChip, require_programmed


@dataclass(frozen=True)
class RateEngine:
    """Runs rate-coded networks on crossbars, in fixed blocks with one BLAS thread each.

    An image's result depends on its index in the data set and on nothing else: not on the batch, the
    threads or (but for the last bits of the products in its own block) the other images.
    Working set: per thread, the activations of 250 images and 3 x 16 MB for unfolded convolutions.
    """

    name: str = "inference"
    capabilities: frozenset[str] = frozenset({"classifies", "reads devices", "exact"})

    def run(self, programmed: ProgrammedChip, inputs: Inputs, recorder: Recorder, progress: Progress,
            settings: Settings) -> Outcome:  # fmt: skip
        """Classify all images at all times; see `Engine.run`."""
        chip = require_programmed(programmed)
        check_layers(chip.network)
        expected = chip.network.input.shape
        if inputs.images.shape[1:] != expected:
            raise DataError("inputs", f"images of shape {expected}", f"{inputs.images.shape[1:]}",
                            f"network {chip.network.name!r} takes {chip.network.input.dataset!r}")  # fmt: skip
        with one_blas_thread(), ThreadPoolExecutor(settings.threads) as pool:
            for index, t_s in enumerate(inputs.times_s):
                wanted = [where for k, where in enumerate(inputs.segments) if recorder.wanted(index, k)]
                if not wanted:
                    continue
                aged = chip.age_to(t_s)
                recorder.aged(index, aged)
                for where in wanted:
                    recorder.put(_segment(aged, inputs.images, index, where, pool, settings, progress))
        return Outcome(count_inference(chip.network, chip.chip, chip.placement, len(inputs.images)))


def check_layers(network: Network) -> None:
    """Refuse layers that this engine does not compute; ConfigError names the layer."""
    for layer in network.layers:
        if not isinstance(layer, Layer):
            raise ConfigError(f"layer {getattr(layer, 'name', '?')!r}", "a layer of neurosim.graph",
                              type(layer).__name__, "the inference engine does not compute it")  # fmt: skip


def _segment(aged: AgedChip, images: np.ndarray, time: int, where: slice, pool: ThreadPoolExecutor,
             settings: Settings, progress: Progress) -> Segment:  # fmt: skip
    names = list(aged.layers)
    count = where.stop - where.start
    scores = np.empty((count, *aged.programmed.network.output_shape), np.float32)
    varying = {
        c: np.zeros((len(names), count)) for c in ("array_siemens", "adc_saturations", "dac_saturations")
    }
    if aged.programmed.chip.dac.bits is None:
        del varying["dac_saturations"]
    if aged.programmed.chip.adc.bits is None:
        del varying["adc_saturations"]
    starts = list(range(where.start, where.stop, BLOCK))
    at_once = max(settings.threads, -(-settings.batch // BLOCK))

    def block(start: int) -> tuple[int, np.ndarray, dict[str, Tally]]:
        tallies = {name: Tally(BLOCK) for name in names}
        return start, forward_block(aged, padded(images, start), start, tallies), tallies

    for first in range(0, len(starts), at_once):
        for start, out, tallies in pool.map(block, starts[first : first + at_once]):
            n = min(BLOCK, where.stop - start)
            inside = slice(start - where.start, start - where.start + n)
            scores[inside] = out[:n]
            for counter, array in varying.items():
                for row, name in enumerate(names):
                    array[row, inside] = getattr(tallies[name], counter)[:n]
            progress(n)
    return Segment(time, where, scores, varying)


def forward_block(aged: AgedChip, x: np.ndarray, first_image: int, tallies: dict[str, Tally]) -> np.ndarray:
    """Scores (images, classes) of consecutive images (images, *input shape), as the chip computes them."""
    network = aged.programmed.network

    def weighted(layer: Weighted, entering: np.ndarray) -> np.ndarray:
        read = Read(first_image, len(x), aged.noise.child(layer.name), tallies[layer.name])
        return _weighted(layer, network, aged.layers[layer.name], entering, read)

    return through_layers(network, x, weighted)


def _weighted(layer: Weighted, network: Network, aged: AgedLayer, x: np.ndarray, read: Read) -> np.ndarray:
    bias = layer.bias(network.layer_params(layer.name))
    out = np.empty((len(x), *layer.own_output_shape), np.float32)
    for chunk in chunks(layer, len(x)):
        vectors = layer.unfold(x[chunk])
        groups, images, positions, rows = vectors.shape
        products = np.empty((groups, images, positions, layer.columns), np.float32)
        for group in range(groups):
            flat = vectors[group].reshape(images * positions, rows)
            part = _part(read, chunk, group)
            product = aged.crossbars[group].forward(flat, part, aged.converters[group], aged.gain)
            products[group] = product.reshape(images, positions, layer.columns)
            _merge(read.tally, part.tally, chunk)
        if bias is not None:
            products += bias[:, None, None, :]
        out[chunk] = layer.assemble(products)
    return out


def _part(read: Read, chunk: slice, group: int) -> Read:
    images = chunk.stop - chunk.start
    return Read(read.first_image + chunk.start, images, read.noise.child(group), Tally(images))


def _merge(total: Tally, part: Tally, chunk: slice) -> None:
    total.array_siemens[chunk] += part.array_siemens
    total.dac_saturations[chunk] += part.dac_saturations
    total.adc_saturations[chunk] += part.adc_saturations
