"""A chip with the devices of another technology."""

from __future__ import annotations

import json
import re

from neurosim.chips.chip import Chip, parse_chip
from neurosim.devices.fitted_toml import Fitted, device_tables, pcm_pulses
from neurosim.devices.shipped import DeviceDescription, parse_device
from neurosim.foundation.errors import ConfigError

_HEADER = re.compile(r"\[\[?\s*([A-Za-z0-9_.\"'-]+)")


def with_device(chip: Chip, device: DeviceDescription) -> Chip:
    """The chip with every [device] table replaced by those of a device; all else, and its options, stay.

    It is called CHIP_DEVICE, and its label names the devices. Raises ConfigError for a chip without memristive devices
    or one with options of its device, ConfigErrors where the circuit does not go with the device.
    """
    if chip.parameters.device is None:
        raise ConfigError(f"chip {chip.name}", "a [device] table to replace", "none",
                          "choose a chip with memristive devices")  # fmt: skip
    changed = [key for key in chip.options if key.startswith("device.")]
    if changed:
        raise ConfigError(f"chip {chip.name}", "no options of the device that is replaced", ", ".join(changed),
                          "give them after the device")  # fmt: skip
    name = f"{chip.name}_{device.name}"
    text = grafted(chip.text, device.text)
    for key, value in (
        ("name", name),
        ("title", f"{chip.title}; devices: {device.record.title}"),
        ("label", f"{chip.label}; devices of {device.name}"),
    ):
        text = _with_line(text, key, value)
    made = parse_chip(text, f"chip {name}")
    return made.with_options(**{key.replace(".", "__"): value for key, value in chip.options.items()})


def _with_line(text: str, key: str, value: str) -> str:
    """The text with another value of a key that stands before its tables."""
    lines = text.splitlines()
    place = next(k for k, line in enumerate(lines) if re.match(rf"{key}\s*=", line))
    return "\n".join(
        [*lines[:place], f"{key} = {json.dumps(value, ensure_ascii=False)}", *lines[place + 1 :], ""]
    )


def grafted(chip_text: str, device_text: str) -> str:
    """The TOML text of a chip with the [device] tables of another text in place of its own."""
    return replaced(chip_text, device_text, "device")


def replaced(chip_text: str, other_text: str, table: str) -> str:
    """The TOML text of a chip with a table, and those below it, of another text in place of its own."""
    kept, _, place = _parted(chip_text, table)
    _, tables, _ = _parted(other_text, table)
    return "\n".join([*kept[:place], *tables, "", *kept[place:], ""])


def _parted(text: str, table: str) -> tuple[list[str], list[str], int]:
    """The lines outside and inside [TABLE] and [TABLE.*], and where the first of those stood.

    Comments that stand right above a table belong to it.
    """
    kept: list[str] = []
    tables: list[str] = []
    waiting: list[str] = []
    inside, place = False, None
    for line in text.splitlines():
        header = _HEADER.match(line)
        if header:
            inside = f"{header[1]}.".startswith(f"{table}.")
            if inside and place is None:
                place = len(kept)
        if line.startswith("#") or not line.strip():
            waiting.append(line)
            continue
        (tables if inside else kept).extend([*waiting, line])
        waiting = []
    kept.extend(waiting)
    return kept, tables, len(kept) if place is None else place


def with_fitted(chip: Chip, fitted: Fitted, name: str) -> Chip:
    """The chip with a fitted device of a given name.

    Of phase-change memory only the pulses are fitted, and the rest stays: ConfigError where the chip's devices are of
    another technology.
    """
    if fitted.kind != "pcm":
        head = f"format = 1\nname = {json.dumps(name)}\ntitle = {json.dumps(fitted.source, ensure_ascii=False)}\n\n"
        return with_device(chip, parse_device(head + device_tables(fitted), f"device {name}"))
    if chip.parameters.device is None or chip.parameters.device.kind != "pcm":
        raise ConfigError(f"chip {chip.name}", "phase-change devices, whose pulses alone are fitted", "others",
                          "give a --chip with pcm devices: joshi_2020")  # fmt: skip
    text = replaced(chip.text, pcm_pulses(fitted), "device.pulses")
    text = _with_line(
        _with_line(text, "name", f"{chip.name}_{name}"), "label", f"{chip.label}; pulses of {name}"
    )
    return parse_chip(text, f"chip {name}")
