"""What every chip's ledger promises, on real runs of a dense network on every shipped chip that has a rate mode."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.chips import chip_names, load_chip
from neurosim.costs import COMPONENTS

RATE = [name for name in chip_names() if "rate" in load_chip(name).modes]


@pytest.fixture(scope="module", params=RATE)
def ledger(request):
    return ns.run("digits_mlp", chip=request.param, limit=30, record="none").costs


def test_components_layers_and_images_add_up_to_the_total(ledger):
    assert sum(ledger.by_component().values()) == pytest.approx(ledger.total)
    assert sum(ledger.by_layer().values()) == pytest.approx(ledger.total)
    assert np.mean(ledger.per_image) == pytest.approx(ledger.total)
    assert ledger.per_image.shape == (30,)


def test_every_component_is_there_and_every_zero_has_a_reason(ledger):
    assert set(COMPONENTS) <= set(ledger.by_component())  # a published core figure is a component of its own
    for row in ledger.rows:
        assert row.joules >= 0
        assert row.joules > 0 or row.note, row


def test_every_price_names_its_source_and_status(ledger):
    for row in ledger.rows:
        if row.joules:
            assert row.price.source
            assert row.price.status in ("found", "derived", "recalled", "assumed")
            assert row.price.node


def test_programming_stands_apart(ledger):
    named = {row.component for row in ledger.rows}
    assert "programming" not in named
    if ledger.priced:
        assert ledger.times.image_s > 0
        assert ledger.square_metres > 0
