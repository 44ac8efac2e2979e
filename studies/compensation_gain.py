"""How much of a layer's error the drift compensation takes away because it is measured on the same devices.

    python studies/compensation_gain.py fashion_cnn --chips 400

The closed form of layer_errors.py knows the gain of each chip, but not that it leans against this chip's errors.
Beside the ratio with each chip's own gain stands the ratio with the mean gain of all chips, which cannot do so.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
from layer_errors import layer_errors

from neurosim.foundation.units import format_time, parse_time
from neurosim.programming import ProgrammedChip


def ratios(
    network: str, times_s: list[float], chips: int, images: int
) -> list[tuple[str, float, float, float]]:
    """(layer, time, ratio with each chip's own gain, ratio with the mean gain)."""
    gains: dict[tuple[str, float], list[float]] = {}
    age_to = ProgrammedChip.age_to

    def noted(chip: ProgrammedChip, t_s: float):
        aged = age_to(chip, t_s)
        for name, layer in aged.layers.items():
            gains.setdefault((name, t_s), []).append(layer.gain)
        return aged

    def levelled(chip: ProgrammedChip, t_s: float):
        aged = age_to(chip, t_s)
        return replace(
            aged,
            layers={
                name: replace(layer, gain=float(np.mean(gains[name, t_s])))
                for name, layer in aged.layers.items()
            },
        )

    try:
        ProgrammedChip.age_to = noted  # type: ignore[method-assign]
        own = layer_errors(network, times_s, chips, images)
        ProgrammedChip.age_to = levelled  # type: ignore[method-assign]
        mean = layer_errors(network, times_s, chips, images)
    finally:
        ProgrammedChip.age_to = age_to  # type: ignore[method-assign]
    return [(a.layer, a.t_s, a.ratio, b.ratio) for a, b in zip(own, mean, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("network", nargs="?", default="fashion_cnn")
    parser.add_argument("--chips", type=int, default=400)
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--times", nargs="+", default=["25 s", "1 year"])
    options = parser.parse_args()
    times_s = [parse_time(text) for text in options.times]
    print(f"{'layer':10} {'time':>8} {'own gain':>10} {'mean gain':>10}")
    for layer, t_s, own, mean in ratios(options.network, times_s, options.chips, options.images):
        print(f"{layer:10} {format_time(t_s):>8} {own:10.4f} {mean:10.4f}")


if __name__ == "__main__":
    main()
