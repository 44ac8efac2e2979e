"""Files of RANC, the open emulator of TrueNorth-like cores: a JSON network with its input, a JSON configuration, and
the rows that its simulator prints (Mack et al., IEEE TCAD 40, 2021; github.com/UA-RCL/RANC).

Its conventions, where they are not TrueNorth's (see `graph.core_network`): a packet or spike with destination_tick d
that is sent in tick t is integrated in tick t + d + 1; d = 15 would fall into the present and is dropped, with a
warning; two that meet are one; the output bus ignores the delay; ticks count from 1, packets[0] being put in before.
"""

from __future__ import annotations

import gzip
import json
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.foundation.errors import ConfigError, DataError, FormatError
from neurosim.graph.core_network import AXON_TYPES, NOWHERE, OUTPUT, Convention, CoreNetwork, CoreNeurons

MARK = "\ufeff"  # RANC's output begins with a byte order mark
_LARGEST = 2**30  # bytes of JSON, unpacked; a chip of 4,096 cores has about 600 MB
_PRESENT = 15  # destination_tick whose word of the ring is the present one
_GRID = {"num_cores_x": 4096, "num_cores_y": 4096, "num_axons": 256, "num_neurons": 256}
_FIELDS = {
    "reset_potential": "reset_value", "leak": "leak", "positive_threshold": "threshold",
    "negative_threshold": "floor", "current_potential": "v_initial", "reset_mode": "reset_mode",
}  # fmt: skip
_LONGEST_DELAY = 15  # ticks, of RANC's and TrueNorth's axons
_SILENT = 2**22  # threshold of the neurons that a smaller core lacks


@dataclass(frozen=True, eq=False)
class RancCase:
    """A network of RANC and the packets that reach it.

    arrivals : tick -> flat axons (core * axons + axon) that a packet reaches in that tick, int64
    direct : tick -> outputs to which a packet goes straight, int64
    """

    network: CoreNetwork
    arrivals: Mapping[int, np.ndarray]
    direct: Mapping[int, np.ndarray]

    @property
    def ticks(self) -> int:
        """Ticks until the last packet has had the longest delay to be answered in."""
        return max([*self.arrivals, *self.direct], default=0) + _LONGEST_DELAY + 1


def load_ranc(network: str | Path, configuration: str | Path) -> RancCase:
    """Read a network with its packets and its configuration, plain or .gz.

    Raises DataError for a file that cannot be read, FormatError for one that is not RANC's JSON, ConfigError for
    numbers out of range and targets outside the grid. Warns of spikes that RANC drops.
    """
    content, settings = _json(Path(network)), _json(Path(configuration))
    where = str(network)
    try:
        grid = {
            name: _within(int(settings[name]), most, f"{configuration}: {name}")
            for name, most in _GRID.items()
        }
        kind = settings.get("neuron_reset_type", 0)
        bus = content["output_bus"]
        places = {_pair(core["coordinates"]): k for k, core in enumerate(content["cores"])}
        reader = _Reader(where, grid, places, _pair(bus["coordinates"]), int(bus["num_outputs"]))
        cores = reader.cores(content["cores"], _convention(kind, str(configuration)))
        arrivals, direct = reader.packets(content["packets"])
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as problem:
        raise FormatError(where, "a network and a configuration of RANC", f"{type(problem).__name__}: {problem}",
                          "compare with RANC's documentation of its simulator input") from None  # fmt: skip
    return RancCase(cores, arrivals, direct)


def format_rows(rows: np.ndarray) -> str:
    """Rows of 0 and 1, (ticks, outputs), as RANC prints them: a mark first, a blank after every number."""
    return MARK + "".join("".join("1 " if on else "0 " for on in row) + "\n" for row in rows)


def write_rows(path: str | Path, rows: np.ndarray) -> None:
    """Write `format_rows`; DataError when the file cannot be written."""
    try:
        Path(path).write_text(format_rows(rows), encoding="utf-8", newline="\n")
    except OSError as problem:
        raise DataError(str(path), "a file that can be written", problem.strerror or str(problem),
                        "choose another folder") from None  # fmt: skip


def read_rows(path: str | Path) -> np.ndarray:
    """What RANC printed, bool (ticks, outputs); FormatError for anything but rows of 0 and 1 of one length."""
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise DataError(str(path), "rows that RANC printed", str(problem), "check the path") from None
    rows = [line.split() for line in lines if line.strip()]
    if (
        not rows
        or len({len(row) for row in rows}) > 1
        or not {"0", "1"} >= {token for row in rows for token in row}
    ):
        raise FormatError(str(path), "rows of 0 and 1, all of one length", "something else",
                          "give the file that RANC's simulator wrote")  # fmt: skip
    return np.asarray(np.array(rows) == "1")


def _json(path: Path) -> Any:
    try:
        with path.open("rb") as packed, gzip.open(packed) if path.suffix == ".gz" else packed as stream:
            content = stream.read(_LARGEST + 1)
    except (OSError, EOFError) as problem:
        raise DataError(
            str(path), "a readable file", str(problem), "check the path, or copy it again"
        ) from None
    if len(content) > _LARGEST:
        raise DataError(str(path), f"at most {_LARGEST} bytes of JSON", "more", "split the network")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as problem:
        raise FormatError(str(path), "a JSON file", str(problem), "it is damaged: copy it again") from None


def _convention(kind: Any, where: str) -> Convention:
    if kind not in (0, 1):
        raise ConfigError(
            f"{where}: neuron_reset_type", "0 (below) or 1 (at or below)", repr(kind), "choose one"
        )
    return "ranc_inclusive" if kind else "ranc"


def _pair(value: Iterable[Any]) -> tuple[int, int]:
    x, y = value
    return int(x), int(y)


def _within(value: int, most: int, where: str) -> int:
    if not 1 <= value <= most:
        raise ConfigError(where, f"1 to {most}", str(value), "correct the configuration")
    return value


@dataclass
class _Reader:
    """Turns RANC's JSON into arrays; `places` gives the number of the core at (x, y)."""

    where: str
    grid: dict[str, int]
    places: dict[tuple[int, int], int]
    bus: tuple[int, int]
    outputs: int

    def cores(self, cores: list[dict[str, Any]], convention: Convention) -> CoreNetwork:
        """All cores; those with fewer axons or neurons than the configuration says are filled up with silent ones."""
        count, axons, width = len(cores), self.grid["num_axons"], self.grid["num_neurons"]
        types = np.zeros((count, axons), np.int64)
        connections = np.zeros((count, axons, width), bool)
        arrays = CoreNeurons.filled(count, width, threshold=_SILENT, floor=-_SILENT)
        for k, core in enumerate(cores):
            self._fits(k, core, axons, width)
            types[k, : len(core["axons"])] = core["axons"]
            wired = np.asarray(core["connections"])
            connections[k, : wired.shape[1], : wired.shape[0]] = wired.T != 0
            for j, neuron in enumerate(core["neurons"]):
                self._neuron(arrays, k, j, neuron, _pair(core["coordinates"]))
        coordinates = np.array([_pair(core["coordinates"]) for core in cores]).reshape(count, 2)
        return CoreNetwork(
            Path(self.where).stem, coordinates, types, connections, arrays, self.outputs, convention
        )

    def _fits(self, number: int, core: dict[str, Any], axons: int, neurons: int) -> None:
        for name, most in (("axons", axons), ("neurons", neurons)):
            if len(core[name]) > most:
                raise ConfigError(f"{self.where}: core {number}", f"at most {most} {name}, as configured",
                                  str(len(core[name])), "enlarge the cores, or split this one")  # fmt: skip
        if np.shape(core["connections"]) != (len(core["neurons"]), len(core["axons"])):
            raise FormatError(f"{self.where}: core {number}: connections", "a row per neuron, a number per axon",
                              str(np.shape(core["connections"])), "correct the file")  # fmt: skip

    def _neuron(
        self, arrays: CoreNeurons, k: int, j: int, neuron: dict[str, Any], place: tuple[int, int]
    ) -> None:
        where = f"{self.where}: core {k}, neuron {j}"
        for theirs, ours in _FIELDS.items():
            getattr(arrays, ours)[k, j] = neuron[theirs]
        if len(neuron["weights"]) > AXON_TYPES:
            raise ConfigError(f"{where}: weights", f"at most {AXON_TYPES}, one per axon type",
                              str(len(neuron["weights"])), "a core has four axon types")  # fmt: skip
        arrays.weights[k, j, : len(neuron["weights"])] = neuron["weights"]
        dx, dy = _pair(neuron["destination_core_offset"])
        target = (place[0] + dx, place[1] + dy)
        core, axon, delay = self._target(
            target, int(neuron["destination_axon"]), neuron["destination_tick"], where
        )
        arrays.target_core[k, j], arrays.target_axon[k, j], arrays.delay[k, j] = core, axon, delay

    def _target(self, place: tuple[int, int], axon: int, d: int, where: str) -> tuple[int, int, int]:
        """Core (OUTPUT, or NOWHERE for a core of the grid that is not used), axon or output, delay in ticks."""
        if place == self.bus:
            return OUTPUT, axon, 1
        if not (0 <= place[0] < self.grid["num_cores_x"] and 0 <= place[1] < self.grid["num_cores_y"]):
            raise ConfigError(f"{where}: destination", "a core of the grid or the output bus", str(place),
                              "correct the offset, or enlarge the grid in the configuration")  # fmt: skip
        if not 0 <= d <= _PRESENT:
            raise ConfigError(f"{where}: destination_tick", "0 to 15", str(d), "a ring has 16 words")
        if d == _PRESENT:
            warnings.warn(f"{where}: destination_tick 15 falls into the present tick: dropped", stacklevel=2)
            return NOWHERE, 0, 1
        return self.places.get(place, NOWHERE), axon, d + 1

    def packets(
        self, ticks: list[list[dict[str, Any]]]
    ) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
        """Flat axons and outputs that packets reach, by the tick in which they do."""
        axons: dict[int, set[int]] = {}
        outputs: dict[int, set[int]] = {}
        for t, packets in enumerate(ticks):
            for packet in packets:
                where = f"{self.where}: packet of tick {t}"
                axon, place = int(packet["destination_axon"]), _pair(packet["destination_core"])
                core, axon, delay = self._target(place, axon, packet["destination_tick"], where)
                most = self.outputs if core == OUTPUT else self.grid["num_axons"]
                if not 0 <= axon < most:
                    raise ConfigError(
                        where, f"axon or output 0 to {most - 1}", str(axon), "correct the packet"
                    )
                if core == OUTPUT:
                    outputs.setdefault(t, set()).add(axon)
                elif core != NOWHERE:
                    axons.setdefault(t + delay, set()).add(core * self.grid["num_axons"] + axon)
        return _sorted(axons), _sorted(outputs)


def _sorted(found: dict[int, set[int]]) -> dict[int, np.ndarray]:
    return {tick: np.array(sorted(numbers)) for tick, numbers in found.items()}
