"""Training of weights of one bit: gradients by hand, thresholds without a loss, repeatable to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from neurosim.foundation.errors import ConfigError
from neurosim.foundation.streams import stream
from neurosim.graph import Network, Recipe, load_network, read_description
from neurosim.training import TrainingProgress, float_accuracy, train
from neurosim.training.binary import BinaryNetwork, Sign
from neurosim.training.initial import initial_tensors, nested

HEAD = """format = 1
name = "tiny_bits"
[input]
dataset = "digits"
shape = SHAPE
"""
FRAME = """[[layers]]
kind = "binarise"
name = "frame"
level = 0.4
"""
FIRING = """[[layers]]
kind = "dense"
name = "first"
units = 60
[[layers]]
kind = "fire"
name = "hidden"
"""
CONVOLUTION = """[[layers]]
kind = "conv2d"
name = "first"
channels = 12
kernel = 3
[[layers]]
kind = "fire"
name = "hidden"
[[layers]]
kind = "max_pool"
name = "pool"
kernel = 2
[[layers]]
kind = "flatten"
name = "flat"
"""
RECTIFIED = """[[layers]]
kind = "dense"
name = "first"
units = 60
bias = false
[[layers]]
kind = "batch_norm"
name = "norm"
[[layers]]
kind = "relu"
name = "hidden"
"""
REST = """[[layers]]
kind = "dense"
name = "classes"
units = 10
[[layers]]
kind = "softmax"
name = "softmax"
[training]
optimiser = "adam"
learning_rate = 0.01
epochs = 8
batch = 32
binary = "straight_through"
vote_scale = 0.3
"""
KINDS = {
    "firing": FRAME + FIRING,
    "grey": FIRING,  # sums of grey levels are no whole numbers
    "convolution": FRAME + CONVOLUTION,
    "rectified": FRAME + RECTIFIED,
}


def folder_of(tmp_path: Path, kind: str = "firing", rest: str = REST) -> Path:
    shape = "[1, 8, 8]" if kind == "convolution" else "[64]"
    folder = tmp_path / kind
    folder.mkdir(exist_ok=True)
    (folder / "network.toml").write_text(HEAD.replace("SHAPE", shape) + KINDS[kind] + rest)
    return folder


def network_of(folder: Path) -> BinaryNetwork:
    description, layers = read_description(folder / "network.toml")
    return BinaryNetwork(layers, initial_tensors(layers, stream(0)), description.training, stream(0, "test"))


def exported(folder: Path, network: BinaryNetwork) -> Network:
    description, layers = read_description(folder / "network.toml")
    return Network("tiny", description.input, layers, nested(network.arrays()))


def test_hidden_weights_have_a_sign_and_the_gradient_passes_through():
    hidden = torch.tensor([-1.0, -0.3, -1e-9, 0.0, 0.2, 1.0], requires_grad=True)
    signs = Sign.apply(hidden)
    assert signs.tolist() == [-1, -1, -1, 1, 1, 1]
    (signs * torch.arange(6.0)).sum().backward()
    assert hidden.grad.tolist() == list(range(6))


@pytest.mark.parametrize(
    ("kind", "least"), [("firing", 0.85), ("grey", 0.85), ("convolution", 0.75), ("rectified", 0.85)]
)
def test_digits_are_learned_with_one_bit(tmp_path, kind, least):
    seen: list[TrainingProgress] = []
    measured = train(folder_of(tmp_path, kind), out=tmp_path / "out", progress=seen.append)
    assert measured.float_accuracy > least
    network = load_network(tmp_path / "out")
    assert float_accuracy(network) == (measured.float_accuracy, measured.n_test)
    for layer in network.weighted:
        assert set(np.unique(network.params[layer.name]["weight"])) == {-1, 1}
    # what was trained is what came out
    assert abs(seen[-1].accuracy - measured.float_accuracy) < 0.1


@pytest.mark.parametrize(("kind", "whole"), [("firing", True), ("convolution", True), ("grey", False)])
def test_biases_are_the_normalised_thresholds_without_a_loss(tmp_path, kind, whole):
    """The exported network gives what the network in training gives with its stored statistics."""
    folder = folder_of(tmp_path, kind)
    network = network_of(folder)
    r = np.random.default_rng(1)
    shape = (1, 8, 8) if kind == "convolution" else (64,)
    x = r.random((300, *shape)).astype(np.float32)
    with torch.no_grad():
        network.tensors["first.bias"].copy_(
            torch.from_numpy(r.normal(0, 0.7, network.tensors["first.bias"].shape).astype(np.float32))
        )
        for _ in range(20):
            network.logits(torch.from_numpy(x))  # statistics that are not this batch's yet
        logits = network.logits(torch.from_numpy(x), live_norms=False).numpy() / 0.3
    out = exported(folder, network)
    bias = out.params["first"]["bias"]
    assert (bias == np.rint(bias)).all() == whole
    ours = out.trace(x, ["classes"])[1]["classes"]
    np.testing.assert_allclose(ours, logits, atol=1e-3)
    # a threshold off by one input is another network
    moved = Network(
        "moved", out.input, out.layers, {**out.params, "first": {**out.params["first"], "bias": bias + 1}}
    )
    assert np.abs(moved.trace(x, ["classes"])[1]["classes"] - logits).max() > 0.5


def test_hidden_weights_stay_within_one(tmp_path):
    network = network_of(folder_of(tmp_path))
    with torch.no_grad():
        network.matrices["first"].mul_(20)
    network.settle()
    assert float(network.matrices["first"].detach().abs().max()) == 1.0


def test_the_same_bits_again_and_after_a_break(tmp_path):
    folder = folder_of(tmp_path)
    whole = train(folder, out=tmp_path / "whole", epochs=3, limit=320)
    assert whole == train(folder, out=tmp_path / "again", epochs=3, limit=320)

    class Stop(Exception):
        pass

    def stop(now: TrainingProgress) -> None:
        if (now.epoch, now.batch) == (3, 2):
            raise Stop

    with pytest.raises(Stop):
        train(folder, out=tmp_path / "broken", epochs=3, limit=320, progress=stop)
    assert train(folder, out=tmp_path / "broken", epochs=3, limit=320, resume=True) == whole


def test_mistakes_of_one_bit_networks(tmp_path):
    without = folder_of(tmp_path)
    text = (without / "network.toml").read_text()
    (without / "network.toml").write_text(text.replace("units = 60\n", "units = 60\nbias = false\n"))
    with pytest.raises(
        ConfigError, match="layer 'hidden': expected a dense or convolution layer with a bias before"
    ):
        train(without, out=tmp_path / "out", limit=100)
    (without / "network.toml").write_text(text.replace('binary = "straight_through"\n', ""))
    with pytest.raises(
        ConfigError, match=r"layer 'hidden': expected a layer with a derivative, got fire; set ternary"
    ):
        train(without, out=tmp_path / "other", limit=100)
    for figure in ({"weight_noise": 0.1}, {"clip_sigma": 2.0}):
        with pytest.raises(
            ValueError, match="weights of -1 and 1 are trained without weight_noise and clip_sigma"
        ):
            Recipe(
                optimiser="adam", learning_rate=0.1, epochs=1, batch=1, binary="straight_through", **figure
            )
    with pytest.raises(ValueError, match="weights are ternary or binary: give one of the two"):
        Recipe(
            optimiser="adam", learning_rate=0.1, epochs=1, batch=1, ternary="straight_through",
            binary="straight_through",
        )  # fmt: skip
