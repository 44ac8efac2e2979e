"""A network in a digital processor's arithmetic."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from neurosim.chips.processor import SparseProcessor
from neurosim.engines.blocks import chunks, padded, through_layers
from neurosim.engines.digital.arithmetic import PreparedLayer, PreparedNetwork, require_prepared
from neurosim.engines.digital.counting import VARYING, count_digital, without_varying
from neurosim.engines.digital.shapes import LayerShape, layer_shapes
from neurosim.engines.digital.sparse import entry_traffic, stored_entries
from neurosim.engines.engine import BLOCK, Inputs, Outcome, Progress, Recorder, Segment, Settings
from neurosim.foundation.blas import one_blas_thread
from neurosim.foundation.errors import DataError
from neurosim.graph import Network, Weighted


@dataclass(frozen=True)
class DigitalEngine:
    """Computes a network exactly as a processor's arithmetic does, in fixed blocks with one BLAS thread each.

    An image's result depends on its index in the data set alone. Times are accepted and change nothing: no word of a
    memory ages. Working set: per thread, the activations of 250 images and 3 x 32 MB for unfolded convolutions.
    """

    name: str = "digital"
    capabilities: frozenset[str] = frozenset({"classifies", "exact"})

    def run(self, programmed: PreparedNetwork, inputs: Inputs, recorder: Recorder, progress: Progress,
            settings: Settings) -> Outcome:  # fmt: skip
        """Classify all images at all times; see `Engine.run`."""
        prepared = require_prepared(programmed)
        net = prepared.network
        if inputs.images.shape[1:] != net.input.shape:
            raise DataError("inputs", f"images of shape {net.input.shape}", f"{inputs.images.shape[1:]}",
                            f"network {net.name!r} takes {net.input.dataset!r}")  # fmt: skip
        compute = _Compute(prepared)
        with one_blas_thread(), ThreadPoolExecutor(settings.threads) as pool:
            for index in range(len(inputs.times_s)):
                wanted = [where for k, where in enumerate(inputs.segments) if recorder.wanted(index, k)]
                if wanted:
                    recorder.aged(index, prepared)
                for where in wanted:
                    recorder.put(_segment(compute, inputs.images, index, where, pool, settings, progress))
        counts = count_digital(net.layers, prepared.chip, net.name, len(inputs.images))
        return Outcome(without_varying(counts, prepared.chip))


@dataclass
class _Compute:
    """A prepared network, and of a sparse processor which unit keeps how many entries of each column."""

    prepared: PreparedNetwork
    entries: dict[str, np.ndarray] = field(default_factory=dict)
    shapes: dict[str, LayerShape] = field(default_factory=dict)

    def __post_init__(self) -> None:
        net, processor = self.prepared.network, self.prepared.chip.processor
        self.shapes = {shape.name: shape for shape in layer_shapes(net.layers, net.name)}
        if isinstance(processor, SparseProcessor):
            for name, layer in self.prepared.layers.items():
                found = stored_entries(layer.matrices[0], processor.units, processor.index_bits)
                self.entries[name] = found.astype(np.float64)

    @property
    def network(self) -> Network:
        """The network."""
        return self.prepared.network

    @property
    def varying(self) -> tuple[str, ...]:
        """Counters that depend on the image."""
        return VARYING if self.entries else ()


def _segment(compute: _Compute, images: np.ndarray, time: int, where: slice, pool: ThreadPoolExecutor,
             settings: Settings, progress: Progress) -> Segment:  # fmt: skip
    names, count = list(compute.prepared.layers), where.stop - where.start
    scores = np.empty((count, *compute.network.output_shape), np.float32)
    varying = {counter: np.zeros((len(names), count)) for counter in compute.varying}
    starts = list(range(where.start, where.stop, BLOCK))
    at_once = max(settings.threads, -(-settings.batch // BLOCK))

    def block(start: int) -> tuple[int, np.ndarray, dict[str, np.ndarray]]:
        events = {counter: np.zeros((len(names), BLOCK)) for counter in compute.varying}
        return start, _forward_block(compute, padded(images, start), events), events

    for first in range(0, len(starts), at_once):
        for start, out, events in pool.map(block, starts[first : first + at_once]):
            n = min(BLOCK, where.stop - start)
            inside = slice(start - where.start, start - where.start + n)
            scores[inside] = out[:n]
            for counter, array in varying.items():
                array[:, inside] = events[counter][:, :n]
            progress(n)
    return Segment(time, where, scores, varying)


def _forward_block(compute: _Compute, x: np.ndarray, events: dict[str, np.ndarray]) -> np.ndarray:
    """Scores (images, classes) of images (images, *input shape), and their events where those depend on them."""
    arithmetic = compute.prepared.chip.processor.arithmetic

    def weighted(layer: Weighted, source: np.ndarray) -> np.ndarray:
        own = compute.prepared.layers[layer.name]
        entering = _entering(source, own, arithmetic)
        if compute.entries:
            _count_zeros(compute, layer.name, entering, events)
        return _weighted(layer, own, entering)

    return through_layers(compute.network, x, weighted)


def _entering(x: np.ndarray, own: PreparedLayer, arithmetic: str) -> np.ndarray:
    """Activations as they enter a layer: floats, rounded floats, or whole numbers in float64."""
    if own.inputs.step:
        return own.inputs.codes(x)
    return x.astype(np.float16).astype(np.float32) if arithmetic == "float16" else x


def _weighted(layer: Weighted, own: PreparedLayer, x: np.ndarray) -> np.ndarray:
    """The layer's output, float32. Sums of whole numbers stay below 2**53 and are exact in float64."""
    out = np.empty((len(x), *layer.own_output_shape), np.float32)
    scale = own.weight_step * (own.inputs.step or 1.0)
    for chunk in chunks(layer, len(x)):
        vectors = layer.unfold(x[chunk])
        groups, images, positions, rows = vectors.shape
        sums = np.matmul(vectors.reshape(groups, images * positions, rows), own.matrices)
        products = (sums * scale if own.inputs.step else sums).astype(np.float32, copy=False)
        if own.bias is not None:
            products = products + own.bias[:, None, :]
        out[chunk] = layer.assemble(products.reshape(groups, images, positions, layer.columns))
    return out


def _count_zeros(compute: _Compute, name: str, x: np.ndarray, events: dict[str, np.ndarray]) -> None:
    """Events of a layer of a sparse processor for each image: only inputs that are not zero are sent."""
    row, shape = list(compute.prepared.layers).index(name), compute.shapes[name]
    processor = compute.prepared.chip.processor
    assert isinstance(processor, SparseProcessor)
    one = processor.model_copy(update={"batch": 1})
    driven = (x.reshape(len(x), -1) != 0).astype(np.float64)
    per_unit = driven @ compute.entries[name]  # whole numbers: exact, in any order
    for image in range(len(x)):
        traffic = entry_traffic(shape, one, per_unit[image].max(), per_unit[image].sum(), driven[image].sum())
        found = (traffic.cycles, traffic.macs, traffic.registers, traffic.scratchpad)
        for counter, number in zip(VARYING, found, strict=True):
            events[counter][row, image] = number
