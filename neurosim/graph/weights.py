"""Weights: checked against what the layers expect, read from and written to safetensors files."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as parse_tensors
from safetensors.numpy import save as tensor_bytes

from neurosim.foundation.errors import DataError, LimitError, near
from neurosim.graph.layer import Array, Layer, Shape

Params = Mapping[str, Mapping[str, Array]]


def read_weights(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """The tensors of a safetensors file, by name; DataError when it is missing, truncated or corrupted."""
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise DataError(
            str(path),
            "a weights file",
            problem.strerror or str(problem),
            "train the network (`neurosim train`), or put its weights there",
        ) from None
    try:
        return dict(parse_tensors(content))
    except (SafetensorError, ValueError, KeyError, TypeError) as problem:
        raise DataError(
            str(path),
            "a whole safetensors file",
            f"{len(content)} bytes that are not one ({problem})",
            "it is truncated or corrupted: copy it again, or train again",
        ) from None


def weights_bytes(params: Params) -> bytes:
    """The bytes of the safetensors file that holds these parameters; the same parameters, the same bytes."""
    flat = {
        f"{layer}.{name}": np.ascontiguousarray(a) for layer, own in params.items() for name, a in own.items()
    }
    return bytes(tensor_bytes(dict(sorted(flat.items()))))


def checksum(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def file_checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return checksum(path.read_bytes())


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: a temporary beside it, flushed to disk, then renamed.

    Raises LimitError when the disk is full, DataError when the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as problem:
        reason = problem.strerror or str(problem)
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            expected = f"room for {len(content)} bytes"
            raise LimitError(
                str(path), expected, reason, "free some space, or choose another folder"
            ) from None
        raise DataError(str(path), "a place that can be written", reason, "choose another folder") from None


def checked_params(
    layers: Iterable[Layer], tensors: Mapping[str, np.ndarray[Any, Any]], where: str
) -> Params:
    """Every layer's parameters as read-only float32 arrays, from tensors named "<layer>.<parameter>".

    Raises DataError for a tensor that is missing, left over, of another shape, not floating point, or that
    holds NaN or infinity.
    """
    expected = {
        f"{layer.name}.{name}": (layer, name, shape)
        for layer in layers
        for name, shape in layer.parameter_shapes(*layer.input_shapes).items()
    }
    for name in tensors:
        if name not in expected:
            raise DataError(
                f"{where}: tensor {name!r}",
                "a parameter of one of the layers",
                "no such parameter",
                near(name, expected) if expected else "no layer has parameters",
            )
    params: dict[str, dict[str, Array]] = {}
    for name, (layer, parameter, shape) in expected.items():
        if name not in tensors:
            raise DataError(
                f"{where}: layer {layer.name!r}",
                f"a tensor {name!r}",
                "none",
                near(name, tensors) if tensors else "the file is empty",
            )
        tensor = _checked(tensors[name], shape, f"{where}: layer {layer.name!r}: tensor {name!r}")
        params.setdefault(layer.name, {})[parameter] = tensor
    return MappingProxyType({name: MappingProxyType(own) for name, own in params.items()})


def _checked(tensor: np.ndarray[Any, Any], shape: Shape, where: str) -> Array:
    tensor = np.asarray(tensor)
    if tensor.dtype.kind != "f":
        raise DataError(where, "floating-point numbers", str(tensor.dtype), "store the weights as float32")
    if tensor.shape != shape:
        raise DataError(
            where,
            f"shape {shape}",
            f"{tensor.shape}",
            "weights and network.toml disagree: train again, or correct the layers before it",
        )
    with np.errstate(over="ignore"):
        single = np.array(tensor, dtype=np.float32, order="C")
    if bad := int(np.count_nonzero(~np.isfinite(single))):
        raise DataError(
            where,
            "finite numbers",
            f"{bad} of {single.size} NaN or infinite",
            "the training diverged or the file is damaged: train again",
        )
    single.flags.writeable = False
    return single
