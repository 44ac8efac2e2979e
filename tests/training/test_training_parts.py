"""The parts of training: batches, augmentation, schedule, first weights, and the network in PyTorch."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neurosim.foundation.streams import stream
from neurosim.graph import (
    InputSpec,
    Network,
    Recipe,
    find_network,
    load_network,
    network_names,
    read_description,
    read_measured,
)
from neurosim.inputs import load_dataset
from neurosim.training.batches import batch_count, batches, shifted
from neurosim.training.initial import initial_tensors, nested
from neurosim.training.schedule import learning_rate

RECIPE = Recipe(optimiser="adam", learning_rate=0.1, epochs=10, batch=100)
DIGITS = InputSpec(dataset="digits", shape=(64,))


def test_shifting_moves_each_image_over_zeros():
    images = np.arange(1, 2 * 2 * 3 * 4 + 1, dtype=np.uint8).reshape(2, 2, 3, 4)
    moved = shifted(images, np.array([[1, 0], [0, -2]]))
    np.testing.assert_array_equal(moved[0, :, 1:], images[0, :, :-1])
    np.testing.assert_array_equal(moved[0, :, 0], 0)
    np.testing.assert_array_equal(moved[1, :, :, :2], images[1, :, :, 2:])
    np.testing.assert_array_equal(moved[1, :, :, 2:], 0)
    np.testing.assert_array_equal(shifted(images, np.zeros((2, 2), int)), images)


def test_an_epoch_shows_each_image_once_with_its_label():
    data = load_dataset("digits", "train", 300)
    got = list(batches(data, DIGITS, RECIPE, stream(0, "t").generator()))
    assert [len(labels) for _, labels in got] == [100, 100, 100]
    x, labels = (np.concatenate(parts) for parts in zip(*got, strict=True))
    assert x.dtype == np.float32
    order = {image.tobytes(): label for image, label in zip(x, labels, strict=True)}
    flat = (data.images.reshape(300, 64) / np.float32(16)).astype(np.float32)
    assert [order[image.tobytes()] for image in flat] == data.labels.tolist()
    assert labels.tolist() != data.labels.tolist()


def test_mirroring_flips_about_half_of_the_images():
    data = load_dataset("digits", "train", 1000)
    recipe = RECIPE.model_copy(update={"flip": True, "batch": 1000})
    spec = InputSpec(dataset="digits", shape=(1, 8, 8))
    ((x, _),) = batches(data, spec, recipe, stream(0, "t").generator())
    images = {(image / np.float32(16)).astype(np.float32).tobytes() for image in data.images}
    kept = np.mean([image.tobytes() in images for image in x])
    assert abs(kept - 0.5) < 4 * math.sqrt(0.25 / 1000)
    assert all(image.tobytes() in images or image[..., ::-1].tobytes() in images for image in x)


@pytest.mark.parametrize(("images", "expected"), [(250, 2), (100, 1), (7, 1)])
def test_an_incomplete_batch_is_left_out_unless_it_is_the_only_one(images, expected):
    assert batch_count(images, 100) == expected
    got = list(batches(load_dataset("digits", "train", images), DIGITS, RECIPE, stream(0, "t").generator()))
    assert len(got) == expected


def test_learning_rate_rises_then_follows_half_a_cosine():
    recipe = RECIPE.model_copy(update={"warmup_epochs": 2.0})
    rates = [learning_rate(recipe, step, 5) for step in range(50)]
    np.testing.assert_allclose(rates[:10], 0.1 * np.arange(1, 11) / 11)
    np.testing.assert_allclose(rates[10:], 0.05 * (1 + np.cos(np.pi * np.arange(40) / 40)))
    assert {learning_rate(RECIPE.model_copy(update={"schedule": "constant"}), s, 5) for s in range(50)} == {
        0.1
    }


def test_first_weights_have_the_variance_of_relu_networks():
    _, layers = read_description(find_network("fashion_cnn"))
    tensors = initial_tensors(layers, stream(3, "initial"))
    for name, fan_in in [("conv2.weight", 16 * 9), ("conv3.weight", 32 * 9), ("dense1.weight", 576)]:
        size = tensors[name].size
        assert tensors[name].std() == pytest.approx(np.sqrt(2 / fan_in), rel=4 / np.sqrt(2 * size))
    assert set(tensors["norm1.variance"]) == set(tensors["norm1.weight"]) == {1.0}
    assert set(tensors["norm1.mean"]) == set(tensors["dense1.bias"]) == {0.0}
    other = initial_tensors(layers, stream(4, "initial"))
    assert not np.array_equal(tensors["conv2.weight"], other["conv2.weight"])


def torch_twin(network: Network):
    """The network in PyTorch, with the same weights."""
    pytest.importorskip("torch")
    from neurosim.training.torch_network import TorchNetwork

    flat = {f"{layer}.{name}": a for layer, own in network.params.items() for name, a in own.items()}
    return TorchNetwork(network.layers, flat)


def trained_here(name: str) -> bool:
    """Whether weights of any value come from PyTorch; one-bit ones have tests of their own."""
    description = read_description(find_network(name))[0]
    recipe = description.training
    measured = read_measured(find_network(name).parent)
    return (
        description.coding == "rate" and recipe is not None and recipe.binary is None and measured is not None
    )


@pytest.mark.parametrize("name", [name for name in network_names() if trained_here(name)])
def test_torch_network_equals_the_float_forward(name):
    torch = pytest.importorskip("torch")
    network = load_network(name)
    x = np.random.default_rng(0).random((20, *network.input.shape), dtype=np.float32)
    with torch.no_grad():
        logits = torch_twin(network).logits(torch.from_numpy(x))
    ours = network.trace(x, [network.layers[-1].inputs[0]])[1][network.layers[-1].inputs[0]]
    np.testing.assert_allclose(logits.numpy(), ours, rtol=1e-5, atol=1e-5 * np.abs(ours).max())


EVERY_LAYER = """format = 1
name = "every"
[input]
dataset = "digits"
shape = [1, 8, 8]
[[layers]]
kind = "conv2d"
name = "a"
channels = 4
kernel = 3
padding = 1
[[layers]]
kind = "relu"
name = "relu"
[[layers]]
kind = "conv2d"
name = "b"
channels = 4
kernel = 3
padding = 2
dilation = 2
groups = 2
bias = false
[[layers]]
kind = "batch_norm"
name = "norm"
[[layers]]
kind = "add"
name = "add"
inputs = ["norm", "relu"]
[[layers]]
kind = "max_pool"
name = "max"
kernel = 3
stride = 2
padding = 1
[[layers]]
kind = "avg_pool"
name = "avg"
kernel = 2
stride = 1
[[layers]]
kind = "global_avg_pool"
name = "mean"
[[layers]]
kind = "dense"
name = "d"
units = 5
"""


def every_layer(tmp_path) -> Network:
    """A network with every kind of layer."""
    path = tmp_path / "network.toml"
    path.write_text(EVERY_LAYER)
    description, layers = read_description(path)
    return Network("every", description.input, layers, nested(initial_tensors(layers, stream(0))))


def test_torch_knows_every_kind_of_layer(tmp_path):
    torch = pytest.importorskip("torch")
    network = every_layer(tmp_path)
    x = np.random.default_rng(0).random((6, 1, 8, 8), dtype=np.float32)
    logits = torch_twin(network).logits(torch.from_numpy(x)).detach()
    np.testing.assert_allclose(logits.numpy(), network.forward(x), rtol=1e-5, atol=1e-5)


def test_gradients_equal_finite_differences_of_the_float_forward(tmp_path):
    """Directional derivative of a loss along a random direction, central difference."""
    torch = pytest.importorskip("torch")
    network, rng = every_layer(tmp_path), np.random.default_rng(0)
    x = rng.random((6, 1, 8, 8), dtype=np.float32)
    twin = torch_twin(network)
    twin.logits(torch.from_numpy(x)).square().sum().backward()
    for name, tensor in twin.tensors.items():
        if not tensor.requires_grad:
            continue
        direction = rng.standard_normal(tensor.shape).astype(np.float32)
        step = 1e-3  # short: a longer one crosses kinks of ReLU and max pooling
        losses = []
        for sign in (1, -1):
            moved = {key: t.detach().numpy().astype(np.float32) for key, t in twin.tensors.items()}
            moved[name] = moved[name] + np.float32(sign * step) * direction
            shifted_net = Network("every", network.input, network.layers, nested(moved))
            losses.append(np.square(shifted_net.forward(x).astype(float)).sum())
        slope = (losses[0] - losses[1]) / (2 * step)
        expected = float((tensor.grad * torch.from_numpy(direction)).sum())
        assert slope == pytest.approx(expected, rel=0.02, abs=0.05), name


def test_weight_noise_has_the_stated_spread_and_lets_gradients_through():
    torch = pytest.importorskip("torch")
    from neurosim.training.torch_network import Noise

    weight = torch.linspace(-0.5, 0.25, 200_000, requires_grad=True)
    noise = Noise(0.038, torch.Generator().manual_seed(0))
    noisy = noise.on(weight)
    spread = (noisy - weight).detach()
    assert float(spread.std()) == pytest.approx(0.038 * 0.5, rel=4 / math.sqrt(2 * 200_000))
    assert abs(float(spread.mean())) < 4 * 0.019 / math.sqrt(200_000)
    noisy.sum().backward()
    assert torch.equal(weight.grad, torch.ones_like(weight))
    assert not torch.equal(noise.on(weight), noisy)


def test_clipping_bounds_matrices_and_leaves_the_rest(tmp_path):
    twin = torch_twin(every_layer(tmp_path))
    twin.tensors["d.bias"].data.fill_(100)
    before = twin.arrays()
    twin.clip(1.5)
    after = twin.arrays()
    for name in ("a.weight", "b.weight", "d.weight"):
        bound = 1.5 * before[name].std(ddof=1)
        np.testing.assert_allclose(after[name], np.clip(before[name], -bound, bound), rtol=1e-5)
        assert np.abs(before[name]).max() > bound
    np.testing.assert_array_equal(after["d.bias"], before["d.bias"])
    np.testing.assert_array_equal(after["norm.weight"], before["norm.weight"])
