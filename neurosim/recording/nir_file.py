"""Reading a network in NIR form: a .nir file, or a run file, which holds its network in the same form.

The nir package reads whatever HDF5 leads it to. Here every object is checked first, as in run files of others, and
the nodes are built by `graph.nir_files`, whose messages name them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py

from neurosim.foundation.errors import FormatError
from neurosim.graph.nir_files import Reset, spiking_graph
from neurosim.graph.spiking import SpikingGraph
from neurosim.recording.safety import opened, undamaged


def read_nir(
    path: str | Path, dt_s: float | None = None, reset: Reset | None = None, name: str | None = None
) -> SpikingGraph:
    """The spiking network of a NIR file.

    Parameters
    ----------
    path : a file written by the nir package, of any version, or a run file
    dt_s : length of a step in seconds; needed where the network has a time constant or a delay
    reset : what a spike does to v, whatever the file says: "value" sets it to v_reset, "subtract" takes the
        threshold off
    name : the network's name; by default that of the file

    Raises DataError for a missing or damaged file, FormatError for one that is no NIR file or holds what is not
    accepted, LimitError for one that claims more than it can hold; and what `graph.nir_files.spiking_graph`
    raises.
    """
    path = Path(path)
    return spiking_graph(read_nir_tree(path), name or path.stem, dt_s, reset)


def read_nir_tree(path: Path) -> dict[str, Any]:
    """A NIR file as nested dictionaries: {"version": text, "node": {...}}; raises as `read_nir`."""
    with opened(path) as file:
        if not isinstance(file.get("node"), h5py.Group):
            raise FormatError(str(path), "a NIR file, with a group /node", ", ".join(file) or "an empty file",
                              "write the graph with nir.write")  # fmt: skip
        with undamaged(path, "/node"):
            tree = {"node": _tree(file["node"])}
            if isinstance(file.get("version"), h5py.Dataset):
                tree["version"] = _value(file["version"])
    return tree


def _tree(group: Any) -> dict[str, Any]:
    return {
        name: _tree(item) if isinstance(item, h5py.Group) else _value(item) for name, item in group.items()
    }


def _value(dataset: Any) -> Any:
    value = dataset[()]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
