"""Chips of round prices with neurons, and counts of two layers over ten steps."""

from __future__ import annotations

import numpy as np

from neurosim.chips import Chip, parse_chip
from neurosim.foundation.counts import Counts, LayerGeometry

A = LayerGeometry("a", 6, 3, 1, 1, 1, 1, 2, (6,), (3,), 18)
B = LayerGeometry("b", 3, 2, 1, 4, 1, 1, 2, (3,), (2,), 24)
STEPS, IMAGES = 10, 2


def q(value: float, unit: str = "1", node: str = "32 nm") -> str:
    return (
        f'{{value = {value}, unit = "{unit}", source = "round number", status = "assumed", node = "{node}"}}'
    )


HEAD = f"""
format = 1
name = "toy"
title = "round prices"
node = "32 nm"
label = "toy"
[device]
kind = "ideal"
g_max = {q(10, "uS")}
[array]
rows = {q(8)}
columns = {q(8)}
[read]
v_read = {q(0.2, "V")}
t_read = {q(100, "ns")}
noise = "none"
"""
DIGITAL = (
    HEAD
    + f"""
[adc]
bits = {q(8)}
[neuron]
kind = "digital"
[periphery]
columns_per_adc = {q(2)}
t_conversion = {q(10, "ns")}
t_digital = {q(7, "ns")}
[prices.driver]
energy = {q(0.5, "pJ")}
[prices.adc]
energy = {q(3, "pJ")}
[prices.neuron]
energy = {q(4, "pJ")}
area = {q(5, "um2")}
leakage = {q(1, "uW")}
[prices.encoder]
energy = {q(2, "pJ")}
area = {q(3, "um2")}
[prices.buffer]
energy = {q(1, "pJ")}
area = {q(2, "um2")}
"""
)
ANALOG = (
    HEAD
    + f"""
[neuron]
kind = "analog"
t_tick = {q(1, "us")}
c_membrane = {q(1, "pF")}
v_threshold = {q(0.5, "V")}
[prices.driver]
energy = {q(0.5, "pJ")}
[prices.neuron]
area = {q(100, "um2")}
leakage = {q(2, "uW")}
[prices.comparator]
leakage = {q(1, "uW")}
[prices.encoder]
energy = {q(2, "pJ")}
[prices.event]
covers = ["driver", "array", "neuron", "comparator"]
energy = {q(3.6, "pJ")}
"""
)
CORES = (
    HEAD
    + f"""
[neuron]
kind = "digital"
t_tick = {q(1, "ms")}
[prices]
array = "published"
[prices.event]
covers = ["driver", "array", "hop", "spike"]
energy = {q(2.3, "pJ", "28 nm")}
[prices.core_static]
covers = ["encoder", "neuron", "comparator", "random", "buffer", "digital", "clock", "dac"]
leakage = {q(16, "uW", "28 nm")}
area = {q(0.09, "mm2", "28 nm")}
[prices.chip_static]
leakage = {q(64, "mW", "28 nm")}
area = {q(430, "mm2", "28 nm")}
"""
)


def toy(text: str = DIGITAL) -> Chip:
    return parse_chip(text)


def counted(converters: bool = True) -> Counts:
    """Per image: 6 encoders, 3 and 8 neurons over ten steps; spikes and events that differ from image to image.

    converters : whether ADCs and buffers were at work too
    """
    counts = Counts(("a", "b"), IMAGES)
    fixed = {"encoder_updates": (60, 0), "neuron_updates": (30, 80)}
    if converters:
        fixed |= {"adc_conversions": (30, 80), "buffer_writes": (10, 20)}
    for counter, pair in fixed.items():
        for layer, number in zip("ab", pair, strict=True):
            counts.set(counter, layer, number)
    varying = {
        "row_activations": ((10, 20), (5, 7)),
        "array_siemens": ((1e-3, 3e-3), (2e-3, 2e-3)),
        "input_spikes": ((10, 20), (0, 0)),
        "spikes": ((5, 7), (2, 4)),
        "synaptic_events": ((30, 60), (10, 14)),
    }
    for counter, layers in varying.items():
        for layer, numbers in zip("ab", layers, strict=True):
            counts.add(counter, layer, slice(None), np.array(numbers, float))
    return counts
