"""Devices: one file per technology; `device.py` is the interface they share."""

from __future__ import annotations

from typing import Any

from neurosim.devices.device import Device, PulsePhysics
from neurosim.devices.gradual_parameters import GradualParameters
from neurosim.devices.parameters import (
    DeviceParameters,
    EcramParameters,
    FlashParameters,
    IdealParameters,
    MramParameters,
    PcmParameters,
    RramParameters,
    SramParameters,
)
from neurosim.devices.ranges import ConductanceRange

__all__ = [
    "Device",
    "DeviceParameters",
    "EcramParameters",
    "FlashParameters",
    "IdealParameters",
    "MramParameters",
    "PcmParameters",
    "PulsePhysics",
    "RramParameters",
    "SramParameters",
    "make_device",
]


def make_device(parameters: ConductanceRange) -> Device[Any]:
    """The device that a chip's [device] table, any of `DeviceParameters`, describes."""
    from neurosim.devices.flash import Flash
    from neurosim.devices.gradual import Gradual
    from neurosim.devices.ideal import Ideal
    from neurosim.devices.mram import Mram
    from neurosim.devices.pcm import Pcm
    from neurosim.devices.sram import Sram

    if isinstance(parameters, PcmParameters):
        return Pcm(parameters)
    if isinstance(parameters, GradualParameters):
        return Gradual(parameters)
    if isinstance(parameters, FlashParameters):
        return Flash(parameters)
    if isinstance(parameters, MramParameters):
        return Mram(parameters)
    if isinstance(parameters, SramParameters):
        return Sram(parameters)
    if isinstance(parameters, IdealParameters):
        return Ideal(parameters)
    raise TypeError(f"no technology for {type(parameters).__name__}")
