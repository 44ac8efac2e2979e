"""Time and energy of digital processors: the roofline by hand, one ledger, published power or components."""

import numpy as np
import pytest

from neurosim.chips import load_chip
from neurosim.costs import COMPONENTS, price
from neurosim.costs.digital import layer_demands, layer_limits, layer_utilisation, processor_latency
from neurosim.costs.ledger import DIGITAL_COMPONENTS, MEMORIES, WHOLE
from neurosim.engines.digital import LayerShape
from neurosim.foundation.counts import Counts
from neurosim.foundation.errors import ConfigError

NUMBERS = {
    "one": {"cycles": 7000, "macs": 6000, "register_bytes": 500, "scratchpad_bytes": 0, "global_buffer_bytes": 40_000,
            "dram_bytes": 1_000, "bias_adds": 3, "comparisons": 5},
    "two": {"cycles": 700, "macs": 600, "register_bytes": 50, "scratchpad_bytes": 20, "global_buffer_bytes": 10,
            "dram_bytes": 680_000, "scalings": 4},
}  # fmt: skip


def geometry(name):
    return LayerShape(name, 1, 60, 100, (1, 1), (1, 1), (1, 1), (1, 1), True).geometry


def counts(images=0):
    made = Counts(tuple(NUMBERS), images)
    for layer, numbers in NUMBERS.items():
        for counter, number in numbers.items():
            made.set(counter, layer, number)
    return made


def ledger(chip, **options):
    """Of counts that the chip can have: none at a level that it lacks."""
    silicon, made = load_chip(chip).with_options(**options), counts(3)
    for level in ("global_buffer", "dram"):
        if getattr(silicon.processor, level) is None:
            del made.fixed[f"{level}_bytes"]
    return price(made, [geometry(name) for name in NUMBERS], silicon)


def test_a_layer_takes_as_long_as_its_busiest_resource():
    chip = load_chip("tpu_v1").with_options(processor__batch=4)
    times = processor_latency(counts(), chip)
    # 7000 cycles at 700 MHz against 40 kB at 167 GB/s; 700 cycles against 680 kB at 34 GB/s: all for four images
    assert times.layers == pytest.approx({"one": 4 * 10e-6, "two": 4 * 20e-6})
    assert times.image_s == pytest.approx(120e-6)
    assert times.interval_s == pytest.approx(30e-6)  # one image after the other, four at a time
    assert layer_limits(counts(), chip) == {"one": "arithmetic units", "two": "off-chip memory"}
    assert layer_demands(counts(), chip)["global buffer"][0] == pytest.approx(4 * 40_000 / 167e9)
    utilisation = layer_utilisation(counts(), [geometry(name) for name in NUMBERS], chip)
    assert utilisation["one"] == pytest.approx(6000 / (7000 * 65536))


def test_layers_begin_after_a_time_of_their_own():
    slow = processor_latency(counts(), load_chip("v100"))
    fast = processor_latency(counts(), load_chip("v100").with_options(processor__t_layer_s=0.0))
    for layer in NUMBERS:
        assert slow.layers[layer] - fast.layers[layer] == pytest.approx(5e-6)


def test_energy_is_the_sum_over_levels():
    made = ledger("tpu_v1")
    wanted = {
        "registers": 550 * 0.025e-12,
        "scratchpads": 20 * 1.72e-12,
        "global buffer": 40_010 * 12.5e-12,
        "off-chip memory": 681_000 * 162.4e-12,
        "digital units": 6600 * 0.3e-12 + 3 * 0.1e-12 + 5 * 0.1e-12 + 4 * 3.1e-12,
    }
    parts = made.by_component()
    assert {name: parts[name] for name in wanted} == pytest.approx(wanted)
    assert made.total == pytest.approx(sum(wanted.values()))
    assert made.per_image == pytest.approx(np.full(3, made.total))
    assert made.watts == pytest.approx(made.total / made.times.interval_s)


@pytest.mark.parametrize("basis", ["components", "published"])
@pytest.mark.parametrize("chip", ["v100", "tpu_v1", "eyeriss", "eie", "dadiannao", "shidiannao", "tetris"])
def test_every_component_is_there_and_every_zero_has_a_reason(chip, basis):
    made = ledger(chip, prices__basis=basis)
    parts = made.by_component()
    assert set(COMPONENTS) <= set(DIGITAL_COMPONENTS) <= set(parts)
    assert (WHOLE in parts) == (basis == "published")
    for row in made.rows:
        assert row.joules > 0 or row.note, row
        assert (row.price is not None and row.price.source and row.price.node) or not row.joules
    assert sum(parts.values()) == pytest.approx(made.total) == pytest.approx(sum(made.by_layer().values()))
    assert made.square_metres > 0
    assert "the whole chip" in made.table()
    assert not made.programming
    assert not made.calibration


def test_published_power_replaces_all_components_never_adds_to_them():
    made = ledger("eyeriss", prices__basis="published")
    assert made.total == pytest.approx(0.278 * made.times.interval_s)
    assert all(not joules for name, joules in made.by_component().items() if name != WHOLE)
    assert made.whole_chip == ()
    apart = ledger("eyeriss")
    assert sum(row.joules for row in apart.whole_chip) == pytest.approx(made.total)
    assert apart.total == pytest.approx(
        sum(apart.by_component()[name] for name in (*MEMORIES, "digital units"))
    )
    assert "at its published power at work" in apart.table()


def test_counts_that_vary_are_priced_for_each_image():
    made = counts(2)
    varied = Counts(
        made.layers, 2, {name: made.fixed[name] for name in ("cycles", "scratchpad_bytes", "bias_adds")}
    )
    varied.add("macs", "one", slice(0, 2), np.array([1000.0, 3000.0]))
    chip = load_chip("eie")
    found = price(varied, [geometry(name) for name in NUMBERS], chip)
    assert found.per_image[1] - found.per_image[0] == pytest.approx(2000 * 0.8333e-12)
    assert found.total == pytest.approx(found.per_image.mean())


def test_operations_are_those_of_the_layers_also_where_zeros_are_left_out():
    assert ledger("eie").ops == 2 * 2 * 6000


def test_a_missing_price_is_named():
    text = load_chip("tpu_v1").text
    start = text.index("[prices.global_buffer]")
    from neurosim.chips import parse_chip

    bare = parse_chip(text[:start] + text[text.index("[prices.dram]") :])
    with pytest.raises(
        ConfigError, match=r"prices.global_buffer.energy: expected an energy per byte read or written"
    ):
        price(counts(), [geometry(name) for name in NUMBERS], bare)
