"""Sweep files: what they come to, and all their mistakes at once, with lines."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from neurosim.foundation.errors import ConfigErrors, DataError, FormatError
from neurosim.sweep.description import read_sweep
from neurosim.sweep.points import point_of

Write = Callable[..., Path]


def test_points_are_nested_loops_in_the_order_of_the_file(write: Write) -> None:
    sweep = read_sweep(write(
        run='times = ["1 day", "25 s"]',
        grid='adc.bits = [4, 6]\n"device.g_max" = {values = [10, 25], unit = "uS"}',
        rest='[zip]\ndac.bits = [5, 7, 8]\nread.noise = ["split", "none",\n "independent"]\n[monte_carlo]\nseeds = 2',
    ))  # fmt: skip
    expected = [
        {"adc.bits": bits, "device.g_max_siemens": g, "dac.bits": dac, "read.noise": noise, "seed": seed}
        for bits, g, (dac, noise), seed in itertools.product(
            (4, 6), (1e-5, 2.5e-5), zip((5, 7, 8), ("split", "none", "independent"), strict=True), (0, 1)
        )
    ]
    assert [sweep.choice(number) for number in range(sweep.points)] == expected
    assert sweep.times_s == (25.0, 86400.0)
    point = point_of(sweep, 23)
    assert point.arguments["seed"] == 1
    assert point.options == {
        "adc.bits": 6,
        "device.g_max_siemens": 2.5e-5,
        "dac.bits": 8,
        "read.noise": "independent",
    }
    assert point.file == "points/000023.h5"


def test_several_zips_and_options(write: Write) -> None:
    zips = "[[zip]]\nadc.bits = [4, 6]\ndac.bits = [5, 7]\n[[zip]]\nlimit = [5, 10, 15]"
    options = "[options]\ndrift_compensation = 'none'\ndevice.g_max = \"20 uS\""
    sweep = read_sweep(write(rest=f"{zips}\n{options}"))
    assert sweep.points == 6
    assert point_of(sweep, 4).options == {
        "compensation.drift": "none", "device.g_max_siemens": 2e-5, "adc.bits": 6, "dac.bits": 7,
    }  # fmt: skip
    assert point_of(sweep, 4).arguments["limit"] == 10


def test_a_million_points_are_not_listed(write: Write) -> None:
    grid = '"adc.bits" = {from = 1, to = 100, step = 1}\n"dac.bits" = {from = 1, to = 100, step = 1}'
    sweep = read_sweep(write(grid=grid, rest="[monte_carlo]\nseeds = 100"))
    assert sweep.points == 1_000_000
    last = sweep.choice(sweep.points - 1)
    assert (last["adc.bits"], last["dac.bits"]) == (100, 100)


def test_seeds(write: Write) -> None:
    def seeds(text: str, run: str = "seed = 7") -> list[int]:
        sweep = read_sweep(write(run=run, grid="adc.bits = [4, 6]", rest=f"[monte_carlo]\n{text}"))
        return [point_of(sweep, number).arguments["seed"] for number in range(sweep.points)]

    assert seeds('seeds = "same"') == [7, 7]
    assert seeds('seeds = "different"') == [7, 8]
    assert seeds("seeds = 2") == [7, 8, 7, 8]
    assert seeds("seeds = [5, 3]", run="") == [5, 3, 5, 3]


def test_paths_count_from_the_sweep_file(write: Write, tmp_path: Path) -> None:
    (tmp_path / "mine.npz").touch()
    sweep = read_sweep(write(run='inputs = "mine.npz"', grid='chip = ["joshi_2020", "own"]'))
    (tmp_path / "own").mkdir()
    assert point_of(sweep, 0).arguments["inputs"] == str(tmp_path / "mine.npz")
    assert [point_of(sweep, n).arguments["chip"] for n in (0, 1)] == ["joshi_2020", str(tmp_path / "own")]


def mistakes(path: Path) -> list[str]:
    with pytest.raises(ConfigErrors) as raised:
        read_sweep(path)
    return [line.removeprefix(f"{path}:") for line in raised.value.lines]


def test_all_mistakes_at_once_with_their_lines(write: Write) -> None:
    path = write(
        """format = 1
[run]
netwok = "digits_mlp"
limit = 0
[grid]
adc.bits = []
"device.g_max" = {from = 1, to = 2, stp = 1, unit = "uS"}
[zip]
dac.bits = [4, 6]
adc.kind = ["sar"]
"""
    )
    assert mistakes(path) == [
        "4: run.limit: Input should be greater than or equal to 1, got 0",
        "3: run.netwok: unknown key; did you mean 'network'?",
        "6: grid.adc.bits: an empty list: no point would be left; give it values, or leave it out",
        "7: grid.device.g_max: unknown key 'stp'; did you mean 'step'?",
        "8: zip: axes that go together need as many values each: dac.bits has 2, adc.kind has 1",
    ]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "1: file: nothing to sweep; add [grid], [zip] or [monte_carlo]"),
        ({"rest": "[grid]"}, '7: grid: empty: it needs at least one axis, such as "adc.bits" = [4, 6, 8]'),
        ({"rest": "[zip]"}, "7: zip: empty: it needs axes of one length"),
        ({"grid": "limti = [1, 2]"}, "6: grid.limti: unknown: neither an argument of the run"),
        ({"grid": "limti = [1, 2]"}, "did you mean 'limit'"),
        ({"grid": "times = ['1 s']"}, "6: grid.times: times belong in [run] or [monte_carlo]"),
        ({"grid": "record = ['none']"}, "6: grid.record: is no axis; it belongs in [run]"),
        ({"grid": "instances = [1, 0]"}, "6: instances: Input should be greater than or equal to 1, got 0"),
        ({"grid": "adc.bits = [4, 6, 4]"}, "6: grid.adc.bits: a value stands there twice"),
        ({"rest": "[zip]\nlimit = [1, 1]\nadc.bits = [4, 4]"}, "7: zip: a value stands there twice"),
        ({"grid": "seed = [1.5]"}, "6: seed: Input should be a valid integer"),
        ({"grid": "limit = [1, 2]", "run": "limit = 3"}, "6: limit: is given in [run] too; leave one out"),
        (
            {"grid": "adc.bits = [4]", "rest": "[options]\nadc.bits = 4"},
            "6: adc.bits: is given in [options] too",
        ),
        (
            {"grid": "adc.bits = [4]", "rest": "[zip]\n'adc.bits' = [6]"},
            "8: adc.bits: 'adc.bits' is an axis twice",
        ),
        (
            {"grid": "adc.bits = {values = [4], name = 'limit'}\nlimit = [2]"},
            "7: limit: 'limit' is an axis twice",
        ),
        ({"grid": "adc.bits = [4]", "rest": "[options]\nlimit = 4"}, "options.limit: belongs in [run]"),
        (
            {"grid": "adc.bits = [4]", "rest": "[options]\nfoo = 4"},
            "8: options.foo: unknown: not a dotted key",
        ),
        (
            {"grid": "adc.bits = [4]", "rest": "[options]\ndac.bits = {values = [4]}"},
            "one value is needed; what varies",
        ),
        (
            {"run": "instances = 2", "rest": "[monte_carlo]\nchips = 3"},
            "8: monte_carlo.chips: is in [run] too",
        ),
        (
            {"grid": "instances = [2]", "rest": "[monte_carlo]\nchips = 3"},
            "monte_carlo.chips: instances is an axis too",
        ),
        (
            {"run": "seed = 2", "rest": "[monte_carlo]\nseeds = [3]"},
            "8: monte_carlo.seeds: a list of seeds, and seed",
        ),
        ({"rest": "[monte_carlo]\nseeds = [3, 3]"}, "monte_carlo.seeds: a value stands there twice"),
        ({"grid": "seed = [1]", "rest": "[monte_carlo]\nseeds = 2"}, "seeds: 'seed' is an axis twice"),
        (
            {"grid": "limit = [1]", "run": "times = ['1 parsec']"},
            "4: run.times: expected a unit of time, got 'parsec'",
        ),
        (
            {"grid": "limit = [1]", "run": "times = ['1 h', '60 min']"},
            "4: run.times: a time stands there twice",
        ),
        ({"grid": "limit = [1]", "run": "out = 'x'"}, "4: run.out: unknown key"),
        ({"run": "network = ''", "grid": "limit = [1]"}, "3: run.network: missing; name one"),
    ],
)
def test_a_mistake_is_told_with_its_line(write: Write, parts: dict[str, str], message: str) -> None:
    assert message in "\n".join(mistakes(write(**parts)))


def test_files_that_are_none(write: Write, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a readable TOML file"):
        read_sweep(tmp_path / "gone.toml")
    with pytest.raises(FormatError, match="format 2; update neurosim"):
        read_sweep(write("format = 2\n[run]\n"))
    assert "not valid TOML" in mistakes(write("format = 1\n[run\n"))[0]
    assert "run: missing; add it" in mistakes(write("format = 1\n"))[0]
