"""neurosim train: the weights of a network, by the recipe of its TOML."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurosim.cli.bars import Bar
from neurosim.cli.stopping import Stopped
from neurosim.cli.terminal import note, per_cent, say, visible
from neurosim.foundation.errors import ConfigError

if TYPE_CHECKING:
    from neurosim.training import TrainingProgress

EPILOG = """
**Examples**

The digits network anew, into the folder digits_mlp:

`neurosim train digits_mlp`

Another seed, for fewer epochs, and a run with what came out:

`neurosim train mnist_mlp --seed 1 --epochs 5 --out my_mlp`

`neurosim run my_mlp`
"""

Network = Annotated[
    str, typer.Argument(metavar="NETWORK", help="Name (see `neurosim networks`) or folder of a network.")
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where to write. Default: a folder of the network's name, here."),
]
Epochs = Annotated[int | None, typer.Option(metavar="N", help="In place of the recipe's.")]
Seed = Annotated[int | None, typer.Option(metavar="N", help="In place of the recipe's.")]
Limit = Annotated[int | None, typer.Option(metavar="N", help="Only the first N images, to try things out.")]
Resume = Annotated[bool, typer.Option("--resume", metavar="", help="Go on after the last whole epoch.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", metavar="", help="Replace weights that are there already.")
]


def train_verb(
    network: Network,
    out: Out = None,
    epochs: Epochs = None,
    seed: Seed = None,
    limit: Limit = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Train a network by its recipe (needs PyTorch: the extra `train`); write weights and their accuracy."""
    from neurosim.graph import find_network, read_description, read_measured
    from neurosim.graph.reading import WEIGHTS_FILE
    from neurosim.training import train

    description, _ = read_description(find_network(network))
    shipped = read_measured(find_network(network).parent)  # now: the new file may take its place
    folder = out or Path(description.name)
    if (folder / WEIGHTS_FILE).exists() and not overwrite:
        remedy = "replace them with --overwrite or choose another --out"
        raise ConfigError(str(folder), "a folder without weights", "one with them", remedy)
    try:
        with Bar("batches") as bar:
            measured = train(
                network, out=folder, epochs=epochs, seed=seed, limit=limit, resume=resume,
                progress=lambda now: _show(bar, now),
            )  # fmt: skip
    except (KeyboardInterrupt, Stopped):
        note(f"stopped; the last whole epoch is safe in {visible(folder)}: go on with --resume")
        raise
    say(visible(f"{measured.network}: {measured.epochs} epochs on {measured.n_train:,} images"), "bold")
    right = f"{per_cent(measured.float_accuracy)} of {measured.n_test:,} {measured.split} images"
    say(visible(f"Float accuracy: {right} of {measured.dataset}"))
    if shipped is not None and shipped.seed == measured.seed and shipped.n_train == measured.n_train:
        say(f"The weights it came with: {per_cent(shipped.float_accuracy)}", "dim")
    say(f"Weights: {visible(folder / WEIGHTS_FILE)} (try `neurosim run {visible(_as_path(folder))}`)")


def _as_path(folder: Path) -> str:
    """The folder as an argument that cannot be taken for the name of a shipped network."""
    return str(folder) if len(folder.parts) > 1 else f"./{folder}"


def _show(bar: Bar, now: TrainingProgress) -> None:
    done = (now.epoch - 1) * now.batches + now.batch
    text = f"epoch {now.epoch}/{now.epochs} loss {now.loss:.4f} accuracy {per_cent(now.accuracy, 1)}"
    bar.reach(done, now.epochs * now.batches, text)
