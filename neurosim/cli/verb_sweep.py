"""neurosim sweep."""

from __future__ import annotations

EPILOG = ""


def sweep_verb() -> None:
    """Run every point of a sweep file: a grid or a Monte Carlo."""
    raise NotImplementedError
