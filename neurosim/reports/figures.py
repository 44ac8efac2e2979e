"""What all pictures share: colours, axes without clutter, and saving a file whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neurosim.foundation.errors import ConfigError, LimitError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# told apart with every kind of colour vision (Okabe and Ito)
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#7f7f7f"
PALETTE = (BLUE, ORANGE, "#009e73", "#cc79a7", "#e69f00", "#56b4e9", GREY, "#000000")
FORMATS = (".png", ".svg")
DPI = 150


def new_figure(
    width: float, height: float, rows: int = 1, columns: int = 1, ratios: Sequence[float] | None = None
) -> tuple[Figure, list[list[Axes]]]:
    """A figure in inches and its grid of axes, rows as high as `ratios`; no state is shared with pyplot."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, height_ratios=ratios)
    for axes in grid.flat:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=9)
    return figure, [list(row) for row in grid]


def plain(text: str) -> str:
    """Text that matplotlib shows as it is, dollar signs included."""
    return text.replace("$", r"\$")


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG or SVG; the file is there whole, or not at all.

    Raises ConfigError for another suffix, LimitError when the file cannot be written.
    """
    target = Path(path)
    if target.suffix not in FORMATS:
        raise ConfigError(
            f"picture {target}", "a name ending in .png or .svg", repr(target.suffix), "rename it"
        )
    partial = target.with_name(f".{target.name}.partial")
    try:
        figure.savefig(partial, format=target.suffix[1:], dpi=DPI)
        partial.replace(target)
    except OSError as problem:
        partial.unlink(missing_ok=True)
        raise LimitError(
            str(target), "a place to write a picture", str(problem), "choose another folder"
        ) from None
    return target
