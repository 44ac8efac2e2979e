"""Signals and failures: what is said about them, in one line each, and the exit code that goes with them."""

from __future__ import annotations

import contextlib
import errno
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from rich.text import Text

import neurosim
from neurosim.cli.terminal import err, visible
from neurosim.foundation.errors import ConfigErrors, NeurosimError

USAGE, FAILURE = 2, 1
_SIGNALLED = 128  # added to a signal's number, as shells do
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Stopped(BaseException):
    """A signal asks the program to end; what is open is put away on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = _SIGNALLED + number


_arrived: list[int] = []  # signals since the program began


@contextlib.contextmanager
def signals_stop() -> Iterator[None]:
    """Inside, SIGTERM and Ctrl-C raise Stopped, so that a run can close its last part.

    Raised while a library calls back into Python from compiled code (numba loading a kernel), an exception is
    reported as unraisable and lost. So the signal is remembered too, and `go_on` raises it again.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    _arrived.clear()
    numbers = (signal.SIGTERM, signal.SIGINT)
    former = {number: signal.signal(number, _stop) for number in numbers if callable(signal.getsignal(number))
              or signal.getsignal(number) == signal.SIG_DFL}  # fmt: skip
    hook, sys.unraisablehook = sys.unraisablehook, _quiet_about_stopping
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped(signal.SIGINT) from None
    finally:
        sys.unraisablehook = hook
        for number, handler in former.items():
            signal.signal(number, handler)


def go_on() -> None:
    """Raise Stopped if a signal has arrived whose exception was lost; called wherever progress is shown."""
    if _arrived:
        raise Stopped(_arrived[-1])


def _stop(number: int, _: object) -> NoReturn:
    _arrived.append(number)
    raise Stopped(number)


def _quiet_about_stopping(lost: Any) -> None:
    if not isinstance(lost.exc_value, Stopped):
        sys.__unraisablehook__(lost)


def explain(problem: BaseException, show_traceback: bool) -> int:
    """Say on standard error what went wrong; the exit code."""
    if show_traceback:
        traceback.print_exception(problem)
    for line in _lines(problem, show_traceback):
        _error(line)
    return _exit_code(problem)


def _exit_code(problem: BaseException) -> int:
    code = getattr(problem, "exit_code", FAILURE)  # of this program's errors, and of typer's
    return code if isinstance(code, int) else FAILURE


def _lines(problem: BaseException, traced: bool) -> list[str]:
    if isinstance(problem, Stopped | BrokenPipeError):
        return []  # the verb has said how to go on; a closed pipe wants no words
    if isinstance(problem, ConfigErrors):
        return list(problem.lines)
    if isinstance(problem, NeurosimError):
        return [str(problem)]
    if isinstance(problem, MemoryError):
        return [_memory(problem)]
    if hasattr(problem, "format_message"):  # a usage error of typer's, whichever version's class it is
        return [_usage(problem)]
    if isinstance(problem, OSError) and problem.errno is not None:
        return [_of_system(problem)]
    return [_internal(problem, traced)]


def _usage(problem: Any) -> str:
    command = problem.ctx.command_path if getattr(problem, "ctx", None) else "neurosim"
    return f"{problem.format_message().rstrip('.')}; see `{command} --help`"


def _memory(problem: MemoryError) -> str:
    wanted = f" ({problem})" if str(problem) else ""
    return f"memory: expected enough, got none left{wanted}; give a smaller --batch, --threads 1 or a --limit"


def _of_system(problem: OSError) -> str:
    remedy = "free some space" if problem.errno in _FULL else "check the path and its permissions"
    return f"{problem.filename or 'output'}: {problem.strerror or problem}; {remedy}"


def _internal(problem: BaseException, traced: bool) -> str:
    """A failure that nobody foresaw: what and where, and how to see more."""
    text = " ".join(str(problem).split()) or "no message"
    ask = "please report it" if traced else "run it again with --traceback to see where, and report it"
    return f"internal error: {type(problem).__name__}: {text}{_where(problem)}; {ask}"


def _where(problem: BaseException) -> str:
    """The last line of this package that the failure went through."""
    package = Path(neurosim.__file__).resolve().parent
    for frame in reversed(traceback.extract_tb(problem.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(package):
            return f" (in {path.relative_to(package.parent)}, line {frame.lineno})"
    return ""


def _error(text: str) -> None:
    line = Text.assemble(("error: ", "bold red"), visible(text))
    err().print(line, soft_wrap=True)
