"""`neurosim export`: what is written, what is said of it, and what is refused."""

from __future__ import annotations

import subprocess
from pathlib import Path

import nir
import numpy as np
import pytest
from conftest import Verb, one_line, widest

from neurosim.graph import load_network
from neurosim.recording.nir_file import read_nir


@pytest.fixture
def lif(tmp_path: Path) -> Path:
    """A file of leaky neurons, as others write it."""
    path = tmp_path / "lif.nir"
    ones = np.ones(2)
    neurons = nir.LIF(tau=0.01 * ones, r=ones, v_leak=0 * ones, v_threshold=ones)
    nir.write(path, nir.NIRGraph.from_list(nir.Linear(np.ones((2, 3), np.float32)), neurons))
    return path


def test_a_rate_network_becomes_spiking(verb: Verb, tmp_path: Path) -> None:
    path = tmp_path / "digits.nir"
    got = verb("export", "digits_mlp", "--nir", path)
    assert (got.exit_code, got.stderr) == (0, "")
    assert "digits_mlp, 5 nodes, 42 neurons" in got.stdout
    assert "Show it images divided by 1," in got.stdout
    assert "metadata" in got.stdout
    assert widest(got.stdout.replace(str(tmp_path), "")) <= 80
    network, graph = load_network("digits_mlp"), nir.read(path)
    for layer in network.weighted:
        np.testing.assert_array_equal(graph.nodes[layer.name].weight, network.params[layer.name]["weight"])
    kinds = [
        type(graph.nodes[name]).__name__ for name in ("dense1", "dense1_neurons", "dense2", "dense2_neurons")
    ]
    assert kinds == ["Affine", "IF", "Affine", "IF"]
    model = read_nir(path).populations[0].neurons
    assert (model.reset, model.comparison, model.v_initial) == ("subtract", ">=", model.threshold / 2)


def test_a_lower_percentile_lowers_the_thresholds(verb: Verb, tmp_path: Path) -> None:
    thresholds = []
    for percentile in ("99.9", "90"):
        path = tmp_path / f"{percentile}.nir"
        got = verb("export", "digits_mlp", "--nir", path, "--percentile", percentile, "--calibration", "200")
        assert got.exit_code == 0
        thresholds.append(nir.read(path).nodes["dense1_neurons"].v_threshold[0])
    assert thresholds[1] < 0.8 * thresholds[0]


def test_a_spiking_file_is_written_as_it_stands(verb: Verb, lif: Path, tmp_path: Path) -> None:
    path = tmp_path / "again.nir"
    got = verb("export", lif, "--nir", path, "--dt", "1 ms")
    assert (got.exit_code, got.stderr) == (0, "")
    assert "divided" not in got.stdout
    assert "metadata" not in got.stdout
    np.testing.assert_array_equal(nir.read(path).nodes["lif"].tau, [0.01, 0.01])
    assert read_nir(path).dt_s == 1e-3


def test_the_help_teaches_by_examples(verb: Verb) -> None:
    got = verb("export", "--help")
    assert got.exit_code == 0
    assert "neurosim export mnist_mlp --nir" in got.stdout.partition("Examples")[2]
    assert widest(got.stdout) <= 80


def test_it_replaces_nothing_unless_told(verb: Verb, tmp_path: Path) -> None:
    path = tmp_path / "there.nir"
    path.write_text("mine")
    got = verb("export", "digits_mlp", "--nir", path)
    assert got.exit_code == 2
    assert "expected a new file, got one that exists; choose another name, or give --overwrite" in got.stderr
    assert path.read_text() == "mine"
    assert verb("export", "digits_mlp", "--nir", path, "--overwrite").exit_code == 0
    assert nir.read(path).nodes


WRONG = [
    (
        "digits_mpl",
        [],
        2,
        "network: expected a known name or a path, got 'digits_mpl'; did you mean 'digits_mlp'",
    ),
    (
        "digits_mlp",
        ["--percentile", "0"],
        2,
        "percentile: expected above 0 and up to 100, got 0.0; 99.9 is usual",
    ),
    ("digits_mlp", ["--calibration", "0"], 2, "limit: expected at least 1 image, got 0"),
    ("digits_mlp", ["--dt", "1 ms"], 2, "--dt: expected a network with time constants, got digits_mlp"),
    ("digits_mlp", ["--dt", "soon"], 2, "--dt: expected a time with its unit, got 'soon'"),
    ("none.nir", [], 1, "none.nir: expected a file, got none; check the path"),
]


@pytest.mark.parametrize(("network", "options", "code", "message"), WRONG)
def test_mistakes(
    verb: Verb, tmp_path: Path, network: str, options: list[str], code: int, message: str
) -> None:
    got = verb("export", network, "--nir", tmp_path / "x.nir", *options)
    assert got.exit_code == code
    assert message in one_line(got.stderr)
    assert not (tmp_path / "x.nir").exists()


def test_mistakes_with_a_spiking_file(verb: Verb, lif: Path, tmp_path: Path) -> None:
    got = verb("export", lif, "--nir", tmp_path / "x.nir")
    assert got.exit_code == 2
    assert "node 'lif': time step: expected a dt for tau = 10 ms, got none; take 1 ms or less" in one_line(
        got.stderr
    )
    got = verb("export", lif, "--nir", tmp_path / "x.nir", "--dt", "1 ms", "--percentile", "99")
    assert "--percentile and --calibration: expected a rate network" in one_line(got.stderr)


def test_max_pooling_cannot_be_written(verb: Verb, tmp_path: Path, data_folder: Path) -> None:
    got = verb("export", "mnist_lenet", "--nir", tmp_path / "x.nir", "--calibration", "20")
    assert got.exit_code == 2
    assert "layer 'pool1': expected a layer that NIR has a node for, got MaxPool" in one_line(got.stderr)


def test_an_unwritable_place(program, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    started: subprocess.Popen[str] = program("export", "digits_mlp", "--nir", "file/x.nir")
    _, errors = started.communicate(timeout=60)
    assert started.returncode == 1
    assert "expected a place that can be written" in one_line(errors)
    assert "Traceback" not in errors
