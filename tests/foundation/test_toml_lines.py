"""On which line a key stands, for every way TOML has of writing it."""

from __future__ import annotations

import pytest

from neurosim.foundation.errors import ConfigErrors, DataError
from neurosim.foundation.toml_lines import key_lines, line_of, parse_toml, read_toml

TEXT = '''format = 1            # line 1

[device]              # 3
g_max = {value = 25, unit = "uS"}
stuck.low = 0.1
"quoted key" = 2      # 6
list = [
    1, # a ] in a comment
    "a ] in a \\" [ string",
    [2, 3],
]
after = 1             # 12
text = """
fake = 3
[fake]
"""
literal = \'\'\'one line\'\'\'   # 17

[[layers]]            # 19
name = "a"
[[layers]]            # 21
name = "b"
[layers.inner]        # 23
depth = 1
[ spaced . table ]    # 25
x = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("format",), 1),
        (("device",), 3),
        (("device", "g_max"), 4),
        (("device", "stuck", "low"), 5),
        (("device", "quoted key"), 6),
        (("device", "list"), 7),
        (("device", "after"), 12),
        (("device", "text"), 13),
        (("device", "literal"), 17),
        (("layers", 0), 19),
        (("layers", 0, "name"), 20),
        (("layers", 1, "name"), 22),
        (("layers", 1, "inner"), 23),
        (("layers", 1, "inner", "depth"), 24),
        (("spaced", "table", "x"), 26),
    ],
)
def test_lines(path, line):
    content, lines = parse_toml(TEXT, "t.toml")
    assert content["layers"][1]["inner"] == {"depth": 1}  # the text is TOML
    assert lines[path] == line


def test_nothing_is_found_inside_values():
    lines = key_lines(TEXT)
    assert not [path for path in lines if "fake" in path]


def test_the_nearest_table_above():
    lines = key_lines(TEXT)
    assert line_of(lines, ("device", "g_max", "unit")) == 4
    assert line_of(lines, ("device", "missing")) == 3
    assert line_of(lines, ("layers", 0, "missing")) == 19
    assert line_of(lines, ("nowhere",)) == 1


@pytest.mark.parametrize(
    ("text", "line"), [("a = 1\nb = = 2\n", "2"), ("a = 1\na = 2\n", "2"), ('a = "open', ".*")]
)
def test_no_toml(text, line):
    with pytest.raises(ConfigErrors, match=f"^t.toml:{line}: not valid TOML: "):
        parse_toml(text, "t.toml")


def test_unreadable_files(tmp_path):
    with pytest.raises(DataError, match="none.toml: expected a readable TOML file, got .*check the path"):
        read_toml(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="binary.toml: expected a readable TOML file, got .*utf-8"):
        read_toml(tmp_path / "binary.toml")
    with pytest.raises(DataError, match="expected a readable TOML file"):
        read_toml(tmp_path)
    (tmp_path / "good.toml").write_text("a = 1\n")
    assert read_toml(tmp_path / "good.toml") == ({"a": 1}, {("a",): 1})
