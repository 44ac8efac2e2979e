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
from neurosim.programming.cores import (
    AgedCores,
    ProgrammedCores,
    core_calibration_counts,
    core_programming_counts,
    program_cores,
    require_cores,
)
from neurosim.programming.storage import load_chip_state, save_chip

__all__ = [
    "AgedChip",
    "AgedCores",
    "AgedLayer",
    "Calibration",
    "ProgrammedChip",
    "ProgrammedCores",
    "ProgrammedLayer",
    "calibrate_network",
    "calibration_counts",
    "core_calibration_counts",
    "core_programming_counts",
    "inference_time_s",
    "load_chip_state",
    "program",
    "program_cores",
    "programming_counts",
    "require_cores",
    "require_programmed",
    "save_chip",
]
