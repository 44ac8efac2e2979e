"""Tiles shared out over chips and rounds: each exactly once, no chip too full, no layer cut without need."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from placed_layers import geometry

from neurosim.foundation.errors import ConfigError
from neurosim.placement import Part, Placement, spread

SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=12)


def placement(*tiles: int) -> Placement:
    """Layers of so many row tiles each."""
    return Placement(tuple(geometry(f"layer{i}", rows=10 * n, tile_rows=10) for i, n in enumerate(tiles)))


@given(tiles=SIZES, capacity=st.integers(1, 50), extra=st.integers(0, 2), multiplex=st.booleans())
def test_every_tile_has_one_place_and_no_chip_is_too_full(tiles, capacity, extra, multiplex):
    placed = placement(*tiles)
    needed = -(-sum(tiles) // capacity)
    where = spread(placed, capacity, None if multiplex else needed + extra, multiplex)
    for layer in placed.layers:
        parts = where.of(layer.name)
        assert parts[0].first == 0
        assert all(a.first + a.tiles == b.first for a, b in pairwise(parts))
        assert parts[-1].first + parts[-1].tiles == layer.tiles
    assert all(part.tiles > 0 for part in where.parts)
    for chip in range(where.chips):
        for round_ in range(where.rounds):
            assert where.tiles_on(chip, round_) <= capacity
    order = [(part.round, part.chip) for part in where.parts]
    assert order == sorted(order)
    assert where.rounds == (needed if multiplex else 1)
    assert where.chips == (1 if multiplex else needed + extra)


def test_layers_are_not_cut_where_there_is_room():
    cut = spread(placement(6, 6, 6), 9, 2)
    assert [(p.layer, p.chip, p.first, p.tiles) for p in cut.parts] == [
        ("layer0", 0, 0, 6),
        ("layer1", 0, 0, 3),
        ("layer1", 1, 3, 3),
        ("layer2", 1, 0, 6),
    ]
    whole = spread(placement(6, 6, 6), 9, 3)
    assert [(p.layer, p.chip) for p in whole.parts] == [("layer0", 0), ("layer1", 1), ("layer2", 2)]


def test_a_layer_larger_than_a_chip_is_cut():
    where = spread(placement(2, 25), 10)
    assert where.chips == 3
    assert [(p.chip, p.first, p.tiles) for p in where.of("layer1")] == [(0, 0, 8), (1, 8, 10), (2, 18, 7)]


def test_rounds_of_several_chips():
    where = spread(placement(10, 10, 10, 10, 10), 10, 2, multiplex=True)
    assert [(p.chip, p.round) for p in where.parts] == [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2)]
    assert (where.chips, where.rounds) == (2, 3)


def test_what_fits_takes_one_round():
    assert spread(placement(3, 4), 10, multiplex=True).rounds == 1


def test_a_chip_of_unknown_size_holds_everything():
    where = spread(placement(5, 700), None)
    assert where.parts == (Part("layer0", 0, 0, 0, 5), Part("layer1", 0, 0, 0, 700))
    assert (where.capacity, where.chips, where.rounds) == (None, 1, 1)


def test_too_few_chips_are_refused_with_the_number_needed():
    with pytest.raises(
        ConfigError, match="expected 3 chips for 27 tiles of 10 each, got 2; give --chips 3, or"
    ):
        spread(placement(2, 25), 10, 2)


def test_no_chips_are_refused():
    with pytest.raises(ConfigError, match="chips: expected 1 or more, got 0"):
        spread(placement(2), 10, 0)


@pytest.mark.parametrize("wish", [{"chips": 2}, {"multiplex": True}])
def test_a_number_of_chips_needs_a_capacity(wish):
    with pytest.raises(ConfigError, match="expected a chip that says how many tiles it has, got one without"):
        spread(placement(2), None, **wish)
