"""Placement: which part of which weight matrix sits on which tile or core."""

from neurosim.placement.cores import CorePlacement, place_cores
from neurosim.placement.links import Traffic, traffic
from neurosim.placement.replication import balanced
from neurosim.placement.scale import Part, Spread, spread
from neurosim.placement.tiles import Placement, place

__all__ = [
    "CorePlacement",
    "Part",
    "Placement",
    "Spread",
    "Traffic",
    "balanced",
    "place",
    "place_cores",
    "spread",
    "traffic",
]
