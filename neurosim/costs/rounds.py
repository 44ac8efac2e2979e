"""The ledger of a network that does not fit: the chip holds some of its layers at a time, round after round."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from neurosim.costs.ledger import AreaRow, Latency, Ledger

Held = Mapping[str, float]
"""Layer -> share of its tiles that the chip holds in a round."""


def round_seconds(times: Latency, held: Held, images: int) -> float:
    """Seconds in which so many images pass through the layers of a round, one behind the other."""
    seconds = [times.layers[name] for name in held]
    return math.fsum(seconds) + (images - 1) * max(seconds)


def in_rounds(ledger: Ledger, rounds: Sequence[Held], images: int) -> Ledger:
    """The ledger of one inference where the chip is programmed anew for each round and `images` pass in it.

    A layer leaks while it is held; one that is held in several rounds is read in each. The area is that of the
    fullest round. Energy and time of programming are not in it.
    """
    times = ledger.times
    if times is None or len(rounds) == 1:
        return ledger
    seconds = [round_seconds(times, held, images) for held in rounds]
    present = {
        name: math.fsum(held.get(name, 0.0) * s for held, s in zip(rounds, seconds, strict=True)) / images
        for name in times.layers
    }
    held_s = {name: seconds_held / times.image_s for name, seconds_held in present.items()}
    found = _leaking(ledger, held_s)
    areas = max(
        (_areas(ledger, held) for held in rounds), key=lambda found: sum(row.square_metres for row in found)
    )
    again = {name: own * sum(name in held for held in rounds) for name, own in times.layers.items()}
    return replace(found, areas=areas, times=replace(times, layers=again))


def waiting(ledger: Ledger, factor: float) -> Ledger:
    """The ledger of an inference that lasts `factor` times as long, because it waits: the chip leaks meanwhile."""
    return _leaking(ledger, {row.layer: factor for row in ledger.rows})


def _leaking(ledger: Ledger, shares: Mapping[str, float]) -> Ledger:
    """The leakage of each layer times its share."""
    rows = tuple(
        replace(row, joules=row.joules * shares[row.layer], events=row.events * shares[row.layer])
        if row.component == "leakage" and row.layer
        else row
        for row in ledger.rows
    )
    more = math.fsum(row.joules for row in rows) - math.fsum(row.joules for row in ledger.rows)
    return replace(ledger, rows=rows, per_image=ledger.per_image + more)


def _areas(ledger: Ledger, held: Held) -> tuple[AreaRow, ...]:
    """The area of what is held in a round; what belongs to no layer stays."""
    shares = [held.get(row.layer, 0.0) if row.layer else 1.0 for row in ledger.areas]
    return tuple(
        replace(row, units=row.units * share, square_metres=row.square_metres * share)
        for row, share in zip(ledger.areas, shares, strict=True)
    )
