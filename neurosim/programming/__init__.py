"""Programming: a network on a placement becomes a programmed chip that can age, be saved and be loaded."""

from neurosim.programming.calibration import Calibration, calibrate_network
from neurosim.programming.chip import (
    AgedChip,
    AgedLayer,
    ProgrammedChip,
    ProgrammedLayer,
    calibration_counts,
    inference_time_s,
    program,
    programming_counts,
    require_programmed,
)
from neurosim.programming.storage import load_chip_state, save_chip

__all__ = [
    "AgedChip",
    "AgedLayer",
    "Calibration",
    "ProgrammedChip",
    "ProgrammedLayer",
    "calibrate_network",
    "calibration_counts",
    "inference_time_s",
    "load_chip_state",
    "program",
    "programming_counts",
    "require_programmed",
    "save_chip",
]
