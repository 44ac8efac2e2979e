"""Training of neurons that spike once: exact gradients, the cost's terms, and a small network that learns."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neurosim.foundation.streams import stream
from neurosim.graph import load_network, read_description
from neurosim.graph.first_spike import first_spikes
from neurosim.training import train
from neurosim.training.initial import initial_tensors

torch = pytest.importorskip("torch")

from neurosim.training import first_spike  # noqa: E402
from neurosim.training.torch_network import TorchNetwork  # noqa: E402

LATE = math.log(6)
NETWORK = """format = 1
name = "digits_ttfs"
coding = "first_spike"
[input]
dataset = "digits"
shape = [64]
[[layers]]
kind = "first_spike_encoder"
name = "encoder"
late = 1.791759469228055
[[layers]]
kind = "first_spike_dense"
name = "hidden"
units = 60
[[layers]]
kind = "first_spike_dense"
name = "classes"
units = 10
[[layers]]
kind = "first_spike_scores"
name = "scores"
[training]
optimiser = "adam"
learning_rate = 0.01
epochs = 8
batch = 32
clean_epochs = 2
weight_noise = 0.02
clip_sigma = 3.0
initial_sum = 4.0
silence_penalty = 1.0
gradient_norm = 10.0
"""


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "digits_ttfs"
    place.mkdir()
    (place / "network.toml").write_text(NETWORK)
    return place


def inputs(images=6, features=12):
    generator = torch.Generator().manual_seed(0)
    z = 1 + 5 * torch.rand((images, features), generator=generator, dtype=torch.float64)
    z[torch.rand(z.shape, generator=generator) < 0.15] = torch.inf
    return z, 0.12 + 0.35 * torch.randn((8, features), generator=generator, dtype=torch.float64)


def finite(z):
    """Infinities out of the way: they have no gradient."""
    return torch.where(z.isfinite(), z, 0.0)


def exact(z, weight, threshold=0.9):
    """exp of the compiled kernel's times."""
    return np.exp(first_spikes(np.log(z.numpy()), np.ascontiguousarray(weight.numpy().T), threshold))


def test_forward_equals_the_kernel():
    z, weight = inputs(40)
    out = first_spike.AnyTimes.apply(z, weight, 0.9).numpy()
    wanted = exact(z, weight)
    assert 0.2 < np.isfinite(wanted).mean() < 0.95
    np.testing.assert_allclose(out, wanted, rtol=1e-9)
    early = (z < 3).to(z.dtype)
    two = first_spike.TwoTimes.apply(early, 6.0, weight, 0.9).numpy()
    np.testing.assert_allclose(two, exact(torch.where(early > 0, 1.0, 6.0).to(z.dtype), weight), rtol=1e-9)
    assert ((two < 6).any(), (two > 6).any(), np.isinf(two).any()) == (True, True, True)


def test_gradients_of_sorted_inputs_equal_finite_differences():
    z, weight = inputs()
    spikes = z.isfinite()
    free = torch.where(spikes, z, 1.0).requires_grad_()  # a silent input has no time to vary
    weight.requires_grad_()

    def spiked(free, weight):
        return finite(first_spike.AnyTimes.apply(torch.where(spikes, free, torch.inf), weight, 0.9))

    assert 8 < int(spiked(free, weight).count_nonzero()) < 48
    assert torch.autograd.gradcheck(spiked, (free, weight), eps=1e-7, atol=1e-5)


def test_gradients_of_two_input_times_equal_finite_differences_and_the_sorted_ones():
    z, weight = inputs(images=9)
    early = (z < 3).to(z.dtype)
    weight.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda w: finite(first_spike.TwoTimes.apply(early, 6.0, w, 0.9)), (weight,), eps=1e-7, atol=1e-5
    )
    times = torch.where(early > 0, 1.0, 6.0).to(z.dtype)
    first = finite(first_spike.TwoTimes.apply(early, 6.0, weight, 0.9)).square().sum()
    second = finite(first_spike.AnyTimes.apply(times, weight, 0.9)).square().sum()
    pair = [torch.autograd.grad(each, weight)[0] for each in (first, second)]
    torch.testing.assert_close(*pair)


def test_gradient_by_hand():
    """One input of weight w at z: z_out = w z / (w - 1), dz_out/dw = -z / (w - 1)^2, dz_out/dz = w / (w - 1)."""
    z = torch.tensor([[2.0]], dtype=torch.float64, requires_grad=True)
    weight = torch.tensor([[3.0]], dtype=torch.float64, requires_grad=True)
    out = first_spike.AnyTimes.apply(z, weight, 1.0)
    out.sum().backward()
    assert (float(out.detach()), float(weight.grad), float(z.grad)) == pytest.approx((3.0, -0.5, 1.5))


def test_neurons_that_never_spike_have_no_gradient_and_no_nan():
    z = torch.full((3, 4), torch.inf)
    weight = -torch.ones((5, 4), requires_grad=True)
    for out in (
        first_spike.AnyTimes.apply(z, weight, 1.0),
        first_spike.TwoTimes.apply(torch.ones((3, 4)), 6.0, weight, 1.0),
    ):
        assert torch.isinf(out).all()
        scores = first_spike.scores(None, {}, [out], False)
        loss = torch.nn.functional.cross_entropy(scores, torch.tensor([0, 1, 2]))
        (gradient,) = torch.autograd.grad(loss, weight)
        assert float(loss.detach()) == pytest.approx(math.log(5))
        assert not gradient.any()


def twin(folder, seed=0):
    description, layers = read_description(folder / "network.toml")
    tensors = initial_tensors(layers, stream(seed, "initial"), description.training.initial_sum)
    return TorchNetwork(layers, tensors), tensors


def test_logits_are_minus_the_exponentials_of_the_float_networks_times(folder, tmp_path):
    train(folder, out=tmp_path / "out", epochs=1, limit=200)
    network = load_network(tmp_path / "out")
    flat = {f"{layer}.{name}": a for layer, own in network.params.items() for name, a in own.items()}
    x = np.random.default_rng(0).random((20, 64), dtype=np.float32)
    with torch.no_grad():
        logits = TorchNetwork(network.layers, flat).logits(torch.from_numpy(x)).numpy()
    wanted = np.maximum(-np.exp(-network.forward(x)), -first_spike.LATEST)
    np.testing.assert_allclose(logits, wanted, rtol=2e-4)


def test_weights_begin_with_the_recipes_sum(folder):
    _, tensors = twin(folder)
    sums = tensors["hidden.weight"].sum(axis=1)
    assert sums.mean() == pytest.approx(4.0, abs=4 * math.sqrt(2 / 60))  # of variance 2 each, by He's rule
    plain = initial_tensors(read_description(folder / "network.toml")[1], stream(0, "initial"))
    np.testing.assert_allclose(tensors["hidden.weight"], plain["hidden.weight"] + 4 / 64, atol=1e-6)


def test_silence_is_what_the_sums_lack(folder):
    network, tensors = twin(folder)
    lacking = sum(
        np.maximum(1 - tensors[f"{name}.weight"].sum(axis=1), 0).sum() for name in ("hidden", "classes")
    )
    silence = network.silence()
    assert lacking > 0
    assert float(silence.detach()) == pytest.approx(float(lacking), rel=1e-5)
    silence.backward()
    gradient = network.tensors["hidden.weight"].grad.numpy()
    low = tensors["hidden.weight"].sum(axis=1) < 1
    np.testing.assert_array_equal(gradient, -np.repeat(low[:, None], 64, axis=1).astype(np.float32))


def test_a_silent_network_is_driven_to_spike(folder, tmp_path):
    text = NETWORK.replace("initial_sum = 4.0", "initial_sum = -8.0").replace("epochs = 8", "epochs = 6")
    (folder / "network.toml").write_text(text)
    silent, _ = twin(folder)
    x = torch.rand((20, 64), generator=torch.Generator().manual_seed(0))
    assert (silent.logits(x).detach() == -first_spike.LATEST).all()
    train(folder, out=tmp_path / "out")
    assert np.isfinite(load_network(tmp_path / "out").forward(x.numpy())).any(axis=1).all()


def test_the_gradients_norm_is_bounded(folder, tmp_path):
    """One step of plain descent moves all weights together by the rate times the bound at most."""
    text = NETWORK.replace('"adam"', '"sgd"\nmomentum = 0.0').replace("clip_sigma = 3.0", "")
    text = text.replace("gradient_norm = 10.0", "gradient_norm = 0.5").replace("batch = 32", "batch = 1000")
    (folder / "network.toml").write_text(text.replace("silence_penalty = 1.0", "silence_penalty = 100.0"))
    train(folder, out=tmp_path / "out", epochs=1, limit=1000)
    trained = load_network(tmp_path / "out").params
    start = initial_tensors(
        read_description(folder / "network.toml")[1],
        stream(0, "train", "digits_ttfs").child("initial"),
        4.0,
    )
    moved = [trained[name]["weight"] - start[f"{name}.weight"] for name in ("hidden", "classes")]
    assert math.sqrt(sum(float((m.astype(float) ** 2).sum()) for m in moved)) == pytest.approx(
        0.01 * 0.5, rel=1e-2
    )


class Stop(Exception):
    """Raised by a progress callback, as a person's Ctrl-C would be."""


def test_digits_are_learned_to_the_bit_again_even_when_interrupted(folder, tmp_path):
    measured = train(folder, out=tmp_path / "whole")
    assert measured.float_accuracy > 0.85
    content = (tmp_path / "whole" / "weights.safetensors").read_bytes()

    def stop(now):
        if now.epoch == 4:
            raise Stop

    with pytest.raises(Stop):
        train(folder, out=tmp_path / "parts", progress=stop)
    again = train(folder, out=tmp_path / "parts", resume=True)
    assert again == measured
    assert (tmp_path / "parts" / "weights.safetensors").read_bytes() == content
    other = train(folder, out=tmp_path / "other", seed=1, epochs=1)
    assert other.checksum != measured.checksum
