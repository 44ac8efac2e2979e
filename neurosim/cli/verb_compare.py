"""neurosim compare: several runs on the same images, side by side."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from neurosim.cli.bars import Bar
from neurosim.cli.terminal import WIDEST, say, table, title, visible
from neurosim.foundation.errors import ConfigError

EPILOG = """
**Examples**

One network on one chip, as rates and as spikes, with the very same devices:

`neurosim run mnist_mlp --out rate.h5`

`neurosim run mnist_mlp --mode spiking --steps 100 --out spikes.h5`

`neurosim compare rate.h5 spikes.h5`

Different chips, each with its own network, at an accuracy that all of them reach:

`neurosim compare a.h5 b.h5 c.h5 --equal-accuracy --png pictures`
"""

Files = Annotated[
    list[Path], typer.Argument(metavar="RUN.h5", help="Two or more run files, from `neurosim run --out`.")
]
Tolerance = Annotated[
    str, typer.Option(metavar="POINTS", help="How much lower an accuracy may be and still count as equal.")
]
EqualAccuracy = Annotated[
    bool,
    typer.Option(
        "--equal-accuracy", metavar="", help="Also at an accuracy all reach, with the fewest steps for it."
    ),
]
Prices = Annotated[
    str | None,
    typer.Option(metavar="CHIP", help="Price every run with this chip's prices, not with its own."),
]
Png = Annotated[Path | None, typer.Option(metavar="DIR", help="Draw the comparison as PNG into this folder.")]


def compare_verb(
    files: Files,
    tolerance: Tolerance = "0.5 %",
    equal_accuracy: EqualAccuracy = False,
    prices: Prices = None,
    png: Png = None,
) -> None:
    """Compare runs on the same images: accuracy, energy, speed, area, and where spiking stops winning.

    The first run is held against each of the others, image by image and chip by chip.
    """
    points = _points(tolerance)
    with Bar("runs") as bar:
        bar.stage("comparing", 0)
        from neurosim.reports.comparison import compare
        from neurosim.reports.comparison_tables import sections

        found = compare(*files, tolerance=points, equal_accuracy=equal_accuracy, prices=prices)
    for run in found.runs:
        say(visible(f"{run.letter}  {run.path}: {run.title}"), "bold" if run.letter == "A" else "")
    for section in sections(found):
        title(visible(section.title))
        if section.columns:
            table(
                section.columns, section.rows, right=range(1, len(section.columns)), whole=(0,), width=WIDEST
            )
        for note in section.notes:
            say(visible(note), "dim")
    if png is not None:
        from neurosim.reports.comparison_plots import plot_comparison

        for path in plot_comparison(found, png):
            say(visible(path))


def _points(text: str) -> float:
    """A fraction from '0.5 %', '0.5%' or '0.005'. ConfigError for anything else."""
    matched = re.fullmatch(r"\s*(\d*\.?\d+)\s*(%?)\s*", text)
    if matched is None:
        raise ConfigError(
            "--tolerance", "points of accuracy", repr(text), "write it like --tolerance '0.5 %'"
        )
    return float(matched[1]) / (100 if matched[2] else 1)
