"""neurram: a core's figures, the spread of its devices, and voltages that a few bits of input and output carry."""

from __future__ import annotations

import numpy as np
import pytest

import neurosim as ns
from neurosim.chips import load_chip
from neurosim.costs import chip_figures, core_figures, latency
from neurosim.costs.peak import full_tile
from neurosim.devices import make_device
from neurosim.foundation.streams import stream

FIGURES = {  # (bits of the output, of the signed input): fJ per operation of word lines, neurons, input pulses; TOPS/W
    (3, 1): ((8.99, 10.62, 3.45), 43.08),
    (6, 4): ((21.76, 29.11, 11.51), 15.95),
    (10, 8): ((50.52, 75.86, 27.51), 6.44),
}


@pytest.mark.parametrize("bits", FIGURES)
def test_published_energies_of_an_operation_add_up_to_the_published_efficiency(bits: tuple[int, int]) -> None:
    parts, published = FIGURES[bits]
    chip = load_chip("neurram")
    if bits != (6, 4):
        chip = chip.with_options(adc__bits=bits[0], prices__core__energy_joules=sum(parts) * 1e-15 * 256)
    assert core_figures(chip).ops_per_joule == pytest.approx(published * 1e12, rel=0.02)


def test_steps_of_a_product_add_up_to_the_published_throughput() -> None:
    chip = load_chip("neurram")
    product_s = latency([full_tile(chip)], chip).image_s - chip.periphery.t_digital_s  # type: ignore[union-attr]
    assert product_s == pytest.approx(
        7 * 0.27e-6 + 0.3e-6 + 7 * 0.3e-6, rel=1e-3
    )  # integrations, sample, search
    assert chip_figures(chip).ops_per_second == pytest.approx(0.744e12, rel=0.03)


def test_devices_spread_as_crosssim_fits_them() -> None:
    chip = load_chip("neurram")
    device = make_device(chip.device)
    for target in (6.0, 20.0, 30.0):  # uS, away from the ends of the range
        state = device.program(np.full((100, 1000), target * 1e-6, np.float32), stream(0, "neurram", target))
        sigma = 1.053 + 0.2374 * target - 1.167e-2 * target**2 + 1.536e-4 * target**3
        found = device.conductance(state, 1.0)
        assert found.std() == pytest.approx(sigma * 1e-6, rel=0.02)
        assert found.mean() == pytest.approx(target * 1e-6, rel=0.02)


def test_few_bits_are_enough() -> None:
    done = ns.run("digits_mlp", chip="neurram", times="1 s")
    floats, chip = done.summary.float_accuracy, done.summary.accuracy.mean[0]
    assert chip > floats - 0.06
    assert chip < 1.0


def test_a_network_pays_for_the_columns_it_converts() -> None:
    ledger = ns.run("digits_mlp", chip="neurram", times="1 s", limit=20).summary.ledger
    core = [row for row in ledger.rows if row.component == "core (published)"]
    assert sum(row.events for row in core) == pytest.approx(sum(row.joules for row in core) / 15.97e-12)
    covered = {row.component for row in ledger.rows if "core's published figure" in row.note}
    assert covered >= {"input encoding", "drivers and lines", "array", "ADC"}
