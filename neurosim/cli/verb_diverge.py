"""neurosim diverge: where two runs part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurosim.cli.terminal import plural, say, table, visible

if TYPE_CHECKING:
    from neurosim.recording import RunFile
    from neurosim.reports.divergence import Divergence, Parting

EPILOG = """
**Examples**

Are two runs of the same network, chip and seed the same, spike by spike?

`neurosim diverge a.h5 b.h5`

To learn the neuron and not only the step, record the spikes in both runs:

`neurosim run mnist_mlp --mode spiking --record outputs,spikes --out a.h5`

**What is compared**

The finest record that both runs have: spikes, in the order of images, steps, populations from the input on, and
neurons; then events, membranes and scores per step; then events, scores and predictions per image. Times
are matched by value; of images and steps the first ones that both have. What the two descriptions do not share is
listed before.

**Exit code**, as of `diff`: 0 where the runs are the same, 1 where they part, 2 where they cannot be compared. A file
that cannot be read is an error and gives 1 as well.
"""

A = Annotated[Path, typer.Argument(metavar="A.h5", help="A run file.")]
B = Annotated[Path, typer.Argument(metavar="B.h5", help="Another one, of the same network and inputs.")]

PARTED = 1  # exit code
_SHORT = 40  # characters of a value that are shown


def diverge_verb(left: A, right: B) -> None:
    """Name the first image, step and neuron where two runs part, or say that they are the same."""
    from neurosim.recording import RunFile
    from neurosim.reports import find_divergence

    with RunFile.open(left) as a, RunFile.open(right) as b:
        found = find_divergence(a, b)
        _show_differences(found)
        if found.parting is None:
            _show_equal(found)
        else:
            _show_parting(found, found.parting, a, (left, right))
        _hint(found)
    if found.parting is not None:
        raise typer.Exit(PARTED)


def _show_differences(found: Divergence) -> None:
    if found.differences:
        say("The descriptions differ", "bold")
        rows = [(d.name, _shortened(d.left), _shortened(d.right)) for d in found.differences]
        table(["", "A", "B"], rows, whole=(0,))
        say()


def _show_equal(found: Divergence) -> None:
    parts = [plural(found.images, "image"), plural(found.chips, "chip"), plural(len(found.times_s), "time")]
    if found.steps:
        parts.insert(1, plural(found.steps, "step"))
    say("The runs are the same" if not found.differences else "The results are the same", "bold")
    say(f"  compared over {', '.join(parts)}: {', '.join(_in_short(found.compared))}")


def _show_parting(found: Divergence, parting: Parting, run: RunFile, names: tuple[Path, Path]) -> None:
    from neurosim.foundation.units import format_time

    step = "" if parting.step is None else f", step {parting.step}"
    place = f", {parting.place}" if parting.place else ""
    say(visible(f"The runs part at image {parting.image}{step}{place}"), "bold")
    label = int(run.read("/outputs/labels", (parting.image,)))
    shown = format_time(parting.time_s)
    say(f"  record  {visible(parting.what)}")
    say(
        f"  image   of class {visible(run.read('/class')[label])}, on chip {parting.chip}, {shown} after programming"
    )
    for letter, name, value in zip("AB", names, (parting.left, parting.right), strict=True):
        say(f"  {letter}       {visible(value)}, in {visible(name)}")
    same = found.compared[:-1]
    if same:
        say(f"  equal   {', '.join(_in_short(same))}")


def _in_short(compared: Sequence[str]) -> list[str]:
    """The records compared, all counts of a kind as one."""
    from neurosim.foundation.counts import COUNTERS

    shown: list[str] = []
    for what in compared:
        counter, _, per = what.partition(" per ")
        known = f"events per {per}" if per and counter in COUNTERS else what
        if known not in shown:
            shown.append(known)
    return shown


def _hint(found: Divergence) -> None:
    if found.steps and "spikes" not in found.compared:
        say(
            "Spikes are not in both files: record them (--record outputs,spikes) to compare neuron by neuron.",
            "dim",
        )


def _shortened(text: str) -> str:
    return text if len(text) <= _SHORT else text[: _SHORT - 3] + "..."
