"""Batch norm folded into the weights before it."""

from __future__ import annotations

import numpy as np
import pytest
from small_networks import build, images, residual

from neurosim.graph import Add, BatchNorm, Conv2d, Dense, Flatten, InputSpec, ReLU, fold_batch_norm


def test_folding_keeps_the_function_and_removes_the_layers():
    network, x = residual(), images(8)
    folded = fold_batch_norm(network)
    assert not any(isinstance(layer, BatchNorm) for layer in folded.layers)
    assert [layer.name for layer in folded.layers if layer.name in ("stem", "a")] == ["stem", "a"]
    assert folded.params["stem"].keys() == {"weight", "bias"}  # it had no bias of its own
    np.testing.assert_allclose(folded.forward(x), network.forward(x), rtol=1e-4, atol=1e-5)


def test_folded_activations_equal_the_batch_norms():
    network, x = residual(), images(4)
    _, norms = network.trace(x, ["norm", "norm_a"])
    _, folded = fold_batch_norm(network).trace(x, ["stem", "a"])
    np.testing.assert_allclose(folded["stem"], norms["norm"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(folded["a"], norms["norm_a"], rtol=1e-4, atol=1e-5)


def test_dense_layers_fold_too():
    network = build(Flatten(name="f"), Dense(name="d", units=6), BatchNorm(name="n"), ReLU(name="r"))
    folded, x = fold_batch_norm(network), images(5)
    assert [layer.name for layer in folded.layers] == ["f", "d", "r"]
    np.testing.assert_allclose(folded.forward(x), network.forward(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "layers",
    [
        (BatchNorm(name="n"), ReLU(name="r")),  # no matrix before it
        (Conv2d(name="c", channels=1, kernel=1), ReLU(name="r"), BatchNorm(name="n")),  # not directly after
        (
            Conv2d(name="c", channels=1, kernel=1),
            BatchNorm(name="n"),
            Add(name="a", inputs=("c", "n")),
        ),  # two users
    ],
)
def test_batch_norms_that_cannot_be_folded_stay(layers):
    network = build(*layers, input=InputSpec(dataset="mnist", shape=(1, 4, 4)))
    folded = fold_batch_norm(network)
    assert [layer.name for layer in folded.layers] == [layer.name for layer in network.layers]
    assert folded.checksum == network.checksum
