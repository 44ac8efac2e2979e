"""What a user names as inputs: a data set, one of its splits, or a file of their own."""

from __future__ import annotations

from pathlib import Path

from neurosim.foundation.errors import ConfigError
from neurosim.inputs.arrays_file import load_arrays_file
from neurosim.inputs.dataset import Dataset, load_dataset
from neurosim.inputs.download import Progress

DEFAULT_SPLIT = "test"


def split_spec(text: str) -> tuple[str, str]:
    """Data set and split out of text: "mnist/test" or, for the test split, "mnist".

    Raises ConfigError when either part is empty or there are more than two.
    """
    name, slash, split = text.strip().partition("/")
    if not name or "/" in split or (slash and not split):
        raise ConfigError("inputs", "NAME or NAME/SPLIT", repr(text), "write it like 'mnist/test'")
    return name, split or DEFAULT_SPLIT


def load_inputs(text: str, limit: int | None = None, progress: Progress | None = None) -> Dataset:
    """What a user names as inputs: "mnist/test", "mnist", or the path of a .npz file of their own.

    Raises what `load_dataset` and `load_arrays_file` raise.
    """
    if text.endswith(".npz"):
        return load_arrays_file(Path(text), limit)
    name, split = split_spec(text)
    return load_dataset(name, split, limit, progress)
