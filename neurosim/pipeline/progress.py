"""How far a run is: what the command line shows as a bar."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told how far a run is; the command line shows it as a bar."""

    def stage(self, text: str, total: int, done: int = 0) -> None:
        """A stage of `total` images begins, `done` of them done by the run that is resumed."""
        ...

    def advance(self, images: int) -> None:
        """So many more are done."""
        ...

    def download(self, name: str, received: int, size: int | None) -> None:
        """A file of the data set is under way: bytes so far, and in all where that is known."""
        ...


class Silent:
    """No progress shown."""

    def stage(self, text: str, total: int, done: int = 0) -> None:
        """Nothing."""

    def advance(self, images: int) -> None:
        """Nothing."""

    def download(self, name: str, received: int, size: int | None) -> None:
        """Nothing."""
