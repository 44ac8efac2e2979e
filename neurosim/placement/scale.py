"""Networks larger than one chip: tiles shared out over several chips, or over rounds of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from neurosim.foundation.counts import LayerGeometry
from neurosim.foundation.errors import ConfigError
from neurosim.placement.tiles import Placement


@dataclass(frozen=True)
class Part:
    """Consecutive tiles of one layer on one chip, in one round; `first` counts from 0 within the layer.

    The tiles of a layer are numbered copy by copy, then by group and column tile, the row tiles of a column side by
    side: the partial sums of a column meet where its tiles do.
    """

    layer: str
    chip: int
    round: int
    first: int
    tiles: int


@dataclass(frozen=True)
class Spread:
    """Where the tiles of a placement lie.

    capacity : tiles of one chip; None where the chip does not say, and everything lies on one
    parts : in the order of layers and tiles
    chips, rounds : how many there are; in a round, chips hold what they were programmed with for it
    """

    capacity: int | None
    parts: tuple[Part, ...]
    chips: int
    rounds: int

    def of(self, layer: str) -> tuple[Part, ...]:
        """The parts of one layer."""
        return tuple(part for part in self.parts if part.layer == layer)

    def tiles_on(self, chip: int, round_: int = 0) -> int:
        """Tiles occupied on one chip in one round."""
        return sum(part.tiles for part in self.parts if (part.chip, part.round) == (chip, round_))


def spread(
    placement: Placement, capacity: int | None, chips: int | None = None, multiplex: bool = False
) -> Spread:
    """Share out the tiles of a placement over chips of `capacity` tiles.

    Layers follow each other over the chips in their order. One that would be cut in two begins on the next chip
    where there is room for that; one larger than a chip is cut.

    chips : how many there are; None: as many as are needed, one with `multiplex`
    multiplex : where they do not hold all, program them anew, round after round

    Raises ConfigError when the chips do not hold the network and `multiplex` is off, and for a number of chips of a
    chip that does not say how many tiles it has.
    """
    if capacity is None:
        if chips is not None or multiplex:
            remedy = "add [capacity] with its tiles to the chip.toml, or leave --chips and --multiplex out"
            raise ConfigError(
                "chips", "a chip that says how many tiles it has", "one without [capacity]", remedy
            )
        return Spread(None, tuple(Part(g.name, 0, 0, 0, g.tiles) for g in placement.layers), 1, 1)
    if chips is not None and chips < 1:
        raise ConfigError("chips", "1 or more", str(chips), "give --chips 1, or leave it out")
    needed = -(-placement.tiles // capacity)
    at_hand = chips if chips is not None else (1 if multiplex else needed)
    if needed > at_hand and not multiplex:
        raise ConfigError(
            "chips", f"{needed} chips for {placement.tiles:,} tiles of {capacity:,} each", str(at_hand),
            f"give --chips {needed}, or --multiplex to program them anew between layers",
        )  # fmt: skip
    bins = max(needed, at_hand)
    parts = tuple(
        Part(layer, where % at_hand, where // at_hand, first, tiles)
        for layer, where, first, tiles in _filled(placement.layers, capacity, bins)
    )
    return Spread(capacity, parts, at_hand, parts[-1].round + 1)


def _filled(
    layers: tuple[LayerGeometry, ...], capacity: int, bins: int
) -> Iterator[tuple[str, int, int, int]]:
    """(layer, bin, first tile, tiles) of every part; bins hold `capacity` tiles and are filled in order."""
    where, free = 0, capacity
    left = sum(layer.tiles for layer in layers)
    for layer in layers:
        cut = free < layer.tiles <= capacity
        if free == 0 or (cut and left <= (bins - where - 1) * capacity):
            where, free = where + 1, capacity
        first = 0
        while first < layer.tiles:
            if free == 0:
                where, free = where + 1, capacity
            tiles = min(free, layer.tiles - first)
            yield layer.name, where, first, tiles
            first, free = first + tiles, free - tiles
        left -= layer.tiles
