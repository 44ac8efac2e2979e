"""neurosim place: a network's shapes on a chip, without weights or data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurosim.cli.bars import Bar
from neurosim.cli.run_options import CHIP_PANEL, Set
from neurosim.cli.terminal import say, visible
from neurosim.cli.verb_run import chip_options
from neurosim.foundation.errors import ConfigError

if TYPE_CHECKING:
    from neurosim.chips import Chip

EPILOG = """
**Examples**

How many tiles a network takes, how well it fills them, and what an image is expected to cost:

`neurosim place resnet18`

On four chips, slow layers copied into the tiles that are left:

`neurosim place resnet50 --chip isaac --chips 4 --replicate`

On one chip that is too small, programmed anew between layers for every 100 images, kept in a file:

`neurosim place vgg19 --chip isaac --multiplex --batch 100 --out place.json`
"""

COPIES_PANEL, ASSUMED_PANEL = "Chips and copies", "Assumed, in place of weights and images"

Network = Annotated[
    str,
    typer.Argument(metavar="NETWORK", help="Name (see `neurosim networks`) or folder; no weights needed."),
]
ChipName = Annotated[str, typer.Option(
    "--chip", metavar="CHIP", rich_help_panel=CHIP_PANEL,
    help="Name (see `neurosim chips`) or chip.toml of a chip.",
)]  # fmt: skip
Chips = Annotated[int | None, typer.Option(
    metavar="N", rich_help_panel=COPIES_PANEL, help="Chips at hand. Default: as many as it takes.",
)]  # fmt: skip
Multiplex = Annotated[bool, typer.Option(
    "--multiplex", metavar="", rich_help_panel=COPIES_PANEL,
    help="Program the chips anew, round after round, where they do not hold all layers.",
)]  # fmt: skip
Batch = Annotated[int, typer.Option(
    metavar="N", rich_help_panel=COPIES_PANEL, help="With --multiplex: images that pass in a round.",
)]  # fmt: skip
Replicate = Annotated[bool, typer.Option(
    "--replicate", metavar="", rich_help_panel=COPIES_PANEL,
    help="Copy slow layers until all are as fast, or the tiles run out.",
)]  # fmt: skip
Tiles = Annotated[int | None, typer.Option(
    metavar="N", rich_help_panel=COPIES_PANEL, help="With --replicate: tiles that may be occupied.",
)]  # fmt: skip
Conductance = Annotated[float | None, typer.Option(
    "--mean-conductance", metavar="SHARE", rich_help_panel=ASSUMED_PANEL,
    help="Mean conductance of the devices, as a share of their range. Default: 0.16 for pairs, 0.25 for sliced "
    "pairs, 0.5 for single devices.",
)]  # fmt: skip
Activity = Annotated[float | None, typer.Option(
    "--input-activity", metavar="SHARE", rich_help_panel=ASSUMED_PANEL,
    help="Mean of (V / V_read) squared over a layer's inputs, or the share of ones in bit-serial inputs. "
    "Default: 0.06; 0.12 for pulse widths; 0.2 for bits.",
)]  # fmt: skip
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Keep all figures in this file, such as place.json.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", metavar="", help="Replace an existing file.")]
Json = Annotated[bool, typer.Option("--json", metavar="", help="Print JSON in place of tables.")]


def place_verb(
    network: Network,
    chip: ChipName = "joshi_2020",
    changes: Set = None,
    chips: Chips = None,
    multiplex: Multiplex = False,
    batch: Batch = 1,
    replicate: Replicate = False,
    tiles: Tiles = None,
    mean_conductance: Conductance = None,
    input_activity: Activity = None,
    out: Out = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Place a network on a chip, without data: tiles, chips, area, energy and latency."""
    from neurosim.chips import load_chip

    if out is not None and out.exists() and not overwrite:
        raise ConfigError(
            str(out), "a file that is not there yet", "one that is", "give --overwrite, or another --out"
        )
    silicon = load_chip(chip).with_options(**chip_options({}, changes or []))
    wished = {
        "chips": chips, "multiplex": multiplex, "batch": batch, "replicate": replicate, "tiles": tiles,
        "mean_conductance": mean_conductance, "input_activity": input_activity,
    }  # fmt: skip
    on = _on_processor if silicon.parameters.processor is not None else _on_crossbars
    content = on(network, silicon, wished, quiet=as_json)
    text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    if as_json:
        typer.echo(text, nl=False)
    if out is not None:
        from neurosim.graph.weights import replace_file

        replace_file(out, text.encode())
        if not as_json:
            say(f"All figures: {visible(out)}")


def _on_crossbars(network: str, chip: Chip, wished: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    """Place it on tiles, print the tables unless quiet, and give the figures."""
    from neurosim.cli.place_tables import show_placed
    from neurosim.pipeline.placing import Wishes, place_shapes

    with Bar("layers") as bar:
        bar.stage(f"placing {network}", 0)
        placed = place_shapes(network, chip, Wishes(**wished))
    if not quiet:
        show_placed(placed)
    return placed.to_json()


def _on_processor(network: str, chip: Chip, wished: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    """The same on a digital processor, which has neither tiles nor copies."""
    from neurosim.cli.place_digital_tables import show_placed_digital
    from neurosim.pipeline.placed_digital import place_on_processor
    from neurosim.pipeline.placing import load_architecture

    _refuse_tiles(chip, wished)
    with Bar("layers") as bar:
        bar.stage(f"placing {network}", 0)
        placed = place_on_processor(load_architecture(network), chip)
    if not quiet:
        show_placed_digital(placed)
    return placed.to_json()


def _refuse_tiles(chip: Chip, wished: dict[str, Any]) -> None:
    """Refuse wishes that only a chip of crossbars can meet."""
    from neurosim.pipeline.placing import Wishes

    for name, value in wished.items():
        if value != getattr(Wishes(), name):
            raise ConfigError(
                f"--{name.replace('_', '-')}", "a chip of crossbars", f"{chip.name}, a digital processor",
                "leave it out; of a processor, --set processor.batch=N changes how many images are computed together",
            )  # fmt: skip
