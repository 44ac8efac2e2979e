"""Progress bars with rate and time left, on standard error, for what takes longer than two seconds."""

from __future__ import annotations

import threading
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from neurosim.cli.stopping import go_on
from neurosim.cli.terminal import err, note, visible

DELAY_S = 2.0
KILO = 1000
TEN = 10  # from so many a second on they are told as whole numbers


class _Rate(ProgressColumn):
    """Things done per second, over the last half minute."""

    def render(self, task: Task) -> Text:
        """The text of the column."""
        speed = task.finished_speed or task.speed
        number = f"{speed or 0:,.0f}" if (speed or 0) >= TEN else f"{speed or 0:.2g}"
        return Text(f"{number} {task.fields['thing']}/s" if speed else "", "dim")


class Bar:
    """A bar that appears when the work has lasted for DELAY_S, and goes when it ends. A context manager.

    thing : what is counted, for the rate ("images")
    console : where to draw; nothing is drawn where that is no terminal
    """

    def __init__(self, thing: str, console: Console | None = None) -> None:
        self._console = console or err()
        columns = (
            SpinnerColumn("line"), TextColumn("{task.description}", markup=False), BarColumn(16), TaskProgressColumn(),
            _Rate(), TimeRemainingColumn(compact=True),
        )  # fmt: skip
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._task = self._progress.add_task("", total=None, thing=thing)
        self._thing = thing
        self._download = ""  # the file that is under way
        self._timer = threading.Timer(DELAY_S, self._progress.start)
        self._timer.daemon = True

    def stage(self, text: str, total: int, done: int = 0) -> None:
        """A stage of `total` things begins, `done` of them done earlier; 0 where their number is unknown."""
        go_on()
        self._begin(text, total, done, self._thing)

    def advance(self, count: int) -> None:
        """So many more are done."""
        go_on()
        self._progress.advance(self._task, count)

    def download(self, name: str, received: int, size: int | None) -> None:
        """A file is under way: bytes so far, and in all where that is known."""
        go_on()
        if name != self._download:
            self._download = name
            self._begin(f"downloading {name}", (size or 0) // KILO, 0, "kB")
            if not self._console.is_terminal:
                note(f"downloading {visible(name)}")
        self._progress.update(self._task, completed=received / KILO)

    def _begin(self, text: str, total: int, done: int, thing: str) -> None:
        self._progress.reset(
            self._task, total=total or None, completed=done, description=visible(text), thing=thing
        )

    def reach(self, done: int, total: int, text: str) -> None:
        """`done` of `total` are done, and `text` says what is at work."""
        go_on()
        self._progress.update(self._task, completed=done, total=total, description=visible(text))

    def __enter__(self) -> Bar:
        if self._console.is_terminal:
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._timer.ident is not None:
            self._timer.join()  # it may be about to start the bar
        if self._progress.live.is_started:  # else it would print an empty line
            self._progress.stop()
