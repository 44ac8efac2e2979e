"""The shipped weights: whole, the ones that were measured, and as accurate as measured."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import numpy as np
import pytest

from neurosim.graph import load_network
from neurosim.inputs import dataset_card, load_dataset, prepare

NETWORKS = Path(__file__).resolve().parents[2] / "networks"
# networks that learn on the chip, and those of which only the shapes are known, have no weights to ship
NAMES = sorted(path.parent.name for path in NETWORKS.glob("*/weights.safetensors"))
# what the project promises of each
LEAST_ACCURACY = {
    "digits_mlp": 0.95,
    "fashion_cnn": 0.90,
    "fashion_mlp": 0.85,
    "mnist_500": 0.98,
    "mnist_burr": 0.95,
    "mnist_guo": 0.96,
    "mnist_lenet": 0.99,
    "mnist_mlp": 0.98,
    "mnist_truenorth": 0.97,
    "mnist_ttfs": 0.97,
    "mnist_valentian": 0.90,
    "mnist_yu": 0.96,
}
LARGEST_BYTES = 20_000_000
BATCH = 500


def measured(name: str) -> dict[str, object]:
    """What the network's measured.toml says."""
    return tomllib.loads((NETWORKS / name / "measured.toml").read_text())


def test_every_promised_network_is_there():
    assert set(LEAST_ACCURACY) <= set(NAMES)


def test_all_weights_together_are_small():
    assert sum(path.stat().st_size for path in NETWORKS.rglob("*") if path.is_file()) < LARGEST_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_checksum(name):
    content = (NETWORKS / name / "weights.safetensors").read_bytes()
    assert hashlib.sha256(content).hexdigest() == measured(name)["checksum"]


@pytest.mark.parametrize("name", NAMES)
def test_measured_on_the_full_data_set(name):
    told = measured(name)
    card = dataset_card(str(told["dataset"]))
    assert told["network"] == name
    assert told["split"] == "test"
    assert told["n_test"] == card.splits["test"].images
    assert told["n_train"] == card.splits["train"].images


@pytest.mark.parametrize("name", NAMES)
def test_float_accuracy(name, request):
    """Recomputed here; another machine's products may round two images to the other side."""
    told = measured(name)
    if told["dataset"] != "digits":  # those are embedded
        request.getfixturevalue("data_folder")
    network = load_network(name)
    data = load_dataset(str(told["dataset"]), "test")
    right = 0
    for start in range(0, len(data), BATCH):
        block = slice(start, start + BATCH)
        x = prepare(data.images[block], data.max_level, network.input.shape, network.input.crop)
        right += int(np.count_nonzero(network.forward(x).argmax(axis=1) == data.labels[block]))
    assert abs(right / len(data) - float(str(told["float_accuracy"]))) <= 2.001 / len(data)
    assert right / len(data) >= LEAST_ACCURACY.get(name, 0.0)


def test_a_changed_weight_is_noticed(tmp_path):
    """The check above can fail: one flipped bit is another file."""
    from neurosim.foundation.errors import DataError

    for source in (NETWORKS / "digits_mlp").iterdir():
        (tmp_path / source.name).write_bytes(source.read_bytes())
    weights = bytearray((tmp_path / "weights.safetensors").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "weights.safetensors").write_bytes(weights)
    with pytest.raises(DataError, match="checksum"):
        load_network(str(tmp_path))
