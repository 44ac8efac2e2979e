"""Time, energy and area of slices and phases: closed forms, and the totals that isaac's paper prints."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurosim.chips import load_chip
from neurosim.costs import latency, price
from neurosim.costs.peak import chip_figures
from neurosim.engines.inference.counting import count_inference
from neurosim.foundation.counts import LayerGeometry
from neurosim.graph import Conv2d, InputSpec, Network
from neurosim.placement import place

READ, CONVERSION, DIGITAL = 100e-9, 0.78125e-9, 500e-9


def layer(positions: int = 1, **changes: int) -> LayerGeometry:
    """A full tile of isaac, read for so many input vectors."""
    tile = LayerGeometry("a", 128, 16, 1, positions, 16, 8, 8, (128,), (16,), 2048)
    return replace(tile, **changes)


def seconds(geometry: LayerGeometry, **options: object) -> float:
    return latency([geometry], load_chip("isaac").with_options(**options)).image_s


def test_conversions_run_during_the_next_read() -> None:
    # 128 conversions take as long as a read; the first read and the last conversions stand alone
    assert pytest.approx(READ) == 128 * CONVERSION
    assert seconds(layer(5)) == pytest.approx(5 * 16 * READ + 128 * CONVERSION + DIGITAL)
    assert seconds(layer(5), read__overlapped=False) == pytest.approx(
        5 * 16 * (READ + 128 * CONVERSION) + DIGITAL
    )
    # the slower of the two sets the pace
    slow = seconds(layer(5), periphery__t_conversion_s=2 * CONVERSION)
    assert slow == pytest.approx(READ + 80 * 2 * 128 * CONVERSION + DIGITAL)


def test_one_product_takes_the_papers_cycles() -> None:
    assert seconds(layer()) == pytest.approx(22 * 100e-9)


def test_copies_share_out_the_positions() -> None:
    assert seconds(layer(10, replicas=3)) == pytest.approx(seconds(layer(4)))
    assert layer(10, replicas=3).tiles == 3


def test_phases_summed_before_conversion_are_converted_once() -> None:
    summed = {"read__accumulate": "analog", "read__overlapped": False}
    once = layer(3, conversions_per_vector=1)
    assert seconds(once, **summed) == pytest.approx(3 * (16 * READ + 128 * CONVERSION) + DIGITAL)
    both = layer(3, phases=32, conversions_per_vector=2)
    assert seconds(both, **summed) == pytest.approx(6 * (16 * READ + 128 * CONVERSION) + DIGITAL)
    overlapped = seconds(once, read__accumulate="analog")
    assert overlapped == pytest.approx(3 * 16 * READ + 128 * CONVERSION + DIGITAL)


def busy_tile(pixels: int = 400) -> Network:
    """A convolution that fills one tile for a long time: 128 inputs, 16 outputs, 400 x 400 positions."""
    layers = (Conv2d(name="a", channels=16, kernel=1, bias=False),)
    params = {"a": {"weight": np.ones((16, 128, 1, 1), np.float32)}}
    return Network("busy", InputSpec(dataset="digits", shape=(128, pixels, pixels)), layers, params)


def test_parts_add_up_to_the_papers_chip() -> None:
    # Shafiee et al. 2016: 55.4 W and 62.5 mm2 for 168 tiles of 96 arrays, 10.4 W and 22.88 mm2 for links beside
    chip, network = load_chip("isaac"), busy_tile()
    placement = place(network, chip)
    ledger = price(count_inference(network, chip, placement, 0), placement.layers, chip)
    assert ledger.watts * 16128 == pytest.approx(55.4, rel=0.01)
    assert ledger.square_metres * 16128 == pytest.approx(62.5e-6, rel=0.01)
    parts = ledger.by_component()
    products = 400 * 400
    assert parts["array"] == pytest.approx(products * 16 * 30e-12)
    assert parts["ADC"] == pytest.approx(products * 16 * 128 * (1.40625e-12 + 0.00097e-12))
    assert parts["drivers and lines"] == 0
    assert next(r for r in ledger.rows if r.component == "drivers and lines").note == (
        "part of the published energy of a tile's read"
    )
    assert ledger.area_by_component()["devices"] == pytest.approx((128 * 128 + 128) * 0.001526e-12)


def test_peak_figures_restate_the_table() -> None:
    peak = chip_figures(load_chip("isaac"))
    assert peak.ops_per_second == pytest.approx(41.3e12, rel=1e-3)
    assert peak.ops_per_joule == pytest.approx(627e9, rel=1e-3)
    assert peak.ops_per_second_per_square_metre == pytest.approx(483e15, rel=1e-3)


def test_copies_cost_area_and_leakage_not_events() -> None:
    chip, network = load_chip("isaac"), busy_tile(20)
    placement = place(network, chip)
    counts = count_inference(network, chip, placement, 0)
    copied = tuple(replace(own, replicas=4) for own in placement.layers)
    again = count_inference(network, chip, replace(placement, layers=copied), 0)
    assert again.fixed["array_reads"] == counts.fixed["array_reads"]
    one, four = price(counts, placement.layers, chip), price(again, copied, chip)
    assert four.square_metres == pytest.approx(4 * one.square_metres)
    assert four.times is not None
    assert one.times is not None
    assert four.times.image_s - 600e-9 == pytest.approx((one.times.image_s - 600e-9) / 4)
    assert four.by_component()["array"] == pytest.approx(one.by_component()["array"])
