"""Network folders: good ones round-trip, bad ones say what is wrong and where."""

from __future__ import annotations

import errno
import subprocess
import sys

import numpy as np
import pytest
import tomli_w
from small_networks import images, residual

from neurosim.foundation.errors import ConfigError, ConfigErrors, DataError, FormatError, LimitError
from neurosim.graph import load_network, read_description
from neurosim.graph.weights import checksum, replace_file, weights_bytes


@pytest.fixture
def folder(tmp_path):
    """A folder with a residual network and its weights."""
    network = residual()
    (tmp_path / "network.toml").write_text(network.description())
    (tmp_path / "weights.safetensors").write_bytes(weights_bytes(network.params))
    return tmp_path


def measured(folder, digest):
    """Write a measured.toml that names this checksum."""
    content = {
        "format": 1,
        "network": "test",
        "dataset": "mnist",
        "split": "test",
        "n_test": 1,
        "float_accuracy": 0.5,
        "checksum": digest,
        "seed": 0,
        "epochs": 1,
        "n_train": 1,
        "torch_version": "0",
    }
    (folder / "measured.toml").write_text(tomli_w.dumps(content))


def test_a_folder_gives_the_same_network(folder):
    network, x = load_network(folder), images(3)
    np.testing.assert_array_equal(network.forward(x), residual().forward(x))
    assert network.layers == residual().layers
    assert network.checksum == residual().checksum
    assert network.description() == (folder / "network.toml").read_text()
    assert load_network(folder / "network.toml").name == "test"


def test_description_written_anew_reads_back(folder):
    network = residual()
    layers = read_description(folder / "network.toml")[1]
    assert layers == network.layers


def test_unknown_network_suggests_near_names():
    with pytest.raises(
        ConfigError,
        match="network: expected a known name or a path, got 'mnist_mpl'; did you mean 'mnist_mlp'",
    ):
        load_network("mnist_mpl")


def test_missing_weights(folder):
    (folder / "weights.safetensors").unlink()
    with pytest.raises(
        DataError,
        match="weights.safetensors: expected a weights file, got none; only its shapes are known: `neurosim place",
    ):
        load_network(folder)


@pytest.mark.parametrize("keep", [0, 7, 200, -1])
def test_truncated_weights(folder, keep):
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match="expected a whole safetensors file, got .* truncated or corrupted"):
        load_network(folder)


def test_weights_that_are_something_else(folder):
    (folder / "weights.safetensors").write_bytes(b"<html>not found</html>" * 20)
    with pytest.raises(DataError, match="expected a whole safetensors file"):
        load_network(folder)


def test_one_flipped_bit_is_caught_by_the_checksum(folder):
    path = folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    measured(folder, checksum(bytes(content)))
    load_network(folder)
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        DataError, match="expected the checksum of measured.toml, .*restore the weights, or delete"
    ):
        load_network(folder)


def test_weights_of_another_network(folder):
    network = residual()
    params = {name: dict(own) for name, own in network.params.items()}
    params["dense"]["weight"] = np.zeros((10, 9), np.float32)
    (folder / "weights.safetensors").write_bytes(weights_bytes(params))
    with pytest.raises(
        DataError, match=r"layer 'dense': tensor 'dense.weight': expected shape \(10, 8\), got \(10, 9\)"
    ):
        load_network(folder)


BAD = """format = 1
name = "bad"
[input]
dataset = "digits"
shape = [0]
[[layers]]
kind = "dens"
name = "a"
[[layers]]
kind = "conv2d"
name = "b"
channels = 3
kernal = 2
[[layers]]
kind = "dense"
name = "input/x"
units = 0
[training]
optimiser = "rmsprop"
learning_rate = 0.1
epochs = 3
batch = 4
weight_noise = {value = 3, unit = "%"}
"""


def test_all_errors_of_a_description_at_once_with_their_lines(tmp_path):
    (tmp_path / "network.toml").write_text(BAD)
    with pytest.raises(ConfigErrors) as caught:
        load_network(tmp_path)
    found = {line.removeprefix(f"{tmp_path}/network.toml:") for line in caught.value.lines}
    found = {line.removesuffix(" (found, derived, recalled, assumed)") for line in found}
    assert found == {
        "5: input.shape.0: Input should be greater than or equal to 1, got 0",
        "7: layers.0.kind: unknown kind 'dens'; did you mean 'dense'?",
        "13: layers.1.kernal: unknown key; did you mean 'kernel'?",
        "9: layers.1.kernel: missing; add it",
        "16: layers.2.name: String should match pattern '^[A-Za-z_][A-Za-z0-9_-]*$', got 'input/x'",
        "17: layers.2.units: Input should be greater than or equal to 1, got 0",
        "19: training.optimiser: Input should be 'adam' or 'sgd', got 'rmsprop'",
        "23: training.weight_noise: every number needs a source and a status",
    }


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (BAD.replace("format = 1", "format = 2"), FormatError, "expected format 1 or older, got format 2"),
        (BAD.replace('name = "bad"', 'name = "bad'), ConfigErrors, r"network.toml:2: not valid TOML"),
        (
            'format = 1\nname = "n"\nlayers = []\n[input]\ndataset = "digits"\nshape = [4]\n',
            ConfigErrors,
            "at least one",
        ),
        (
            BAD.replace("[0]", "[1, 2, 3, 4]"),
            ConfigErrors,
            "5: input.shape: a shape has one to three axes, this one has 4",
        ),
    ],
)
def test_files_that_are_not_network_descriptions(tmp_path, text, kind, message):
    (tmp_path / "network.toml").write_text(text)
    with pytest.raises(kind, match=message):
        load_network(tmp_path)


def test_replace_file_leaves_the_old_content_when_it_fails(tmp_path):
    target = tmp_path / "f"
    replace_file(target, b"old")
    with pytest.raises(TypeError):
        replace_file(target, "not bytes")
    assert target.read_bytes() == b"old"
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="expected a place that can be written"):
        replace_file(tmp_path / "file" / "f", b"x")


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "f"
    replace_file(target, b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(
        LimitError, match="expected room for 3 bytes, got No space left on device; free some space"
    ):
        replace_file(target, b"new")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("f", b"old")]


def test_importing_the_graph_loads_no_heavy_package():
    heavy = "torch, sklearn, scipy, numba, h5py, matplotlib"
    code = f"import sys, neurosim.graph; print([m for m in '{heavy}'.split(', ') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
