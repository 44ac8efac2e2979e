"""How long layers take: positions x phases x (read + conversions) + digital, in the chip's own time.

Spiking layers do that in every step, all at the same time, and a step lasts as long as the slowest of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from neurosim.chips import Chip
from neurosim.chips.parameters import PeripheryParameters
from neurosim.costs.ledger import Latency
from neurosim.foundation.counts import LayerGeometry
from neurosim.foundation.errors import ConfigError


def latency(geometries: Sequence[LayerGeometry], chip: Chip) -> Latency:
    """Seconds of one inference in each layer.

    A layer reads its input vectors one after the other, each copy of it its share; all its tiles, groups included,
    work side by side. Every read is followed by the conversions of its busiest ADC (where phases are summed before
    conversion, the last of a vector's), or they run during the next read where reads are overlapped; the layer's last
    conversion is followed by the digital pipeline.

    Raises ConfigError for a chip without a circuit, and when there is no layer.
    """
    periphery = require_periphery(chip)
    if not geometries:
        raise ConfigError("layers", "at least one layer with weights", "none", "nothing is to be timed")
    return Latency({layer.name: _layer_s(layer, chip, periphery) for layer in geometries})


def step_s(geometries: Sequence[LayerGeometry], chip: Chip) -> float:
    """Seconds of one time step of a spiking run: the slowest layer's, and at least the neurons' tick.

    Raises ConfigError for a chip without a circuit or without neurons, and when there is no layer.
    """
    return spiking_latency(geometries, chip, 1, 0).step_s


def spiking_latency(geometries: Sequence[LayerGeometry], chip: Chip, steps: int, fill: int) -> Latency:
    """Latency of `steps` time steps; `fill` more pass until the last layer has had the first one.

    Every layer works on another step, so that one step lasts as long as the slowest layer takes for its input
    vectors, one after the other (all positions of a convolution), and at least [neuron].t_tick. An analog
    neuron takes no conversion: its comparator decides within the tick.

    Raises ConfigError as `step_s`.
    """
    if chip.neuron is None:
        raise ConfigError(
            f"chip {chip.name}", "a [neuron] table", "none", "choose a chip with spiking neurons"
        )
    if not geometries:
        raise ConfigError("layers", "at least one layer with weights", "none", "nothing is to be timed")
    tick = chip.neuron.t_tick_s or 0.0
    seconds = {layer.name: _layer_step_s(layer, chip) for layer in geometries}
    slowest = max(tick, *seconds.values())
    return Latency({name: steps * own for name, own in seconds.items()}, steps, fill, slowest)


def _layer_step_s(layer: LayerGeometry, chip: Chip) -> float:
    if chip.adc.bits is not None or (
        chip.periphery is None and (chip.neuron is None or not chip.neuron.t_tick_s)
    ):
        return _layer_s(layer, chip, require_periphery(chip))
    digital = chip.periphery.t_digital_s if chip.periphery else 0.0
    read = chip.parameters.read  # digital synapses have no read of their own: they work within the tick
    return layer.positions_per_copy * layer.phases * (read.t_read_s if read else 0.0) + digital


def chip_time_s(geometries: Sequence[LayerGeometry], chip: Chip) -> float:
    """Chip time of one inference, seconds: what parts frozen from per-read noise. Errors as `latency`."""
    return latency(geometries, chip).image_s


def adcs_per_tile(chip: Chip, periphery: PeripheryParameters) -> int:
    """ADCs of one tile."""
    return -(-chip.array.columns // periphery.columns_per_adc)


def conversion_s(chip: Chip, periphery: PeripheryParameters) -> float:
    """Seconds from one conversion of an ADC to its next: clocks of its kind, or as [periphery] says."""
    if chip.adc.t_clock_s is not None:
        return chip.adc.clocks * chip.adc.t_clock_s
    return periphery.t_conversion_s or 0.0


def conversions_per_read(layer: LayerGeometry, chip: Chip, periphery: PeripheryParameters) -> int:
    """Conversions, one after the other, that follow each read in the busiest ADC of a layer's widest tile.

    A ramp is shared as a whole: every column has a comparator and a latch, and one ramp converts all of them.
    """
    if chip.adc.kind == "ramp":
        return 1
    return layer.polarities * -(-max(layer.column_splits) // adcs_per_tile(chip, periphery))


def require_periphery(chip: Chip) -> PeripheryParameters:
    """The chip's [periphery]; ConfigError when it has none."""
    if chip.periphery is None:
        remedy = "add [periphery] and [prices] to its chip.toml, or choose a chip that has them"
        raise ConfigError(f"chip {chip.name}", "a [periphery] table", f"none ({chip.label})", remedy)
    return chip.periphery


def _layer_s(layer: LayerGeometry, chip: Chip, periphery: PeripheryParameters) -> float:
    converted_s = conversions_per_read(layer, chip, periphery) * conversion_s(chip, periphery)
    summed = layer.phases // (layer.conversions_per_vector or layer.phases)  # reads before a conversion
    read_s, times = summed * chip.read.t_read_s, layer.positions_per_copy * layer.phases // summed
    if chip.read.overlapped:
        # the first read and the last conversion stand alone
        return read_s + (times - 1) * max(read_s, converted_s) + converted_s + periphery.t_digital_s
    return times * (read_s + converted_s) + periphery.t_digital_s
