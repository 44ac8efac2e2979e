"""Network folders: network.toml, weights.safetensors, measured.toml."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from neurosim.foundation.errors import DataError
from neurosim.foundation.records import load_record
from neurosim.foundation.shipped import find_description, shipped_folder, shipped_names
from neurosim.foundation.units import format_time
from neurosim.graph.architecture import Architecture
from neurosim.graph.description import Description, Measured
from neurosim.graph.layer import Layer
from neurosim.graph.network import Network
from neurosim.graph.weights import checked_params, file_checksum, read_weights
from neurosim.graph.wiring import wire

NETWORK_FILE, WEIGHTS_FILE, MEASURED_FILE = "network.toml", "weights.safetensors", "measured.toml"


def network_names() -> list[str]:
    """Names of the shipped networks, sorted."""
    return shipped_names(shipped_folder("networks"), NETWORK_FILE)


def find_network(name_or_path: str | Path) -> Path:
    """The network.toml of a shipped name, a folder or a file; ConfigError, with near names, if none."""
    return find_description("network", str(name_or_path), shipped_folder("networks"), NETWORK_FILE)


def read_description(path: Path) -> tuple[Description, tuple[Layer, ...]]:
    """What a network.toml says, and its layers bound to each other.

    Raises ConfigErrors (file:line: key: message, all at once), FormatError, and what `wire` raises.
    """
    description, _ = load_record(path, Description)
    return description, wire(description.layers, description.input.shape, description.name)


def read_measured(folder: Path) -> Measured | None:
    """What training measured, or None where it has not written its file."""
    path = folder / MEASURED_FILE
    return load_record(path, Measured)[0] if path.is_file() else None


def load_architecture(name_or_path: str | Path) -> Architecture:
    """The layers of a network and their shapes, whether or not it has weights. Errors as `read_description`."""
    description, layers = read_description(find_network(name_or_path))
    return Architecture(description.name, description.input, layers)


def has_parameters(layers: Iterable[Layer]) -> bool:
    """Whether any of these (bound) layers has parameters; one that learns on the chip has none."""
    return any(layer.parameter_shapes(*layer.input_shapes) for layer in layers)


def load_network(name_or_path: str | Path) -> Network:
    """A shipped network by name, or one from a folder (or its network.toml), with its weights.

    A network without any parameters, one that learns on the chip, needs no weights file.

    Raises ConfigError for an unknown name or a wrong description, DataError when weights are missing,
    truncated, corrupted, not finite, of the wrong shape, or not the ones measured.toml was written for.
    """
    path = find_network(name_or_path)
    description, layers = read_description(path)
    weights = path.parent / WEIGHTS_FILE
    needed = has_parameters(layers)
    if needed and not weights.exists():
        raise _untrained(description, weights)
    tensors = read_weights(weights) if needed or weights.exists() else {}
    params = checked_params(layers, tensors, str(weights))
    if (measured := read_measured(path.parent)) is not None:
        _check_sum(weights, measured)
    return Network(
        description.name,
        description.input,
        layers,
        params,
        description.title,
        description.training,
        path.read_text(encoding="utf-8"),
        description.coding,
        description.learning,
    )


def _untrained(description: Description, weights: Path) -> DataError:
    """What to do about a network without weights: train it, where it says how, or only place it."""
    placed = f"`neurosim place {description.name}` needs none"
    if description.training is None:
        remedy = f"only its shapes are known: {placed}; or put its weights there"
    else:
        took = description.training_time_s
        text = f", about {format_time(took)} on one core" if took is not None else ""
        remedy = (
            f"train it first (`neurosim train {description.name}`{text}), or put its weights there; {placed}"
        )
    return DataError(str(weights), "a weights file", "none", remedy)


def _check_sum(weights: Path, measured: Measured) -> None:
    found = file_checksum(weights)
    if found != measured.checksum:
        raise DataError(
            str(weights),
            f"the checksum of {MEASURED_FILE}, {measured.checksum[:16]}...",
            f"{found[:16]}...",
            f"restore the weights, or delete {MEASURED_FILE} if they are yours",
        )
