"""Small networks that learn, and patterns for them to learn."""

from __future__ import annotations

import numpy as np

from neurosim.chips import load_chip
from neurosim.engines.spiking.plastic import learn
from neurosim.graph import InputSpec, Learning, Network, WinnerTakeAll
from neurosim.placement import place

FEATURES, CLASSES = 64, 4


def small_layer(**changes):
    values = {
        "name": "wta", "units": 12, "classes": CLASSES, "dt_s": 1e-3, "tau_s": 20e-3, "weight_max": 0.5,
        "theta_step": 0.01, "theta_tau_s": 1e4, "inhibition": 30.0, "floor": -1.0, "refractory_s": 3e-3,
    }  # fmt: skip
    return WinnerTakeAll.model_validate(values | changes)


def small_learning(**changes):
    values = {
        "steps": 20, "input_probability": 0.3, "window_steps": 3, "potentiation": 0.01, "depression": 0.004,
        "initial_plus": (0.2, 0.5), "initial_minus": (0.0, 0.1), "refresh_high": 0.6, "refresh_low": 0.3,
        "rewrite_pulses": 20, "rewrite_tolerance": 0.042, "label_images": 200, "snapshots": (100, 260),
    }  # fmt: skip
    return Learning.model_validate(values | changes)


def small_network(layer=None, learning=None, features=FEATURES):
    return Network("small", InputSpec(dataset="digits", shape=(features,)), (layer or small_layer(),), {},
                   coding="plastic", learning=learning or small_learning())  # fmt: skip


def patterns(count, seed=0, features=FEATURES):
    """Noisy images of four patterns, float32 (count, features), and their classes."""
    rng = np.random.default_rng(seed)
    base = np.random.default_rng(99).random((CLASSES, features)) < 0.3
    labels = rng.integers(0, CLASSES, count)
    flips = rng.random((count, features)) < 0.05
    return (base[labels] ^ flips).astype(np.float32), labels


def taught(chip="kim_2015", root=0, instance=0, network=None, images=600, **options):
    """A chip that has learned the patterns."""
    net, silicon = network or small_network(), load_chip(chip).with_options(**options)
    x, y = patterns(images)
    return learn(net, silicon, place(net, silicon), x, y, root, instance)
