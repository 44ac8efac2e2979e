"""neurosim export: a network for other simulators of spiking networks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurosim.cli.bars import Bar
from neurosim.cli.terminal import plural, say, visible

if TYPE_CHECKING:
    from neurosim.pipeline.exporting import Exported

EPILOG = """
**Examples**

A trained network, converted to spikes, as a file that the nir package reads, and with it Norse, snnTorch, Sinabs,
Lava, Rockpool, SpikingJelly and others:

`neurosim export mnist_mlp --nir mnist_mlp.nir`

Thresholds from the 99th percentile of the activations on 2,000 training images:

`neurosim export mnist_mlp --nir fast.nir --percentile 99 --calibration 2000`

The network of a run, out of its file:

`neurosim export run.h5 --nir network.nir`

**What NIR leaves open**

A NIR file holds equations in continuous time. The time step, what happens when v equals the threshold, and a reset
that takes the threshold off v have no place in them; they are kept in the nodes' metadata ("neurosim_reset" and so on),
which neurosim reads back and other simulators do not. A converted network needs them: set your simulator to reset by
subtraction.
"""

Network = Annotated[
    str, typer.Argument(metavar="NETWORK", help="Name or folder of a network, a .nir file, or a run file.")
]
Nir = Annotated[Path, typer.Option("--nir", metavar="FILE", help="Write the network here, in NIR form.")]
Percentile = Annotated[
    float | None,
    typer.Option(
        metavar="P", help="Activations that make one spike per step, of a rate network. Default: 99.9."
    ),
]
Calibration = Annotated[
    int | None,
    typer.Option(metavar="N", help="Training images that the percentile is taken from. Default: 1000."),
]
Step = Annotated[
    str | None, typer.Option("--dt", metavar="TIME", help="Time step, of a .nir file with delays.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", metavar="", help="Replace an existing file.")]


def export_verb(
    network: Network,
    nir: Nir,
    percentile: Percentile = None,
    calibration: Calibration = None,
    dt: Step = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a network in NIR form, for other simulators; a rate-coded one is converted to spikes first."""
    from neurosim.foundation.units import parse_time
    from neurosim.pipeline.exporting import export_nir

    dt_s = None if dt is None else parse_time(dt, "--dt")
    with Bar("images") as bar:
        made = export_nir(
            network, nir, percentile=percentile, calibration=calibration, dt_s=dt_s, overwrite=overwrite,
            progress=bar,
        )  # fmt: skip
    _show(made)


def _show(made: Exported) -> None:
    graph = made.graph
    neurons = sum(population.size for population in graph.populations)
    say(
        visible(f"{made.path}: {graph.name}, {plural(len(graph.nodes), 'node')}, {neurons:,} neurons"), "bold"
    )
    say(visible(f"Input: {graph.source.name!r} of shape {graph.source.shape}; output: {graph.output!r}"))
    if made.input_scale is not None:
        say(f"Show it images divided by {made.input_scale:.4g}, as currents or as spikes, in every step.")
    if made.beyond_nir:
        say("Its neurons have conventions that NIR has no word for: see their metadata.")
    say(f"Read it with nir.read({str(made.path)!r}), or here by its name.", "dim")
