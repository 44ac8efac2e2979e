"""The ledger against sums worked out by hand from a table of round prices."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from neurosim.chips import Chip, load_chip, parse_chip
from neurosim.costs import COMPONENTS, Ledger, Row, core_figures, price
from neurosim.foundation.counts import Counts, LayerGeometry
from neurosim.foundation.errors import ConfigError

A = LayerGeometry("a", 6, 3, 1, 1, 1, 1, 2, (4, 2), (3,), 18)
B = LayerGeometry("b", 3, 2, 1, 5, 1, 1, 2, (3,), (2,), 30)


def q(value: float, unit: str, node: str = "32 nm") -> str:
    return (
        f'{{value = {value}, unit = "{unit}", source = "round number", status = "assumed", node = "{node}"}}'
    )


CHIP = f"""
format = 1
name = "toy"
title = "round prices"
node = "32 nm"
label = "toy"
[device]
kind = "ideal"
g_max = {q(10, "uS")}
[array]
rows = {q(4, "1")}
columns = {q(8, "1")}
[dac]
bits = {q(8, "1")}
[adc]
bits = {q(8, "1")}
[read]
v_read = {q(0.2, "V")}
t_read = {q(100, "ns")}
noise = "none"
[periphery]
columns_per_adc = {q(2, "1")}
t_conversion = {q(10, "ns")}
t_digital = {q(7, "ns")}
[prices.dac]
energy = {q(2, "pJ")}
area = {q(5, "um2")}
leakage = {q(1, "uW")}
[prices.driver]
energy = {q(0.5, "pJ")}
[prices.cell]
area = {q(0.25, "um2")}
[prices.adc]
energy = {q(3, "pJ")}
area = {q(100, "um2")}
leakage = {q(10, "uW")}
[prices.shift_add]
energy = {q(0.1, "pJ")}
area = {q(20, "um2")}
[prices.multiply]
energy = {q(0.8, "pJ")}
[prices.add]
energy = {q(0.2, "pJ")}
[prices.compare]
energy = {q(0.3, "pJ")}
[prices.alu]
area = {q(1000, "um2")}
leakage = {q(100, "uW")}
[prices.buffer]
energy = {q(4, "pJ")}
area = {q(2, "um2")}
leakage = {q(0.5, "uW")}
[prices.program]
energy = {q(50, "pJ")}
"""


@pytest.fixture(scope="module")
def chip() -> Chip:
    return parse_chip(CHIP)


def counted(images: int = 3) -> Counts:
    """Counts of two layers; the array's siemens are 1, 2 and 3 mS in a, 10 mS in b."""
    counts = Counts(("a", "b"), images)
    # (in layer a, in layer b)
    numbers = {
        "dac_conversions": (6, 15),
        "row_activations": (6, 15),
        "adc_conversions": (6, 10),
        "partial_sums": (3, 0),
        "scalings": (3, 10),
        "bias_adds": (3, 10),
        "comparisons": (3, 1),
        "multiplications": (0, 2),
        "additions": (0, 8),
        "buffer_reads": (6, 15),
        "buffer_writes": (3, 10),
    }
    for counter, pair in numbers.items():
        for layer, number in zip("ab", pair, strict=True):
            counts.set(counter, layer, number)
    counts.add("array_siemens", "a", slice(None), 1e-3 * np.arange(1, images + 1))
    counts.add("array_siemens", "b", slice(None), np.full(images, 10e-3))
    return counts


@pytest.fixture(scope="module")
def ledger(chip: Chip) -> Ledger:
    return price(counted(), [A, B], chip)


def test_energy_of_each_component_by_hand(ledger: Ledger) -> None:
    pj = {name: joules * 1e12 for name, joules in ledger.by_component().items()}
    assert pj["input encoding"] == pytest.approx(21 * 2)
    assert pj["drivers and lines"] == pytest.approx(21 * 0.5)
    # V^2 t = 0.04 V^2 x 100 ns = 4e-9 J/S, times a mean of 2 mS + 10 mS
    assert pj["array"] == pytest.approx(4e-9 * 12e-3 * 1e12)
    assert pj["ADC"] == pytest.approx(16 * 3)
    assert pj["activation buffers"] == pytest.approx((6 + 3 + 15 + 10) * 4)
    assert pj["digital units"] == pytest.approx(3 * 0.1 + (13 + 2) * 0.8 + (13 + 8) * 0.2 + 4 * 0.3)


def test_latency_by_hand(ledger: Ledger) -> None:
    assert ledger.times is not None
    # 4 ADCs per tile serve 3 and 2 columns in one conversion each
    assert ledger.times.layers["a"] == pytest.approx(1 * (100e-9 + 10e-9) + 7e-9)
    assert ledger.times.layers["b"] == pytest.approx(5 * (100e-9 + 10e-9) + 7e-9)
    assert ledger.times.image_s == pytest.approx(674e-9)
    assert ledger.times.interval_s == pytest.approx(557e-9)


def test_leakage_by_hand(ledger: Ledger) -> None:
    # three tiles of 4 DACs, 4 ADCs and 1 ALU, 13 bytes of buffer, for 674 ns
    watts = 3 * (4 * 1e-6 + 4 * 10e-6 + 100e-6) + 13 * 0.5e-6
    assert ledger.by_component()["leakage"] == pytest.approx(watts * 674e-9)


def test_area_by_hand(ledger: Ledger) -> None:
    um2 = {name: area * 1e12 for name, area in ledger.area_by_component().items() if area}
    assert um2 == pytest.approx(
        {
            "devices": 3 * 4 * 8 * 2 * 0.25,
            "DACs": 3 * 4 * 5,
            "ADCs": 3 * 4 * 100,
            "shift-and-add units": 3 * 4 * 20,
            "arithmetic units": 3 * 1000,
            "activation buffers": 13 * 2,
        }
    )
    assert ledger.square_metres == pytest.approx(sum(um2.values()) * 1e-12)


def test_figures_of_merit_count_two_operations_per_mac(ledger: Ledger) -> None:
    assert ledger.ops == 2 * 48
    assert ledger.ops_per_second == pytest.approx(96 / 557e-9)
    assert ledger.ops_per_joule == pytest.approx(96 / ledger.total)
    assert ledger.ops_per_second_per_square_metre == pytest.approx(96 / 557e-9 / ledger.square_metres)


def test_layers_components_and_images_all_add_up_to_the_total(ledger: Ledger) -> None:
    assert sum(ledger.by_layer().values()) == pytest.approx(ledger.total, rel=1e-12)
    assert sum(ledger.by_component().values()) == pytest.approx(ledger.total, rel=1e-12)
    assert sum(ledger.statuses.values()) == pytest.approx(ledger.total, rel=1e-12)
    assert ledger.per_image.shape == (3,)
    assert ledger.per_image.mean() == pytest.approx(ledger.total, rel=1e-12)


def test_images_differ_by_their_currents_alone(ledger: Ledger) -> None:
    assert np.diff(ledger.per_image) == pytest.approx([4e-9 * 1e-3] * 2)


def test_every_component_of_the_ledger_is_there_and_zeros_have_reasons(ledger: Ledger) -> None:
    assert tuple(ledger.by_component()) == COMPONENTS
    zeros = {row.component: row.note for row in ledger.rows if row.joules == 0}
    assert set(zeros) == {"neuron state", "routing", "clock"}
    assert zeros["neuron state"] == "rate-coded inference keeps no neuron state"
    assert list(ledger.unpriced) == ["clock"]
    with pytest.raises(ValueError, match="the zero of ADC, all needs a reason"):
        Row("ADC", "", "", 0, 0.0)


def test_every_row_that_costs_something_names_its_source(ledger: Ledger) -> None:
    for row in ledger.rows:
        assert (row.price is None) == (row.joules == 0)
        assert row.price is None or (row.price.source and row.price.status == "assumed")
    assert ledger.nodes == ("32 nm",)
    assert not ledger.mixed_nodes


def test_doubling_the_read_time_doubles_the_arrays_energy(chip: Chip, ledger: Ledger) -> None:
    slow = price(counted(), [A, B], chip.with_options(read__t_read_s=200e-9))
    assert slow.by_component()["array"] == pytest.approx(2 * ledger.by_component()["array"])
    assert slow.by_component()["ADC"] == ledger.by_component()["ADC"]
    assert slow.by_component()["leakage"] > ledger.by_component()["leakage"]
    double = price(counted(), [A, B], chip.with_options(read__v_read_volts=0.4))
    assert double.by_component()["array"] == pytest.approx(4 * ledger.by_component()["array"])


def test_phases_groups_and_column_tiles_in_latency_and_hardware(chip: Chip) -> None:
    wide = dataclasses.replace(
        A, columns=20, column_splits=(8, 8, 4), phases=2, positions=3, groups=2, polarities=2
    )
    counts = Counts(("a",), 1)
    result = price(counts, [wide], chip)
    assert result.times is not None
    # 8 columns on 4 ADCs, G+ and G- one after the other: 4 conversions
    assert result.times.layers["a"] == pytest.approx(3 * 2 * (100e-9 + 4 * 10e-9) + 7e-9)
    tiles = 2 * 2 * 3
    assert {row.component: row.units for row in result.areas if row.units}["ADCs"] == tiles * 4


def test_programming_and_calibration_stand_apart(chip: Chip, ledger: Ledger) -> None:
    programming, calibration = Counts(("a", "b"), 0), Counts(("a", "b"), 0)
    programming.set("device_programs", "a", 36)
    calibration.set("adc_conversions", "b", 20)
    calibration.set("array_reads", "b", 10)
    both = price(counted(), [A, B], chip, programming, calibration)
    assert both.total == ledger.total
    assert sum(row.joules for row in both.programming) == pytest.approx(36 * 50e-12)
    assert sum(row.joules for row in both.calibration) == pytest.approx(20 * 3e-12)
    assert "not priced: currents of these reads were not counted" in [row.note for row in both.calibration]


def test_a_missing_price_is_named_with_what_needs_it() -> None:
    start, end = CHIP.index("[prices.adc]"), CHIP.index("[prices.shift_add]")
    expected = (
        r"chip toy: prices\.adc\.energy: expected an energy per conversion, got none; "
        r"the run counted 6 conversions in layer a; add it"
    )
    with pytest.raises(ConfigError, match=expected):
        price(counted(), [A, B], parse_chip(CHIP[:start] + CHIP[end:]))


def test_a_price_of_zero_is_said_to_be_one() -> None:
    free = parse_chip(CHIP.replace(f"energy = {q(3, 'pJ')}", f"energy = {q(0, 'pJ')}"))
    row = next(row for row in price(counted(), [A, B], free).rows if row.component == "ADC")
    assert (row.joules, row.note) == (0, "its price is 0: round number")


def test_events_that_have_no_price_at_all_are_refused(chip: Chip) -> None:
    counts = counted()
    counts.add("hops", "a", slice(None), np.ones(3))
    expected = r"prices\.hop\.energy: expected an energy per router hop, got none; the run counted 1 router"
    with pytest.raises(ConfigError, match=expected):
        price(counts, [A, B], chip)


def test_counts_and_geometry_must_speak_of_the_same_layers(chip: Chip) -> None:
    with pytest.raises(ConfigError, match=r"layer 'b': expected its place on the chip, got none"):
        price(counted(), [A], chip)
    with pytest.raises(ConfigError, match=r"layer 'c': expected counts of it, got none"):
        price(counted(), [A, B, dataclasses.replace(A, name="c")], chip)


def test_mixed_nodes_are_flagged() -> None:
    mixed = price(counted(), [A, B], parse_chip(CHIP.replace(q(3, "pJ"), q(3, "pJ", "90 nm"))))
    assert mixed.nodes == ("32 nm", "90 nm")
    assert mixed.mixed_nodes


def test_a_chip_without_a_circuit_is_not_free_but_unpriced() -> None:
    ledger = price(counted(), [A, B], load_chip("ideal_float"))
    assert not ledger.priced
    assert ledger.times is None
    assert set(ledger.unpriced) == set(COMPONENTS)
    assert all(note == "not priced: no circuit" for note in ledger.unpriced.values())
    assert np.isnan(ledger.ops_per_joule)
    assert np.isnan(ledger.ops_per_second)


def test_the_table_shows_sources_zeros_and_totals(ledger: Ledger) -> None:
    text = ledger.table()
    assert text.startswith("energy per inference on toy (toy): ")
    assert "ADC                    48 pJ" in text
    assert "adc.energy [32 nm, assumed] round number" in text
    assert "neuron state               0          rate-coded inference keeps no neuron state" in text
    assert "latency 674 ns, one image per 557 ns when pipelined" in text
    assert "mixed technology nodes" not in text
    hermes = price(counted(), [A, B], load_chip("hermes")).table()
    assert "mixed technology nodes: 14 nm, 32 nm, 45 nm; read the totals with care" in hermes
    ideal = price(counted(), [A, B], load_chip("ideal_float")).table()
    assert ideal == "ideal_float: no circuit, nothing is priced"


def test_a_published_core_figure_replaces_what_it_covers() -> None:
    ledger = price(counted(), [A, B], load_chip("hermes"))
    joules = ledger.by_component()
    assert joules["core (published)"] == pytest.approx(16 * 51.6e-12)
    notes = {row.component: row.note for row in ledger.rows if row.joules == 0}
    for component in ("input encoding", "drivers and lines", "array", "ADC"):
        assert notes[component] == "part of the core's published figure"
    assert np.ptp(ledger.per_image) == 0
    assert ledger.area_by_component()["core (published)"] == pytest.approx(3 * 0.629e-6)


def test_full_hermes_cores_reach_the_published_peaks() -> None:
    """Le Gallo 2023, four-phase mode: 16.1 TOPS on 64 cores, 2.48 TOPS/W, 400 GOPS/mm2."""
    figures = core_figures(load_chip("hermes"))
    assert 64 * figures.ops_per_second == pytest.approx(16.1e12, rel=0.005)
    assert figures.ops_per_joule == pytest.approx(2.48e12, rel=0.005)
    assert figures.ops_per_second_per_square_metre == pytest.approx(400e9 / 1e-6, rel=0.01)


def test_isaacs_adc_converts_128_columns_in_100_ns_at_2_milliwatts() -> None:
    """The figures that joshi_2020's converters were derived from, put together again."""
    chip = load_chip("joshi_2020")
    assert chip.periphery is not None
    assert chip.prices is not None
    assert chip.prices.adc is not None
    seconds = chip.periphery.columns_per_adc * chip.periphery.t_conversion_s
    assert seconds == pytest.approx(100e-9)
    energy, leakage = chip.prices.adc.energy_joules, chip.prices.adc.leakage_watts
    assert energy is not None
    assert leakage is not None
    assert 128 * energy / seconds + leakage == pytest.approx(2e-3)
