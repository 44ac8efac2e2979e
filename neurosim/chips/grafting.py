"""A chip with the devices of another technology."""

from __future__ import annotations

import json
import re
from pathlib import Path

from neurosim.chips.chip import Chip, parse_chip
from neurosim.devices.shipped import DeviceDescription
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
        text = re.sub(rf"^{key}\s*=.*$", lambda _, k=key, v=value: f"{k} = {_quoted(v)}", text, count=1, flags=re.M)
    made = parse_chip(text, f"chip {name}")
    return made.with_options(**{key.replace(".", "__"): value for key, value in chip.options.items()})


def grafted(chip_text: str, device_text: str) -> str:
    """The TOML text of a chip with the [device] tables of another text in place of its own."""
    kept, _, place = _parted(chip_text)
    _, tables, _ = _parted(device_text)
    return "\n".join([*kept[:place], *tables, "", *kept[place:], ""])


def _parted(text: str) -> tuple[list[str], list[str], int]:
    """The lines outside and inside [device] and [device.*] tables, and where the first of those stood.

    Comments that stand right above a table belong to it.
    """
    kept: list[str] = []
    tables: list[str] = []
    waiting: list[str] = []
    inside, place = False, None
    for line in text.splitlines():
        header = _HEADER.match(line)
        if header:
            inside = header[1].split(".")[0].strip("\"'") == "device"
            if inside and place is None:
                place = len(kept)
        if line.startswith("#") or not line.strip():
            waiting.append(line)
            continue
        (tables if inside else kept).extend([*waiting, line])
        waiting = []
    kept.extend(waiting)
    return kept, tables, len(kept) if place is None else place


def _quoted(text: str) -> str:
    """A TOML string."""
    return json.dumps(text, ensure_ascii=False)


def write_chip(chip: Chip, path: Path) -> None:
    """Write a chip's TOML text."""
    path.write_text(chip.toml, encoding="utf-8")
