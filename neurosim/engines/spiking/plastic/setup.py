"""A winner-take-all network on a chip, in the numbers that the kernel takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from neurosim.chips import Chip
from neurosim.circuits.neurons import relative_thresholds
from neurosim.devices import Device, PulsePhysics, make_device
from neurosim.devices.device import FREE
from neurosim.foundation.errors import ConfigError
from neurosim.foundation.streams import Stream
from neurosim.graph import Learning, Network, WinnerTakeAll
from neurosim.kernels.plastic_parameters import Neurons, Rule
from neurosim.programming.chip import layer_stream

NO_NOISE = np.zeros((0, 0))


@dataclass(frozen=True)
class Setup:
    """A network that learns, and the chip it is put on; refuses chips that cannot learn.

    Raises ConfigError for a network without a winner-take-all layer, for a chip whose devices have no pulses, for one
    whose weights are not single differential pairs and for one that converts its columns' currents.
    """

    network: Network
    chip: Chip

    def __post_init__(self) -> None:
        layers, where = self.network.layers, f"network {self.network.name!r}"
        if len(layers) != 1 or not isinstance(layers[0], WinnerTakeAll) or self.network.learning is None:
            raise ConfigError(where, 'one layer of kind "winner_take_all" and a [learning] table', self.network.coding,
                              'choose a network with coding = "plastic", such as mnist_stdp')  # fmt: skip
        cell = self.chip.cell
        if cell.kind != "differential" or cell.devices_per_weight != 1:
            raise ConfigError(f"chip {self.chip.name!r}: cell", "a pair of devices for each plastic weight",
                              f"{cell.kind}, {cell.devices_per_weight} device(s)",
                              "learn on a chip with differential cells of one device each side")  # fmt: skip
        if self.chip.adc.bits is not None:
            expected = "neurons that take the columns' currents themselves"
            got = f"a converter of {self.chip.adc.bits} bits"
            raise ConfigError(
                f"chip {self.chip.name!r}: adc", expected, got, "learn on a chip such as kim_2015"
            )
        if not self.physics.width_siemens > 0:
            raise ConfigError(f"chip {self.chip.name!r}: device.pulses", "pulses that raise the conductance",
                              f"{self.physics.width_siemens:g} S of range", "correct the chip's pulses")  # fmt: skip

    @property
    def layer(self) -> WinnerTakeAll:
        """The layer that learns."""
        layer = self.network.layers[0]
        assert isinstance(layer, WinnerTakeAll)
        return layer

    @property
    def learning(self) -> Learning:
        """How it learns."""
        assert self.network.learning is not None
        return self.network.learning

    @cached_property
    def device(self) -> Device[Any]:
        """The chip's device."""
        return make_device(self.chip.device)

    @cached_property
    def physics(self) -> PulsePhysics:
        """Its pulses."""
        return self.device.pulse_physics()

    @property
    def shape(self) -> tuple[int, int]:
        """(neurons, inputs), the order of all device arrays here."""
        return self.layer.columns, self.layer.rows

    def stream(self, root: int, instance: int) -> Stream:
        """The random stream of the layer on one chip."""
        return layer_stream(root, instance, self.layer.name)

    def thresholds(self, root: int, instance: int) -> np.ndarray:
        """Fixed part of the thresholds, float64 (neurons,): 1 but for the mismatch of the chip's neurons."""
        mismatch = self.chip.neuron.threshold_mismatch if self.chip.neuron else 0.0
        return relative_thresholds(mismatch, self.shape[0], self.stream(root, instance).child("thresholds"))

    @property
    def scale(self) -> float:
        """Membrane step, in thresholds, per siemens of G+ - G-."""
        return self.layer.weight_max / self.layer.threshold / self.physics.width_siemens

    def levels(self, images: np.ndarray) -> np.ndarray:
        """Probabilities of an input spike per step, float32 (images, inputs), from images with values 0 to 1."""
        flat = images.reshape(len(images), -1)
        chance = np.clip(flat, 0, 1) * np.float32(self.learning.input_probability)
        return np.ascontiguousarray(chance, np.float32)

    @property
    def neurons(self) -> Neurons:
        """The layer in thresholds and steps."""
        layer, steps = self.layer, self.learning.steps
        return Neurons(
            decay=math.exp(-layer.dt_s / layer.tau_s),
            theta_step=layer.theta_step / layer.threshold,
            theta_decay=math.exp(-steps * layer.dt_s / layer.theta_tau_s),
            inhibition=layer.inhibition / layer.threshold,
            floor=layer.floor / layer.threshold,
            refractory=layer.refractory_steps,
        )

    @property
    def rule(self) -> Rule:
        """The learning rule on these devices."""
        learning, physics = self.learning, self.physics
        low, width = physics.low_siemens, physics.width_siemens
        return Rule(
            window=learning.window_steps,
            potentiate=self._chance(learning.potentiation),
            depress=self._chance(learning.depression),
            both_ways=physics.gradual_down,
            refresh_high=low + learning.refresh_high * width,
            refresh_low=low + learning.refresh_low * width,
            tolerance=learning.rewrite_tolerance * width,
            tries=learning.rewrite_pulses,
            scale=self.scale,
        )

    def _chance(self, change: float) -> int:
        """Probability, as 2^32 of it, of the pulses of an update that moves G+ - G- by `change` of the range on
        average; 1 where even that is not enough."""
        physics = self.physics
        moved = physics.step_siemens * (2 if physics.gradual_down else 1)
        return int(min(change * physics.width_siemens / moved, 1.0) * 2**32)


@dataclass(frozen=True, eq=False)
class Pairs:
    """The device pairs of a layer: states of G+ and G-, arrays (neurons, inputs), and their working arrays.

    The kernel moves the conductances in place; `settled` brings what depends on them up to date.
    """

    setup: Setup
    plus: Any
    minus: Any

    @staticmethod
    def programmed(setup: Setup, stream: Stream) -> Pairs:
        """Fresh devices at uniform random conductances."""
        low, width = setup.physics.low_siemens, setup.physics.width_siemens
        states = []
        for side, bounds in (("plus", setup.learning.initial_plus), ("minus", setup.learning.initial_minus)):
            share = stream.child("initial", side).generator().uniform(*bounds, setup.shape)
            target = np.minimum(low + share * width, setup.physics.high_siemens).astype(np.float32)
            states.append(setup.device.program(target, stream.child("devices", side)))
        return Pairs(setup, *states)

    def settled(self, stream: Stream) -> Pairs:
        """The pairs with all that follows from the conductances (a train of no pulses does that)."""
        none = np.zeros(self.setup.shape, np.int64)
        for state in (self.plus, self.minus):
            self.setup.device.pulse_into(state, none, none, stream)
        return self

    @cached_property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """G+, G-, their memories of a RESET or factors of the step, and the stuck flags, as the kernel takes them;
        not copies."""
        plus, minus = (self.setup.device.to_arrays(state) for state in (self.plus, self.minus))
        ones = np.ones(self.setup.shape, np.float32)
        memories = [a.get("memory", a.get("step_factor", ones.copy())) for a in (plus, minus)]
        stuck = np.stack([a["stuck"] != FREE for a in (plus, minus)])
        return plus["g_siemens"], minus["g_siemens"], memories[0], memories[1], stuck
