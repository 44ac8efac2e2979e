"""Starting is light: nothing heavy is imported before a verb needs it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from conftest import environment

HEAVY = {"numpy", "numba", "h5py", "scipy", "torch", "matplotlib", "sklearn", "pydantic", "pooch", "requests"}
MODULES = "print(*{name.partition('.')[0] for name in sys.modules})"


def loaded(code: str) -> set[str]:
    """Top-level packages that a program has loaded at its end."""
    text = f"import sys\n{code}\n{MODULES}"
    done = subprocess.run(
        [sys.executable, "-c", text],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_importing_neurosim_is_light() -> None:
    modules = loaded("import neurosim")
    assert "neurosim" in modules
    assert not modules & (HEAVY | {"typer", "rich"})


@pytest.mark.parametrize("argument", ["--help", "--version", "nonsense", "run --help"])
def test_the_program_s_start_is_light(argument: str) -> None:
    code = f"""
from neurosim.cli.main import main
sys.argv = ["neurosim", *{argument.split()!r}]
try:
    main()
except SystemExit:
    pass"""
    modules = loaded(code)
    assert "typer" in modules
    assert not modules & HEAVY - {"pydantic"}  # newer typers read arguments with it
