"""Where ngspice is, tests may use the decks of the studies."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "studies"))

from array_deck import spice_currents

__all__ = ["needs_ngspice", "spice_currents"]

needs_ngspice = pytest.mark.skipif(
    shutil.which("ngspice") is None, reason="ngspice is not installed (Debian package ngspice)"
)
