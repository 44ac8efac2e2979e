"""The ledger of spiking runs against sums worked out by hand from tables of round prices."""

from __future__ import annotations

import numpy as np
import pytest
from spiking_samples import ANALOG, CORES, DIGITAL, HEAD, A, B, counted, q, toy

from neurosim.chips import chip_names, load_chip, parse_chip
from neurosim.costs import SPIKING_COMPONENTS, Learning, Ledger, Presentation, price, spiking_latency, step_s
from neurosim.foundation.counts import Counts
from neurosim.foundation.errors import ConfigError, ConfigErrors

TEN = Presentation(steps=10, fill=1)


@pytest.fixture(scope="module")
def digital() -> Ledger:
    return price(counted(), [A, B], toy(), presentation=TEN)


def pj(ledger: Ledger) -> dict[str, float]:
    return {name: joules * 1e12 for name, joules in ledger.by_component().items() if joules}


def test_energy_of_digital_neurons_by_hand(digital: Ledger) -> None:
    # a step: b reads 4 positions of 100 ns and one conversion of 10 ns each, then 7 ns: 447 ns, eleven times
    leaking = (3 + 8) * 1e-6 * 11 * 447e-9
    expected = {
        "input encoding": 60 * 2,
        "drivers and lines": (15 + 6) * 0.5,
        "array": 4e-9 * (2e-3 + 2e-3) * 1e12,
        "ADC": 110 * 3,
        "neuron state": 110 * 4,
        "activation buffers": 30 * 1,
        "leakage": leaking * 1e12,
    }
    assert pj(digital) == pytest.approx(expected)


def test_every_zero_of_spikes_has_a_reason_of_its_own(digital: Ledger) -> None:
    assert tuple(digital.by_component()) == SPIKING_COMPONENTS
    notes = {row.component: row.note for row in digital.rows if not row.joules}
    assert set(notes) == {"comparator", "routing", "digital units", "clock"}
    assert notes["comparator"] == "no comparator: thresholds are compared digitally, in the neurons' updates"
    assert "a spike is a bit on the wire to the next array" in notes["routing"]
    assert list(digital.unpriced) == ["clock"]


def test_latency_is_steps_times_the_slowest_layer_and_the_fill(digital: Ledger) -> None:
    assert digital.times is not None
    assert digital.times.step_s == pytest.approx(4 * 110e-9 + 7e-9)
    assert digital.times.image_s == pytest.approx(11 * 447e-9)
    assert digital.times.interval_s == pytest.approx(10 * 447e-9)
    assert digital.times.layers == pytest.approx({"a": 10 * 117e-9, "b": 10 * 447e-9})
    assert digital.images_per_second == pytest.approx(1 / 4.47e-6)
    assert digital.watts == pytest.approx(digital.total / (11 * 447e-9))
    assert "(10 steps of 447 ns, 1 more to fill)" in digital.table()


def test_a_tick_is_at_least_the_neurons_own() -> None:
    slow = toy().with_options(neuron__t_tick_s=1e-6)
    assert step_s([A, B], slow) == 1e-6
    assert step_s([A, B], toy().with_options(neuron__t_tick_s=1e-9)) == pytest.approx(447e-9)
    with pytest.raises(
        ConfigError, match=r"chip hermes: expected a \[neuron\] table, got none; choose a chip"
    ):
        spiking_latency([A], load_chip("hermes"), 10, 0)
    with pytest.raises(ConfigError, match=r"layers: expected at least one layer with weights"):
        spiking_latency([], toy(), 10, 0)


def test_images_differ_by_what_they_count(digital: Ledger) -> None:
    # the second image pulses 12 lines more, and drives 2 mS more
    assert np.diff(digital.per_image) == pytest.approx([12 * 0.5e-12 + 4e-9 * 2e-3])
    assert digital.per_image.mean() == pytest.approx(digital.total)
    assert sum(digital.by_layer().values()) == pytest.approx(digital.total)


def test_areas_have_neurons_encoders_and_buffers_of_one_step(digital: Ledger) -> None:
    um2 = {name: area * 1e12 for name, area in digital.area_by_component().items() if area}
    assert um2 == pytest.approx({"neurons": 11 * 5, "input encoders": 6 * 3, "activation buffers": 3 * 2})


def test_analog_neurons_pay_bias_and_charge_and_no_conversion() -> None:
    ledger = price(counted(converters=False), [A, B], toy(ANALOG), presentation=TEN)
    # 11 ticks of 1 us; 11 neurons of 2 uW, comparators of 1 uW; 9 spikes of C V^2 = 0.25 pJ
    expected = {
        "input encoding": 60 * 2,
        "drivers and lines": 21 * 0.5,
        "array": 4e-9 * 4e-3 * 1e12,
        "comparator": 11 * 1e-6 * 11e-6 * 1e12,
        "neuron state": 11 * 2e-6 * 11e-6 * 1e12 + 9 * 0.25,
    }
    ledger_pj = pj(ledger)
    assert ledger_pj.pop("activation buffers", None) is None
    assert ledger_pj == pytest.approx(expected)
    assert {row.item for row in ledger.rows if row.component == "neuron state"} == {
        "bias power",
        "membrane charge",
    }
    notes = {row.component: row.note for row in ledger.rows if not row.joules}
    assert notes["ADC"] == "no ADC: charge lands on the neurons, whose comparators decide"
    assert notes["leakage"] == "not priced: no figure of any leakage"


def test_a_published_event_replaces_what_it_covers_and_is_never_added() -> None:
    chip = toy(ANALOG).with_options(prices__array="published")
    ledger = price(counted(converters=False), [A, B], chip, presentation=TEN)
    assert pj(ledger) == pytest.approx({"synaptic events (published)": 57 * 3.6, "input encoding": 120})
    notes = {row.component: row.note for row in ledger.rows if not row.joules}
    for component in ("drivers and lines", "array", "comparator", "neuron state"):
        assert notes[component] == "part of the published energy of a synaptic event"
    # its energy covers them, an area it has not
    assert ledger.area_by_component()["neurons"] == pytest.approx(11 * 100e-12)


def test_cores_are_charged_by_event_and_static_power_and_never_by_hops_on_top() -> None:
    counts = counted(converters=False)
    counts.add("hops", "a", slice(None), np.array([100.0, 200.0]))
    counts.set("random_draws", "a", 50)
    ledger = price(counts, [A, B], toy(CORES), presentation=Presentation(10, 0))
    expected = {"synaptic events (published)": 57 * 2.3, "leakage": 2 * 16e-6 * 10e-3 * 1e12}
    assert pj(ledger) == pytest.approx(expected)
    notes = {row.component: row.note for row in ledger.rows if not row.joules}
    assert notes["routing"] == "part of the published energy of a synaptic event: 150 router hops"
    assert notes["ADC"] == "no ADC: the neurons add up digitally what the synapses send"
    assert notes["neuron state"] == notes["clock"] == "part of the cores' static power"
    assert not ledger.unpriced
    # the whole chip's stands apart, and in no sum
    (whole,) = ledger.whole_chip
    assert whole.joules == pytest.approx(64e-3 * 10e-3)
    assert ledger.square_metres == pytest.approx(2 * 0.09e-6)
    assert "whole chip: 640 uJ static over one inference, in place of the used cores' share" in ledger.table()
    assert ledger.times.image_s == pytest.approx(10e-3)


def test_spikes_and_hops_are_charged_where_they_have_prices() -> None:
    priced = DIGITAL + f"[prices.spike]\nenergy = {q(7, 'pJ')}\n[prices.hop]\nenergy = {q(1, 'pJ')}\n"
    counts = counted()
    counts.add("hops", "b", slice(None), np.array([1.0, 3.0]))
    ledger = price(counts, [A, B], toy(priced), presentation=TEN)
    assert pj(ledger)["routing"] == pytest.approx((15 + 6 + 3) * 7 + 2)


def test_learning_is_charged_where_devices_are_written_during_a_run() -> None:
    priced = (
        DIGITAL + f"[prices.pulse]\nenergy = {q(20, 'pJ')}\n[prices.device_read]\nenergy = {q(1, 'pJ')}\n"
    )
    counts = counted()
    counts.add("cell_pulses", "a", slice(None), np.array([10.0, 30.0]))
    counts.set("device_reads", "a", 5)
    assert pj(price(counts, [A, B], toy(priced), presentation=TEN))["learning"] == pytest.approx(20 * 20 + 5)
    with pytest.raises(ConfigError, match=r"prices\.pulse\.energy: expected an energy per programming pulse"):
        price(counts, [A, B], toy(), presentation=TEN)


def test_what_a_chip_went_through_to_learn_stands_apart() -> None:
    priced = DIGITAL + f"[prices.pulse]\nenergy = {q(20, 'pJ')}\n"
    taught = Counts(("a", "b"), 1)
    taught.add("cell_pulses", "a", slice(None), np.array([500.0]))
    taught.add("device_programs", "a", slice(None), np.array([36.0]))  # stands under programming
    ledger = price(counted(), [A, B], toy(priced), presentation=TEN, learning=Learning(taught, 3.0))
    plain = price(counted(), [A, B], toy(priced), presentation=TEN)
    # 500 pulses of 20 pJ, and 11 neurons of 1 uW for three seconds
    assert sum(row.joules for row in ledger.learning) == pytest.approx(500 * 20e-12 + 11 * 1e-6 * 3)
    assert ledger.total == plain.total
    assert plain.learning == ()
    assert "learning: 33 uJ" in ledger.table()


def test_prices_that_spikes_need_are_named() -> None:
    start, end = DIGITAL.index("[prices.neuron]"), DIGITAL.index("[prices.encoder]")
    expected = (
        r"chip toy: prices\.neuron\.energy: expected an energy per update of a neuron's state, got none"
    )
    with pytest.raises(ConfigError, match=expected):
        price(counted(), [A, B], toy(DIGITAL[:start] + DIGITAL[end:]), presentation=TEN)


def test_an_analog_neuron_without_figures_is_not_free_but_unpriced() -> None:
    start, end = ANALOG.index("c_membrane"), ANALOG.index("[prices.driver]")
    text = ANALOG[:start] + ANALOG[end:]
    start, end = text.index("[prices.neuron]"), text.index("[prices.comparator]")
    ledger = price(counted(converters=False), [A, B], toy(text[:start] + text[end:]), presentation=TEN)
    assert ledger.unpriced["neuron state"] == "not priced: no figure of the analog neurons' bias or charge"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[prices.event]\ncovers = []\n", r'its `covers` names "array"'),
        ('[prices.event]\ncovers = ["array"]\n[prices.core]\ncovers = ["array"]\n', "give one of them"),
        (
            '[prices.event]\ncovers = ["array", "clock"]\n[prices.core_static]\ncovers = ["clock"]\n',
            "'clock' is covered by two published figures",
        ),
    ],
)
def test_published_figures_that_overlap_are_refused(text: str, message: str) -> None:
    tick = f'[neuron]\nkind = "digital"\nt_tick = {q(1, "ms")}\n[prices]\narray = "published"\n'
    with pytest.raises(ConfigErrors, match=message):
        parse_chip(HEAD + tick + text)


def test_prices_without_periphery_need_a_tick() -> None:
    with pytest.raises(ConfigErrors, match=r"\[periphery\] and \[prices\] go together"):
        parse_chip(HEAD + '[neuron]\nkind = "digital"\n[prices]\narray = "physical"\n')


def test_modes_follow_from_converters_and_neurons() -> None:
    assert toy().modes == ("rate", "spiking")
    assert toy(ANALOG).modes == toy(CORES).modes == ("spiking",)
    assert load_chip("hermes").modes == ("rate",)
    assert load_chip("ideal_float").modes == ("rate", "spiking")
    assert [name for name in chip_names() if not load_chip(name).modes] == [
        "rolls"
    ]  # it has a study of its own


def test_the_membrane_of_joshi_2020_is_two_bytes_of_its_fits() -> None:
    """Horowitz fits of qkeras: 2 kB SRAM, 32 bits moved, a 16-bit addition and a comparison taken equal."""
    bits = np.log2(2 * 1024 * 8)
    sram = 9.02427e-4 * bits**3 - 2.68848e-2 * bits**2 + 0.2089008 * bits
    prices = load_chip("joshi_2020").prices
    assert prices is not None
    assert prices.neuron.energy_joules == pytest.approx((32 * sram + 2 * 16 * 0.003125) * 1e-12, rel=1e-3)
    assert prices.neuron.area_square_metres == pytest.approx(2 * prices.buffer.area_square_metres)
