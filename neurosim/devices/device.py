"""The interface every device technology implements: functions on a struct of arrays.

A state holds every physical device of a cell for the chip's whole life. Functions return new states or
arrays; only `pulse_into` changes a state in place, and only the crossbar that owns the state calls it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

import numpy as np

from neurosim.devices.ranges import ConductanceRange, StuckDevices
from neurosim.foundation.errors import ConfigError, DataError
from neurosim.foundation.streams import Stream

State = TypeVar("State")
FREE, STUCK_LOW, STUCK_HIGH = np.int8(0), np.int8(1), np.int8(2)


@dataclass(frozen=True)
class PulsePhysics:
    """What the kernels of learning on the chip know of a technology's pulses.

    kind, coefficients : the formula and its numbers, as kernels/plastic.py explains them
    low_siemens, high_siemens : the range that pulses cover on average
    step_siemens : mean size of one pulse in the middle of that range
    gradual_down : whether a pulse can lower the conductance a little; else a device only goes down by RESET
    """

    kind: Literal["linear", "crystallisation", "soft_bounds", "linear_step", "exp_step", "power_step"]
    coefficients: np.ndarray
    low_siemens: float
    high_siemens: float
    step_siemens: float
    gradual_down: bool

    @property
    def width_siemens(self) -> float:
        """Width of the range."""
        return self.high_siemens - self.low_siemens


class Device(Protocol, Generic[State]):
    """One technology. Arrays are float32 of any one shape; conductances in siemens, times in seconds after
    the end of programming."""

    @property
    def parameters(self) -> ConductanceRange:
        """The frozen record this device was made from."""
        ...

    def program(self, target_siemens: np.ndarray, rng: Stream) -> State:
        """Program devices to targets in [0, g_max]. DataError for NaN, infinity or values out of range."""
        ...

    def conductance(self, state: State, t_s: float) -> np.ndarray:
        """Mean conductance at time t >= 0, without read noise."""
        ...

    def read_noise_sigma(self, state: State, t_s: float) -> np.ndarray:
        """Standard deviation of the read noise integrated since programming."""
        ...

    def aged(
        self, state: State, t_s: float, t_chip_s: float | None, rng: Stream
    ) -> tuple[np.ndarray, np.ndarray]:
        """Conductances with the frozen part of the noise, and the variance (S^2) of the part drawn per read.

        t_chip_s is the chip time of one inference, which parts the two; None makes all noise per read.
        """
        ...

    def pulse(self, state: State, n_up: np.ndarray, n_down: np.ndarray, rng: Stream) -> State:
        """The state after pulses towards higher and lower conductance (integer arrays)."""
        ...

    def pulse_into(self, state: State, n_up: np.ndarray, n_down: np.ndarray, rng: Stream) -> None:
        """The same, in place."""
        ...

    def pulse_physics(self) -> PulsePhysics:
        """The same pulses, for the kernels of learning on the chip; ConfigError when there are no figures."""
        ...

    @property
    def constants(self) -> dict[str, tuple[str, str]]:
        """What each device keeps for life, for the run file: name -> (unit, meaning)."""
        ...

    def constant(self, state: State, name: str) -> np.ndarray:
        """The values of one of `constants`, float32, the state's shape."""
        ...

    def to_arrays(self, state: State) -> dict[str, np.ndarray]:
        """The state as named arrays, for saving."""
        ...

    def from_arrays(self, arrays: dict[str, np.ndarray]) -> State:
        """The state back from `to_arrays`."""
        ...


def check_targets(target_siemens: np.ndarray, g_max_siemens: float) -> None:
    """Refuse targets that no device can take."""
    if not np.isfinite(target_siemens).all():
        count = int((~np.isfinite(target_siemens)).sum())
        raise DataError(
            "target conductance", "finite numbers", f"{count} NaN or infinite", "check the weights"
        )
    low, high = float(target_siemens.min(initial=0)), float(target_siemens.max(initial=0))
    if low < 0 or high > g_max_siemens * (1 + 1e-6):
        raise DataError("target conductance", f"0 to {g_max_siemens:g} S", f"{low:g} to {high:g} S",
                        "scale the weights to g_max first")  # fmt: skip


def check_time(t_s: float) -> None:
    """Times count from the end of programming and cannot be negative."""
    if not (np.isfinite(t_s) and t_s >= 0):
        raise ConfigError("time", "seconds since programming, at least 0", f"{t_s!r}", "give a later time")


def draw_stuck(shape: tuple[int, ...], stuck: StuckDevices, rng: Stream) -> np.ndarray:
    """Flags (int8) of devices that never move: FREE, STUCK_LOW or STUCK_HIGH."""
    flags = np.full(shape, FREE)
    if stuck.low or stuck.high:
        u = rng.generator().random(shape)
        flags[u < stuck.low] = STUCK_LOW
        flags[u >= 1 - stuck.high] = STUCK_HIGH
    return flags


def hold_stuck(g_siemens: np.ndarray, flags: np.ndarray, g_max_siemens: float) -> np.ndarray:
    """Conductances with the stuck devices put at zero or g_max, in place; returns the array."""
    g_siemens[flags == STUCK_LOW] = 0
    g_siemens[flags == STUCK_HIGH] = g_max_siemens
    return g_siemens


def no_pulses() -> ConfigError:
    """The error of a device whose chip gives no figures of pulses."""
    return ConfigError("device.pulses", "the figures of its pulses", "none",
                       "add a [device.pulses] table to the chip, or learn on another one")  # fmt: skip


def no_small_pulses(kind: str) -> ConfigError:
    """The error of a device that a pulse moves from one state to another, not gradually."""
    return ConfigError("device.kind", "devices that small pulses move gradually: pcm, rram, ecram, flash", repr(kind),
                       "learn on a chip with one of them")  # fmt: skip
