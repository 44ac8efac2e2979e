"""Logic in the memory of jain_2017: how often a column's current falls on the wrong side of its reference.

    python studies/bitwise_logic.py --png pictures

Two rows of magnetic junctions are driven at once, and OR, AND and XOR told by references between the three sums that a
column can give (Jain et al., arXiv 1703.02118). The highest two sums lie closest together on the scale of their spread,
so AND and XOR fail first; a reference for one row alone has most room. Error rates against the spread of the junctions
and against their magnetoresistance, by sampling, beside the normal approximation.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
from scipy.stats import norm

from neurosim.chips import Chip, load_chip
from neurosim.circuits.bitwise import BitwiseArray, References
from neurosim.devices import make_device
from neurosim.foundation.streams import stream

OPERATIONS = ("read", "or", "and", "xor")
Rates = tuple[float, dict[str, float], dict[str, float]]  # spread, sampled, in closed form
TRUTH = {
    "read": lambda a, _: a,
    "or": np.logical_or,
    "and": np.logical_and,
    "xor": np.logical_xor,
}


def error_rates(chip: Chip, pairs: int, columns: int, seed: int = 0) -> dict[str, float]:
    """Share of wrong bits of each operation on random words, sampled."""
    key = stream(seed, "bitwise")
    bits = key.child("bits").generator().random((2 * pairs, columns)) < 0.5
    array = BitwiseArray.program(bits, make_device(chip.device), key.child("array"))
    first, second = np.arange(pairs), np.arange(pairs, 2 * pairs)
    return {
        name: float(
            (array.compute(name, first, second, 1.0) != TRUTH[name](bits[:pairs], bits[pairs:])).mean()
        )
        for name in OPERATIONS
    }


def normal_rates(chip: Chip) -> dict[str, float]:
    """The same for normal conductances, in closed form; writing without errors."""
    device = chip.device
    low, high = device.g_min_siemens, device.g_max_siemens
    tmr = high / low - 1
    spread_high = device.resistance_spread
    spread_low = math.hypot(spread_high, device.tmr_spread * tmr / (1 + tmr))
    sigma = {
        0: low * math.hypot(spread_low, device.read_noise),
        1: high * math.hypot(spread_high, device.read_noise),
    }
    limits = References.between(low, high)
    mean = {0: low, 1: high}

    def above(limit: float, *ones: int) -> float:
        centre, width = sum(mean[b] for b in ones), math.hypot(*(sigma[b] for b in ones))
        return float(norm.sf((limit - centre) / width))

    either = [above(limits.or_siemens, *pair) for pair in ((0, 0), (0, 1), (1, 1))]
    both = [above(limits.and_siemens, *pair) for pair in ((0, 0), (0, 1), (1, 1))]
    odd = [e - b for e, b in zip(either, both, strict=True)]  # above the one, and not above the other
    share = (0.25, 0.5, 0.25)
    wrong = {
        "or": (either[0], 1 - either[1], 1 - either[2]),
        "and": (both[0], both[1], 1 - both[2]),
        "xor": (odd[0], 1 - odd[1], odd[2]),
    }
    rates = {name: sum(s * w for s, w in zip(share, parts, strict=True)) for name, parts in wrong.items()}
    return {"read": (above(limits.read_siemens, 0) + 1 - above(limits.read_siemens, 1)) / 2, **rates}


def sweep(
    chip: Chip, spreads: list[float], pairs: int, columns: int
) -> list[tuple[float, dict[str, float], dict[str, float]]]:
    """(spread, sampled rates, rates in closed form) for each relative spread of resistance."""
    rows = []
    for spread in spreads:
        changed = chip.with_options(device__resistance_spread=spread)
        rows.append((spread, error_rates(changed, pairs, columns), normal_rates(changed)))
    return rows


def draw(folder: Path, rows: list[Rates]) -> Path:
    """Error rates against the spread, sampled (dots) and in closed form (lines)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
    for name in OPERATIONS:
        (line,) = axis.plot([100 * s for s, _, _ in rows], [exact[name] for _, _, exact in rows], label=name)
        axis.plot(
            [100 * s for s, _, _ in rows],
            [found[name] or np.nan for _, found, _ in rows],
            "o",
            color=line.get_color(),
        )
    axis.set(yscale="log", ylim=(1e-7, 1), xlabel="spread of the resistance (%)", ylabel="wrong bits",
             title="Logic on two rows of magnetic junctions")  # fmt: skip
    axis.legend(frameon=False)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "bitwise_logic.png"
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chip", default="jain_2017")
    parser.add_argument("--pairs", type=int, default=4000, help="pairs of words")
    parser.add_argument("--columns", type=int, default=256)
    parser.add_argument("--spreads", type=float, nargs="+", default=[0.03, 0.05, 0.07, 0.1, 0.15])
    parser.add_argument("--png", type=Path, default=None, help="folder for the picture")
    given = parser.parse_args()
    rows = sweep(load_chip(given.chip), given.spreads, given.pairs, given.columns)
    print(f"{'spread':>7}  " + "  ".join(f"{name:>8} {'formula':>8}" for name in OPERATIONS))
    for spread, found, exact in rows:
        print(f"{spread:7.1%}  " + "  ".join(f"{found[n]:8.1e} {exact[n]:8.1e}" for n in OPERATIONS))
    if given.png is not None:
        print(draw(given.png, rows))


if __name__ == "__main__":
    main()
