"""Tiles cover every matrix exactly once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosim.chips import load_chip
from neurosim.foundation.errors import ConfigError
from neurosim.graph import Flatten, InputSpec, Network, load_network
from neurosim.placement import Placement, place
from neurosim.placement.tiles import splits


@given(length=st.integers(1, 5000), tile=st.integers(1, 700))
def test_splits_cover_the_length_on_as_few_tiles_as_fit(length, tile):
    parts = splits(length, tile)
    assert sum(parts) == length
    assert all(0 < part <= tile for part in parts)
    assert len(parts) == -(-length // tile)


def test_a_network_is_placed_layer_by_layer():
    placement = place(load_network("digits_mlp"), load_chip("joshi_2020").with_options(array__rows=40))
    first, second = placement.layers
    assert (first.rows, first.columns, first.row_splits, first.column_splits) == (64, 32, (40, 24), (32,))
    assert first.tiles == 2
    assert placement.tiles == 3
    assert first.weights == 2048
    assert first.devices_per_weight == 2
    assert placement.layer(second.name) is second


def test_signed_inputs_take_two_phases_where_the_chip_reads_so():
    network, chip = load_network("digits_mlp"), load_chip("joshi_2020")
    name = network.weighted[0].name
    assert place(network, chip, [name]).layer(name).phases == 1
    assert place(network, chip.with_options(signed_inputs="two_phase"), [name]).layer(name).phases == 2
    assert place(network, chip.with_options(signed_inputs="two_phase")).layer(name).phases == 1


def test_json_round_trip():
    placement = place(load_network("digits_mlp"), load_chip("joshi_2020"))
    assert Placement.from_json(placement.to_json()) == placement


def test_a_network_without_matrices_is_refused():
    network = Network("empty", InputSpec(dataset="digits", shape=(1, 8, 8)), (Flatten(name="flat"),), {})
    with pytest.raises(ConfigError, match="at least one dense or convolution layer"):
        place(network, load_chip("joshi_2020"))
