"""How far each layer's analog products are from the exact ones, beside a closed form.

    python studies/layer_errors.py mnist_mlp --chips 120 --png layer_errors.png

Accuracy hides wrong noise: a network forgives a great deal of it. So every layer is fed the float network's
activations, its products are compared with the exact ones, and the root mean square error over chips, images
and columns is held against a formula written independently of neurosim (pcm_reference.py): programming,
drift, frozen and per-read noise of every device, plus the steps of the converters.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import pcm_reference as ref

from neurosim.chips import load_chip
from neurosim.circuits.crossbar import Read, Tally
from neurosim.foundation.streams import stream
from neurosim.foundation.units import format_time, parse_time
from neurosim.graph import INPUT, load_network
from neurosim.inputs import load_dataset, prepare
from neurosim.placement import place
from neurosim.programming import calibrate_network, program


@dataclass(frozen=True)
class LayerError:
    """Root mean square error of a layer's products at one time, measured and by formula, and their ratio."""

    layer: str
    t_s: float
    measured: float
    formula: float

    @property
    def ratio(self) -> float:
        return self.measured / self.formula


def layer_errors(network_name, times_s, chips, images, seed=0, chip=None):
    """A list of LayerError, layer by layer and time by time; `chip` replaces joshi_2020 (tests falsify it)."""
    network, chip = load_network(network_name), chip or load_chip("joshi_2020")
    fed, calibration = _inputs(network, chip, images)
    placement = place(network, chip, calibration.signed)
    sums = {(layer.name, t): [0.0, 0.0] for layer in network.weighted for t in times_s}
    tables: dict[float, tuple] = {}
    for instance in range(chips):
        programmed = program(network, chip, placement, calibration, seed, instance)
        for t_s in times_s:
            aged = programmed.age_to(t_s)
            if t_s not in tables:
                tables[t_s] = _moments(t_s, programmed.t_chip_s)
            for layer in network.weighted:
                total = sums[layer.name, t_s]
                measured, formula = _squares(
                    network, layer, aged.layers[layer.name], fed[layer.name], tables[t_s], instance
                )
                total[0] += measured / chips
                total[1] += formula / chips
    return [LayerError(name, t, m**0.5, f**0.5) for (name, t), (m, f) in sums.items()]


def _inputs(network, chip, images):
    name, shape, crop = network.input.dataset, network.input.shape, network.input.crop
    test, train = load_dataset(name, "test", images), load_dataset(name, "train", chip.calibration.images)
    x = prepare(test.images, test.max_level, shape, crop)
    wanted = {layer.name: layer.inputs[0] for layer in network.weighted}
    kept = {**network.trace(x, {n for n in wanted.values() if n != INPUT})[1], INPUT: x}
    fed = {
        layer.name: layer.unfold(kept[wanted[layer.name]])[0].reshape(-1, layer.rows)
        for layer in network.weighted
    }
    # a convolution has thousands of vectors: evenly spaced ones are enough
    fed = {name: np.ascontiguousarray(x[:: max(1, len(x) // 2000)]) for name, x in fed.items()}
    return fed, calibrate_network(network, prepare(train.images, train.max_level, shape, crop))


def _moments(t_s, t_chip_s):
    """Mean and variance of a device over its target x, as tables to interpolate; dense where nu's sigma bends."""
    x = np.concatenate([[0.0], np.geomspace(1e-6, 0.02, 60), np.linspace(0.02, 1, 400)[1:]])
    mean, variance = np.array([ref.device_moments_us(value, t_s, t_chip_s) for value in x]).T
    return x, mean / ref.G_MAX, variance / ref.G_MAX**2


def _squares(network, layer, aged, x, table, instance):
    """Mean squared error of one chip's products, and what the formula expects at this chip's converters."""
    w = layer.matrices(network.params[layer.name])[0].astype(float)
    exact = x.astype(float) @ w
    read = Read(0, len(x), stream(instance, "layer errors", layer.name), Tally(len(x)))
    analog = aged.crossbars[0].forward(x, read, aged.converters[0], aged.gain)
    return np.mean((analog - exact) ** 2), _formula(w, x, exact, aged, table)


def _formula(w, x, exact, aged, table):
    grid, means, variances = table
    w_max = np.abs(w).max()
    plus, minus = np.maximum(w, 0) / w_max, np.maximum(-w, 0) / w_max
    mean = np.interp(plus, grid, means) - np.interp(minus, grid, means)
    variance = np.interp(plus, grid, variances) + np.interp(minus, grid, variances)
    dac = aged.converters[0].dac
    driven = np.clip(np.floor(x / dac.lsb + 0.5), dac.low, dac.high) * dac.lsb
    bias = driven @ mean * aged.gain * w_max - exact
    noise = (driven**2) @ variance * (aged.gain * w_max) ** 2
    steps = sum(adc.lsb**2 / 12 for adc in aged.converters[0].adcs) * (aged.gain * w_max) ** 2
    return np.mean(bias**2) + np.mean(noise) + steps


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("network", nargs="?", default="mnist_mlp")
    parser.add_argument("--chips", type=int, default=120)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--times", nargs="+", default=["25 s", "1 h", "1 day", "1 year"])
    parser.add_argument("--png")
    options = parser.parse_args()
    rows = layer_errors(
        options.network, [parse_time(t) for t in options.times], options.chips, options.images
    )
    print(f"{options.network}: root mean square error of each layer's products, {options.chips} chips")
    print(f"{'layer':10} {'time':>8} {'measured':>10} {'formula':>10} {'ratio':>8}")
    for row in rows:
        print(
            f"{row.layer:10} {format_time(row.t_s):>8} {row.measured:10.5f} {row.formula:10.5f} {row.ratio:8.4f}"
        )
    if options.png:
        plot(rows, options.png)


def plot(rows, path):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for name in dict.fromkeys(row.layer for row in rows):
        own = [row for row in rows if row.layer == name]
        line = axes.loglog([r.t_s for r in own], [r.formula for r in own], label=f"{name}, closed form")[0]
        axes.loglog(
            [r.t_s for r in own],
            [r.measured for r in own],
            "o",
            color=line.get_color(),
            label=f"{name}, sampled",
        )
    axes.set(
        xlabel="time since programming (s)",
        ylabel="RMS error of the products",
        title="Analog products beside the closed form",
    )
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
