"""neurosim datasets: the data sets that have a card, and where their files are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurosim.cli.terminal import say, table, title, visible

if TYPE_CHECKING:
    from neurosim.inputs import Card

EPILOG = """
**Examples**

`neurosim datasets`

`neurosim datasets mnist`

Files that you have already, never changed, are used from the folder that NEUROSIM_DATA names:

`NEUROSIM_DATA=~/data neurosim run mnist_mlp`
"""

MEGABYTE = 1e6
Name = Annotated[str | None, typer.Argument(metavar="NAME", help="A data set, or the path of a card.")]


def datasets_verb(name: Name = None) -> None:
    """List the data sets and whether their files are here, or show one: splits, files, licence, citation."""
    from neurosim.inputs import dataset_card, dataset_names

    if name is not None:
        _show(dataset_card(name))
        return
    columns = ["data set", "images", "shape", "splits", "files"]
    table(columns, [_listed(dataset_card(known)) for known in dataset_names()], right=(1,))
    say("One of them in full: neurosim datasets NAME", "dim")


def _listed(card: Card) -> tuple[str, ...]:
    images = sum(split.images for split in card.splits.values())
    splits = ", ".join(f"{name} {split.images:,}" for name, split in card.splits.items())
    return card.name, f"{images:,}", _shape(card), splits, whereabouts(card)


def _content(card: Card) -> str:
    if card.span_s is None:
        return f"{_shape(card)} pixels of 0 to {card.max_level}"
    rows, columns = card.shape[1:]
    return f"Events of two polarities on {rows} x {columns} pixels, in recordings of {card.span_s * 1e3:g} ms"


def _shape(card: Card) -> str:
    return " x ".join(map(str, card.shape))


def whereabouts(card: Card) -> str:
    """Where a data set's files are, by name alone: they are verified when they are read.

    Raises DataError when NEUROSIM_DATA names no folder.
    """
    names = [file.name for file in card.files]
    if not names:
        return "built in"
    here = {name: _place(card, name) for name in names}
    packed = card.archive is not None and _local(card, card.archive.name)
    found = [place or ("NEUROSIM_DATA" if packed else "") for place in here.values()]
    if all(found):
        return " and ".join(dict.fromkeys(f"in {place}" for place in found))
    if not card.mirrors:
        return "to be put into NEUROSIM_DATA"
    size = _megabytes(card)
    return f"to be downloaded ({size:.3g} MB)" if size else "to be downloaded"


def _place(card: Card, name: str) -> str:
    from neurosim.inputs.download import cache_folder

    if _local(card, name):
        return "NEUROSIM_DATA"
    return "the cache" if (cache_folder() / card.name / name).is_file() else ""


def _local(card: Card, name: str) -> bool:
    from neurosim.inputs.sources import data_folder

    root: Path | None = data_folder()
    if root is None:
        return False
    return any((root / folder / name).is_file() for folder in (*card.folders, "."))


def _megabytes(card: Card) -> float:
    sizes = [card.archive.bytes] if card.archive else [file.bytes for file in card.files]
    return sum(size or 0 for size in sizes) / MEGABYTE


def _show(card: Card) -> None:
    say(visible(f"{card.name}: {card.title}"), "bold")
    say(visible(_content(card)))
    say(visible(f"{len(card.classes)} classes: {', '.join(card.classes)}"))
    say(visible(f"Files: {whereabouts(card)}"))
    say(visible(f"Licence: {card.licence}"))
    say(visible(f"Citation: {card.citation}"))
    if card.note:
        say(visible(f"Note: {card.note}"))
    title("Splits")
    rows = [(name, f"{split.images:,}", ", ".join(split.files)) for name, split in card.splits.items()]
    table(["split", "images", "files"], rows, right=(1,))
    if card.mirrors:
        title("Downloaded from, the first that works")
        for mirror in card.mirrors:
            say(visible(mirror))
