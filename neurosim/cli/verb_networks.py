"""neurosim networks: the networks that are shipped, and the layers of one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from neurosim.cli.terminal import per_cent, say, table, title, visible
from neurosim.foundation.errors import NeurosimError

if TYPE_CHECKING:
    from neurosim.graph import Layer, Measured, Recipe, Weighted

EPILOG = """
**Examples**

`neurosim networks`

`neurosim networks mnist_lenet`

`neurosim run mnist_lenet`
"""

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="A network, or the path of its folder.")]


def networks_verb(name: Name = None) -> None:
    """List the networks with their float accuracy, or show one: its layers and its training recipe."""
    from neurosim.graph import network_names

    if name is not None:
        _show(name)
        return
    columns = ["network", "input", "weighted layers", "weights", "float accuracy"]
    table(columns, [_listed(known) for known in network_names()], right=(3, 4))
    say("One of them in full: neurosim networks NAME", "dim")


def _listed(name: str) -> tuple[str, ...]:
    from neurosim.graph import Weighted, find_network, read_description, read_measured

    path = find_network(name)
    try:
        description, layers = read_description(path)
        measured = read_measured(path.parent)
    except NeurosimError as problem:  # a broken one must not hide the others
        return name, "", str(problem).splitlines()[0], "", ""
    weighted = [layer for layer in layers if isinstance(layer, Weighted)]
    kinds = " ".join(f"{_kind(layer)}({layer.columns * layer.matrix_groups})" for layer in weighted)
    told = "on the chip" if description.learning else _accuracy(measured)
    return name, description.input.dataset, kinds, f"{sum(map(_weights, weighted)):,}", told


def _weights(layer: Weighted) -> int:
    """Weights of a layer's matrices, without biases; those that the chip learns included."""
    return layer.matrix_groups * layer.rows * layer.columns


def _kind(layer: Layer) -> str:
    return str(layer.model_dump()["kind"])


def _accuracy(measured: Measured | None) -> str:
    return per_cent(measured.float_accuracy) if measured else "not trained"


def _show(name: str) -> None:
    from neurosim.graph import Weighted, find_network, read_description, read_measured

    path = find_network(name)
    description, layers = read_description(path)
    measured = read_measured(path.parent)
    say(visible(f"{description.name}: {description.title}"), "bold")
    crop = description.input.crop
    cut = f", cropped to {crop[0]} x {crop[1]}" if crop else ""
    say(visible(f"Input: {description.input.dataset}{cut}, as {_shape(description.input.shape)}"))
    if measured:
        where = f"{measured.n_test:,} {measured.split} images of {measured.dataset}"
        say(visible(f"Float accuracy: {_accuracy(measured)} of {where}; weights {measured.checksum[:16]}..."))
    elif description.learning:
        say(visible(f"Learns on the chip: neurosim run {name} --mode spiking --chip kim_2015"))
    else:
        say(visible(f"Not trained yet: neurosim train {name}"))
    say()
    rows = [
        (layer.name, _kind(layer), ", ".join(layer.inputs), _shape(layer.own_output_shape),
         f"{_weights(layer):,}" if isinstance(layer, Weighted) else "")
        for layer in layers
    ]  # fmt: skip
    table(["layer", "kind", "takes", "output", "weights"], rows, right=(4,))
    if description.training:
        _show_recipe(description.training)


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _show_recipe(recipe: Recipe) -> None:
    title("Training recipe")
    entries = recipe.model_dump(exclude_unset=True, exclude_none=True)
    say(visible(", ".join(f"{key} {value}" for key, value in entries.items())))
