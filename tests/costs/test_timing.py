"""Chip time of one inference: the formula, and who may ask for it."""

from __future__ import annotations

import pytest

from neurosim.chips import load_chip
from neurosim.costs import chip_time_s, latency
from neurosim.foundation.counts import LayerGeometry
from neurosim.foundation.errors import ConfigError


def dense(name: str, rows: int, columns: int) -> LayerGeometry:
    return LayerGeometry(name, rows, columns, 1, 1, 1, 1, 2, (rows,), (columns,), rows * columns)


def test_an_image_takes_the_sum_of_its_layers() -> None:
    chip = load_chip("joshi_2020")
    layers = [dense("a", 512, 1024), dense("b", 256, 10)]
    # 8 ADCs of 0.78125 ns: 128 conversions for 1024 columns, 2 for 10
    first, second = 250e-9 + 100e-9 + 5e-9, 250e-9 + 2 * 0.78125e-9 + 5e-9
    assert latency(layers, chip).layers == pytest.approx({"a": first, "b": second})
    assert chip_time_s(layers, chip) == pytest.approx(first + second)


def test_four_phases_of_a_full_hermes_core_last_as_measured() -> None:
    core = LayerGeometry("a", 256, 256, 1, 1, 2, 2, 2, (256,), (256,), 65536)
    assert chip_time_s([core], load_chip("hermes")) == pytest.approx(521e-9 + 5e-9, rel=0.005)


def test_no_circuit_has_no_time() -> None:
    with pytest.raises(
        ConfigError, match=r"chip ideal_float: expected a \[periphery\] table, got none \(no circuit\)"
    ):
        chip_time_s([dense("a", 4, 4)], load_chip("ideal_float"))


def test_no_layer_has_no_time() -> None:
    with pytest.raises(ConfigError, match="expected at least one layer with weights"):
        latency([], load_chip("joshi_2020"))
