"""What all tests share: where the data lie, no network, repeatable hypothesis examples."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parents[1]
_FALLBACK = ROOT.parent / "shared" / "data"

hypothesis.settings.register_profile("neurosim", deadline=None, derandomize=True)
hypothesis.settings.load_profile("neurosim")

os.environ.setdefault("NEUROSIM_OFFLINE", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
if not os.environ.get("NEUROSIM_DATA") and _FALLBACK.is_dir():
    os.environ["NEUROSIM_DATA"] = str(_FALLBACK)


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The checkout that holds pyproject.toml, networks/ and datasets/."""
    return ROOT


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with the real data sets; the test is skipped where there is none."""
    chosen = os.environ.get("NEUROSIM_DATA")
    if not chosen:
        pytest.skip("needs real data: set NEUROSIM_DATA to the folder that holds the data sets")
    return Path(chosen)


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Ctrl-C as at a terminal: what starts in the background of a script inherits that it is ignored."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)
