"""The state of a training between two epochs, on disk. Imports PyTorch."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from neurosim.foundation.errors import ConfigError, DataError
from neurosim.graph.weights import replace_file

CHECKPOINT_FILE = "checkpoint.pt"
_FORMAT = 1
_KEYS = {"format", "settings", "epochs_done", "tensors", "optimiser"}


def save_checkpoint(
    path: Path, settings: Mapping[str, str], epochs_done: int, state: Mapping[str, Any]
) -> None:
    """Write tensors and optimiser state, whole or not at all; DataError when it cannot be written."""
    buffer = io.BytesIO()
    torch.save({"format": _FORMAT, "settings": dict(settings), "epochs_done": epochs_done, **state}, buffer)
    replace_file(path, buffer.getvalue())


def load_checkpoint(path: Path, settings: Mapping[str, str]) -> dict[str, Any] | None:
    """What save_checkpoint wrote, or None where there is no file.

    Raises DataError for a damaged file, ConfigError, with every difference, when it was made with other
    settings. No code in the file is run (`weights_only`).
    """
    if not path.is_file():
        return None
    remedy = "delete it and train from the start"
    try:
        content: dict[str, Any] = torch.load(path, weights_only=True)
        whole = set(content) == _KEYS and content["format"] == _FORMAT
    except (OSError, RuntimeError, EOFError, ValueError, TypeError, pickle.UnpicklingError) as problem:
        reason = (str(problem) or type(problem).__name__).splitlines()[0][:100]
        raise DataError(str(path), "a whole checkpoint", f"an unreadable one ({reason})", remedy) from None
    if not whole:
        raise DataError(str(path), "a checkpoint written by this version", "another content", remedy)
    made = content["settings"]
    changed = [key for key in sorted({*made, *settings}) if made.get(key) != settings.get(key)]
    if changed:
        before = ", ".join(f"{key} = {made.get(key)}" for key in changed)
        now = ", ".join(f"{key} = {settings.get(key)}" for key in changed)
        raise ConfigError(str(path), f"a checkpoint of this training ({now})", f"one of {before}", remedy)
    return content
