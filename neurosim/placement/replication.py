"""Copies of slow layers, which share out their positions, until a pipeline is balanced or the tiles run out.

The scheme of Shafiee et al. (ISAAC, ISCA 2016, section IV): early convolutions have the most positions and the
smallest matrices, so copies of them are cheap, and the slowest layer sets the pace of a pipeline.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from neurosim.foundation.counts import LayerGeometry
from neurosim.foundation.errors import ConfigError
from neurosim.placement.tiles import Placement

_HALVINGS = 60  # of the range of paces: below the last bit of their ratio


def balanced(placement: Placement, layer_s: Callable[[LayerGeometry], float], tiles: int) -> Placement:
    """The placement with copies of its layers, so that the slowest takes as short as `tiles` tiles allow.

    layer_s : seconds that a layer takes for one image; it falls, or stays, as copies are added
    tiles : that may be occupied, copies included

    No layer has more copies than that pace asks for, or than it has positions. Raises ConfigError when the tiles do
    not even hold one copy of everything.
    """
    if placement.tiles > tiles:
        raise ConfigError(
            "tiles", f"{placement.tiles:,} or more, for one copy of every layer", f"{tiles:,}",
            "allow more tiles or chips, or leave --replicate out",
        )  # fmt: skip
    layers = placement.layers
    low = max(layer_s(replace(layer, replicas=layer.positions)) for layer in layers)  # none is faster
    best = _at_pace(layers, layer_s, low)
    if sum(layer.tiles for layer in best) <= tiles:
        return Placement(best)
    best, high = layers, max(layer_s(layer) for layer in layers)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2  # at `low` the tiles do not suffice, at `high` they do
        tried = _at_pace(layers, layer_s, middle)
        if sum(layer.tiles for layer in tried) <= tiles:
            best, high = tried, max(layer_s(layer) for layer in tried)
        else:
            low = middle
    return Placement(best)


def _at_pace(
    layers: tuple[LayerGeometry, ...], layer_s: Callable[[LayerGeometry], float], pace_s: float
) -> tuple[LayerGeometry, ...]:
    """Each layer with the fewest copies that take at most `pace_s`, or as many as it has positions."""
    return tuple(_copied(layer, layer_s, pace_s) for layer in layers)


def _copied(layer: LayerGeometry, layer_s: Callable[[LayerGeometry], float], pace_s: float) -> LayerGeometry:
    few, many = 1, layer.positions
    while few < many:
        middle = (few + many) // 2
        if layer_s(replace(layer, replicas=middle)) <= pace_s:
            many = middle
        else:
            few = middle + 1
    return replace(layer, replicas=many)
