"""What has to be sent where a network lies on several chips, or kept where it takes several rounds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from neurosim.foundation.counts import LayerGeometry
from neurosim.graph import INPUT, Architecture
from neurosim.placement.scale import Part, Spread
from neurosim.placement.tiles import Placement

PARTIAL_SUM_BYTES = 4  # of a sum that is not whole yet, so that none of its bits is lost

Where = Callable[[Part], int]


@dataclass(frozen=True)
class Traffic:
    """Bytes per inference.

    links : layer -> bytes that its results take over links between chips
    busiest : bytes that the chip which sends or takes most does so
    kept : layer -> bytes of its results that wait in a memory for a later round
    outside : bytes of the input, once per chip that reads it, and of the output
    """

    links: dict[str, int]
    busiest: int
    kept: dict[str, int]
    outside: int


@dataclass(frozen=True)
class _Transfer:
    """Bytes of a layer's results from one place to another, per inference."""

    layer: str
    source: int
    target: int
    size: int


def traffic(network: Architecture, placement: Placement, spread: Spread, activation_bytes: int) -> Traffic:
    """What a network sends between the places of a spread.

    The results of a layer come together on the chip of its last tile, its home: activations of columns that lie
    whole on another chip, partial sums (4 bytes) of the others. There the digital layers after it (batch norm, ReLU,
    pooling, sums) are computed, and from there the result goes whole, once, to every other chip that holds a part of
    a layer that takes it. What a later round reads is kept, and sent too where another chip reads it.

    network : as placed, batch norms folded where the chip folds them
    activation_bytes : of one activation
    """
    sender = _Sender(network, placement, spread, activation_bytes)
    names = [layer.name for layer in placement.layers]
    places = sender.transfers(lambda part: part.round * spread.chips + part.chip)
    sent = [t for t in places if (t.source - t.target) % spread.chips]  # to another chip, in whatever round
    kept = list(sender.transfers(lambda part: part.round)) if spread.rounds > 1 else []
    read_on = {
        (part.chip, part.round)
        for layer in network.weighted
        if INPUT in layer.inputs
        for part in spread.of(layer.name)
    }
    outside = math.prod(network.input.shape) * max(1, len(read_on)) + math.prod(network.output_shape)
    return Traffic(
        _by_layer(sent, names),
        _busiest(sent, spread.chips),
        _by_layer(kept, names),
        outside * activation_bytes,
    )


def _by_layer(transfers: Sequence[_Transfer], names: Sequence[str]) -> dict[str, int]:
    found = dict.fromkeys(names, 0)
    for transfer in transfers:
        found[transfer.layer] += transfer.size
    return found


def _busiest(transfers: Sequence[_Transfer], chips: int) -> int:
    """Most bytes in one direction at one chip."""
    out, into = Counter[int](), Counter[int]()
    for transfer in transfers:
        out[transfer.source % chips] += transfer.size
        into[transfer.target % chips] += transfer.size
    return max((*out.values(), *into.values()), default=0)


@dataclass(frozen=True)
class _Sender:
    network: Architecture
    placement: Placement
    spread: Spread
    activation_bytes: int

    def transfers(self, where: Where) -> Iterator[_Transfer]:
        """Everything that leaves the place where it is made."""
        for layer in self.placement.layers:
            yield from self._gathered(layer, where)
        stages = self._stages
        for source, places in self._readers(where).items():
            stage = stages[source]
            tensor = math.prod(self.network.shapes[source]) * self.activation_bytes
            home = self._home(stage, where)
            yield from (_Transfer(stage, home, place, tensor) for place in sorted(places - {home}))

    @property
    def _stages(self) -> dict[str, str]:
        """Layer -> the placed layer at whose home it is computed: itself, or the one before it."""
        placed = {layer.name for layer in self.placement.layers}
        stage, stages = self.placement.layers[0].name, {}
        for layer in self.network.layers:
            stage = layer.name if layer.name in placed else stage
            stages[layer.name] = stage
        return stages

    def _readers(self, where: Where) -> dict[str, set[int]]:
        """Layer -> places where its output is read; the network's input, from outside, is left out."""
        placed, stages = {layer.name for layer in self.placement.layers}, self._stages
        readers: dict[str, set[int]] = {}
        for layer in self.network.layers:
            places = (
                {where(part) for part in self.spread.of(layer.name)}
                if layer.name in placed
                else {self._home(stages[layer.name], where)}
            )
            for source in layer.inputs:
                if source != INPUT:
                    readers.setdefault(source, set()).update(places)
        return readers

    def _home(self, layer: str, where: Where) -> int:
        return where(self.spread.of(layer)[-1])

    def _gathered(self, layer: LayerGeometry, where: Where) -> Iterator[_Transfer]:
        """Columns and partial sums on their way to the layer's home."""
        home = self._home(layer.name, where)
        for part in self._joined(layer.name, where):
            if where(part) != home:
                yield _Transfer(layer.name, where(part), home, self._of_part(layer, part.first, part.tiles))

    def _joined(self, layer: str, where: Where) -> Iterator[Part]:
        """The parts of a layer, those side by side in one place as one."""
        last: Part | None = None
        for part in self.spread.of(layer):
            if last is not None and where(last) == where(part):
                last = Part(layer, part.chip, part.round, last.first, last.tiles + part.tiles)
                continue
            if last is not None:
                yield last
            last = part
        if last is not None:
            yield last

    def _of_part(self, layer: LayerGeometry, first: int, tiles: int) -> int:
        rows, columns = len(layer.row_splits), len(layer.column_splits)
        per_copy = layer.groups * columns
        total = 0
        for column in range(first // rows, (first + tiles - 1) // rows + 1):
            copy = column // per_copy
            positions = layer.positions // layer.replicas + (copy < layer.positions % layer.replicas)
            whole = first <= column * rows and (column + 1) * rows <= first + tiles
            sums = layer.column_splits[column % columns] * positions
            total += sums * (self.activation_bytes if whole else PARTIAL_SUM_BYTES)
        return total
