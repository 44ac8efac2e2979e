"""Networks of which only the shapes are known: the published numbers of weights and operations."""

from __future__ import annotations

import numpy as np
import pytest
from small_networks import build, residual

from neurosim.foundation.errors import ConfigError, DataError
from neurosim.foundation.shipped import shipped_folder
from neurosim.foundation.streams import stream
from neurosim.graph import (
    Architecture,
    BatchNorm,
    Conv2d,
    InputSpec,
    Network,
    ReLU,
    find_network,
    fold_batch_norm,
    fold_shapes,
    load_architecture,
    load_network,
    read_description,
)
from neurosim.training.initial import initial_tensors, nested

MILLION = 1e6
PUBLISHED = {
    # millions of multiply-accumulates and of parameters, each with what "about" may mean
    "alexnet": (727, 0.005, 61.0, 0.001),  # convnet-burden counts its pooling and normalisation too
    "vgg19": (19_600, 0.002, 143.67, 1e-4),
    "resnet18": (1_820, 0.004, 11.69, 1e-3),
    "resnet50": (4_100, 0.005, 25.56, 1e-3),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_operations_and_parameters_are_the_published_ones(name):
    macs, macs_within, parameters, parameters_within = PUBLISHED[name]
    network = load_architecture(name)
    assert network.macs / MILLION == pytest.approx(macs, rel=macs_within)
    assert network.parameters / MILLION == pytest.approx(parameters, rel=parameters_within)
    assert network.output_shape == (1000,)
    assert not (shipped_folder("networks") / name / "weights.safetensors").exists()


def test_convolutions_of_alexnet_are_the_published_ones():
    """2.666 G multiply-accumulates for four images, as Eyeriss counts them (Chen et al., ISSCC 2016)."""
    layers = load_architecture("alexnet").weighted
    convolutions = [layer for layer in layers if layer.positions > 1]
    assert [layer.macs for layer in convolutions] == [
        105_415_200,
        223_948_800,
        149_520_384,
        112_140_288,
        74_760_192,
    ]
    assert 4 * sum(layer.macs for layer in convolutions) / 1e9 == pytest.approx(2.666, rel=0.002)
    assert [layer.matrix_groups for layer in layers] == [1, 2, 1, 2, 2, 1, 1, 1]


def test_resnets_have_their_stages():
    shapes = load_architecture("resnet50").shapes
    assert [shapes[f"add{stage}_1"] for stage in (2, 3, 4, 5)] == [
        (256, 56, 56),
        (512, 28, 28),
        (1024, 14, 14),
        (2048, 7, 7),
    ]
    assert len(load_architecture("resnet50").weighted) == 50 + 4  # the shortcuts of four stages have weights
    assert len(load_architecture("resnet18").weighted) == 18 + 3


def test_resnet32_has_the_weights_of_the_paper():
    """Joshi et al. 2020: 361,722 weights on 723,444 devices."""
    network = load_architecture("cifar_resnet32")
    assert network.weights == 361_722
    assert len(network.weighted) == 32 + 2
    recipe = read_description(find_network("cifar_resnet32"))[0].training
    assert recipe is not None
    assert (recipe.weight_noise, recipe.optimiser, recipe.flip, recipe.shift_pixels) == (
        0.038,
        "sgd",
        True,
        4,
    )


def test_resnet32_computes_as_pytorch_does():
    torch = pytest.importorskip("torch")
    from neurosim.training.torch_network import TorchNetwork

    shapes = load_architecture("cifar_resnet32")
    tensors = initial_tensors(shapes.layers, stream(1, "resnet"))
    rng = np.random.default_rng(1)
    for name, array in tensors.items():
        if name.endswith(".variance"):
            array *= rng.uniform(20, 30, array.shape).astype(
                np.float32
            )  # else activations double block by block
    network = Network(shapes.name, shapes.input, shapes.layers, nested(tensors))
    x = rng.random((2, 3, 32, 32), dtype=np.float32)
    with torch.no_grad():
        theirs = torch.softmax(TorchNetwork(network.layers, tensors).logits(torch.from_numpy(x)), 1).numpy()
    ours = network.forward(x)
    assert ours.std() > 1e-3  # it does say something
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_a_network_is_an_architecture_with_weights():
    network = residual()
    assert isinstance(network, Architecture)
    shapes = Architecture(network.name, network.input, network.layers)
    assert (shapes.shapes, shapes.weights, shapes.macs) == (network.shapes, network.weights, network.macs)
    held = sum(
        a.size for own in network.params.values() for name, a in own.items() if name in ("weight", "bias")
    )
    assert shapes.parameters == held


def test_folding_shapes_leaves_what_folding_weights_leaves():
    network = residual()
    assert fold_shapes(network).layers == fold_batch_norm(network).layers
    twice = build(
        Conv2d(name="a", channels=4, kernel=3, bias=False),
        BatchNorm(name="norm"),
        ReLU(name="left"),
        ReLU(name="right", inputs=("a",)),
    )
    assert fold_shapes(twice).layers == twice.layers  # "a" has a second consumer


def test_an_architecture_needs_layers_that_chain():
    spec = InputSpec(dataset="mnist", shape=(1, 4, 4))
    with pytest.raises(ConfigError, match=r"network 'none': expected at least one layer, got none"):
        Architecture("none", spec, ())
    with pytest.raises(DataError, match="an image of at least 5 x 5 pixels"):
        Architecture("small", spec, (Conv2d(name="a", channels=1, kernel=5),))
    with pytest.raises(ConfigError, match="layer: expected a known name, got 'b'"):
        Architecture("one", spec, (ReLU(name="a"),)).layer("b")


def test_shapes_without_a_recipe_are_not_run():
    with pytest.raises(DataError, match="only its shapes are known: `neurosim place vgg19` needs none"):
        load_network("vgg19")


def test_an_untrained_network_says_how_long_training_takes():
    with pytest.raises(
        DataError, match=r"train it first \(`neurosim train cifar_resnet32`, about 19 h on one core\)"
    ):
        load_network("cifar_resnet32")
