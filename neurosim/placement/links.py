"""What has to be sent where a network lies on several chips, or kept where it takes several rounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
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
    kept : layer -> bytes of its results that wait in a memory for a later round
    outside : bytes of the input, once per chip that reads it, and of the output
    """

    links: dict[str, int]
    kept: dict[str, int]
    outside: int


def traffic(network: Architecture, placement: Placement, spread: Spread, activation_bytes: int) -> Traffic:
    """What a network sends between the places of a spread.

    The results of a layer come together on the chip of its last tile, its home: activations of columns that lie
    whole on another chip, partial sums (4 bytes) of the others. There the digital layers after it (batch norm, ReLU,
    pooling, sums) are computed, and from there the result goes whole, once, to every other chip that holds a part of
    a layer that takes it. Between rounds the same bytes are kept in place of sent.

    network : as placed, batch norms folded where the chip folds them
    activation_bytes : of one activation
    """
    send = _Sender(network, placement, spread, activation_bytes)
    links = send.crossing(lambda part: part.round * spread.chips + part.chip)
    kept = send.crossing(lambda part: part.round) if spread.rounds > 1 else dict.fromkeys(links, 0)
    read_on = {
        (part.chip, part.round)
        for layer in network.weighted
        if INPUT in layer.inputs
        for part in spread.of(layer.name)
    }
    outside = math.prod(network.input.shape) * max(1, len(read_on)) + math.prod(network.output_shape)
    sent = {name: links[name] - kept[name] for name in links}  # what is kept comes back without a link
    return Traffic(sent, kept, outside * activation_bytes)


@dataclass(frozen=True)
class _Sender:
    network: Architecture
    placement: Placement
    spread: Spread
    activation_bytes: int

    def crossing(self, where: Where) -> dict[str, int]:
        """Bytes of each placed layer's results that leave the place where they are made."""
        found = {layer.name: self._gathered(layer, where) for layer in self.placement.layers}
        stages = self._stages
        for source, places in self._readers(where).items():
            stage = stages[source]
            tensor = math.prod(self.network.shapes[source]) * self.activation_bytes
            found[stage] += tensor * len(places - {self._home(stage, where)})
        return found

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

    def _gathered(self, layer: LayerGeometry, where: Where) -> int:
        """Bytes of columns and partial sums on their way to the layer's home."""
        home = self._home(layer.name, where)
        return sum(
            self._of_part(layer, part.first, part.tiles)
            for part in self._joined(layer.name, where)
            if where(part) != home
        )

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
