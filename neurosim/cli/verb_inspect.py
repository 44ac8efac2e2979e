"""neurosim inspect: what a run file holds."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurosim.cli.summary_tables import show_steps, show_summary
from neurosim.cli.terminal import say, table, title, visible

if TYPE_CHECKING:
    from neurosim.recording import RunFile
    from neurosim.recording.reading import Entry

EPILOG = """
**Examples**

Accuracy, energy, speed and area again, out of a run's file:

`neurosim inspect run.h5`

All data sets in it; its pictures; the hash of its content:

`neurosim inspect run.h5 --tree`

`neurosim inspect run.h5 --png pictures`

`neurosim inspect run.h5 --hash`
"""

CLASSES = "/outputs/predictions"  # what a run file has, and a programmed chip's has not
File = Annotated[Path, typer.Argument(metavar="RUN.h5", help="A run file, from `neurosim run --out`.")]
Tree = Annotated[bool, typer.Option("--tree", metavar="", help="List every array with dimensions and units.")]
Png = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Draw the key figures as PNG into this folder.")
]
Hash = Annotated[
    bool, typer.Option("--hash", metavar="", help="Print the hash of the content: equal runs, equal hashes.")
]


def inspect_verb(file: File, tree: Tree = False, png: Png = None, digest: Hash = False) -> None:
    """Show what a run file holds: the run's summary, and on demand its arrays, pictures and hash."""
    from neurosim.recording import RunFile

    with RunFile.open(file) as run:
        if digest:
            say(run.content_hash())
        if png is not None:
            _draw(run, png)
        summary = CLASSES in run and not (digest or tree or png)
        if tree or not (digest or png or summary):
            _show_tree(run)
        if summary:
            _show_summary(run)


def _show_summary(run: RunFile) -> None:
    from neurosim.foundation.errors import DataError
    from neurosim.reports import accuracy_by_step, summarise
    from neurosim.reports.stepwise import SCORES

    show_summary(summarise(run))
    if SCORES in run:
        show_steps(accuracy_by_step(run))
    with contextlib.suppress(DataError):  # another program's file need not tell
        provenance = run.attributes("/provenance")
        title("Made with")
        short = [f"{name} {value}" for name, value in sorted(provenance.items()) if len(str(value)) < 60]
        say(visible(", ".join(short)), "dim")


def _show_tree(run: RunFile) -> None:
    rows: list[tuple[str, ...]] = []
    last = ""
    for entry in sorted(run.tree(), key=lambda entry: entry.path.rpartition("/")):
        folder, _, name = entry.path.rpartition("/")
        if folder != last:
            rows.append((folder, "", "", "", ""))
            last = folder
        indented = f"  {name}" if folder else f"/{name}"
        axes = _axes(entry.dims, entry.shape)
        rows.append((indented, entry.dtype, axes, _units(entry.units), _size(entry)))
    table(["path", "type", "axes", "unit", "size"], rows, right=(4,), whole=(0,))


def _axes(dims: tuple[str, ...], shape: tuple[int, ...]) -> str:
    """Each dimension with its length."""
    if not any(dims):
        return " x ".join(map(str, shape)) or "-"
    return " ".join(f"{name or '?'}={length}" for name, length in zip(dims, shape, strict=True))


def _units(units: str) -> str:
    return "" if units == "1" else units


def _size(entry: Entry) -> str:
    if entry.dtype == "text":
        return ""  # the file holds references, whose size says nothing
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if entry.nbytes >= factor:
            return f"{entry.nbytes / factor:.3g} {unit}"
    return f"{entry.nbytes} B"


def _draw(run: RunFile, folder: Path) -> None:
    from neurosim.reports import plot_all

    for path in plot_all(run, folder):
        say(visible(path))
