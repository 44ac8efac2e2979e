"""The ledger of a chip that is programmed anew for each round: it leaks for what it holds, while it holds it."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.costs.ledger import AreaRow, Latency, Ledger, PriceTag, Row
from neurosim.costs.rounds import in_rounds, round_seconds, waiting

TIMES = Latency({"a": 3.0, "b": 2.0, "c": 1.0})
TAG = PriceTag("adc.leakage", 1.0, "ADC", "32 nm", "made up", "assumed")


def ledger() -> Ledger:
    """Three layers with leakages of 1, 2 and 4 W, areas of 1, 2 and 4, and an ADC of 10 J."""
    watts = {"a": 1.0, "b": 2.0, "c": 4.0}
    rows = (
        Row("ADC", "conversions", "a", 1, 10.0, TAG),
        *(Row("leakage", "ADCs", name, own, own * TIMES.image_s, TAG) for name, own in watts.items()),
    )
    areas = (
        *(AreaRow("ADCs", name, 1, own, TAG) for name, own in watts.items()),
        AreaRow("clock", "", 0, 0.0, note="not priced"),
    )
    total = 10.0 + 7.0 * 6.0
    return Ledger("chip", "label", rows, np.array([total]), (), (), TIMES, areas, 1)


def test_one_round_changes_nothing():
    before = ledger()
    assert in_rounds(before, [{"a": 1.0, "b": 1.0, "c": 1.0}], 5) is before


def test_a_layer_leaks_while_it_is_held():
    found = in_rounds(ledger(), [{"a": 1.0}, {"b": 1.0, "c": 1.0}], 1)
    leaked = {row.layer: row.joules for row in found.rows if row.component == "leakage"}
    assert leaked == pytest.approx({"a": 1.0 * 3.0, "b": 2.0 * 3.0, "c": 4.0 * 3.0})
    assert found.by_component()["ADC"] == 10.0
    assert found.per_image == pytest.approx([found.total])


def test_the_area_is_that_of_the_fullest_round():
    found = in_rounds(ledger(), [{"a": 1.0}, {"b": 1.0, "c": 1.0}], 1)
    assert found.square_metres == 6.0
    assert {row.layer: row.units for row in found.areas if row.layer} == {"a": 0.0, "b": 1.0, "c": 1.0}


def test_a_layer_in_two_rounds_is_read_in_both():
    found = in_rounds(ledger(), [{"a": 1.0, "b": 0.25}, {"b": 0.75, "c": 1.0}], 1)
    assert found.times is not None
    assert found.times.layers == {"a": 3.0, "b": 4.0, "c": 1.0}
    leaked = {row.layer: row.joules for row in found.rows if row.component == "leakage"}
    assert leaked["b"] == pytest.approx(2.0 * (0.25 * 5.0 + 0.75 * 3.0))


def test_a_batch_shares_a_round():
    held = {"a": 1.0, "b": 1.0}
    assert round_seconds(TIMES, held, 1) == 5.0
    assert (
        round_seconds(TIMES, held, 11) == 5.0 + 10 * 3.0
    )  # the first fills the pipeline, the slowest paces the rest
    found = in_rounds(ledger(), [held, {"c": 1.0}], 11)
    leaked = {row.layer: row.joules for row in found.rows if row.component == "leakage"}
    assert leaked["c"] == pytest.approx(4.0 * 11 * 1.0 / 11)
    assert leaked["a"] == pytest.approx(1.0 * 35.0 / 11)


def test_a_chip_that_waits_leaks_for_longer():
    before = ledger()
    found = waiting(before, 1.5)
    leaked = {row.layer: row.joules for row in found.rows if row.component == "leakage"}
    assert leaked == pytest.approx({"a": 9.0, "b": 18.0, "c": 36.0})
    assert found.total == pytest.approx(10.0 + 63.0)
    assert found.per_image == pytest.approx([found.total])
    assert found.areas == before.areas


def test_a_chip_without_a_circuit_stays_unpriced():
    bare = Ledger("chip", "none", (), np.zeros(1), (), (), None, (), 1)
    assert in_rounds(bare, [{"a": 1.0}, {"b": 1.0}], 1) is bare
