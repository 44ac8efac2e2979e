"""A network in NIR form inside a run file: the datasets that make `nir.read("run.h5")` return it.

NIR's own files hold /version and, under /node, one dataset per field of each node. Its reader takes all that lies
there for fields, so the axes' dimensions stand at the root, one for each length: "nir_784", and "nir_784_again"
for a second axis of that length.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from neurosim.foundation.errors import ConfigError
from neurosim.recording.schema import Static

NODE = "/node"
VERSION = "/version"


def nir_static(node: Mapping[str, Any], version: str) -> tuple[dict[str, int], dict[str, Static]]:
    """Sizes and fixed data that a plan needs for a network in NIR form.

    Parameters
    ----------
    node : a graph as nested dictionaries, as `nir.NIRGraph.to_dict()` gives it; fields that are None and empty
        metadata are left out, as NIR does
    version : of NIR

    Raises ConfigError for names with slashes and for fields that are neither text nor numbers.
    """
    fixed = {path: _static(value, path) for path, value in _fields(node, NODE)}
    sizes: dict[str, int] = {}
    for static in fixed.values():
        sizes |= zip(static.dims, np.shape(static.data), strict=True)
    return sizes, {VERSION: Static(version, description="version of NIR, whose form /node has")} | fixed


def _fields(node: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    for name, value in node.items():
        where = f"{path}/{name}"
        if not isinstance(name, str) or "/" in name:
            raise ConfigError(
                where, "a name without slashes", repr(name), "rename the node, with dots for example"
            )
        if isinstance(value, Mapping):
            yield from _fields(value, where)
        elif value is not None:
            yield where, value


def _static(value: Any, path: str) -> Static:
    array = np.asarray(value)
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    if not array.size:
        raise ConfigError(path, "at least one value", "none", "leave out fields that hold nothing")
    data = str(array) if array.dtype.kind == "U" and not array.shape else array
    # a name of its own for an axis as long as one before it: readers want the axes of an array told apart
    again = [array.shape[:axis].count(length) for axis, length in enumerate(array.shape)]
    names = (f"nir_{n}" + "_again" * k for n, k in zip(array.shape, again, strict=True))
    return Static(data, tuple(names))
