"""Devices: one file per technology; `device.py` is the interface they share."""

from __future__ import annotations

from typing import Any

from neurosim.devices.device import Device
from neurosim.devices.parameters import DeviceParameters, IdealParameters, PcmParameters

__all__ = ["Device", "DeviceParameters", "IdealParameters", "PcmParameters", "make_device"]


def make_device(parameters: IdealParameters | PcmParameters) -> Device[Any]:
    """The device that a chip's [device] table describes."""
    from neurosim.devices.ideal import Ideal
    from neurosim.devices.pcm import Pcm

    if isinstance(parameters, PcmParameters):
        return Pcm(parameters)
    return Ideal(parameters)
