"""The command line under test: in this process, or as a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import neurosim
from neurosim.cli.main import app

MAIN = "from neurosim.cli.main import main; main()"
# each unit of work takes 50 ms longer, so that a run can be stopped at the same stage on any machine
SLOW = """
import time
from neurosim.engines.layout import FileRecorder
fast = FileRecorder.put
FileRecorder.put = lambda recorder, segment: (fast(recorder, segment), time.sleep(0.05))[0]
"""
Verb = Callable[..., Any]
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """80 columns, no colours, whatever the tests run in."""
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def verb() -> Verb:
    """Run the program in this process: verb("run", "--limit", "5") has exit_code, stdout and stderr."""

    def call(*arguments: object) -> Any:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="neurosim")

    return call


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start the program as a process of its own, in an empty folder."""

    def start(*arguments: object, slow: bool = False, **how: Any) -> subprocess.Popen[str]:
        code = SLOW + MAIN if slow else MAIN
        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)], cwd=tmp_path, text=True, env=environment(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how,
        )  # fmt: skip

    return start


def environment(**changes: str) -> dict[str, str]:
    """The surroundings of a process that imports this very package."""
    root = str(Path(neurosim.__file__).resolve().parents[1])
    return {**os.environ, "PYTHONPATH": root, **changes}


def one_line(text: str) -> str:
    """The only line of a text."""
    lines = text.splitlines()
    assert len(lines) == 1, text
    return lines[0]


def widest(text: str) -> int:
    """Length of the longest line."""
    return max(len(line) for line in text.splitlines())


def words(arguments: str) -> Sequence[str]:
    """Arguments separated by blanks."""
    return arguments.split()
