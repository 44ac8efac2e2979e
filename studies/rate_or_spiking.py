"""Spiking or analog, on MNIST: one network on several chips, and every chip with its own network.

    python studies/rate_or_spiking.py --folder runs        # 10,000 images; some minutes
    python studies/rate_or_spiking.py --limit 200          # a short run

The first table has mnist_mlp on joshi_2020 as rates and as spikes, on the same sampled devices, and on
valentian_2019 with its analog neurons and binary cells. The second cuts every spiking run at the step with which
it is as accurate as the least accurate of its kind, and puts first-spike times and TrueNorth beside them, each
chip with its own network. Chip totals, technology nodes and what the prices rest on stand below each table.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import neurosim as ns

# name of the run -> what is run
SAME = {
    "joshi_rate": {"network": "mnist_mlp", "chip": "joshi_2020", "batch_norm": "folded"},
    "joshi_spiking": {"network": "mnist_mlp", "chip": "joshi_2020", "mode": "spiking", "steps": 100},
    "valentian_spiking": {"network": "mnist_mlp", "chip": "valentian_2019", "mode": "spiking", "steps": 100},
}
OWN = {
    "ttfs": {"network": "mnist_ttfs", "chip": "joshi_2020", "mode": "spiking"},
    "truenorth": {"network": "mnist_truenorth", "chip": "truenorth", "mode": "spiking"},
}


def runs(folder, wanted, limit=None):
    """Paths of the run files, made where they are not there yet."""
    paths = []
    for name, how in wanted.items():
        path = Path(folder) / f"{name}.h5"
        if not path.exists():
            ns.run(**how, limit=limit, out=path)
        paths.append(path)
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", help="keep the run files here, and use those that are there")
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or scratch
        Path(folder).mkdir(parents=True, exist_ok=True)
        same, own = runs(folder, SAME, options.limit), runs(folder, OWN, options.limit)
        print("The same network\n")
        print(ns.compare(*same).table())
        print("\n\nAt equal accuracy, every chip with its own network\n")
        print(ns.compare(*same, *own, equal_accuracy=True).table())


if __name__ == "__main__":
    main()
