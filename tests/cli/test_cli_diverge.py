"""neurosim diverge: what it says, and the exit code that goes with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import one_line, widest
from stepped_runs import write

from neurosim.engines.engine import Segment, Spikes

Verb = Callable[..., Any]


def drop_spike(chip: int, time: int, segment: Segment) -> Segment:
    """Without the spikes of image 7, step 3 in dense1."""
    s = segment.spikes["dense1"]
    keep = (s.image != 7) | (s.step != 3)
    spikes = Spikes(s.image[keep], s.step[keep], s.neuron[keep])
    return replace(segment, spikes={**segment.spikes, "dense1": spikes})


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return write(tmp_path / "a.h5")


def test_equal_runs_give_0(verb: Verb, whole: Path, tmp_path: Path) -> None:
    done = verb("diverge", whole, write(tmp_path / "b.h5"))
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(
        "The runs are the same\n  compared over 12 images, 8 steps, 1 chip, 1 time: spikes, "
    )


def test_runs_that_part_give_1_and_the_place(verb: Verb, whole: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "b.h5", alter=drop_spike, attributes={"seed": 1, "note": "long " * 30})
    done = verb("diverge", whole, other)
    assert (done.exit_code, done.stderr) == (1, "")
    head, body = done.stdout.split("The runs part at ")
    assert head.startswith("The descriptions differ\n")
    assert "seed   0        1" in head
    assert widest(head) <= 80
    assert body.startswith("image 7, step 3, neuron 9 of dense1\n")
    assert "of class 7, on chip 0, 25 s after programming" in body
    assert f"A       a spike, in {whole}" in body
    assert f"B       no spike, in {other}" in body


def test_without_spikes_it_says_how_to_learn_more(verb: Verb, whole: Path, tmp_path: Path) -> None:
    done = verb("diverge", whole, write(tmp_path / "b.h5", ("outputs",), attributes={"seed": 3}))
    assert done.exit_code == 0
    assert "The results are the same\n" in done.stdout
    assert "record them (--record outputs,spikes)" in done.stdout


def test_what_cannot_be_compared_gives_2_and_one_line(verb: Verb, whole: Path, tmp_path: Path) -> None:
    done = verb("diverge", whole, write(tmp_path / "b.h5", attributes={"inputs": "x\x1b[2Jy"}))
    assert (done.exit_code, done.stdout) == (2, "")
    assert one_line(done.stderr).startswith("error: ")
    assert r"\x1b[2Jy" in done.stderr
    absent = verb("diverge", whole, tmp_path / "none.h5")
    assert absent.exit_code == 1
    assert one_line(absent.stderr).endswith("none.h5: expected a file, got none; check the path")


def test_names_from_a_file_cannot_play_tricks(verb: Verb, whole: Path, tmp_path: Path) -> None:
    done = verb(
        "diverge",
        whole,
        write(tmp_path / "b.h5", attributes={"evil": "\x1b[31mred"}, alter=drop_spike),
    )
    assert "\x1b" not in done.stdout
    assert r"\x1b[31mred" in done.stdout


def test_inspect_shows_accuracy_over_steps_and_lists_all(verb: Verb, whole: Path) -> None:
    done = verb("inspect", whole)
    assert (done.exit_code, done.stderr) == (0, "")
    table = done.stdout.split("Accuracy after so many steps\n")[1].splitlines()
    assert table[0].split() == ["1", "2", "5", "8"]
    assert len(table[2].split()) == 8  # four numbers, each with its sign
    assert "it stays within 0.5 points of the last one" in table[3]
    tree = verb("inspect", whole, "--tree").stdout
    for folder in ("/spikes/input", "/spikes/dense1", "/traces/dense2", "/counts/steps", "/counts/per_step"):
        assert f"\n{folder} " in tree
    assert widest(tree) <= 80


def test_help_teaches(verb: Verb) -> None:
    text = verb("diverge", "--help").stdout
    assert "Name the first image, step and neuron" in text
    assert "0 where the runs are the same, 1 where they part" in text
    assert "neurosim diverge a.h5 b.h5" in text
