"""A network placed from its shapes costs what a run of it costs, but for what the data decide."""

from __future__ import annotations

import json
import math

import pytest

import neurosim as ns
from neurosim.chips import Chip, load_chip, parse_chip
from neurosim.foundation.errors import ConfigError
from neurosim.graph import load_architecture, load_network
from neurosim.pipeline.expecting import assumed, expected_counts, signed_inputs
from neurosim.pipeline.placing import Wishes, place_shapes
from neurosim.placement import place

CAPACITY = """
[capacity]
tiles = {{value = {tiles}, source = "made up", status = "assumed"}}
power = {{value = 10, unit = "W", source = "made up", status = "assumed"}}
area = {{value = 30, unit = "mm2", source = "made up", status = "assumed"}}
{link}
"""
LINK = 'link = {value = 1, unit = "MB/s", source = "made up", status = "assumed"}'


def chip_of(tiles: int, link: str = "") -> Chip:
    """joshi_2020 with so many tiles on a chip."""
    return parse_chip(load_chip("joshi_2020").text + CAPACITY.format(tiles=tiles, link=link))


@pytest.mark.parametrize("chip", ["joshi_2020", "hermes", "isaac", "prime"])
def test_costs_are_those_of_a_run_but_for_the_array(chip):
    ran = ns.run("digits_mlp", chip, limit=10, record="none").costs
    placed = place_shapes("digits_mlp", chip)
    ours, theirs = placed.ledger.by_component(), ran.by_component()
    for component, joules in theirs.items():
        if component != "array":
            assert ours[component] == pytest.approx(joules), component
    # a run's array is driven by its images; the assumption is of the right size
    assert 0.2 < (ours["array"] + 1e-30) / (theirs["array"] + 1e-30) < 5
    assert placed.ledger.times == ran.times
    assert placed.ledger.square_metres == pytest.approx(ran.square_metres)
    assert placed.ops_per_second == pytest.approx(ran.ops_per_second)


def test_the_expected_siemens_follow_from_the_assumptions():
    network, chip = load_architecture("mnist_lenet"), load_chip("joshi_2020")
    placement = place(network, chip)
    shares = assumed(chip, 0.25, 0.5)
    counts = expected_counts(network, chip, placement, shares)
    conv = network.weighted[1]
    driven = counts.varying["array_siemens"][1, 0]
    assert driven == pytest.approx(100 * 150 * 16 * 2 * 0.25 * 25e-6 * 0.5)  # positions, rows, columns, pairs
    assert (conv.positions, conv.rows, conv.columns) == (100, 150, 16)
    doubled = place_shapes(network, chip, Wishes(mean_conductance=0.5, input_activity=0.5)).ledger
    once = place_shapes(network, chip, Wishes(mean_conductance=0.25, input_activity=0.5)).ledger
    assert doubled.by_component()["array"] == pytest.approx(2 * once.by_component()["array"])
    assert doubled.by_component()["ADC"] == once.by_component()["ADC"]


def test_the_reference_column_of_every_tile_is_driven_too():
    network, chip = load_architecture("digits_mlp"), load_chip("isaac")
    assert chip.cell.baseline == "reference"
    counts = expected_counts(network, chip, place(network, chip), assumed(chip, 0.5, 0.1))
    g_min, g_max = chip.device.g_min_siemens, chip.device.g_max_siemens
    cells = 64 * 32 * 8 * (g_min + g_max) / 2  # rows, columns, slices
    references = 64 * 2 * g_min  # two column tiles
    assert counts.varying["array_siemens"][0, 0] == pytest.approx(16 * (cells + references) * 0.1)


def test_usual_assumptions_follow_the_cells():
    usual = {name: assumed(load_chip(name)) for name in ("joshi_2020", "isaac")}
    assert (usual["joshi_2020"].mean_conductance, usual["isaac"].mean_conductance) == (0.16, 0.5)
    assert (usual["joshi_2020"].input_activity, usual["isaac"].input_activity) == (0.06, 0.2)


def test_only_layers_behind_no_relu_have_signed_inputs():
    assert signed_inputs(load_architecture("resnet18")) == set()
    network = load_architecture("cifar_resnet32")
    assert signed_inputs(network) == set()
    bare = load_network("digits_mlp")
    kept = [layer for layer in bare.layers if str(layer.model_dump()["kind"]) != "relu"]
    chained = [layer.model_copy(update={"inputs": ()}) for layer in kept]
    linear = type(load_architecture("digits_mlp"))("linear", bare.input, tuple(chained))
    assert signed_inputs(linear) == {linear.weighted[-1].name}


def test_resnet50_on_isaac():
    """Matrices counted by hand: rows and columns in tiles of 128 x 16."""
    placed = place_shapes("resnet50", "isaac")
    layers = {layer.name: layer for layer in placed.layers()}
    assert layers["conv1"].tiles == 2 * 4  # 147 x 64
    assert layers["conv5_1b"].tiles == 36 * 32  # 4608 x 512
    assert layers["dense1"].tiles == 16 * 63  # 2048 x 1000
    assert placed.tiles == sum(layer.tiles for layer in layers.values())
    assert placed.spread.chips == math.ceil(placed.tiles / 16_128) == 1
    assert layers["conv1"].cells_used == pytest.approx(147 * 64 / (8 * 128 * 16))
    assert placed.cells_used == pytest.approx(25_502_912 / (placed.tiles * 128 * 16))
    assert placed.pace is not None
    assert 0 < placed.pace.interval_s < placed.pace.image_s < 1
    assert 0 < placed.joules_at_pace < placed.joules
    assert placed.peak is not None
    assert placed.ops_per_second < placed.peak.ops_per_second


def test_conversions_used_are_those_of_the_busiest_layer():
    """A layer that sets the pace converts all the time, but for the columns that its tiles leave empty."""
    placed = place_shapes("resnet50", "isaac", Wishes(replicate=True))
    slowest = max(placed.layers(), key=lambda layer: layer.seconds or 0.0)
    assert slowest.conversions_used == pytest.approx(1.0, abs=0.01)
    assert all(0 < (layer.conversions_used or 0.0) <= 1 for layer in placed.layers())


def test_copies_fill_the_chip_and_quicken_the_pace():
    once, copied = (
        place_shapes("resnet18", "isaac"),
        place_shapes("resnet18", "isaac", Wishes(replicate=True)),
    )
    assert once.pace is not None
    assert copied.pace is not None
    assert copied.spread.chips == once.spread.chips == 1
    assert 0.9 * 16_128 < copied.tiles <= 16_128
    assert copied.pace.interval_s < once.pace.interval_s / 20
    assert copied.devices > once.devices == 8 * once.network.weights
    dynamic = {"ADC", "array", "input encoding", "digital units"}
    for component, joules in once.ledger.by_component().items():
        if component in dynamic:  # the same reads, elsewhere
            assert copied.ledger.by_component()[component] == pytest.approx(joules)
    capped = place_shapes("resnet18", "isaac", Wishes(replicate=True, tiles=8_000))
    assert once.tiles < capped.tiles <= 8_000


def test_vgg_takes_five_chips_of_isaac():
    placed = place_shapes("vgg19", "isaac")
    assert placed.spread.chips == math.ceil(placed.tiles / 16_128) == 5
    assert placed.chips_used == pytest.approx(placed.tiles / (5 * 16_128))
    assert sum(placed.traffic.links.values()) > 0
    assert placed.whole_chips is not None
    assert placed.whole_chips.watts == pytest.approx(5 * 65.8)
    assert placed.whole_chips.ops_per_joule == pytest.approx(placed.ops_per_second / (5 * 65.8))
    assert placed.whole_peak is not None
    assert placed.whole_peak.ops_per_second / 5e12 == pytest.approx(41.3, rel=1e-3)
    dense = next(layer for layer in placed.layers() if layer.name == "dense6")
    assert dense.chips[0] < dense.chips[1]


def test_rounds_are_programmed_and_priced():
    whole, chip = place_shapes("resnet18", "joshi_2020"), chip_of(40)
    placed = place_shapes("resnet18", chip, Wishes(multiplex=True, batch=10))
    assert (placed.spread.chips, placed.spread.rounds) == (1, 2)
    devices = 2 * whole.network.weights
    assert placed.programs == devices / 10
    assert placed.beside[0].joules == pytest.approx(devices / 10 * 800e-12)
    assert placed.joules == pytest.approx(placed.ledger.total + placed.beside[0].joules)
    assert placed.traffic.kept["conv4_2b"] > 0
    assert sum(placed.traffic.links.values()) == 0
    assert placed.ledger.square_metres < whole.ledger.square_metres
    assert placed.pace is not None
    assert whole.ledger.times is not None
    seconds = whole.ledger.times.layers
    rounds = [[layer.name for layer in placed.layers() if layer.rounds == (k, k)] for k in (0, 1)]
    expected = sum(sum(seconds[n] for n in names) + 9 * max(seconds[n] for n in names) for names in rounds)
    assert placed.pace.image_s == pytest.approx(expected)
    assert placed.pace.interval_s == pytest.approx(expected / 10)


def test_a_chip_without_a_price_of_programming_says_so():
    text = load_chip("joshi_2020").text
    chip = parse_chip(text[: text.index("[prices.program]")] + CAPACITY.format(tiles=40, link=""))
    placed = place_shapes("resnet18", chip, Wishes(multiplex=True))
    assert placed.beside[0].note == "not priced: no figure per device programmed"


def test_links_take_their_time():
    silent, told = place_shapes("resnet18", chip_of(40)), place_shapes("resnet18", chip_of(40, LINK))
    sent = sum(told.traffic.links.values())
    assert silent.pace is not None
    assert told.pace is not None
    assert silent.pace.link_s is None
    assert told.pace.link_s == pytest.approx(sent / 1e6)
    assert told.pace.image_s == pytest.approx(silent.pace.image_s + sent / 1e6)
    assert told.traffic.busiest == sent  # two chips, and all goes one way
    assert told.pace.interval_s == pytest.approx(sent / 1e6)  # the link is slower than any layer
    leaked, longer = (placed.ledger.by_component()["leakage"] for placed in (silent, told))
    assert longer / leaked == pytest.approx(told.pace.image_s / silent.pace.image_s)
    dynamic = told.ledger.total - longer
    assert told.joules_at_pace == pytest.approx(dynamic + longer * told.pace.interval_s / told.pace.image_s)


def test_links_are_priced_where_the_chip_has_a_price():
    text = (
        chip_of(40).text
        + '\n[prices.link]\nenergy = {value = 2, unit = "pJ", source = "made up", status = "assumed"}\n'
    )
    placed = place_shapes("resnet18", parse_chip(text))
    sent = sum(placed.traffic.links.values())
    assert [(row.component, row.events) for row in placed.beside] == [("links", sent)]
    assert placed.joules - placed.ledger.total == pytest.approx(2e-12 * sent)
    assert place_shapes("resnet18", "joshi_2020").beside == ()


def test_a_chip_without_a_circuit_gives_tiles_alone():
    placed = place_shapes("resnet18", "rram_pairs")
    assert placed.tiles >= 21
    assert placed.pace is None
    assert not placed.ledger.priced
    assert math.isnan(placed.ops_per_second)


@pytest.mark.parametrize("wishes", [Wishes(), Wishes(multiplex=True, batch=3)])
def test_figures_are_plain_json(wishes):
    content = json.loads(json.dumps(place_shapes("resnet18", chip_of(40), wishes).to_json(), allow_nan=False))
    assert content["weights"] == 11_678_912
    assert sum(layer["tiles"] for layer in content["layers"]) == content["tiles"]
    assert sum(part["tiles"] for part in content["parts"]) == content["tiles"]
    assert sum(layer["macs"] for layer in content["layers"]) == content["macs"] == 1_814_073_344
    alone = content["joules"] - sum(joules or 0.0 for joules in content["joules_beside"].values())
    assert sum(layer["joules"] for layer in content["layers"]) == pytest.approx(alone)
    bare = json.loads(json.dumps(place_shapes("resnet18", "rram_pairs").to_json(), allow_nan=False))
    assert bare["joules"] is bare["image_s"] is bare["ops_per_second"] is None


@pytest.mark.parametrize(
    ("wishes", "text"),
    [
        (Wishes(chips=1), "expected 2 chips for 74 tiles of 40 each, got 1; give --chips 2, or --multiplex"),
        (Wishes(multiplex=True, replicate=True), "expected a network that the chips hold, got --multiplex"),
        (Wishes(batch=4), "expected --multiplex with it, got a batch alone"),
        (Wishes(batch=0, multiplex=True), "expected 1 to 1,000,000 images, got 0"),
        (Wishes(tiles=90), "expected --replicate with it, got a limit alone"),
        (Wishes(tiles=10, replicate=True), "expected 74 or more, for one copy of every layer, got 10"),
        (Wishes(mean_conductance=1.5), "mean conductance: expected a share from 0 to 1, got 1.5"),
        (Wishes(input_activity=-0.1), "input activity: expected a share from 0 to 1, got -0.1"),
    ],
)
def test_contradictory_wishes_are_refused(wishes, text):
    with pytest.raises(ConfigError, match=text):
        place_shapes("resnet18", chip_of(40), wishes)


def test_copies_need_a_limit():
    with pytest.raises(ConfigError, match="which limits the copies, got none; give --tiles N"):
        place_shapes("resnet18", "joshi_2020", Wishes(replicate=True))


@pytest.mark.parametrize(
    ("network", "chip", "text"),
    [
        ("mnist_ttfs", "joshi_2020", "expected a network of rates, got coding 'first_spike'"),
        ("some.nir", "joshi_2020", "expected a network of rates, got a NIR file"),
        (
            "resnet18",
            "truenorth",
            "expected a chip of crossbars that compute with rates.*, got one for spiking",
        ),
    ],
)
def test_what_is_not_placed_here(network, chip, text):
    with pytest.raises(ConfigError, match=text):
        place_shapes(network, chip)
