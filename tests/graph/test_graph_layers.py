"""Layers against PyTorch's own results, and against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from neurosim.foundation.errors import ConfigError, DataError
from neurosim.graph import (
    Add,
    AvgPool,
    BatchNorm,
    Conv2d,
    Dense,
    Flatten,
    GlobalAvgPool,
    Layer,
    MaxPool,
    ReLU,
    Softmax,
)  # fmt: skip

CONVOLUTIONS = [
    {"channels": 4, "kernel": 3},
    {"channels": 4, "kernel": 3, "padding": 1, "bias": False},
    {"channels": 6, "kernel": (3, 2), "stride": (2, 1), "padding": (0, 1)},
    {"channels": 8, "kernel": 2, "stride": 3, "groups": 2},
    {"channels": 4, "kernel": 3, "padding": 1, "groups": 4},
    {"channels": 5, "kernel": 1},
    {"channels": 2, "kernel": 5, "stride": 2, "padding": 4},
    {"channels": 4, "kernel": (3, 2), "stride": (1, 2), "padding": 2, "dilation": (2, 3), "groups": 2},
]
POOLS = [
    {"kernel": 2},
    {"kernel": 3, "stride": 2},
    {"kernel": 3, "stride": 1, "padding": 1},
    {"kernel": (2, 3), "stride": (1, 2), "padding": (0, 1)},
]


def _random(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def _params(layer: Layer, *shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    return {
        name: _random(shape, i + 1) for i, (name, shape) in enumerate(layer.parameter_shapes(*shapes).items())
    }


@pytest.mark.parametrize("options", CONVOLUTIONS)
def test_convolution_equals_torch(options):
    torch = pytest.importorskip("torch")
    layer, x = Conv2d(name="c", **options), _random((3, 4, 9, 7))
    params = _params(layer, x.shape[1:])
    tensors = {name: torch.tensor(array) for name, array in params.items()}
    expected = torch.nn.functional.conv2d(
        torch.tensor(x),
        tensors["weight"],
        tensors.get("bias"),
        layer.stride,
        layer.padding,
        layer.dilation,
        layer.groups,
    )
    assert layer.output_shape(x.shape[1:]) == tuple(expected.shape[1:])
    np.testing.assert_allclose(layer.forward(params, x), expected.numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("options", POOLS)
@pytest.mark.parametrize(("kind", "reference"), [(MaxPool, "max_pool2d"), (AvgPool, "avg_pool2d")])
def test_pooling_equals_torch(kind, reference, options):
    torch = pytest.importorskip("torch")
    layer, x = (
        kind(name="p", **options),
        _random((2, 3, 8, 9)) - 2,
    )  # mostly negative: a zero margin would win
    expected = getattr(torch.nn.functional, reference)(
        torch.tensor(x), layer.kernel, layer.steps, layer.padding
    )
    assert layer.output_shape(x.shape[1:]) == tuple(expected.shape[1:])
    np.testing.assert_allclose(layer.forward({}, x), expected.numpy(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", [(5,), (5, 4, 3)])
def test_batch_norm_equals_torch(shape):
    torch = pytest.importorskip("torch")
    layer, x = BatchNorm(name="n", epsilon=1e-3), _random((6, *shape))
    params = _params(layer, shape)
    params["variance"] = np.abs(params["variance"]) + np.float32(0.1)
    t = {name: torch.tensor(array) for name, array in params.items()}
    expected = torch.nn.functional.batch_norm(
        torch.tensor(x), t["mean"], t["variance"], t["weight"], t["bias"], False, 0.1, 1e-3
    )
    np.testing.assert_allclose(layer.forward(params, x), expected.numpy(), rtol=1e-5, atol=1e-5)


def test_small_layers_against_closed_forms():
    x = _random((4, 3, 2, 2))
    np.testing.assert_array_equal(ReLU(name="r").forward({}, x), np.where(x > 0, x, 0))
    np.testing.assert_array_equal(Flatten(name="f").forward({}, x), x.reshape(4, 12))
    np.testing.assert_allclose(GlobalAvgPool(name="g").forward({}, x), x.mean(axis=(2, 3)), rtol=1e-6)
    np.testing.assert_allclose(Add(name="a").forward({}, x, x, x), 3 * x, rtol=1e-6)


def test_softmax_of_huge_logits_is_finite_and_sums_to_one():
    logits = np.array([[1000, 1000, -1000], [0, np.log(3), -np.inf]], np.float32)
    np.testing.assert_allclose(
        Softmax(name="s").forward({}, logits), [[0.5, 0.5, 0], [0.25, 0.75, 0]], atol=1e-6
    )


@pytest.mark.parametrize(
    "layer",
    [
        Dense(name="d", units=5),
        Dense(name="d", units=5, bias=False),
        *(Conv2d(name="c", **o) for o in CONVOLUTIONS),
    ],
)
def test_forward_is_the_product_of_unfolded_inputs_and_matrices(layer):
    shape = (11,) if isinstance(layer, Dense) else (4, 9, 7)
    x, params = _random((3, *shape)), _params(layer, shape)
    bound = layer.bound(("input",), (shape,))
    vectors, matrices = bound.unfold(x), bound.matrices(params)
    assert vectors.shape == (bound.matrix_groups, 3, bound.positions, bound.rows)
    assert matrices.shape == (bound.matrix_groups, bound.rows, bound.columns)
    assert vectors.flags.c_contiguous
    assert matrices.flags.c_contiguous
    assert vectors.dtype == matrices.dtype == np.float32
    out = bound.assemble(np.einsum("gnpr,grc->gnpc", vectors, matrices))
    if (bias := bound.bias(params)) is not None:
        assert bias.shape == (bound.matrix_groups, bound.columns)
        out = out + bias.reshape(-1, *[1] * (out.ndim - 2))
    np.testing.assert_allclose(bound.forward(params, x), out, rtol=1e-4, atol=1e-5)
    assert bound.macs == vectors[:, 0].size * bound.columns


def test_unfold_of_a_picked_pixel_lands_in_the_row_of_its_weight():
    """One pixel set: the product must be the kernel, mirrored about it."""
    layer = Conv2d(name="c", channels=1, kernel=3, padding=1, bias=False).bound(("input",), ((2, 5, 5),))
    x = np.zeros((1, 2, 5, 5), np.float32)
    x[0, 1, 2, 2] = 1
    weight = np.arange(18, dtype=np.float32).reshape(1, 2, 3, 3)
    out = layer.forward({"weight": weight}, x)
    np.testing.assert_array_equal(out[0, 0, 1:4, 1:4], weight[0, 1, ::-1, ::-1])


@pytest.mark.parametrize(
    ("layer", "shapes", "message"),
    [
        (
            Dense(name="d", units=2),
            [(1, 4, 4)],
            r"layer 'd': expected an input of shape \(features,\), got 1 x 4 x 4",
        ),
        (
            Conv2d(name="c", channels=2, kernel=3),
            [(9,)],
            "layer 'c': expected an input of shape .channels, height",
        ),
        (
            Conv2d(name="c", channels=2, kernel=5),
            [(1, 4, 4)],
            "at least 5 x 5 pixels, got 4 x 4; use a smaller",
        ),
        (
            Conv2d(name="c", channels=4, kernel=1, groups=2),
            [(3, 4, 4)],
            "divisible by 2 groups, got 3 channels",
        ),
        (MaxPool(name="p", kernel=3), [(1, 2, 2)], "layer 'p': expected an image of at least 3 x 3"),
        (Add(name="a"), [(2,), (3,)], r"inputs of one shape, got \(2,\), \(3,\)"),
        (Softmax(name="s"), [(2, 3, 3)], r"\(classes,\), got 2 x 3 x 3"),
        (BatchNorm(name="n"), [(2, 3)], r"\(features,\) or \(channels, height, width\), got 2 x 3"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(layer, shapes, message):
    with pytest.raises(DataError, match=message):
        layer.output_shape(*shapes)


def test_number_of_inputs_is_checked():
    with pytest.raises(ConfigError, match="layer 'a': expected two inputs or more, got 1"):
        Add(name="a").output_shape((2,))
    with pytest.raises(ConfigError, match="layer 'r': expected one input, got 2"):
        ReLU(name="r").output_shape((2,), (2,))


def test_descriptions_are_frozen_and_checked():
    layer = Dense(name="d", units=3)
    with pytest.raises(ValidationError, match="frozen"):
        layer.units = 4
    with pytest.raises(ValidationError, match="groups must divide the channels"):
        Conv2d(name="c", channels=3, kernel=1, groups=2)
    with pytest.raises(ValidationError, match="at most half the kernel"):
        MaxPool(name="p", kernel=2, padding=2)


def test_a_layer_on_its_own_knows_no_shapes():
    with pytest.raises(ConfigError, match="layer 'd': expected a layer of a network, got one on its own"):
        _ = Dense(name="d", units=3).rows
