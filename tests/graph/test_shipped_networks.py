"""The networks that come with the package: whole, small, and as accurate as their files say."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from neurosim.foundation.shipped import shipped_folder
from neurosim.graph import fold_batch_norm, load_network, network_names, read_measured
from neurosim.training import float_accuracy

EXPECTED = {  # name: (dataset, shapes of the matrices' layers, least float accuracy)
    "digits_mlp": ("digits", [32, 10], 0.95),
    "mnist_mlp": ("mnist", [256, 128, 10], 0.98),
    "mnist_500": ("mnist", [500, 10], 0.98),
    "mnist_burr": ("mnist", [250, 125, 10], 0.98),
    "mnist_guo": ("mnist", [64, 10], 0.96),
    "mnist_yu": ("mnist", [200, 10], 0.96),
    "mnist_lenet": ("mnist", [6, 16, 120, 84, 10], 0.99),
    "mnist_ttfs": ("mnist", [800, 10], 0.97),
    "mnist_truenorth": ("mnist", [2048, 4000], 0.97),
    "mnist_valentian": ("mnist", [10], 0.90),
    "fashion_mlp": ("fashion_mnist", [256, 128, 10], 0.88),
    "fashion_cnn": ("fashion_mnist", [16, 32, 64, 10], 0.90),
}
# of papers that trained without noise; test_guo_2017.py, test_yu_2016.py
WITHOUT_NOISE = ("mnist_guo", "mnist_yu")
LEARNED_ON_CHIP = ("mnist_stdp", "mnist_stdp_400")  # without weights; test_plastic_networks.py
# without weights; test_architectures.py
SHAPES = ("alexnet", "alexnet_conv", "alexnet_fc7", "vgg16_conv", "vgg19", "resnet18", "resnet50")
UNTRAINED = ("cifar_resnet32",)
BOOSTED = ("mnist_zhang",)  # trained otherwise; test_boosting.py


def test_the_shipped_networks_are_these():
    assert network_names() == sorted((*EXPECTED, *LEARNED_ON_CHIP, *SHAPES, *UNTRAINED, *BOOSTED))


@pytest.mark.parametrize("name", EXPECTED)
def test_a_shipped_network_is_whole(name):
    dataset, columns, least = EXPECTED[name]
    network, folder = load_network(name), shipped_folder("networks") / name
    measured = read_measured(folder)
    assert network.name == name == measured.network
    assert network.input.dataset == dataset == measured.dataset
    assert [layer.matrix_groups * layer.columns for layer in network.weighted] == columns
    content = (folder / "weights.safetensors").read_bytes()
    assert hashlib.sha256(content).hexdigest() == measured.checksum == network.checksum
    assert (measured.epochs, measured.seed) == (network.training.epochs, network.training.seed)
    assert measured.n_train == {"digits": measured.n_train}.get(dataset, 60_000)
    assert measured.float_accuracy >= least
    aware = network.coding in ("rate", "first_spike") and name not in WITHOUT_NOISE
    assert network.training.weight_noise == (0.038 if aware else 0)


def test_weights_fit_into_the_wheel():
    folder: Path = shipped_folder("networks")
    assert sum(file.stat().st_size for file in folder.rglob("*.safetensors")) < 20e6


@pytest.mark.parametrize("name", EXPECTED)
def test_weights_were_clipped(name):
    """Noise-aware training ends with max|W| at the recipe's number of standard deviations."""
    network = load_network(name)
    if network.coding not in ("rate", "first_spike") or name in WITHOUT_NOISE:
        assert network.training.clip_sigma is None  # their own tests say what their weights are
        return
    for layer in network.weighted:
        weight = network.params[layer.name]["weight"]
        assert np.abs(weight).max() / weight.std() < 1.03 * network.training.clip_sigma


def test_digits_accuracy_is_the_measured_one():
    network = load_network("digits_mlp")
    measured = read_measured(shipped_folder("networks") / "digits_mlp")
    assert float_accuracy(network) == (measured.float_accuracy, measured.n_test)


@pytest.mark.data
@pytest.mark.parametrize("name", [name for name in EXPECTED if name != "digits_mlp"])
def test_accuracy_is_the_measured_one(name, data_folder):
    assert data_folder.is_dir()
    measured = read_measured(shipped_folder("networks") / name)
    accuracy, images = float_accuracy(load_network(name))
    assert images == measured.n_test == 10_000
    # a processor with other vector lengths rounds float32 sums otherwise: allow one borderline image in 5,000
    assert abs(accuracy - measured.float_accuracy) <= 2e-4


@pytest.mark.data
def test_folding_the_fashion_network_keeps_its_accuracy(data_folder):
    assert data_folder.is_dir()
    network = load_network("fashion_cnn")
    folded = fold_batch_norm(network)
    assert len(folded.layers) == len(network.layers) - 3
    assert float_accuracy(folded, limit=2000)[0] == pytest.approx(
        float_accuracy(network, limit=2000)[0], abs=1e-3
    )
