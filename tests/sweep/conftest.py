"""Sweep files, written into the folder of a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a sweep file: write(text) or write(grid="...", run="..."), and give its path."""

    def put(
        text: str | None = None, *, run: str = "", grid: str = "", rest: str = "", name: str = "s.toml"
    ) -> Path:
        if text is None:
            network = "" if "network" in run or "network" in grid else 'network = "digits_mlp"\n'
            text = f"format = 1\n[run]\n{network}{run}\n{'[grid]' if grid else ''}\n{grid}\n{rest}\n"
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return put
