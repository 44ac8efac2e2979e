"""Place a network's shapes on a chip, or on many, without weights or data: tiles, area, energy, latency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from neurosim.chips import Chip, load_chip
from neurosim.chips.prices import PER
from neurosim.costs import Ledger, Row, chip_figures, latency, price
from neurosim.costs.rounds import Held, in_rounds, round_seconds, waiting
from neurosim.costs.rules import PROGRAM
from neurosim.costs.tags import price_amount
from neurosim.engines.inference.counting import activation_bytes
from neurosim.foundation.counts import LayerGeometry
from neurosim.foundation.errors import ConfigError
from neurosim.graph import Architecture, find_network, fold_shapes, read_description
from neurosim.pipeline.expecting import assumed, expected_counts, signed_inputs
from neurosim.pipeline.loading import NIR_SUFFIX
from neurosim.pipeline.placed import Pace, Placed
from neurosim.placement import Placement, Spread, Traffic, balanced, place, spread, traffic

MOST_BATCH = 1_000_000


@dataclass(frozen=True)
class Wishes:
    """How a network is to be placed.

    chips : how many there are; None: as many as it takes
    multiplex : program the chips anew, round after round, where they do not hold all
    batch : images that pass before they are programmed anew
    replicate : copy slow layers as long as tiles are left
    tiles : that may be occupied with copies; None: those of the chips
    mean_conductance, input_activity : see `expecting.Assumed`; None: the usual ones
    """

    chips: int | None = None
    multiplex: bool = False
    batch: int = 1
    replicate: bool = False
    tiles: int | None = None
    mean_conductance: float | None = None
    input_activity: float | None = None


def place_shapes(
    network: str | Path | Architecture, chip: str | Chip, wishes: Wishes | None = None
) -> Placed:
    """A network on a chip, from its shapes alone.

    network : a shipped name, a path, or an architecture (a Network is one); it needs no weights

    Counts that depend on shapes are exact. The current in the array depends on weights and images; what is assumed
    in their place stands in the result. Nothing saturates.

    Raises ConfigError for a network or a chip that does not compute with rates on crossbars, for one that the chips
    do not hold, and for wishes that contradict each other.
    """
    wishes = wishes or Wishes()
    net = network if isinstance(network, Architecture) else load_architecture(network)
    silicon = load_chip(chip) if isinstance(chip, str) else chip
    _require_crossbars(silicon)
    _check(wishes, silicon)
    if silicon.digital.batch_norm == "folded":
        net = fold_shapes(net)
    placement = place(net, silicon, signed_inputs(net))
    if wishes.replicate:
        placement = _with_copies(placement, silicon, wishes)
    capacity = silicon.parameters.capacity
    where = spread(placement, capacity.tiles if capacity else None, wishes.chips, wishes.multiplex)
    sent = traffic(net, placement, where, activation_bytes(silicon))
    return _priced(net, silicon, placement, where, sent, wishes)


def load_architecture(network: str | Path) -> Architecture:
    """The shapes of a network of rates by name or path; ConfigError for one of another coding."""
    if str(network).endswith(NIR_SUFFIX):
        raise ConfigError(
            "network", "a network of rates", "a NIR file", "spiking networks are run, not placed"
        )
    description, layers = read_description(find_network(network))
    if description.coding != "rate":
        raise ConfigError(
            f"network {description.name!r}", "a network of rates", f"coding {description.coding!r}",
            f"run it: neurosim run {description.name} --mode spiking",
        )  # fmt: skip
    return Architecture(description.name, description.input, layers)


def _require_crossbars(chip: Chip) -> None:
    if "rate" not in chip.modes:
        raise ConfigError(
            f"chip {chip.name}", "a chip of crossbars that compute with rates, or a digital processor",
            f"one for {' and '.join(chip.modes) or 'studies'}", "choose another one: `neurosim chips` lists them",
        )  # fmt: skip


def _check(wishes: Wishes, chip: Chip) -> None:
    if wishes.multiplex and wishes.replicate:
        raise ConfigError("replicate", "a network that the chips hold", "--multiplex",
                          "leave one of them out: where tiles are too few, none is left for copies")  # fmt: skip
    if not 1 <= wishes.batch <= MOST_BATCH:
        raise ConfigError("batch", f"1 to {MOST_BATCH:,} images", str(wishes.batch), "give --batch 100")
    if wishes.batch > 1 and not wishes.multiplex:
        raise ConfigError("batch", "--multiplex with it", "a batch alone",
                          "leave it out: only a chip that is programmed anew needs batches")  # fmt: skip
    if wishes.tiles is not None and not wishes.replicate:
        raise ConfigError("tiles", "--replicate with it", "a limit alone",
                          "give --replicate, or limit the --chips")  # fmt: skip
    if wishes.replicate and wishes.tiles is None and chip.parameters.capacity is None:
        raise ConfigError(f"chip {chip.name}", "a [capacity] table, which limits the copies", "none",
                          "give --tiles N")  # fmt: skip


def _with_copies(placement: Placement, chip: Chip, wishes: Wishes) -> Placement:
    """Copies of slow layers, within the tiles that are wished for, or those of the chips."""
    capacity = chip.parameters.capacity
    tiles = wishes.tiles
    if capacity is not None:
        chips = wishes.chips or -(-max(placement.tiles, tiles or 0) // capacity.tiles)
        tiles = min(tiles or chips * capacity.tiles, chips * capacity.tiles)
    assert tiles is not None  # _check has seen to it

    def layer_s(layer: LayerGeometry) -> float:
        return latency([layer], chip).image_s

    return balanced(placement, layer_s, tiles)


def _priced(net: Architecture, chip: Chip, placement: Placement, where: Spread, sent: Traffic,
            wishes: Wishes) -> Placed:  # fmt: skip
    shares = assumed(chip, wishes.mean_conductance, wishes.input_activity)
    counts = expected_counts(net, chip, placement, shares)
    once = price(counts, placement.layers, chip)
    rounds = _held(placement, where)
    pace = _pace(once, rounds, sent, chip, wishes.batch)
    ledger = in_rounds(once, rounds, wishes.batch)
    if pace is not None and pace.link_s:
        ledger = waiting(ledger, pace.image_s / (pace.image_s - wishes.batch * pace.link_s))
    devices = sum(layer.weights * layer.devices_per_weight for layer in placement.layers)
    anew = devices / wishes.batch if where.rounds > 1 else 0.0
    sending = sum(sent.links.values())
    rows: list[Row] = []
    if ledger.priced:
        rows += [_beside(chip, PROGRAM.price, PROGRAM.component, PROGRAM.item, anew)] if anew else []
        rows += [_beside(chip, "link", "links", "bytes sent", sending)] if sending else []
    peak = chip_figures(chip) if chip.parameters.capacity and chip.periphery else None
    return Placed(net, chip, placement, where, sent, counts, shares, ledger, pace, tuple(rows), anew, peak)


def _held(placement: Placement, where: Spread) -> Sequence[Held]:
    """For each round, the share of each layer's tiles that is held in it."""
    held: list[dict[str, float]] = [{} for _ in range(where.rounds)]
    for layer in placement.layers:
        for part in where.of(layer.name):
            now = held[part.round]
            now[layer.name] = now.get(layer.name, 0.0) + part.tiles / layer.tiles
    return held


def _pace(once: Ledger, rounds: Sequence[Held], sent: Traffic, chip: Chip, batch: int) -> Pace | None:
    if once.times is None:
        return None
    capacity, sending = chip.parameters.capacity, sum(sent.links.values())
    speed = capacity.link_bytes_per_s if capacity else None
    link_s = sending / speed if speed else (None if sending else 0.0)
    waited = link_s or 0.0
    if len(rounds) == 1:
        busiest_s = sent.busiest / speed if speed else 0.0
        return Pace(once.times.image_s + waited, max(once.times.interval_s, busiest_s), link_s)
    seconds = sum(round_seconds(once.times, held, batch) for held in rounds) + batch * waited
    return Pace(seconds, seconds / batch, link_s)


def _beside(chip: Chip, name: str, component: str, item: str, events: float) -> Row:
    """Energy of what a network pays for not fitting on one chip, or why it is not known."""
    tag = price_amount(chip, name, "energy_joules")
    if tag is None:
        return Row(component, item, "", events, 0.0, note=f"not priced: no figure per {PER[name][0]}")
    note = "" if tag.value else f"its price is 0: {tag.source}"
    return Row(component, item, "", events, events * tag.value, tag, note)
