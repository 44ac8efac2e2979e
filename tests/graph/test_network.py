"""Networks: wiring, the forward over blocks, checks of weights and inputs."""

from __future__ import annotations

import pickle
import tracemalloc

import numpy as np
import pytest
from small_networks import IMAGE, build, images, random_params, residual

from neurosim.foundation.errors import ConfigError, DataError
from neurosim.graph import Add, Conv2d, Dense, Flatten, InputSpec, Network, ReLU
from neurosim.graph.network import WORKING_SET_BYTES


def test_residual_network_equals_torch():
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    network, x = residual(), images(5)
    p = {f"{n}.{k}": torch.tensor(a) for n, own in network.params.items() for k, a in own.items()}
    h = f.conv2d(torch.tensor(x), p["stem.weight"], None, padding=1)
    h = torch.relu(f.batch_norm(h, p["norm.mean"], p["norm.variance"], p["norm.weight"], p["norm.bias"]))
    a = f.conv2d(h, p["a.weight"], p["a.bias"], stride=2, padding=1, groups=2)
    a = torch.relu(
        f.batch_norm(a, p["norm_a.mean"], p["norm_a.variance"], p["norm_a.weight"], p["norm_a.bias"])
    )
    b = f.conv2d(a, p["b.weight"], p["b.bias"], padding=1)
    h = f.max_pool2d(b + f.conv2d(h, p["shortcut.weight"], p["shortcut.bias"], stride=2), 2)
    expected = torch.softmax(f.linear(h.mean((2, 3)), p["dense.weight"], p["dense.bias"]), 1)
    np.testing.assert_allclose(network.forward(x), expected.numpy(), rtol=1e-4, atol=1e-5)


def test_wiring_writes_out_inputs_and_shapes():
    network = residual()
    by_name = {layer.name: layer for layer in network.layers}
    assert by_name["stem"].inputs == ("input",)
    assert by_name["shortcut"].inputs == ("relu",)
    assert by_name["pool"].inputs == ("add",)
    assert network.shapes["a"] == network.shapes["shortcut"] == (8, 6, 6)
    assert network.output_shape == (10,)
    assert [layer.name for layer in network.weighted] == ["stem", "a", "b", "shortcut", "dense"]
    assert network.weights == 36 + 144 + 576 + 32 + 80


def test_blocks_do_not_change_which_images_meet_which_output(monkeypatch):
    network, x = residual(), images(23)
    whole = network.forward(x)
    monkeypatch.setattr("neurosim.graph.network.WORKING_SET_BYTES", 1)
    one_by_one = residual()
    assert one_by_one.block_images == 1
    np.testing.assert_allclose(one_by_one.forward(x), whole, rtol=1e-4, atol=1e-6)
    assert network.forward(x[:0]).shape == (0, 10)


def test_working_set_is_bounded():
    network = build(
        Conv2d(name="c", channels=16, kernel=5, padding=2),
        Flatten(name="f"),
        Dense(name="d", units=2),
        input=InputSpec(dataset="mnist", shape=(8, 32, 32)),
    )
    x = images(600, shape=(8, 32, 32))
    unfolded = 600 * 32 * 32 * 200 * 4
    assert unfolded > 3 * WORKING_SET_BYTES
    tracemalloc.start()
    network.forward(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * WORKING_SET_BYTES


def test_trace_keeps_what_is_asked_for():
    network, x = residual(), images(3)
    out, kept = network.trace(x, ["input", "relu", "softmax"])
    np.testing.assert_array_equal(kept["input"], x)
    np.testing.assert_array_equal(kept["softmax"], out)
    assert kept["relu"].shape == (3, 4, 12, 12)
    assert kept["relu"].min() == 0
    with pytest.raises(ConfigError, match="layer: expected a known name, got 'relo'; did you mean 'relu'"):
        network.trace(x, ["relo"])


def test_parameters_are_frozen_copies():
    layers = (Flatten(name="f"), Dense(name="d", units=2))
    params = random_params(layers, IMAGE.shape)
    network = Network("n", IMAGE, layers, params)
    params["d"]["weight"][:] = 0
    assert np.abs(network.params["d"]["weight"]).max() > 0
    with pytest.raises(ValueError, match="read-only"):
        network.params["d"]["weight"][0, 0] = 1
    with pytest.raises(TypeError):
        network.params["d"]["weight"] = params["d"]["weight"]


def test_checksum_follows_the_weights():
    network = residual()
    assert network.checksum == residual().checksum
    assert len(network.checksum) == 64
    other = {n: dict(own) for n, own in network.params.items()}
    other["dense"]["bias"] = np.nextafter(other["dense"]["bias"], np.float32(2))
    assert Network("test", IMAGE, network.layers, other).checksum != network.checksum


def test_network_survives_pickling():
    network = residual()
    twin = pickle.loads(pickle.dumps(network))
    np.testing.assert_array_equal(twin.forward(images(2)), network.forward(images(2)))
    assert twin.checksum == network.checksum


def test_wrong_names_are_refused():
    with pytest.raises(ConfigError, match="layer 'a': expected a name of its own, got 'a' a second time"):
        build(Flatten(name="a"), ReLU(name="a"))
    with pytest.raises(
        ConfigError, match="inputs: expected the name of an earlier layer, got 'fat'; did you mean 'flat'"
    ):
        build(Flatten(name="flat"), Dense(name="d", units=2, inputs=("fat",)))
    with pytest.raises(ConfigError, match="expected the name of an earlier layer, got 'later'"):
        build(Add(name="sum", inputs=("input", "later")), ReLU(name="later"))
    with pytest.raises(ConfigError, match="expected at least one layer, got none"):
        Network("n", IMAGE, (), {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda p: p["d"].update(weight=p["d"]["weight"][:, :-1]),
            r"tensor 'd.weight': expected shape \(2, 144\), got \(2, 143\); weights and",
        ),
        (
            lambda p: p["d"]["weight"].__setitem__((0, slice(3)), [np.nan, np.inf, -np.inf]),
            "tensor 'd.weight': expected finite numbers, got 3 of 288 NaN or infinite",
        ),
        (
            lambda p: p["d"].update(bias=np.array([1, 2])),
            "'d.bias': expected floating-point numbers, got int64",
        ),
        (lambda p: p["d"].update(bias=np.array([1, 1e300])), "'d.bias': expected finite numbers, got 1 of 2"),
        (lambda p: p["d"].pop("bias"), "expected a tensor 'd.bias', got none; known: d.weight"),
        (
            lambda p: p["d"].update(biass=p["d"]["bias"]),
            "'d.biass': expected a parameter .*; did you mean 'd.bias'",
        ),
        (lambda p: p.update(e={"weight": p["d"]["weight"]}), "tensor 'e.weight': expected a parameter"),
    ],
)
def test_wrong_weights_are_refused(change, message):
    layers = (Flatten(name="f"), Dense(name="d", units=2))
    params = random_params(layers, IMAGE.shape)
    change(params)
    with pytest.raises(DataError, match=message):
        Network("n", IMAGE, layers, params)


def test_wrong_inputs_are_refused():
    network = residual()
    with pytest.raises(
        DataError, match=r"input: expected shape \(N, 1, 12, 12\), got \(2, 144\); prepare images"
    ):
        network.forward(images(2).reshape(2, 144))
    with pytest.raises(DataError, match="input: expected a float32 array, got float64"):
        network.forward(images(2).astype(np.float64))
    with pytest.raises(DataError, match="expected a float32 array, got list"):
        network.forward([[1.0]])
