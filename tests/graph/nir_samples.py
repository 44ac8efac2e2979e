"""Small NIR graphs, written with the nir package, and what tests compare."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import nir
import numpy as np

from neurosim.graph import AxonDelay, Operation, Population, SpikingGraph

RNG = np.random.default_rng(11)
IMAGE = (4, 9, 8)


def numbers(*shape: int) -> np.ndarray:
    """Gaussian float32 numbers."""
    return RNG.standard_normal(shape).astype(np.float32)


def positive(*shape: int) -> np.ndarray:
    """Numbers from 0.5 to 1.5."""
    return RNG.uniform(0.5, 1.5, shape)


def lif(*shape: int, tau_s: float = 0.01, **changes) -> nir.LIF:
    """Leaky neurons with a number of their own for each parameter."""
    given = {"tau": tau_s * positive(*shape), "r": positive(*shape), "v_leak": numbers(*shape) / 10,
             "v_threshold": positive(*shape), "v_reset": -positive(*shape)}  # fmt: skip
    return nir.LIF(**(given | changes))


NEURONS = {
    "I": nir.I(r=positive(3)),
    "IF": nir.IF(r=positive(3), v_threshold=positive(3), v_reset=-positive(3)),
    "LI": nir.LI(tau=positive(3), r=positive(3), v_leak=numbers(3)),
    "LIF": lif(3, tau_s=1.0),
    "CubaLI": nir.CubaLI(
        tau_mem=positive(3), tau_syn=positive(3), r=positive(3), v_leak=numbers(3), w_in=positive(3)
    ),
    "CubaLIF": nir.CubaLIF(
        tau_mem=positive(3), tau_syn=positive(3), r=positive(3), v_leak=numbers(3), v_threshold=positive(3),
        v_reset=-positive(3), w_in=positive(3),
    ),
    "Threshold": nir.Threshold(threshold=positive(3)),
}  # fmt: skip


def conv2d(
    groups=1, kernel=(3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 1), size=(9, 8)
) -> nir.Conv2d:
    """Six channels from four; `size` is the stated input shape."""
    return nir.Conv2d(input_shape=size, weight=numbers(6, 4 // groups, *kernel), stride=stride, padding=padding,
                      dilation=dilation, groups=groups, bias=numbers(6))  # fmt: skip


def chain(shape: tuple[int, ...], *nodes: nir.NIRNode, out: tuple[int, ...] = ()) -> nir.NIRGraph:
    """An input of a shape, nodes in a row named "0", "1", ..., an output."""
    named = {str(k): node for k, node in enumerate(nodes)}
    ends = {"input": nir.Input({"input": np.array(shape)}), "output": nir.Output({"output": np.array(out)})}
    names = ["input", *named, "output"] if out else ["input", *named]
    given = {**ends, **named} if out else {"input": ends["input"], **named}
    return nir.NIRGraph(given, list(pairwise(names)), type_check=False)


def written(path: Path, graph: nir.NIRGraph) -> Path:
    """The path of a file with a graph, as the nir package writes it."""
    nir.write(path, graph)
    return path


def assert_same(a: SpikingGraph, b: SpikingGraph) -> None:
    """Assert that two networks are equal, number for number."""
    assert (set(a.by_name), set(a.edges), a.output, a.dt_s) == (
        set(b.by_name),
        set(b.edges),
        b.output,
        b.dt_s,
    )
    assert a.feedback == b.feedback
    for name, node in a.by_name.items():
        other = b.by_name[name]
        assert type(node) is type(other)
        assert node.shape == other.shape
        if isinstance(node, Population):
            for field in fields(node.neurons):
                mine, theirs = getattr(node.neurons, field.name), getattr(other.neurons, field.name)
                np.testing.assert_array_equal(mine, theirs, err_msg=f"{name}: {field.name}", strict=True)
        elif isinstance(node, AxonDelay):
            np.testing.assert_array_equal(node.steps, other.steps)
        elif isinstance(node, Operation):
            assert node.layer.model_dump(exclude={"inputs"}) == other.layer.model_dump(exclude={"inputs"})
            assert type(node.layer) is type(other.layer)
            assert node.layer.input_shapes == other.layer.input_shapes
            assert set(node.params) == set(other.params)
            for key in node.params:
                np.testing.assert_array_equal(node.params[key], other.params[key], strict=True)
