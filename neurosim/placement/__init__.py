"""Placement: which part of which weight matrix sits on which tile or core."""

from neurosim.placement.cores import CorePlacement, place_cores
from neurosim.placement.tiles import Placement, place

__all__ = [
    "CorePlacement",
    "Placement",
    "place",
    "place_cores",
]
