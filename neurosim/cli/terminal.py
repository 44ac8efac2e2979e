"""What goes to the terminal: plain words, tables that fit 80 columns, and no text that could play tricks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

WIDTH = 80  # of tables where a terminal is wider: long lines are hard to read
WIDEST = 140  # of tables with much text in them


def out() -> Console:
    """Standard output; text is printed as it stands, markup in names means nothing."""
    return _console(stderr=False)


def err() -> Console:
    """Standard error: errors, hints while working, progress."""
    return _console(stderr=True)


def room() -> int:
    """Characters in a line of standard output; 80 where it is no terminal."""
    return out().width


def _console(stderr: bool) -> Console:
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)


def visible(text: object) -> str:
    """Text from files and arguments with every character that would not print (ANSI codes, line ends, text
    direction marks, broken bytes) written as an escape."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in str(text)
    )


def say(text: str = "", style: str = "") -> None:
    """A line to standard output, wrapped between words on a terminal and never elsewhere."""
    console = out()
    console.print(Text(text, style), soft_wrap=not console.is_terminal)


def note(text: str) -> None:
    """A line to standard error that is no error."""
    err().print(Text(text, "yellow"), soft_wrap=True)


def title(text: str) -> None:
    """A heading, with an empty line before it."""
    say()
    say(text, "bold")


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    right: Iterable[int] = (),
    *,
    total: bool = False,
    whole: Iterable[int] = (),
    width: int = WIDTH,
) -> None:
    """Print a table.

    Parameters
    ----------
    columns : headings; "" for a column that needs none
    rows : cells, as text; escaped here
    right : columns set flush right (numbers)
    total : whether the last row is a sum
    whole : columns that are never broken over lines
    width : at most, in characters; the terminal's at most
    """
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1), header_style="dim",
                 show_header=any(columns))  # fmt: skip
    flush, unbroken = set(right), set(whole)
    for number, column in enumerate(columns):
        side: JustifyMethod = "right" if number in flush else "left"
        made.add_column(column, justify=side, overflow="fold", no_wrap=number in unbroken)
    listed = [[visible(cell) for cell in row] for row in rows]
    for number, cells in enumerate(listed):
        made.add_row(*cells, style="bold" if total and number == len(listed) - 1 else "")
    console = out()
    console.print(made, width=min(console.width, width))


def per_cent(fraction: float, digits: int = 2) -> str:
    """A fraction in per cent."""
    return f"{100 * fraction:.{digits}f} %"


def plural(number: int, thing: str) -> str:
    """'1 chip', '10 chips', '10,000 images'."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")
