"""Programming: a network on a placement becomes a programmed chip that can age, be saved and be loaded."""

from neurosim.programming.calibration import Calibration, calibrate_network
from neurosim.programming.chip import AgedChip, AgedLayer, ProgrammedChip, ProgrammedLayer, program, require_programmed

__all__ = [
    "AgedChip",
    "AgedLayer",
    "Calibration",
    "ProgrammedChip",
    "ProgrammedLayer",
    "calibrate_network",
    "program",
    "require_programmed",
]
