"""Bytes between chips and rounds, counted by hand."""

from __future__ import annotations

import math

from placed_layers import geometry

from neurosim.chips import load_chip
from neurosim.graph import Add, Architecture, Conv2d, Dense, InputSpec, MaxPool, ReLU, load_architecture
from neurosim.placement import Part, Placement, Spread, place, spread, traffic

FLAT = InputSpec(dataset="made", shape=(20,))


def chain() -> Architecture:
    return Architecture(
        "chain",
        FLAT,
        (Dense(name="a", units=30), ReLU(name="relu"), Dense(name="b", units=10)),
    )


def at(layer: str, chip: int, first: int, tiles: int, round_: int = 0) -> Part:
    return Part(layer, chip, round_, first, tiles)


A, B = geometry("a", rows=20, columns=30), geometry("b", rows=30, columns=10)  # 6 tiles, 3 tiles
PLACED = Placement((A, B))


def test_on_one_chip_nothing_is_sent():
    found = traffic(chain(), PLACED, spread(PLACED, None), 2)
    assert found.links == found.kept == {"a": 0, "b": 0}
    assert found.outside == 2 * (20 + 10)


def test_a_layer_sends_its_result_once_to_the_next_chip():
    where = Spread(10, (at("a", 0, 0, 6), at("b", 1, 0, 3)), 2, 1)
    assert traffic(chain(), PLACED, where, 2).links == {"a": 2 * 30, "b": 0}


def test_every_chip_that_holds_a_part_of_the_reader_is_sent_to():
    where = Spread(10, (at("a", 0, 0, 6), at("b", 1, 0, 2), at("b", 2, 2, 1)), 3, 1)
    # b's one column of tiles is cut: the 10 partial sums of chip 1 go to chip 2, four bytes each
    assert traffic(chain(), PLACED, where, 2).links == {"a": 2 * 2 * 30, "b": 4 * 10}


def test_whole_columns_go_home_as_activations():
    where = Spread(10, (at("a", 0, 0, 4), at("a", 1, 4, 2), at("b", 1, 0, 3)), 2, 1)
    # two of a's three columns of tiles lie whole on chip 0; ReLU and b are on chip 1, a's home
    assert traffic(chain(), PLACED, where, 2).links == {"a": 2 * 20, "b": 0}
    cut = Spread(10, (at("a", 0, 0, 3), at("a", 1, 3, 3), at("b", 1, 0, 3)), 2, 1)
    assert traffic(chain(), PLACED, cut, 2).links == {"a": 2 * 10 + 4 * 10, "b": 0}


def test_the_input_is_read_by_every_chip_of_the_first_layer():
    where = Spread(10, (at("a", 0, 0, 4), at("a", 1, 4, 2), at("b", 1, 0, 3)), 2, 1)
    assert traffic(chain(), PLACED, where, 1).outside == 2 * 20 + 10


def test_between_rounds_results_are_kept_not_sent():
    where = Spread(10, (at("a", 0, 0, 6), at("b", 0, 0, 3, round_=1)), 1, 2)
    found = traffic(chain(), PLACED, where, 2)
    assert (found.links, found.kept) == ({"a": 0, "b": 0}, {"a": 60, "b": 0})


def test_what_is_kept_and_read_by_two_chips_is_also_sent():
    parts = (at("a", 0, 0, 6), at("b", 0, 0, 2, round_=1), at("b", 1, 2, 1, round_=1))
    found = traffic(chain(), PLACED, Spread(10, parts, 2, 2), 2)
    assert found.kept == {"a": 60, "b": 0}
    assert found.links == {"a": 60, "b": 40}


def test_the_busiest_chip_sends_or_takes_most():
    where = Spread(10, (at("a", 0, 0, 6), at("b", 1, 0, 2), at("b", 2, 2, 1)), 3, 1)
    assert traffic(chain(), PLACED, where, 2).busiest == 2 * 60  # chip 0 to both others
    gathered = Spread(10, (at("a", 0, 0, 2), at("a", 1, 2, 2), at("a", 2, 4, 2), at("b", 2, 0, 3)), 3, 1)
    assert traffic(chain(), PLACED, gathered, 2).busiest == 2 * 20  # chip 2 from both others
    assert traffic(chain(), PLACED, spread(PLACED, None), 2).busiest == 0


def test_copies_send_the_positions_that_are_theirs():
    layer = geometry("a", rows=10, columns=10, positions=7, replicas=2)
    net = Architecture(
        "one", InputSpec(dataset="made", shape=(10, 1, 7)), (Conv2d(name="a", channels=10, kernel=1),)
    )
    where = Spread(1, (at("a", 0, 0, 1), at("a", 1, 1, 1)), 2, 1)
    assert traffic(net, Placement((layer,)), where, 2).links == {
        "a": 2 * 10 * 4
    }  # of 7 positions the first has 4


def test_a_shortcut_crosses_to_the_chip_of_the_sum():
    spec = InputSpec(dataset="made", shape=(4, 8, 8))
    net = Architecture(
        "residual",
        spec,
        (
            Conv2d(name="a", channels=4, kernel=3, padding=1),
            ReLU(name="relu"),
            Conv2d(name="b", channels=4, kernel=3, padding=1),
            Add(name="add", inputs=("b", "relu")),
            MaxPool(name="pool", kernel=2),
        ),
    )
    layers = Placement(tuple(geometry(name, rows=36, columns=4, positions=64) for name in "ab"))
    where = Spread(4, (at("a", 0, 0, 4), at("b", 1, 0, 4)), 2, 1)
    # the sum is on b's chip, which reads relu for its product anyway: sent once
    assert traffic(net, layers, where, 1).links == {"a": 4 * 64, "b": 0}
    more = (Conv2d(name="c", channels=4, kernel=1), Add(name="sum", inputs=("c", "relu")))
    far = Architecture("far", spec, (*net.layers[:3], *more))
    layers = Placement((*layers.layers, geometry("c", rows=4, columns=4, positions=64)))
    where = Spread(4, (at("a", 0, 0, 4), at("b", 1, 0, 4), at("c", 2, 0, 1)), 3, 1)
    assert traffic(far, layers, where, 1).links == {"a": 2 * 4 * 64, "b": 4 * 64, "c": 0}


def test_cuts_of_vgg_send_at_least_the_activations_between_chips():
    net, chip = load_architecture("vgg19"), load_chip("joshi_2020")
    placed = place(net, chip)
    where = spread(placed, 100)
    links = traffic(net, placed, where, 1).links
    shapes = net.shapes
    home = {layer.name: where.of(layer.name)[-1].chip for layer in placed.layers}
    for before, after in zip(placed.layers, placed.layers[1:], strict=False):
        if home[before.name] != where.of(after.name)[0].chip:
            source = net.layer(after.name).inputs[0]
            assert links[before.name] >= math.prod(shapes[source])
    assert where.chips == -(-placed.tiles // 100) > 2
