"""On which line of a TOML file a key stands: tomllib does not say, and messages need it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from neurosim.foundation.errors import ConfigErrors, DataError

KeyPath = tuple[str | int, ...]
_TABLE = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_KEY = re.compile(rf"^\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*=(.*)$")
_QUOTED_OR_COMMENT = re.compile(r"""\"(?:[^"\\]|\\.)*"|'[^']*'|#.*$""")


def read_toml(path: Path) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """The content of a TOML file and the line of each of its keys.

    Raises DataError when the file cannot be read, ConfigErrors (file:line: message) when it is not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        remedy = "check the path and its permissions"
        raise DataError(str(path), "a readable TOML file", str(problem), remedy) from None
    return parse_toml(text, str(path))


def parse_toml(text: str, where: str) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """The content of TOML text and the line of each of its keys; ConfigErrors when it is not TOML."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        found = re.search(r"at line (\d+)", str(problem))
        line = found[1] if found else "end"
        raise ConfigErrors([f"{where}:{line}: not valid TOML: {problem}"]) from None
    return content, key_lines(text)


def key_lines(text: str) -> dict[KeyPath, int]:
    """Line number (from 1) of every table and key; tables of an array are numbered from 0."""
    lines: dict[KeyPath, int] = {}
    arrays: dict[KeyPath, int] = {}
    table: KeyPath = ()
    closing = ""  # what ends a value that runs over several lines
    for number, line in enumerate(text.splitlines(), 1):
        if closing:
            closing = _still_open(line, closing)
            continue
        if header := _TABLE.match(line):
            table = _enter(header[1] == "[[", _split(header[2]), arrays)
            lines.setdefault(table, number)
        elif entry := _KEY.match(line):
            path = table + _split(entry[1])
            lines.setdefault(path, number)
            closing = _opens(entry[2])
    return lines


def line_of(lines: dict[KeyPath, int], path: KeyPath) -> int:
    """The line of a key, or of the nearest table above it; 1 when nothing matches."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 1


def _split(dotted: str) -> KeyPath:
    return tuple(part.strip("\"' ") for part in re.findall(_NAME, dotted))


def _enter(is_array: bool, names: KeyPath, arrays: dict[KeyPath, int]) -> KeyPath:
    path: KeyPath = ()
    for name in names[:-1]:
        path = (*path, name)
        if path in arrays:
            path = (*path, arrays[path])
    path = (*path, names[-1])
    if is_array:
        arrays[path] = arrays.get(path, -1) + 1
        return (*path, arrays[path])
    return path


def _opens(value: str) -> str:
    value = value.strip()
    for quote in ('"""', "'''"):
        if value.startswith(quote) and quote not in value[3:]:
            return quote
    if value.startswith("[") and _depth(value) > 0:
        return "]" * _depth(value)
    return ""


def _still_open(line: str, closing: str) -> str:
    if closing[0] != "]":
        return "" if closing in line else closing
    return "]" * max(0, len(closing) + _depth(line))


def _depth(line: str) -> int:
    bare = _QUOTED_OR_COMMENT.sub("", line)
    return bare.count("[") - bare.count("]")
