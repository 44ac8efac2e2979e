"""Streams: named, stateless, and different for different names."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosim.foundation.streams import Stream, stream

PARTS = st.one_of(st.text(max_size=5), st.integers(), st.floats(allow_nan=False))
PATHS = st.lists(PARTS, max_size=4)


def test_the_key_of_a_name_never_changes():
    """Written down: another value would make every stored chip another chip."""
    assert stream(0, "chip", 3).key.hex() == "7eef3a034a75cb8e36a822b89d0ff89a"
    assert stream(7, "read", 25.0).words() == (14321138682903997704, 6092344976480391716)


def test_the_same_name_gives_the_same_draws():
    a, b = stream(0, "chip", 3), stream(0).child("chip").child(3)
    assert a == b
    first = a.generator().random(5)
    np.testing.assert_array_equal(first, b.generator().random(5))
    np.testing.assert_array_equal(first, a.generator().random(5))  # drawing changed nothing


def test_seed_zero_is_a_seed():
    assert stream(0, "x").key != stream(1, "x").key
    assert stream(0, "x").key != stream(-1, "x").key


@given(PATHS, PATHS)
def test_other_names_give_other_keys(one, other):
    same = [(type(part), part, str(part)) for part in one] == [
        (type(part), part, str(part)) for part in other
    ]
    assert (stream(0, *one).key == stream(0, *other).key) == same


@pytest.mark.parametrize(
    ("one", "other"),
    [(("ab", "c"), ("a", "bc")), ((1,), ("1",)), ((1,), (1.0,)), ((1, 2), (12,)), ((), ("",))],
)
def test_names_that_could_be_confused(one, other):
    assert stream(0, *one).key != stream(0, *other).key


@pytest.mark.parametrize(("numpy_part", "part"), [(np.int64(3), 3), (np.uint8(3), 3), (np.float64(0.1), 0.1)])
def test_numpy_numbers_count_as_the_numbers_they_are(numpy_part, part):
    assert stream(0, numpy_part).key == stream(0, part).key
    assert stream(np.int64(5), "x").key == stream(5, "x").key


def test_words_are_the_key():
    low, high = stream(3, "w").words()
    assert low.to_bytes(8, "little") + high.to_bytes(8, "little") == stream(3, "w").key
    assert max(low, high) < 2**64


def test_a_stream_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError, match="root"):
        stream(0).root = 1  # type: ignore[misc]


def test_children_are_uncorrelated():
    draws = np.array([Stream(0, ("n", i)).generator().standard_normal(4096) for i in range(40)])
    correlations = np.corrcoef(draws)[np.triu_indices(40, 1)] * np.sqrt(4096)
    assert abs(correlations).max() < 5.5  # 780 pairs of unit normals; 5.5 sigma has p < 3e-5
    assert abs(correlations.std() - 1) < 0.15
