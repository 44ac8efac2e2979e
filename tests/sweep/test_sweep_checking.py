"""Points that could not start are refused before any starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from neurosim.foundation.errors import ConfigErrors
from neurosim.sweep import checking
from neurosim.sweep.checking import check_sweep, checked_count, identity_of
from neurosim.sweep.description import read_sweep

Write = Callable[..., Path]


def mistakes(path: Path) -> list[str]:
    with pytest.raises(ConfigErrors) as raised:
        check_sweep(read_sweep(path))
    return [line.removeprefix(f"{path}:") for line in raised.value.lines]


def test_a_right_one_passes_and_every_combination_is_looked_at_once(write: Write) -> None:
    sweep = read_sweep(write(grid="adc.bits = [4, 6]\nlimit = [5, 6, 7]", rest="[monte_carlo]\nseeds = 4"))
    seen: list[int] = []
    check_sweep(sweep, seen.append)
    assert sum(seen) == checked_count(sweep) == 2  # neither limit nor seed decides whether a point can start


def test_wrong_options_are_told_with_axis_line_and_near_names(write: Write) -> None:
    grid = 'adc.bits = [0, 4]\n"adc.bitz" = [4]\n"device.g_max" = ["10 uS", "30 uS"]'
    assert mistakes(write(grid=grid)) == [
        "7: adc.bitz = 4: chip joshi_2020: option 'adc.bitz': unknown; did you mean 'adc.bits' or 'dac.bits' or "
        "'adc.inl'?",
        "6: adc.bits = 0: chip joshi_2020:1: adc.bits: Input should be greater than or equal to 1, got 0",
    ]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"run": 'chip = "joshi_202"', "grid": "adc.bits = [4]"}, "4: run.chip: chip: expected a known name or a path"),
        ({"grid": 'chip = ["joshi_2020", "joshy"]'}, "6: chip = 'joshy': chip: expected a known name"),
        ({"grid": 'network = ["digits_mpl"]'}, "network = 'digits_mpl': network: expected a known name"),
        ({"grid": 'network = ["gone.nir"]'}, "expected a name, a folder or a .nir file, got 'gone.nir'"),
        ({"grid": 'mode = ["rate", "rats"]'}, "6: mode = 'rats': mode: expected a mode of this version"),
        ({"grid": 'network = ["mnist_ttfs"]'}, "expected 'spiking', for a network with coding 'first_spike'"),
        ({"grid": 'mode = ["spiking"]\nchip = ["truenorth"]'}, "expected a chip of crossbars for this network"),
        ({"grid": "adc.bits = {values = [4], name = 'accuracy'}"}, "6: adc.bits: name: the table has a column"),
        ({"grid": 'chip = ["joshi_2020", "eyeriss"]', "run": 'mode = "rate"'}, "chip = 'eyeriss': chip eyeriss: mode"),
        ({"grid": 'chip = ["eyeriss"]', "run": 'record = ["states"]'}, "4: run.record: record: expected none or"),
        ({"grid": 'inputs = ["digits/test", "digits/tset"]'}, "6: inputs = 'digits/tset': inputs: expected a split of"),
        ({"run": 'inputs = "digit"', "grid": "adc.bits = [4]"}, "did you mean 'digits'"),
        ({"run": 'inputs = "gone.npz"', "grid": "adc.bits = [4]"}, "4: run.inputs: inputs: expected an .npz file"),
        ({"run": 'record = ["outputs", "x"]', "grid": "adc.bits = [4]"}, "4: run.record: record: expected some of"),
        ({"rest": "[options]\nadc.bits = -1\n[monte_carlo]\nchips = 2"}, "8: options.adc.bits: chip joshi_2020:1"),
    ],
)  # fmt: skip
def test_what_could_not_start(write: Write, parts: dict[str, str], message: str) -> None:
    assert message in "\n".join(mistakes(write(**parts)))


def test_options_that_go_together_are_checked_together(write: Write) -> None:
    pairs = '[zip]\nchip = ["joshi_2020", "rram_pairs"]\n"device.drift.t0_s" = [20, 20]'
    told = mistakes(write(rest=pairs))
    assert len(told) == 1
    assert "chip rram_pairs: option 'device.drift.t0_s': unknown" in told[0]


def test_of_very_many_a_part_is_checked(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "MOST_CHECKED", 5)
    sweep = read_sweep(write(grid='"adc.bits" = {from = 1, to = 16, step = 1}\n"dac.bits" = [0, 4, 8]'))
    assert checked_count(sweep) == 5
    with pytest.raises(ConfigErrors, match="dac.bits: Input should be greater"):
        check_sweep(sweep)


def test_many_mistakes_are_cut_short(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "MOST_TOLD", 2)
    told = mistakes(write(grid='"adc.bits" = {from = -4, to = 0, step = 1}'))
    assert len(told) == 3
    assert told[-1].endswith("and 3 more mistakes")


def test_identity_tells_sweeps_apart(write: Write) -> None:
    first = identity_of(read_sweep(write(grid="adc.bits = [4, 6]")))
    assert first == identity_of(read_sweep(write(grid="# a comment\nadc.bits = [4, 6]\n")))
    assert first != identity_of(read_sweep(write(grid="adc.bits = [6, 4]")))
    assert first != identity_of(read_sweep(write(grid="adc.bits = [4, 6]", run="limit = 3")))
    long = identity_of(read_sweep(write(grid="limit = {from = 1, to = 1000, step = 1}")))
    assert long["axes"]["limit"]["values"] == 1000
    assert set(first["files"]) == {"chip", "network"}
