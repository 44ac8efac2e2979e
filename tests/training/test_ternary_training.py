"""Training of ternary weights: gradients by hand, whole numbers out, both rules, repeatable to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from neurosim.chips import load_chip
from neurosim.foundation.errors import ConfigError
from neurosim.foundation.streams import stream
from neurosim.graph import Recipe, load_network, read_description
from neurosim.placement import place_cores
from neurosim.training import TrainingProgress, float_accuracy, train
from neurosim.training.initial import initial_tensors
from neurosim.training.ternary import Round, Sample, Spike, TernaryNetwork

TOML = """format = 1
name = "tiny_cores"
coding = "ticks"
[input]
dataset = "digits"
shape = [1, 8, 8]
[[layers]]
kind = "binarise"
name = "frame"
level = 0.4
[[layers]]
kind = "FIRST"
name = "first"
SHAPE
[[layers]]
kind = "fire"
name = "fire1"
[[layers]]
kind = "flatten"
name = "flat"
[[layers]]
kind = "ternary_dense"
name = "classes"
units = 200
parts = PARTS
[[layers]]
kind = "fire"
name = "fire2"
[[layers]]
kind = "votes"
name = "votes"
classes = 10
[training]
optimiser = "adam"
learning_rate = 0.02
epochs = 6
batch = 32
ternary = "RULE"
polarisation = POLARISATION
vote_scale = 0.4
"""
WINDOWS = ("ternary_windows", "kernel = 5\ngrid = 2\nfeatures = 60", 2)
CONVOLUTION = ("ternary_conv2d", "kernel = 5\nchannels = 16\nstride = 1", 2)


def folder_of(tmp_path: Path, first=WINDOWS, rule="straight_through", polarisation=0.0) -> Path:
    text = TOML.replace("FIRST", first[0]).replace("SHAPE", first[1]).replace("PARTS", str(first[2]))
    folder = tmp_path / "tiny_cores"
    folder.mkdir(exist_ok=True)
    text = text.replace("RULE", rule).replace("POLARISATION", str(polarisation))
    (folder / "network.toml").write_text(text)
    return folder


def test_hidden_weights_round_and_the_gradient_passes_through():
    hidden = torch.tensor([-1.0, -0.51, -0.49, 0.0, 0.3, 0.7, 1.0], requires_grad=True)
    rounded = Round.apply(hidden)
    assert rounded.tolist() == [-1, -1, 0, 0, 0, 1, 1]
    (rounded * torch.arange(7.0)).sum().backward()
    assert hidden.grad.tolist() == list(range(7))


def test_samples_come_with_the_probability_of_the_magnitude():
    hidden = torch.tensor([-0.75, 0.25, 0.0, 1.0]).repeat(50_000, 1).requires_grad_()
    uniform = torch.rand(hidden.shape, generator=torch.Generator().manual_seed(3))
    sampled = Sample.apply(hidden, uniform)
    for column, mean in enumerate((-0.75, 0.25, 0.0, 1.0)):
        values = sampled.detach()[:, column]
        sigma = np.sqrt(abs(mean) * (1 - abs(mean)) / 50_000)
        assert abs(float(values.mean()) - mean) <= 4.5 * sigma
        assert sigma == 0 or abs(float(values.mean()) - 1.05 * mean) > 4.5 * sigma
    sampled.sum().backward()
    assert (hidden.grad == 1).all()


def test_a_spike_has_a_triangle_for_its_derivative():
    r = torch.tensor([-3.0, -1.0, -0.5, 0.0, 0.5, 2.5], requires_grad=True)
    fired = Spike.apply(r, 2.0)
    assert fired.tolist() == [0, 0, 0, 1, 1, 1]
    fired.sum().backward()
    np.testing.assert_allclose(r.grad, [0, 0.25, 0.375, 0.5, 0.375, 0])


@pytest.mark.parametrize("first", [WINDOWS, CONVOLUTION])
@pytest.mark.parametrize(("rule", "polarisation"), [("straight_through", 0.0), ("probability_biased", 1e-4)])
def test_digits_are_learned_in_whole_numbers(tmp_path, first, rule, polarisation):
    folder = folder_of(tmp_path, first, rule, polarisation)
    seen: list[TrainingProgress] = []
    measured = train(folder, out=tmp_path / "out", progress=seen.append)
    assert measured.float_accuracy > 0.75
    network = load_network(tmp_path / "out")
    assert float_accuracy(network) == (measured.float_accuracy, measured.n_test)
    for name, own in network.params.items():
        assert set(np.unique(own["weight"])) <= {-1, 0, 1}, name
        assert (own["bias"] == np.rint(own["bias"])).all()
    assert place_cores(network, load_chip("truenorth")).cores.cores >= 2  # what comes out fits onto cores
    # what was trained is what came out: the last epoch's accuracy is not far from the test's
    assert seen[-1].accuracy > measured.float_accuracy - 0.1


def network_of(folder: Path, **changes) -> TernaryNetwork:
    description, layers = read_description(folder / "network.toml")
    recipe = description.training.model_copy(update=changes)
    return TernaryNetwork(layers, initial_tensors(layers, stream(0)), recipe, stream(0, "test"))


@pytest.mark.parametrize("first", [WINDOWS, CONVOLUTION])
def test_biases_are_the_normalised_thresholds_without_a_loss(tmp_path, first):
    """The exported network fires exactly where the normalised sums, with the stored statistics, do."""
    from neurosim.graph import Network

    folder = folder_of(tmp_path, first)
    network = network_of(folder)
    r = np.random.default_rng(0)
    x = r.random((200, 1, 8, 8)).astype(np.float32)
    with torch.no_grad():
        for name, tensor in network.tensors.items():
            if name.endswith("bias"):
                tensor.copy_(torch.from_numpy(r.normal(0, 0.7, tensor.shape).astype(np.float32)))
        for _ in range(200):
            network.logits(torch.from_numpy(x))  # the running statistics settle at this batch's
        votes = network.logits(torch.from_numpy(x)).numpy() / network._recipe.vote_scale
    description, layers = read_description(folder / "network.toml")
    params: dict[str, dict[str, np.ndarray]] = {}
    for key, value in network.arrays().items():
        params.setdefault(key.split(".")[0], {})[key.split(".")[1]] = value
    exported = Network("tiny", description.input, layers, params, coding="ticks")
    np.testing.assert_allclose(exported.forward(x), votes, atol=1e-4)


def test_polarisation_pulls_probabilities_to_the_ends(tmp_path):
    folder = folder_of(tmp_path, rule="probability_biased")
    network = network_of(folder)
    p = torch.cat([w.detach().abs().flatten() for w in network.matrices.values()])
    assert float(network.indecision().detach()) == pytest.approx(
        float((0.5 - (p - 0.5).abs()).sum()), rel=1e-5
    )
    network.indecision().backward()
    for weight in network.matrices.values():
        # down where the synapse is rather absent, up where it is rather there
        expected = torch.where(weight.abs() < 0.5, 1.0, -1.0) * torch.sign(weight)
        assert torch.equal(weight.grad, expected.detach())
    undecided = {}
    for strength in (0.0, 3e-3):
        folder = folder_of(tmp_path, rule="probability_biased", polarisation=strength)
        hidden = _trained(folder, strength)
        undecided[strength] = float(np.mean([(np.abs(w) > 0.1) & (np.abs(w) < 0.9) for w in hidden]))
    assert undecided[3e-3] < 0.6 * undecided[0.0]


def _trained(folder: Path, strength: float) -> np.ndarray:
    from neurosim.inputs import load_dataset
    from neurosim.training.checkpoints import load_checkpoint
    from neurosim.training.loop import Task, fit

    description, layers = read_description(folder / "network.toml")
    task = Task(layers, description.input, description.training, load_dataset("digits", "train", None),
                stream(0, "polarisation"), {})  # fmt: skip
    path = folder / f"checkpoint_{strength}.pt"
    fit(task, path, False, lambda *_: None)
    return load_checkpoint(path, {})["tensors"]["first.weight"].detach().numpy().ravel()


def test_copies_are_other_samples_of_the_same_probabilities(tmp_path):
    network = network_of(folder_of(tmp_path, rule="probability_biased"))
    one, again, other = network.arrays(0), network.arrays(0), network.arrays(1)
    for name in one:
        np.testing.assert_array_equal(one[name], again[name])
    assert not np.array_equal(one["first.weight"], other["first.weight"])
    straight = network_of(folder_of(tmp_path))
    np.testing.assert_array_equal(straight.arrays(0)["first.weight"], straight.arrays(1)["first.weight"])


@pytest.mark.parametrize("rule", ["straight_through", "probability_biased"])
def test_the_same_bits_again_and_after_a_break(tmp_path, rule):
    folder = folder_of(tmp_path, rule=rule, polarisation=1e-4)
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


def test_layers_that_are_not_for_cores_are_refused(tmp_path):
    folder = folder_of(tmp_path)
    text = (
        (folder / "network.toml")
        .read_text()
        .replace('kind = "fire"\nname = "fire1"', 'kind = "relu"\nname = "fire1"')
    )
    (folder / "network.toml").write_text(text)
    with pytest.raises(
        ConfigError, match=r"layer 'fire1': expected a layer of networks for cores, got relu; use"
    ):
        train(folder, out=tmp_path / "out", limit=100)


def test_an_unknown_rule_is_named(tmp_path):
    folder = folder_of(tmp_path, rule="straight")
    with pytest.raises(
        ConfigError, match=r"training.ternary: Input should be 'straight_through' or 'probability_bias"
    ):
        train(folder, out=tmp_path / "out")
    assert Recipe(optimiser="adam", learning_rate=0.1, epochs=1, batch=1).ternary is None
