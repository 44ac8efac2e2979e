"""Counts: fixed or per image, only in the vocabulary, and the geometry they belong to."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.foundation.counts import COUNTERS, Counts, LayerGeometry
from neurosim.foundation.errors import ConfigError


@pytest.fixture
def counts() -> Counts:
    """Counts of two layers over five images."""
    return Counts(("fc1", "fc2"), 5)


def test_setting_is_not_adding(counts):
    for _ in range(2):
        counts.set("adc_conversions", "fc2", 10)
    assert counts.fixed["adc_conversions"] == {"fc1": 0, "fc2": 10}
    assert counts.mean("adc_conversions").tolist() == [0, 10]


def test_adding_per_image(counts):
    counts.add("adc_saturations", "fc1", slice(0, 3), np.array([1, 2, 3]))
    counts.add("adc_saturations", "fc1", np.array([2, 4]), np.array([10, 20]))
    assert counts.varying["adc_saturations"].tolist() == [[1, 2, 13, 0, 20], [0, 0, 0, 0, 0]]
    assert counts.mean("adc_saturations").tolist() == [7.2, 0]


def test_what_was_never_counted(counts):
    assert counts.mean("hops").tolist() == [0, 0]


def test_the_order_of_blocks_does_not_matter():
    numbers = np.random.default_rng(0).random(10)
    made = []
    for order in ([slice(0, 4), slice(4, 10)], [slice(4, 10), slice(0, 4)]):
        one = Counts(("a",), 10)
        for block in order:
            one.add("array_siemens", "a", block, numbers[block])
        made.append(one.varying["array_siemens"])
    np.testing.assert_array_equal(made[0], made[1])


def test_names_outside_the_vocabulary(counts):
    with pytest.raises(ConfigError, match="counter: expected a name of the vocabulary, got 'adc'; "):
        counts.set("adc", "fc1", 1)
    with pytest.raises(ConfigError, match="got 'spike'; did you mean 'spikes'"):
        counts.add("spike", "fc1", slice(0, 1), np.ones(1))
    with pytest.raises(ConfigError, match="layer: expected a layer that is counted, got 'fc3'; did you mean"):
        counts.set("hops", "fc3", 1)
    with pytest.raises(ConfigError, match="layer: expected a layer that is counted"):
        counts.add("spikes", "conv", slice(0, 1), np.ones(1))


def test_every_counter_says_what_it_means():
    assert all(counter.meaning and counter.unit for counter in COUNTERS.values())
    assert COUNTERS["array_siemens"].varies
    assert not COUNTERS["encoder_updates"].varies


def test_geometry():
    layer = LayerGeometry("c", rows=300, columns=20, groups=2, positions=9, phases=1, polarities=2,
                          devices_per_weight=2, row_splits=(256, 44), column_splits=(20,),
                          macs=108_000)  # fmt: skip
    assert layer.tiles == 4
    assert layer.weights == 12_000
    assert layer.macs == layer.weights * layer.positions
