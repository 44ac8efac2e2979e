"""Devices: one file per technology; `device.py` is the interface they share."""

from __future__ import annotations

from typing import Any

from neurosim.devices.device import Device, PulsePhysics
from neurosim.devices.parameters import DeviceParameters, IdealParameters, PcmParameters, RramParameters

__all__ = [
    "Device",
    "DeviceParameters",
    "IdealParameters",
    "PcmParameters",
    "PulsePhysics",
    "RramParameters",
    "make_device",
]


def make_device(parameters: IdealParameters | PcmParameters | RramParameters) -> Device[Any]:
    """The device that a chip's [device] table describes."""
    from neurosim.devices.ideal import Ideal
    from neurosim.devices.pcm import Pcm
    from neurosim.devices.rram import Rram

    if isinstance(parameters, PcmParameters):
        return Pcm(parameters)
    if isinstance(parameters, RramParameters):
        return Rram(parameters)
    return Ideal(parameters)
