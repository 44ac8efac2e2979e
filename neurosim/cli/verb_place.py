"""neurosim place."""

from __future__ import annotations

EPILOG = ""


def place_verb() -> None:
    """Place a network on a chip, without data: tiles, chips, area, energy and latency."""
    raise NotImplementedError
