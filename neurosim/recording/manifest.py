"""What a run was begun with, kept beside its parts, so that it is only ever resumed as the same run."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import neurosim
from neurosim.foundation.errors import ConfigError, ConfigErrors, DataError, FormatError
from neurosim.recording.durable import write_durably
from neurosim.recording.schema import FORMAT, Plan

NAME = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """The identity of a run: configuration, layout, version; `run_id` differs for every start."""

    format: int
    run_id: str
    output: str
    overwrite: bool
    neurosim: str
    plan: str
    config: dict[str, Any]

    @classmethod
    def begin(cls, output: Path, plan: Plan, config: Mapping[str, Any], overwrite: bool) -> Manifest:
        """The manifest of a run that starts now. Raises ConfigError when `config` is not plain data."""
        return cls(
            FORMAT,
            uuid.uuid4().hex,
            output.name,
            overwrite,
            neurosim.__version__,
            plan.digest(),
            plain(config),
        )

    def write(self, folder: Path) -> None:
        """Store durably in the folder of parts."""
        write_durably(folder / NAME, json.dumps(asdict(self), indent=1, sort_keys=True).encode())

    def check(self, now: Manifest, folder: Path) -> None:
        """Refuse to go on as another run.

        Raises ConfigErrors with one line per difference: key, what it was, what it is now.
        """
        was, new = self._identity(), now._identity()
        lines = []
        for key in sorted(was.keys() | new.keys()):
            if was.get(key) != new.get(key) or (key in was) != (key in new):
                before, after = _show(was, key), _show(new, key)
                lines.append(f"{folder}: {key}: changed since the run began: was {before}, now {after}")
        if not lines and self.plan != now.plan:
            lines.append(f"{folder}: plan: changed since the run began (variables, sizes or fixed data)")
        if lines:
            lines.append(f"{folder}: run again as it was begun, or with --overwrite to begin anew")
            raise ConfigErrors(lines)

    def _identity(self) -> dict[str, Any]:
        return {"neurosim": self.neurosim, "output": self.output, **dict(_flat(self.config))}


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest in a folder of parts, or None when no run began there.

    Raises DataError when it is damaged, FormatError when a newer program wrote it.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] > FORMAT:
            raise FormatError(
                str(path),
                f"format {FORMAT} or older",
                f"format {content['format']}",
                "needs a newer neurosim",
            )
        return Manifest(**content)
    except (OSError, ValueError, TypeError, KeyError) as problem:
        raise DataError(str(path), "a manifest", str(problem), "begin anew with --overwrite") from problem


def plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as JSON knows it (tuples become lists, paths text, NumPy scalars numbers)."""
    try:
        content: dict[str, Any] = json.loads(json.dumps(config, default=_plain))
    except (TypeError, ValueError) as problem:
        raise ConfigError(
            "configuration",
            "text, numbers, lists and tables",
            str(problem),
            "convert other values to these first",
        ) from None
    return content


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} {value!r}")


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and (value or not name):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def _show(content: Mapping[str, Any], key: str) -> str:
    return repr(content[key]) if key in content else "absent"
