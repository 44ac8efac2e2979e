"""neurosim ranc: a network of cores in RANC's files, with RANC's conventions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neurosim.cli.bars import Bar
from neurosim.cli.terminal import plural, say, visible

EPILOG = """
**Example**

What RANC's own simulator prints, from the same files:

`neurosim ranc input.json config.json --ticks 18 --out rows.txt`

RANC (the Reconfigurable Architecture for Neuromorphic Computing) emulates TrueNorth-like cores. Its conventions are
kept: a packet of tick t with delay d is integrated in tick t + d + 1, delays of 15 are dropped with a warning,
packets that meet are one, the output bus knows no delay, and what the last tick sends is not printed.
"""

Input = Annotated[
    Path, typer.Argument(metavar="INPUT.json", help="RANC's network and packets; may be a .gz file.")
]
Config = Annotated[Path, typer.Argument(metavar="CONFIG.json", help="RANC's configuration.")]
Ticks = Annotated[
    int | None, typer.Option(metavar="N", help="Ticks to run. Default: until the last packet has arrived.")
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the rows here, as RANC does; else they are printed."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", metavar="", help="Replace an existing file.")]


def ranc_verb(
    network: Input, configuration: Config, ticks: Ticks = None, out: Out = None, overwrite: Overwrite = False
) -> None:
    """Run a network of cores given in RANC's files, and give the rows of its output bus."""
    from neurosim.engines.spiking.truenorth import format_rows, load_ranc, run_ranc, write_rows
    from neurosim.foundation.errors import ConfigError

    if out is not None and out.exists() and not overwrite:
        raise ConfigError(
            str(out), "a new file", "one that exists", "choose another name, or give --overwrite"
        )
    with Bar("ticks") as bar:
        bar.stage(f"reading {network.name}", 0)
        case = load_ranc(network, configuration)
        wanted = case.ticks if ticks is None else ticks
        bar.stage("running", wanted)
        rows = run_ranc(case, wanted)
    if out is None:
        typer.echo(format_rows(rows), nl=False)
        return
    write_rows(out, rows)
    say(visible(f"{out}: {plural(len(rows), 'row')} of {rows.shape[1]} outputs, {int(rows.sum()):,} spikes"))
