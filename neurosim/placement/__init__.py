"""Placement: which part of which weight matrix sits on which tile."""

from neurosim.placement.tiles import Placement, place

__all__ = ["Placement", "place"]
