"""Check a sweep before anything runs: chips with their options, networks, modes, inputs; nothing is computed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from neurosim.chips import Chip, load_chip
from neurosim.engines.layout import RECORDS
from neurosim.foundation.errors import ConfigError, ConfigErrors, NeurosimError, near
from neurosim.foundation.shipped import chips_folder, find_description
from neurosim.foundation.toml_lines import line_of
from neurosim.graph.reading import find_network
from neurosim.inputs import dataset_card, split_spec
from neurosim.pipeline.loading import NIR_SUFFIX, coding_of, require_mode
from neurosim.pipeline.running import MODES
from neurosim.sweep.axes import Group
from neurosim.sweep.description import AXES_OF_RUN, Sweep, choice_of
from neurosim.sweep.points import ARRAYS_SUFFIX, located
from neurosim.sweep.table import RESERVED

MOST_CHECKED = 2000  # chips with different options: a hundredth of a second each
MOST_TOLD = 20  # mistakes
_UNKNOWN = re.compile(r"option '([^']+)': unknown")  # as chips say it
_DECIDING = ("network", "chip", "mode")  # beside the chip's options


def check_sweep(sweep: Sweep, advance: Callable[[int], None] = lambda _: None) -> None:
    """Refuse a sweep with a point that could not start.

    Every combination of network, chip, mode and options that occurs is looked at; of more than MOST_CHECKED of them,
    so many, spread evenly. `advance` is told how many more have been looked at.

    Raises ConfigErrors with one `file:line: key: message` per mistake.
    """
    problems: dict[str, None] = {}
    for text in (*_wrong_inputs(sweep), *_wrong_records(sweep), *_taken_names(sweep)):
        problems[text] = None
    groups = deciding_groups(sweep)
    codings: dict[str, str | NeurosimError] = {}
    for number in _numbers(groups):
        choice = choice_of(groups, number)
        try:
            _check_choice(sweep, choice, codings)
        except ConfigError as problem:
            for message in _messages(problem):
                problems[_placed(sweep, choice, message)] = None
        except NeurosimError as problem:
            problems[_placed(sweep, choice, str(problem))] = None
        advance(1)
    if problems:
        lines = list(problems)
        more = [f"{sweep.path}: and {len(lines) - MOST_TOLD} more mistakes"] if len(lines) > MOST_TOLD else []
        raise ConfigErrors([*lines[:MOST_TOLD], *more])


def deciding_groups(sweep: Sweep) -> tuple[Group, ...]:
    """The groups that decide whether a point can start."""
    return tuple(
        group
        for group in sweep.groups
        if any(axis.key in _DECIDING or axis.key not in AXES_OF_RUN for axis in group)
    )


def checked_count(sweep: Sweep) -> int:
    """How many combinations `check_sweep` looks at."""
    return sum(1 for _ in _numbers(deciding_groups(sweep)))


def _numbers(groups: tuple[Group, ...]) -> Iterator[int]:
    count = 1
    for group in groups:
        count *= len(group[0])
    if count <= MOST_CHECKED:
        return iter(range(count))
    return iter(sorted({round(k * (count - 1) / (MOST_CHECKED - 1)) for k in range(MOST_CHECKED)}))


def _check_choice(sweep: Sweep, choice: Mapping[str, Any], codings: dict[str, str | NeurosimError]) -> None:
    told = {**sweep.run.model_dump(), **choice}
    options = {**sweep.options, **{key: value for key, value in choice.items() if key not in AXES_OF_RUN}}
    chip, unknown = _chip(located("chip", told["chip"], sweep.path.parent), options)
    network = located("network", told["network"], sweep.path.parent)
    mode = told["mode"] or chip.default_mode
    if network not in codings:
        try:
            codings[network] = _coding(network)
        except NeurosimError as problem:
            codings[network] = problem
    coding = codings[network]
    if isinstance(coding, NeurosimError):
        raise coding
    if mode not in MODES:
        raise ConfigError("mode", "a mode of this version", repr(mode), near(mode, MODES))
    if mode != "spiking" and coding != "rate":
        raise ConfigError(
            "mode", f"'spiking', for a network with coding {coding!r}", repr(mode), 'give mode = "spiking"'
        )
    if unknown:
        raise ConfigErrors(unknown)
    require_mode(chip, mode, cores=coding == "ticks")
    if mode == "digital" and "states" in told["record"]:
        raise ConfigError("record", f"none or outputs with chip {chip.name}, which has no devices", "'states'",
                          "leave it out, or sweep digital processors apart")  # fmt: skip


def _chip(name: str, options: Mapping[str, Any]) -> tuple[Chip, list[str]]:
    """The chip, and what was said of options that it does not know, which hide what is wrong with the others."""
    chip, left = load_chip(name), dict(options)
    unknown: list[str] = []
    while True:
        try:
            return chip.with_options(**left), unknown
        except ConfigErrors as problem:
            found = _UNKNOWN.search(problem.lines[0])
            if found is None or found[1] not in left:
                raise ConfigErrors([*unknown, *problem.lines]) from None
            unknown.append(problem.lines[0])
            del left[found[1]]


def _coding(network: str) -> str:
    if network.endswith(NIR_SUFFIX) and not Path(network).is_file():
        raise ConfigError("network", "a name, a folder or a .nir file", repr(network), "check the path")
    return coding_of(network)


def _wrong_inputs(sweep: Sweep) -> Iterator[str]:
    axis = next((axis for axis in sweep.axes if axis.key == "inputs"), None)
    for text in axis.values if axis else (sweep.run.inputs,):
        if text is None:
            continue
        try:
            if text.endswith(ARRAYS_SUFFIX):
                if not (sweep.path.parent / text).is_file():
                    raise ConfigError("inputs", "an .npz file", f"none at {text}", "check the path")
                continue
            name, split = split_spec(text)
            card = dataset_card(name)
            if split not in card.splits:
                raise ConfigError("inputs", f"a split of {name}", repr(split), near(split, card.splits))
        except NeurosimError as problem:
            yield _placed(sweep, {"inputs": text} if axis else {}, str(problem))


def _wrong_records(sweep: Sweep) -> Iterator[str]:
    known = sorted(set(RECORDS) - {"traces"})  # of which neurons could not be said
    for name in sweep.run.record:
        if name not in known:
            problem = ConfigError("record", f"some of {', '.join(known)}", repr(name), near(name, known))
            yield _placed(sweep, {}, str(problem))


def _taken_names(sweep: Sweep) -> Iterator[str]:
    """Axes that were given the name of another column."""
    for axis in sweep.axes:
        if axis.name in RESERVED and axis.name != axis.key:
            yield f"{sweep.path}:{axis.line}: {axis.written}: name: the table has a column {axis.name!r} already"


def _messages(problem: ConfigError) -> list[str]:
    """What is wrong, without where in a chip.toml: an option stands in none."""
    return list(problem.lines) if isinstance(problem, ConfigErrors) else [str(problem)]


def _placed(sweep: Sweep, choice: Mapping[str, Any], message: str) -> str:
    """A message with the line of the axis, option or argument that it speaks of first."""
    found: list[tuple[int, int, str]] = []  # place in the message, line, what stands there
    for axis in sweep.axes:
        if axis.key in choice and (place := _mentioned(axis.key, message)) >= 0:
            found.append((place, axis.line, f"{axis.written} = {choice[axis.key]!r}"))
    for table, keys in (("options", sweep.options), ("run", ("record", "network", "chip", "mode", "inputs"))):
        for key in keys:
            if key not in choice and (place := _mentioned(key, message)) >= 0:
                found.append((place, line_of(dict(sweep.lines), (table, *key.split("."))), f"{table}.{key}"))
    if found:
        _, line, what = min(found)
        return f"{sweep.path}:{line}: {what}: {message}"
    axes = [axis for axis in sweep.axes if axis.key in choice]
    what = ", ".join(f"{axis.written} = {choice[axis.key]!r}" for axis in axes) or "file"
    return f"{sweep.path}:{axes[0].line if axes else 1}: {what}: {message}"


def _mentioned(key: str, message: str) -> int:
    """Where a message speaks of a key; -1 where it does not. Keys of chips come before all others: "chip NAME" is how
    most messages begin."""
    place = message.find(key)
    if "." not in key:
        return place + len(message) if place >= 0 else -1
    table, _, last = key.rpartition(".")
    apart = f": {table}: " in message and last in message  # what is wrong with a table names its keys alone
    return message.find(last) if place < 0 and apart else place


def identity_of(sweep: Sweep) -> dict[str, Any]:
    """What the results of a sweep depend on, as plain data: its description, and hashes of the chips and networks
    that it names."""
    told = {**sweep.run.model_dump(mode="json"), "times": list(sweep.times_s)}
    axes = {axis.key: _listed(axis.values) for axis in sweep.axes}
    together = [[axis.key for axis in group] for group in sweep.groups]
    names = {kind: _values(sweep, kind) for kind in ("chip", "network")}
    files = {
        kind: {name: _hash(_files(kind, located(kind, name, sweep.path.parent))) for name in listed}
        for kind, listed in names.items()
    }
    return {
        "run": told, "options": dict(sweep.options), "axes": axes, "order": together,
        "different_seeds": sweep.different_seeds, "files": files,
    }  # fmt: skip


def _listed(values: tuple[Any, ...]) -> Any:
    if len(values) <= 100:
        return list(values)
    digest = hashlib.sha256(repr(values).encode()).hexdigest()
    return {"values": len(values), "first": values[0], "last": values[-1], "sha256": digest}


def _values(sweep: Sweep, key: str) -> list[str]:
    axis = next((axis for axis in sweep.axes if axis.key == key), None)
    return list(axis.values) if axis else [getattr(sweep.run, key)]


def _files(kind: str, name: str) -> list[Path]:
    if kind == "chip":
        return [find_description("chip", name, chips_folder(), "chip.toml")]
    if name.endswith(NIR_SUFFIX):
        return [Path(name)]
    folder = find_network(name).parent
    return [path for path in (folder / "network.toml", folder / "weights.safetensors") if path.is_file()]


def _hash(paths: list[Path]) -> str:
    hasher = hashlib.sha256()
    for path in paths:
        hasher.update(path.read_bytes())
    return hasher.hexdigest()
