"""The verb ranc: RANC's own output from its own files, and what a user can get wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Verb, one_line

CONFIG = {"num_neurons": 1, "num_axons": 1, "num_cores_x": 1, "num_cores_y": 2, "num_weights": 4,
          "max_tick_offset": 16, "neuron_reset_type": 0}  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """One neuron that passes every packet on to the bus."""
    neuron = {"reset_potential": 0, "weights": [1, 0, 0, 0], "leak": 0, "positive_threshold": 1,
              "negative_threshold": 0, "destination_core_offset": [0, 1], "destination_axon": 0, "destination_tick": 0,
              "current_potential": 0, "reset_mode": 0}  # fmt: skip
    core = {"axons": [0], "neurons": [neuron], "connections": [[1]], "coordinates": [0, 0]}
    packet = {"destination_core": [0, 0], "destination_axon": 0, "destination_tick": 0}
    network = {"packets": [[packet], [], [packet]], "output_bus": {"coordinates": [0, 1], "num_outputs": 1},
               "cores": [core]}  # fmt: skip
    (tmp_path / "input.json").write_text(json.dumps(network))
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    return tmp_path / "input.json", tmp_path / "config.json"


def test_rows_are_printed(verb: Verb, files: tuple[Path, Path]) -> None:
    done = verb("ranc", *files, "--ticks", 6)
    assert done.exit_code == 0
    assert done.stdout.lstrip("\ufeff").split() == ["0", "1", "0", "1", "0", "0"]


def test_without_ticks_it_waits_for_the_last_answer(verb: Verb, files: tuple[Path, Path]) -> None:
    assert len(verb("ranc", *files).stdout.split()) == 3 + 15 + 1


@pytest.mark.data
def test_the_rows_of_rancs_own_simulator(verb: Verb, data_folder: Path, tmp_path: Path) -> None:
    folder = data_folder / "ranc"
    given = (folder / "tea256_input.json.gz", folder / "tea256_config_reset1.json")
    done = verb("ranc", *given, "--ticks", 18, "--out", tmp_path / "rows.txt")
    assert done.exit_code == 0
    assert "18 rows of 250 outputs" in done.stdout
    assert (tmp_path / "rows.txt").read_bytes() == (folder / "tea256_out_reset1.txt").read_bytes()


def test_what_can_be_wrong(verb: Verb, files: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text("mine")
    done = verb("ranc", *files, "--out", tmp_path / "rows.txt")
    assert done.exit_code == 2
    assert "rows.txt: expected a new file, got one that exists; choose another name" in one_line(done.stderr)
    assert (tmp_path / "rows.txt").read_text() == "mine"
    assert "ticks: expected 1 or more, got 0" in one_line(verb("ranc", *files, "--ticks", 0).stderr)
    (tmp_path / "broken.json").write_text("{")
    broken = verb("ranc", tmp_path / "broken.json", files[1])
    assert broken.exit_code == 1
    assert "expected a JSON file" in one_line(broken.stderr)
    assert "expected a readable file" in one_line(verb("ranc", tmp_path / "none.json", files[1]).stderr)
