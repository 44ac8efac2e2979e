"""neurosim networks: the networks that are shipped, and the layers of one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from neurosim.cli.terminal import per_cent, say, table, title, visible
from neurosim.foundation.errors import NeurosimError
from neurosim.foundation.units import format_si, format_time

if TYPE_CHECKING:
    from neurosim.graph import Description, Layer, Measured, Recipe, Weighted

EPILOG = """
**Examples**

`neurosim networks`

`neurosim networks mnist_lenet`

`neurosim run mnist_lenet`

One of which only the shapes are known, on a chip:

`neurosim place resnet18`
"""

_MANY = 7  # weighted layers that are listed one by one
_MILLIONS = 1_000_000  # weights from which a table gives three digits


Name = Annotated[str | None, typer.Argument(metavar="NAME", help="A network, or the path of its folder.")]


def networks_verb(name: Name = None) -> None:
    """List the networks with their float accuracy, or show one: its layers and its training recipe."""
    from neurosim.graph import network_names

    if name is not None:
        _show(name)
        return
    columns = ["network", "input", "weighted layers", "weights", "accuracy"]
    table(columns, [_listed(known) for known in network_names()], right=(3, 4))
    say("Accuracy: of the float network, on the test images.", "dim")
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
    told = "on the chip" if description.learning else _accuracy(measured, description)
    return name, description.input.dataset, _in_short(weighted), _count(sum(map(_weights, weighted))), told


def _count(weights: int) -> str:
    return f"{weights:,}" if weights < _MILLIONS else format_si(weights, "").strip()


def _in_short(weighted: Sequence[Weighted]) -> str:
    """The layers one by one, or how many there are of each kind."""
    if len(weighted) <= _MANY:
        return " ".join(f"{_kind(layer)}({layer.columns * layer.matrix_groups})" for layer in weighted)
    counts = Counter(_kind(layer) for layer in weighted)
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def _weights(layer: Weighted) -> int:
    """Weights of a layer's matrices, without biases; those that the chip learns included."""
    return layer.matrix_groups * layer.rows * layer.columns


def _kind(layer: Layer) -> str:
    return str(layer.model_dump()["kind"])


def _accuracy(measured: Measured | None, description: Description) -> str:
    if measured is not None:
        return per_cent(measured.float_accuracy)
    return "not trained" if description.training else "shapes only"


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
        accuracy = _accuracy(measured, description)
        say(visible(f"Float accuracy: {accuracy} of {where}; weights {measured.checksum[:16]}..."))
    elif description.learning:
        say(visible(f"Learns on the chip: neurosim run {name} --mode spiking --chip kim_2015"))
    elif description.training:
        took = description.training_time_s
        text = f" (about {format_time(took)} on one core)" if took else ""
        say(visible(f"Not trained yet: neurosim train {name}{text}"))
    else:
        say(visible(f"Shapes only, without weights: neurosim place {name}"))
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
