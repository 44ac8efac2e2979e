"""Device descriptions: those of the literature that come with the package, and one's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from neurosim.devices.parameters import DeviceParameters
from neurosim.foundation.errors import DataError
from neurosim.foundation.records import Record, Source, build_record
from neurosim.foundation.shipped import find_description, shipped_names
from neurosim.foundation.toml_lines import parse_toml


class DeviceFile(Record):
    """A TOML file that describes one device technology, to be put into a chip."""

    name: str
    title: str
    device: DeviceParameters


@dataclass(frozen=True)
class DeviceDescription:
    """A device file as read: its record, where its numbers come from (under `device.NAME`), and its text."""

    record: DeviceFile
    sources: MappingProxyType[str, Source]
    text: str

    @property
    def name(self) -> str:
        """Short name, as in `--device`."""
        return self.record.name

    @property
    def parameters(self) -> DeviceParameters:
        """What `make_device` takes."""
        return self.record.device


def device_names() -> list[str]:
    """Names of the shipped devices, sorted."""
    return shipped_names(_folder(), "")


def load_device(name_or_path: str | Path) -> DeviceDescription:
    """Read a device by its shipped name, or the path of a TOML file or of a chip's.

    Raises ConfigError for an unknown name (near names suggested), ConfigErrors for a wrong description, DataError for
    an unreadable file, FormatError for a newer format.
    """
    path = find_description("device", str(name_or_path), _folder(), "")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        remedy = "check the path and its permissions"
        raise DataError(str(path), "a readable TOML file", str(problem), remedy) from None
    return parse_device(text, str(path))


def parse_device(text: str, where: str) -> DeviceDescription:
    """A device from TOML text, errors as load_device; of a chip's own file only the device is taken."""
    content, lines = parse_toml(text, where)
    content = {key: content[key] for key in ("format", "name", "title", "device") if key in content}
    record, sources = build_record(content, lines, where, DeviceFile)
    return DeviceDescription(record, MappingProxyType(sources), text)


def _folder() -> Path:
    return Path(__file__).resolve().parent / "library"
