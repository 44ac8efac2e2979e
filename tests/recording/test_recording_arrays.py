"""Nested arrays saved and loaded: every leaf comes back as it was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neurosim.foundation.errors import ConfigError, DataError, FormatError
from neurosim.recording import load_arrays, save_arrays

TREE = {
    "fc1": {
        "g_plus": np.arange(12, dtype=np.float32).reshape(3, 4),
        "stuck": np.array([True, False]),
        "empty": np.zeros((0, 3)),
        "scalar": np.array(2.5),
        "names": np.array(["ą", "bb"]),
        "splits": (256, 256, 272),
        "ranges": (0.5, -1.0),
        "labels": ("a", "ß"),
        "none": (),
        "deep": {"flag": True, "nothing": None},
    },
    "chip": 'name = "x"\n' * 10_000,
    "seed": 2**63 - 1,
    "time_s": 25.0,
    "nested": {},
}


def assert_same(one, other):
    """Equal in type, shape and value."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_same(one[name], other[name])
    elif isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert one.tobytes() == other.tobytes()
    else:
        assert type(one) is type(other)
        assert one == other


def test_every_leaf_comes_back_as_it_was(tmp_path):
    path = save_arrays(tmp_path / "chip.h5", TREE, "programmed chip")
    loaded = load_arrays(path, "programmed chip")
    assert_same(loaded, TREE)
    save_arrays(path, {"a": 1}, "programmed chip")
    assert load_arrays(path, "programmed chip") == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["chip.h5"]


types = st.sampled_from([np.dtype(t) for t in ("bool", "i1", "u8", "f4", "f8", "i8", "u2")])
leaves = (
    st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.booleans()
    | st.none()
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"))
    | hnp.arrays(types, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))
    | st.lists(st.integers(-9, 9)).map(tuple)
)
names = st.text("abcż_. 1", min_size=1, max_size=5).filter(lambda name: name != ".")


@given(
    st.dictionaries(
        names, st.recursive(leaves, lambda inner: st.dictionaries(names, inner, max_size=3), max_leaves=8)
    )
)
@settings(max_examples=60, deadline=None)
def test_any_tree_comes_back(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("trees") / "x.h5"
    assert_same(load_arrays(save_arrays(path, tree, "tree"), "tree"), tree)


def test_another_kind_or_a_newer_format_is_refused(tmp_path):
    path = save_arrays(tmp_path / "chip.h5", {"a": 1}, "programmed chip", format=3)
    with pytest.raises(
        FormatError, match=r"chip.h5: expected a file of kind 'crossbar', got 'programmed chip'"
    ):
        load_arrays(path, "crossbar")
    with pytest.raises(FormatError, match="expected format 2 or older, got format 3; needs a newer neurosim"):
        load_arrays(path, "programmed chip", newest=2)
    assert load_arrays(path, "programmed chip", newest=3) == {"a": 1}


def test_damaged_arrays_are_refused(tmp_path):
    path = save_arrays(tmp_path / "chip.h5", {"g": TREE["fc1"]["g_plus"]}, "chip")
    content = path.read_bytes()
    at = content.index(TREE["fc1"]["g_plus"].tobytes())
    path.write_bytes(content[:at] + b"\xff" + content[at + 1 :])
    with pytest.raises(DataError, match=r"chip.h5: .*expected undamaged data"):
        load_arrays(path, "chip")
    with pytest.raises(DataError, match=r"none.h5: expected a file, got none"):
        load_arrays(tmp_path / "none.h5", "chip")


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"a/b": 1}, "/tree/a/b: expected a printable name without slashes, got 'a/b'"),
        ({"a": {"": 1}}, "expected a printable name without slashes, got ''"),
        ({3: 1}, "expected a printable name without slashes, got 3"),
        ({"a": {"b": object()}}, "expected text, booleans, integers, float32 or float64, got object"),
        ({"a": np.zeros(2, np.float16)}, "/tree/a: expected text, .*got ndarray of type float16"),
        ({"a": np.zeros(2, complex)}, "got ndarray of type complex128"),
        ({"a": 2**70}, "expected text, booleans, integers"),
    ],
)
def test_what_cannot_be_stored_is_refused(tmp_path, tree, message):
    with pytest.raises(ConfigError, match=message):
        save_arrays(tmp_path / "x.h5", tree, "tree")
    assert list(tmp_path.iterdir()) == []


def test_unwritable_paths_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="expected an existing folder, got none"):
        save_arrays(tmp_path / "nowhere/x.h5", {}, "tree")
