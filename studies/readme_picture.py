"""The two pictures of the README: accuracy over time and energy by component, from one real run.

    python studies/readme_picture.py

Runs mnist_mlp on joshi_2020 as the README's command does and draws with neurosim.reports, as
`neurosim inspect --png` would.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import neurosim as ns
from neurosim.reports import plot_accuracy, plot_energy

TIMES = ("25 s", "1 h", "1 day", "1 year")
PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"


def draw(folder: Path, chips: int, limit: int | None = None) -> tuple[Path, Path]:
    """Paths of the two pictures, drawn into `folder` from a run of that many chips and images."""
    run = ns.run("mnist_mlp", instances=chips, times=TIMES, limit=limit, record=["none"])
    folder.mkdir(parents=True, exist_ok=True)
    return (
        plot_accuracy(run.summary, folder / "mnist_mlp_accuracy.png"),
        plot_energy(run.costs, folder / "mnist_mlp_energy.png"),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=PICTURES)
    parser.add_argument("--chips", type=int, default=10)
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    for path in draw(options.out, options.chips, options.limit):
        print(path)


if __name__ == "__main__":
    main()
