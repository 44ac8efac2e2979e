"""One error type with four parts: where it happened, what was expected, what came, what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class NeurosimError(Exception):
    """Base of all errors a user can cause or meet.

    Parameters
    ----------
    where : the field, file:line or object concerned
    expected : what would have been right
    got : what came instead
    remedy : what the user can do
    """

    kind = "error"
    exit_code = 1

    def __init__(self, where: str, expected: str, got: str, remedy: str) -> None:
        self.where, self.expected, self.got, self.remedy = where, expected, got, remedy
        super().__init__(f"{where}: expected {expected}, got {got}; {remedy}")

    def __reduce__(self) -> tuple[type[NeurosimError], tuple[str, str, str, str]]:
        return type(self), (self.where, self.expected, self.got, self.remedy)


class ConfigError(NeurosimError):
    """A description (TOML file, argument, option) is wrong."""

    kind = "configuration"
    exit_code = 2


class DataError(NeurosimError):
    """Data (images, weights, arrays) is missing, damaged or of the wrong shape."""

    kind = "data"


class FormatError(NeurosimError):
    """A file is not of the format, or of the version, that is readable here."""

    kind = "format"


class NotProgrammedError(NeurosimError):
    """A chip was asked to compute before it was programmed."""

    kind = "not programmed"


class SolveError(NeurosimError):
    """A solver did not converge."""

    kind = "solve"


class LimitError(NeurosimError):
    """A limit of memory, disk, time or a lock stands in the way."""

    kind = "limit"


class ConfigErrors(ConfigError):
    """All errors of one description at once; one line each."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        Exception.__init__(self, "\n".join(self.lines))
        self.where = self.lines[0].split(": ")[0] if self.lines else ""
        self.expected, self.got, self.remedy = "a valid description", f"{len(self.lines)} error(s)", ""

    def __reduce__(self) -> tuple[type[ConfigErrors], tuple[tuple[str, ...]]]:  # type: ignore[override]
        return type(self), (self.lines,)


def near(name: str, known: Iterable[str]) -> str:
    """A remedy text with the known names nearest to `name`, or all of them if none is near."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(repr(c) for c in close) + "?"
    return "known: " + ", ".join(names)
