"""Frozen records read from TOML: quantities with units and sources, all errors at once with their lines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from neurosim.foundation.errors import ConfigError, ConfigErrors, FormatError, near
from neurosim.foundation.toml_lines import KeyPath, line_of, read_toml
from neurosim.foundation.units import to_si

FORMAT = 1  # of every TOML file of the project
STATUSES = ("found", "derived", "recalled", "assumed")
_QUANTITY = ("value", "unit", "source", "status", "node", "note")


class Record(BaseModel):
    """Base of every description: immutable, no unknown keys, no infinities."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)


@dataclass(frozen=True)
class Source:
    """Where a number comes from: the text of its value, its unit, the citation, and how sure we are."""

    value: Any
    unit: str
    source: str
    status: Literal["found", "derived", "recalled", "assumed"]
    line: int
    node: str = ""  # technology node, where a price depends on one


Model = TypeVar("Model", bound=Record)


def load_record(path: Path, model: type[Model]) -> tuple[Model, dict[str, Source]]:
    """Read a TOML file into a frozen record.

    A quantity `g_max = {value = 25, unit = "uS", source = "...", status = "found"}` becomes the field
    `g_max_siemens`; its source is returned under the dotted name of that field.

    Returns the record and the sources. Raises ConfigErrors with one `file:line: key: message` per error,
    FormatError when the file's `format` is newer than this program's, DataError when it cannot be read.
    """
    content, lines = read_toml(path)
    return build_record(content, lines, str(path), model)


def build_record(content: dict[str, Any], lines: dict[KeyPath, int], where: str,
                 model: type[Model]) -> tuple[Model, dict[str, Source]]:  # fmt: skip
    """As load_record, from content that has been read already; `where` names the file in messages."""
    check_format(content, where)
    content = {key: value for key, value in content.items() if key != "format"}
    sources: dict[str, Source] = {}
    problems: list[str] = []
    converted = _convert(content, (), lines, where, sources, problems)
    try:
        record = model.model_validate(converted)
    except ValidationError as invalid:
        problems += [_message(error, model, lines, where) for error in invalid.errors()]
        raise ConfigErrors(problems) from None
    if problems:
        raise ConfigErrors(problems)
    return record, sources


def check_format(content: dict[str, Any], where: str) -> None:
    """Refuse a file of a newer format, or one that does not say its format."""
    version = content.get("format")
    if not isinstance(version, int) or isinstance(version, bool):
        raise FormatError(
            where, f"a line `format = {FORMAT}`", repr(version), "add it at the top of the file"
        )
    if version > FORMAT:
        raise FormatError(where, f"format {FORMAT} or older", f"format {version}", "update neurosim")


def _convert(node: Any, path: KeyPath, lines: dict[KeyPath, int], file: str,
             sources: dict[str, Source], problems: list[str]) -> Any:  # fmt: skip
    if isinstance(node, list):
        return [_convert(item, (*path, i), lines, file, sources, problems) for i, item in enumerate(node)]
    if not isinstance(node, dict):
        return node
    result: dict[str, Any] = {}
    for key, value in node.items():
        here = (*path, key)
        if isinstance(value, dict) and "value" in value:
            name, number = _quantity(value, here, lines, file, sources, problems)
            result[name] = number
        else:
            result[key] = _convert(value, here, lines, file, sources, problems)
    return result


def _quantity(value: dict[str, Any], path: KeyPath, lines: dict[KeyPath, int], file: str,
              sources: dict[str, Source], problems: list[str]) -> tuple[str, Any]:  # fmt: skip
    line = line_of(lines, path)
    where = f"{file}:{line}: {_dotted(path)}"
    name = str(path[-1])
    for unknown in sorted(set(value) - set(_QUANTITY)):
        problems.append(f"{where}: unknown key {unknown!r} in a quantity; known: {', '.join(_QUANTITY)}")
    if not value.get("source") or value.get("status") not in STATUSES:
        problems.append(f"{where}: every number needs a source and a status ({', '.join(STATUSES)})")
    number = value["value"]
    try:
        factor, suffix = to_si(1.0, str(value.get("unit", "1")), where)
    except ConfigError as problem:
        problems.append(f"{where}: {problem.got} is not a known unit; {problem.remedy}")
        return name, number
    number = _scaled(number, factor)
    field = name if not suffix or name == suffix else f"{name}_{suffix}"  # `bits` in bits stays `bits`
    dotted = _dotted((*path[:-1], field))
    sources[dotted] = Source(value["value"], str(value.get("unit", "1")), str(value.get("source", "")),
                             value.get("status", "assumed"), line, str(value.get("node", "")))  # fmt: skip
    return field, number


def _scaled(number: Any, factor: float) -> Any:
    if isinstance(number, list):
        return [_scaled(item, factor) for item in number]
    if factor == 1.0 or not isinstance(number, int | float):
        return number
    # dividing by the exact inverse makes 25 uS read 2.5e-05 and not 2.4999999999999998e-05
    return number / round(1 / factor) if factor < 1 else number * factor


def _message(error: Any, model: type[Record], lines: dict[KeyPath, int], file: str) -> str:
    path, _ = _walk(model, tuple(error["loc"]))
    if error["type"].startswith("union_tag"):
        path = (*path, "kind")
    line = line_of(lines, path) if path in lines else _line_without_suffix(lines, path)
    text = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        known = _fields(model, tuple(error["loc"])[:-1])
        text = f"unknown key; {near(str(path[-1]), known)}" if known else "unknown key"
    elif error["type"] in ("missing", "union_tag_not_found"):
        text = "missing; add it"
    elif error["type"] == "union_tag_invalid":
        kinds = error["ctx"]["expected_tags"].replace("'", "").split(", ")
        text = f"unknown kind {error['ctx']['tag']!r}; {near(error['ctx']['tag'], kinds)}"
    elif "input" in error and not isinstance(error["input"], dict | list):
        text = f"{text}, got {error['input']!r}"
    return f"{file}:{line}: {_dotted(path) or 'file'}: {text}"


def _line_without_suffix(lines: dict[KeyPath, int], path: KeyPath) -> int:
    """A field `g_max_siemens` stands in the file as `g_max`."""
    last = str(path[-1]) if path else ""
    for cut in range(last.count("_")):
        candidate = (*path[:-1], last.rsplit("_", cut + 1)[0])
        if candidate in lines:
            return lines[candidate]
    return line_of(lines, path)


def _records(annotation: Any) -> list[type[Record]]:
    """The records an annotation may hold: itself, or the members of its union."""
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return [annotation]
    return [record for member in get_args(annotation) for record in _records(member)]


def _walk(model: type[Record], location: KeyPath) -> tuple[KeyPath, list[type[Record]]]:
    """The path of keys as the file has them (a union's location also holds the member's tag), and the
    records that may stand there."""
    current, kept = [model], []
    for part in location:
        fields = [record.model_fields[part] for record in current if part in record.model_fields]
        tagged = [record for record in current if _tag(record) == part]
        if not fields and tagged:
            current = tagged
            continue
        current = [record for field in fields for record in _records(field.annotation)] if fields else current
        kept.append(part)
    return tuple(kept), current


def _tag(record: type[Record]) -> Any:
    field = record.model_fields.get("kind")
    return field.default if field else None


def _fields(model: type[Record], location: KeyPath) -> list[str]:
    """The keys that may stand in the table at a location, as the file writes them."""
    _, records = _walk(model, location)
    return sorted({field.alias or name for record in records for name, field in record.model_fields.items()})


def _dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path)
