"""Errors: four parts, one line, kinds with exit codes, and near names."""

from __future__ import annotations

import pickle

import pytest

from neurosim.foundation import errors
from neurosim.foundation.errors import ConfigErrors, NeurosimError, near

KINDS = {
    "ConfigError": ("configuration", 2),
    "DataError": ("data", 1),
    "FormatError": ("format", 1),
    "NotProgrammedError": ("not programmed", 1),
    "SolveError": ("solve", 1),
    "LimitError": ("limit", 1),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds(name):
    made = getattr(errors, name)("adc.bits", "at least 1", "0", "choose 4 to 12")
    assert (made.kind, made.exit_code) == KINDS[name]
    assert str(made) == "adc.bits: expected at least 1, got 0; choose 4 to 12"
    assert isinstance(made, NeurosimError)


def test_without_a_remedy():
    with pytest.raises(TypeError, match="remedy"):
        NeurosimError("x", "a", "b")  # no error without what to do about it


@pytest.mark.parametrize(
    "made",
    [
        errors.DataError("w", "e", "g", "r"),
        errors.LimitError("w", "e", "g", "r"),
        ConfigErrors(["f:1: a", "f:2: b"]),
    ],
)
def test_errors_cross_process_borders(made):
    back = pickle.loads(pickle.dumps(made))
    assert type(back) is type(made)
    assert str(back) == str(made)
    assert (back.where, back.expected, back.got, back.remedy) == (
        made.where,
        made.expected,
        made.got,
        made.remedy,
    )


def test_many_at_once():
    made = ConfigErrors(line for line in ["chip.toml:3: adc.bits: too few", "chip.toml:9: tile: zero"])
    assert str(made).splitlines() == list(made.lines)
    assert (made.where, made.got, made.exit_code) == ("chip.toml:3", "2 error(s)", 2)
    assert ConfigErrors([]).where == ""


def test_near_names():
    known = ["joshi_2020", "hermes", "ideal_float"]
    assert near("joshi2020", known) == "did you mean 'joshi_2020'?"
    assert near("xyz", known) == "known: hermes, ideal_float, joshi_2020"
    assert near("test", ["tests", "text"]) == "did you mean 'tests' or 'text'?"
