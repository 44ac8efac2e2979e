"""Read a chip: its parameters, where each of its numbers comes from, and copies with other options."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from neurosim.chips.parameters import (
    CalibrationParameters,
    ChipParameters,
    CompensationParameters,
    DigitalParameters,
    PeripheryParameters,
)
from neurosim.chips.prices import Prices
from neurosim.chips.processor import ProcessorParameters
from neurosim.circuits.parameters import (
    ArrayParameters,
    BistableParameters,
    CellParameters,
    ConverterParameters,
    CoreParameters,
    NeuronParameters,
    ReadParameters,
    WireParameters,
)
from neurosim.devices.parameters import DeviceParameters
from neurosim.foundation.errors import ConfigError, ConfigErrors, DataError, near
from neurosim.foundation.records import Source, build_record
from neurosim.foundation.shipped import chips_folder, find_description, shipped_names
from neurosim.foundation.toml_lines import KeyPath, line_of, parse_toml

# short names of the options that users change most -> dotted key of the TOML
OPTIONS = MappingProxyType({
    "drift_compensation": "compensation.drift",
    "batch_norm": "digital.batch_norm",
    "read_noise": "read.noise",
    "signed_inputs": "read.signed_inputs",
    "subtraction": "cell.subtraction",
})  # fmt: skip


@dataclass(frozen=True)
class Chip:
    """A chip's description, immutable.

    Attributes
    ----------
    parameters : the validated chip.toml, options applied
    sources : dotted field name (`device.g_max_siemens`) -> Source of its number
    text : the TOML text it was read from, before options
    options : dotted key -> value that replaces the file's, as given to `with_options`
    folder : where chip.toml lies (claims.toml and citation.bib beside it); None when read from text
    """

    parameters: ChipParameters
    sources: MappingProxyType[str, Source] = field(repr=False)
    text: str = field(repr=False)
    options: MappingProxyType[str, Any]
    folder: Path | None = None

    @property
    def name(self) -> str:
        """Short name, as in `--chip`."""
        return self.parameters.name

    @property
    def title(self) -> str:
        """One line that says what it is."""
        return self.parameters.title

    @property
    def node(self) -> str:
        """Technology node or nodes."""
        return self.parameters.node

    @property
    def label(self) -> str:
        """What to say beside every energy figure, e.g. "hypothetical periphery"."""
        return self.parameters.label

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes it can run, of "rate", "spiking" and "digital"."""
        return self.parameters.modes

    @property
    def device(self) -> DeviceParameters:
        """The device technology; ConfigError for a chip without."""
        if self.parameters.device is None:
            raise self._digital("device")
        return self.parameters.device

    @property
    def cell(self) -> CellParameters:
        """How a weight is held."""
        return self.parameters.cell

    @property
    def array(self) -> ArrayParameters:
        """Size of one tile; ConfigError for a chip without."""
        if self.parameters.array is None:
            raise self._digital("array")
        return self.parameters.array

    @property
    def dac(self) -> ConverterParameters:
        """Input converter."""
        return self.parameters.dac

    @property
    def adc(self) -> ConverterParameters:
        """Output converter."""
        return self.parameters.adc

    @property
    def read(self) -> ReadParameters:
        """Read conditions; ConfigError for a chip without."""
        if self.parameters.read is None:
            raise self._digital("read")
        return self.parameters.read

    @property
    def compensation(self) -> CompensationParameters:
        """Drift compensation."""
        return self.parameters.compensation

    @property
    def digital(self) -> DigitalParameters:
        """What is computed digitally."""
        return self.parameters.digital

    @property
    def calibration(self) -> CalibrationParameters:
        """Calibration of the converters."""
        return self.parameters.calibration

    @property
    def neuron(self) -> NeuronParameters | None:
        """The spiking neurons; None where the chip has none."""
        return self.parameters.neuron

    @property
    def bistable(self) -> BistableParameters | None:
        """Synapses with two stable weights; None where the chip has none."""
        return self.parameters.bistable

    @property
    def core(self) -> CoreParameters:
        """The neurosynaptic cores; ConfigError for a chip without."""
        if self.parameters.core is None:
            raise ConfigError(
                f"chip {self.name}", "a [core] table", "none", "choose a chip with cores: truenorth"
            )
        return self.parameters.core

    @property
    def has_cores(self) -> bool:
        """Whether it consists of neurosynaptic cores, for networks with `coding = "ticks"`."""
        return self.parameters.core is not None

    @property
    def processor(self) -> ProcessorParameters:
        """The digital processor; ConfigError for a chip that is none."""
        if self.parameters.processor is None:
            raise ConfigError(
                f"chip {self.name}", "a [processor] table", "none", "choose a digital processor: v100, tpu_v1"
            )
        return self.parameters.processor

    @property
    def is_processor(self) -> bool:
        """Whether it is a digital processor, for mode digital."""
        return self.parameters.processor is not None

    @property
    def default_mode(self) -> str:
        """The mode of a run that names none: a digital processor has one alone."""
        return "digital" if self.is_processor else "rate"

    @property
    def periphery(self) -> PeripheryParameters | None:
        """Sharing and timing of the converters; None where the chip has no circuit."""
        return self.parameters.periphery

    @property
    def prices(self) -> Prices | None:
        """Prices; None where the chip has no circuit."""
        return self.parameters.prices

    def _digital(self, table: str) -> ConfigError:
        return ConfigError(f"chip {self.name}", f"a [{table}] table", "none: its synapses are no memristive devices",
                           "choose a chip with memristive devices")  # fmt: skip

    @property
    def toml(self) -> str:
        """TOML text that `parse_chip` reads back to this chip, options included."""
        if not self.options:
            return self.text
        lines = [f"{json.dumps(key)} = {_toml_value(value)}" for key, value in self.options.items()]
        return "\n".join([self.text.rstrip("\n"), "", "[options]", *lines, ""])

    def with_options(self, **changes: Any) -> Chip:
        """A copy with other values: `chip.with_options(drift_compensation="none", adc__bits=6)`.

        A name is one of OPTIONS, or a dotted key with two underscores for each dot; numbers are in the
        field's SI unit (`device__g_max_siemens=2e-5`). A value of None leaves that option as it is; True and
        False for drift_compensation mean "global" and "none".

        Raises ConfigError for an unknown name (near names suggested), ConfigErrors for a value out of range.
        """
        merged = dict(self.options)
        for name, value in changes.items():
            if value is not None:
                key = OPTIONS.get(name, name.replace("__", "."))
                merged[key] = _switch(value) if key == OPTIONS["drift_compensation"] else value
        base = Chip(
            self.parameters, self.sources, _without_options(self.text), MappingProxyType(merged), self.folder
        )
        return parse_chip(base.toml, f"chip {self.name}", self.folder)


def load_chip(name_or_path: str | Path) -> Chip:
    """Read a chip by its shipped name, the path of a chip.toml, or of the folder that holds one.

    Raises ConfigError for an unknown name (near names suggested), ConfigErrors (one `file:line: key:
    message` per error, all at once) for a wrong description, DataError for an unreadable file, FormatError
    for a newer format.
    """
    path = find_description("chip", str(name_or_path), chips_folder(), "chip.toml")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise DataError(
            str(path), "a readable TOML file", str(problem), "check the path and its permissions"
        ) from None
    return parse_chip(text, str(path), path.parent)


def chip_names() -> list[str]:
    """Names of the shipped chips, sorted."""
    return shipped_names(chips_folder(), "chip.toml")


def parse_chip(text: str, where: str = "chip", folder: Path | None = None) -> Chip:
    """A chip from TOML text, as `Chip.toml` gives it and run files keep it; errors as `load_chip`."""
    content, lines = parse_toml(text, where)
    bare = _bare_numbers(content, ())
    problems = [f"{where}:{line_of(lines, path)}: {_dotted(path)}: {_BARE}" for path in bare]
    try:
        parameters, sources = build_record(content, lines, where, ChipParameters)
        parameters = _apply(parameters, where)
        sources |= {key: _as_option(sources.get(key), value) for key, value in parameters.options.items()}
    except ConfigErrors as invalid:
        problems += [line for line in invalid.lines if not _follows(line, bare, lines, where)]
    if problems:
        raise ConfigErrors(problems)
    options = MappingProxyType(parameters.options)
    return Chip(parameters, MappingProxyType(sources), _without_options(text), options, folder)


_BARE = 'a bare number; write {value = ..., unit = "...", source = "...", status = "..."}'


def _follows(message: str, bare: list[KeyPath], lines: dict[KeyPath, int], where: str) -> bool:
    """Whether a message only says again that a bare number lacks its unit (its field is then missing)."""
    for path in bare:
        start = f"{where}:{line_of(lines, path)}: {_dotted(path)}"
        if message.startswith(start) and ("missing" in message or f"'{path[-1]}_" in message):
            return True
    return False


def _bare_numbers(node: Any, path: KeyPath) -> list[KeyPath]:
    """Keys whose value is a number without a source (the format and the options need none)."""
    if path in (("format",), ("options",)) or (isinstance(node, dict) and "value" in node):
        return []
    if isinstance(node, dict):
        return [bare for key, value in node.items() for bare in _bare_numbers(value, (*path, key))]
    if isinstance(node, list):
        return [path] if any(isinstance(item, int | float) for item in node) else []
    return [path] if isinstance(node, int | float) and not isinstance(node, bool) else []


def _apply(parameters: ChipParameters, where: str) -> ChipParameters:
    """The parameters with their options in place of the file's values."""
    if not parameters.options:
        return parameters
    tree = parameters.model_dump(mode="python", exclude_unset=True)
    known = sorted(_keys(parameters.model_dump(mode="python"), "") + _keys_of_wires(parameters))
    for key, value in parameters.options.items():
        if key not in known:
            raise ConfigErrors([f"{where}: option {key!r}: unknown; {near(key, [*OPTIONS, *known])}"])
        holder = tree
        *tables, last = key.split(".")
        for table in tables:
            holder = holder.setdefault(table, {})
        holder[last] = value
    return build_record({"format": 1, **tree}, {}, where, ChipParameters)[0]


def _as_option(replaced: Source | None, value: Any) -> Source:
    """The source of a number that an option gave."""
    line, node = (replaced.line, replaced.node) if replaced else (0, "")
    return Source(value, "SI", "an option of this run", "assumed", line, node)


def _keys(tree: dict[str, Any], prefix: str) -> list[str]:
    """Dotted keys of the leaves that an option may replace."""
    found: list[str] = []
    for key, value in tree.items():
        if isinstance(value, dict):
            found += _keys(value, f"{prefix}{key}.")
        elif prefix:
            found.append(prefix + key)
    return [key for key in found if not key.startswith("options.")]


def _keys_of_wires(parameters: ChipParameters) -> list[str]:
    """An option may give wires to a chip that is described without."""
    if parameters.wires is not None or parameters.array is None or parameters.core is not None:
        return []
    return [f"wires.{name}" for name in WireParameters.model_fields]


def _switch(value: Any) -> Any:
    return {True: "global", False: "none"}.get(value, value) if isinstance(value, bool) else value


def _toml_value(value: Any) -> str:
    """A value as TOML writes it, which is as JSON does but for numbers that are not finite."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else json.dumps(value)


def _without_options(text: str) -> str:
    """The text without its [options] table, which `Chip.toml` appends anew."""
    kept: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.lstrip().startswith("["):
            inside = line.strip() == "[options]"
        if not inside:
            kept.append(line)
    return "\n".join(kept).rstrip("\n") + "\n"


def _dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path)
