"""From a network's recipe to a folder with its weights and what they were measured to do."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from neurosim.foundation.errors import ConfigError, DataError
from neurosim.foundation.records import FORMAT
from neurosim.foundation.streams import stream
from neurosim.graph import Description, Layer, Measured, Network, Recipe, find_network, read_description
from neurosim.graph.reading import MEASURED_FILE, NETWORK_FILE, WEIGHTS_FILE
from neurosim.graph.weights import checksum, replace_file, weights_bytes
from neurosim.inputs import Dataset, load_dataset
from neurosim.training.batches import batch_count
from neurosim.training.initial import nested
from neurosim.training.measuring import accuracy_on


@dataclass(frozen=True)
class TrainingProgress:
    """Where a training stands: epoch and batch count from 1; loss and accuracy are this epoch's so far."""

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: float
    accuracy: float


ProgressCallback = Callable[[TrainingProgress], None]
NO_TORCH = "none"


def train(
    network: str | Path,
    *,
    out: Path,
    epochs: int | None = None,
    limit: int | None = None,
    seed: int | None = None,
    resume: bool = False,
    progress: ProgressCallback | None = None,
) -> Measured:
    """Train a network by the recipe of its TOML, or by boosting where it has a [boosting] table.

    Writes network.toml, weights and measured.toml to `out`.

    Parameters
    ----------
    network : a shipped name, a folder or a network.toml; weights need not exist
    out : the folder written to; the state after each epoch is kept there until the end
    epochs, seed : in place of the recipe's
    limit : use only the first so many training images, and as many test images
    resume : continue from the last epoch written to `out`, if there is one
    progress : called after every batch

    The same recipe, seed, PyTorch and processor give the same weights bit for bit, interrupted or not.
    Raises ConfigError without PyTorch, for a network without a recipe, for an `out` that holds another
    network and for a checkpoint of another training; DataError for data that do not fit.
    """
    path = find_network(network)
    description, layers = read_description(path)
    if description.boosting is not None:
        _refuse_epochs(epochs, seed)
        return _boosted(path, description, layers, out, limit, progress)
    torch_version = _torch_version()
    recipe = _recipe(description, path, epochs, seed)
    text = path.read_text(encoding="utf-8")
    _claim(out, text)
    data = _data(description, layers, "train", limit)
    settings = _settings(description, recipe, data, torch_version)
    tensors = _fit(description, layers, recipe, data, settings, out, resume, progress)
    params = nested(tensors)
    trained = Network(
        description.name, description.input, layers, params, description.title, recipe, text, description.coding
    )  # fmt: skip
    test = _data(description, layers, "test", limit)
    return _write(trained, Trained(recipe.seed, recipe.epochs, torch_version), data, test, out)


def _refuse_epochs(epochs: int | None, seed: int | None) -> None:
    for name, value in (("epochs", epochs), ("seed", seed)):
        if value is not None:
            raise ConfigError(name, "nothing: boosting has no epochs and draws no random number", str(value),
                              "leave it out")  # fmt: skip


def _boosted(
    path: Path,
    description: Description,
    layers: tuple[Layer, ...],
    out: Path,
    limit: int | None,
    progress: ProgressCallback | None,
) -> Measured:
    """Weights of a network with a [boosting] table; without PyTorch, and the same on every machine."""
    from neurosim.training.boosting import boost, boosted_layers, features

    assert description.boosting is not None
    matrix, votes = boosted_layers(layers, description.name)
    text = path.read_text(encoding="utf-8")
    _claim(out, text)
    data = _data(description, layers, "train", limit)

    def report(pair: int, pairs: int, error: float) -> None:
        if progress is not None:
            progress(TrainingProgress(1, 1, pair, pairs, error, 1 - error))

    x = features(data, description.input, layers, matrix)
    weights, shares = boost(x, data.labels, votes, description.boosting, report)
    params = {matrix.name: {"weight": weights}, votes.name: {"weight": shares}}
    trained = Network(description.name, description.input, layers, params, description.title, None, text)
    test = _data(description, layers, "test", limit)
    return _write(trained, Trained(0, votes.rounds, NO_TORCH), data, test, out)


def _fit(
    description: Description,
    layers: tuple[Layer, ...],
    recipe: Recipe,
    data: Dataset,
    settings: dict[str, str],
    out: Path,
    resume: bool,
    progress: ProgressCallback | None,
) -> dict[str, np.ndarray[Any, Any]]:
    from neurosim.training.checkpoints import CHECKPOINT_FILE
    from neurosim.training.loop import Task, fit

    steps = batch_count(len(data.labels), recipe.batch)

    def report(epoch: int, batch: int, loss: float, accuracy: float) -> None:
        if progress is not None:
            progress(TrainingProgress(epoch, recipe.epochs, batch, steps, loss, accuracy))

    draws = stream(recipe.seed, "train", description.name)
    task = Task(layers, description.input, recipe, data, draws, settings)
    return fit(task, out / CHECKPOINT_FILE, resume, report)


@dataclass(frozen=True)
class Trained:
    """How weights were made: seed, epochs or rounds of boosting, and PyTorch's version."""

    seed: int
    epochs: int
    torch_version: str


def _write(network: Network, how: Trained, data: Dataset, test: Dataset, out: Path) -> Measured:
    content = weights_bytes(network.params)
    measured = Measured(
        network=network.name,
        dataset=network.input.dataset,
        split="test",
        n_test=len(test.labels),
        float_accuracy=accuracy_on(network, test),
        checksum=checksum(content),
        seed=how.seed,
        epochs=how.epochs,
        n_train=len(data.labels),
        torch_version=how.torch_version,
    )
    replace_file(out / WEIGHTS_FILE, content)
    replace_file(out / MEASURED_FILE, tomli_w.dumps({"format": FORMAT, **measured.model_dump()}).encode())
    if how.torch_version != NO_TORCH:
        from neurosim.training.checkpoints import CHECKPOINT_FILE

        (out / CHECKPOINT_FILE).unlink(missing_ok=True)
    return measured


def _torch_version() -> str:
    try:
        return str(importlib.import_module("torch").__version__)
    except ImportError:
        remedy = "pip install 'neurosim-memristive[train]'"
        raise ConfigError("training", "PyTorch", "none installed", remedy) from None


def _recipe(description: Description, path: Path, epochs: int | None, seed: int | None) -> Recipe:
    if description.training is None:
        raise ConfigError(f"{path}: training", "a recipe", "none", "add a [training] table")
    if epochs is not None and epochs < 1:
        raise ConfigError("epochs", "1 or more", str(epochs), "leave it out for the recipe's own")
    changes = {"epochs": epochs, "seed": seed}
    if epochs is not None and epochs < description.training.epochs:
        # as large a share as in the recipe: norms frozen before their statistics are right make training diverge
        frozen = description.training.frozen_norm_epochs * epochs // description.training.epochs
        changes["frozen_norm_epochs"] = frozen
    return description.training.model_copy(update={k: v for k, v in changes.items() if v is not None})


def _claim(out: Path, text: str) -> None:
    """Put the description into the folder; refuse a folder that holds another network."""
    held = out / NETWORK_FILE
    if not held.is_file():
        replace_file(held, text.encode())
    elif held.read_text(encoding="utf-8") != text:
        raise ConfigError(
            str(out), "an empty folder, or this network's", "another network", "choose another folder"
        )


def _data(description: Description, layers: tuple[Layer, ...], split: str, limit: int | None) -> Dataset:
    data = load_dataset(description.input.dataset, split, limit)
    outputs = layers[-1].own_output_shape
    if outputs != (len(data.class_names),):
        raise DataError(
            f"network {description.name!r}: output",
            f"shape ({len(data.class_names)},), one per class of {data.name!r}",
            str(outputs),
            "change the last layer, or the data set",
        )
    return data


def _settings(description: Description, recipe: Recipe, data: Dataset, torch_version: str) -> dict[str, str]:
    """What must be the same for a checkpoint to be continued, as text by name."""
    settings = {f"training.{key}": str(value) for key, value in recipe.model_dump().items()}
    settings |= {f"input.{key}": str(value) for key, value in description.input.model_dump().items()}
    settings |= {f"layers.{layer.name}": layer.model_dump_json() for layer in description.layers}
    return settings | {"images": str(len(data.labels)), "torch": torch_version, "name": description.name}
