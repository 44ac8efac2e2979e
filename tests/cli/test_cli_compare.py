"""neurosim compare: what it prints and what it refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import Verb, one_line, widest

sys.path.append(str(Path(__file__).resolve().parents[1] / "reports"))

from comparison_samples import write


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return write(tmp_path / "rate.h5", mode="rate"), write(tmp_path / "spikes.h5", mode="spiking")


def test_compare_prints_the_figures_in_eighty_columns(
    verb: Verb, files: tuple[Path, Path], tmp_path: Path
) -> None:
    got = verb("compare", *files, "--tolerance", "25 %", "--equal-accuracy")
    assert (got.exit_code, got.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in got.stdout.splitlines()]
    assert lines[0].startswith("A ")
    assert lines[0].endswith("rate.h5: toy_net on toy (rate)")
    for line in (
        "energy 130 pJ 240 pJ",
        "only B right 1",
        "steps to A's accuracy, within 25 points 2",
        "B wins from 2 to 4 steps: as accurate as A, at no more energy",
        "At equal accuracy, 50.00 % or better, each with its own network",
    ):
        assert line in lines, line
    # sentences are wrapped by the terminal, tables here
    tables = [line for line in got.stdout.splitlines() if "   " in line or "─" in line]
    assert widest("\n".join(tables)) <= 80


def test_compare_draws_into_a_folder(verb: Verb, files: tuple[Path, Path], tmp_path: Path) -> None:
    got = verb("compare", *files, "--png", tmp_path / "pictures")
    assert got.exit_code == 0
    drawn = [tmp_path / "pictures" / name for name in ("accuracy_energy.png", "energy_components.png")]
    assert got.stdout.splitlines()[-2:] == [str(path) for path in drawn]
    assert all(path.is_file() for path in drawn)


def test_compare_refuses_in_one_line(verb: Verb, files: tuple[Path, Path], tmp_path: Path) -> None:
    other = write(tmp_path / "other.h5", mode="rate", inputs="fashion_mnist/test")
    got = verb("compare", files[0], other)
    assert got.exit_code == 2
    assert "compare runs of one data set: run both with the same --inputs" in one_line(got.stderr)
    for points in ("much", "-1", "5 points"):
        got = verb("compare", *files, "--tolerance", points)
        assert got.exit_code == 2
        assert "write it like --tolerance '0.5 %'" in got.stderr
    got = verb("compare", files[0], tmp_path / "gone.h5")
    assert got.exit_code == 1
    assert "gone.h5" in one_line(got.stderr)


def test_compare_teaches_by_an_example(verb: Verb) -> None:
    got = verb("compare", "--help")
    assert got.exit_code == 0
    assert "neurosim compare rate.h5 spikes.h5" in got.stdout.partition("Examples")[2]
    assert widest(got.stdout) <= 80
