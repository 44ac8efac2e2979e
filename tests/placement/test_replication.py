"""Copies of slow layers: the shortest interval that the tiles allow, and no copy too many."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from placed_layers import geometry

from neurosim.chips import load_chip
from neurosim.costs import latency
from neurosim.foundation.counts import LayerGeometry
from neurosim.foundation.errors import ConfigError
from neurosim.graph import load_architecture
from neurosim.placement import Placement, balanced, place

LAYERS = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 4)), min_size=1, max_size=3)  # positions, tiles


def seconds(layer: LayerGeometry) -> float:
    """A vector takes a second per column, and there is a fixed part: time of a layer's positions over its copies."""
    return -(-layer.positions // layer.replicas) * layer.columns + 0.5


@given(sizes=LAYERS, tiles=st.integers(1, 40))
def test_no_other_numbers_of_copies_are_faster(sizes, tiles):
    layers = [
        geometry(f"layer{i}", rows=10 * n, columns=i + 1, positions=p) for i, (p, n) in enumerate(sizes)
    ]
    placed = Placement(tuple(layers))
    if placed.tiles > tiles:
        with pytest.raises(ConfigError, match="for one copy of every layer"):
            balanced(placed, seconds, tiles)
        return
    found = balanced(placed, seconds, tiles)
    assert found.tiles <= tiles
    best = min(
        max(seconds(replace(layer, replicas=n)) for layer, n in zip(layers, copies, strict=True))
        for copies in product(*(range(1, layer.positions + 1) for layer in layers))
        if sum(layer.tiles * n for layer, n in zip(layers, copies, strict=True)) <= tiles
    )
    pace = max(map(seconds, found.layers))
    assert pace == best
    for layer in found.layers:  # one copy less would be too slow
        fewer = replace(layer, replicas=layer.replicas - 1) if layer.replicas > 1 else None
        assert fewer is None or seconds(fewer) > pace


def test_with_tiles_enough_every_position_has_its_copy():
    placed = Placement((geometry("a", positions=9), geometry("b", positions=4)))
    assert [layer.replicas for layer in balanced(placed, seconds, 1000).layers] == [9, 4]


def test_copies_make_a_network_faster_on_a_chip():
    chip, net = load_chip("joshi_2020"), load_architecture("resnet18")
    placed = place(net, chip)

    def layer_s(layer: LayerGeometry) -> float:
        return latency([layer], chip).image_s

    copied = balanced(placed, layer_s, 2 * placed.tiles)
    before, after = (latency(p.layers, chip).interval_s for p in (placed, copied))
    assert copied.tiles <= 2 * placed.tiles
    assert (
        after < before / 5
    )  # early layers are small: doubling the tiles does far more than double the speed
    replicas = {layer.name: layer.replicas for layer in copied.layers}
    assert replicas["conv1"] > replicas["conv2_1a"] > replicas["conv5_2b"] == replicas["dense1"] == 1
