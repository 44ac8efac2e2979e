"""The problem of spiking_problem.py on PyTorch's spiking libraries and on plain PyTorch, for benchmarks/spiking.py.

Two of the libraries spike at v > threshold: their membranes start half a unit higher, which is the same for integers.
snnTorch takes the threshold off in the step after the spike: the spikes are the same. Norse's integrate-and-fire
neuron knows reset to a value only: its equation is used with Norse's own `reset_subtract`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from spiking_problem import Contender, Problem

BATCHES = (1, 10, 50, 100, 250, 500, 1000)


def contenders(problem: Problem, only: str | None = None) -> Iterator[Contender | tuple[str, str]]:
    """All that are installed, or one of them; (name, reason) in the place of one that is not."""
    torch.set_num_threads(1)
    for name, maker in MAKERS.items():
        if only not in (None, name):
            continue
        int8 = maker is _int8
        load = _loader(problem, torch.int8 if int8 else torch.float32)
        try:
            count = _quiet(maker(problem))
        except ImportError as missing:
            yield name, f"not installed: {missing}"
            continue
        yield Contender(name, __name__, load, count, BATCHES, "peer" if int8 else "float32 peer")


def _loader(problem: Problem, dtype: torch.dtype) -> Callable[[slice], torch.Tensor]:
    return lambda where: torch.tensor(problem.spikes(where)).to(dtype)


def _quiet(infer: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], np.ndarray]:
    def count(spikes: torch.Tensor) -> np.ndarray:
        with torch.inference_mode():
            return infer(spikes).numpy().astype(np.int64)

    return count


def _linears(problem: Problem) -> list[torch.nn.Linear]:
    layers = []
    for weight in problem.weights:
        layer = torch.nn.Linear(*weight.shape, bias=False)
        layer.weight.data = torch.tensor(np.ascontiguousarray(weight.T), dtype=torch.float32)
        layers.append(layer.eval())
    return layers


def _membranes(problem: Problem, images: int, above: float = 0.0) -> list[torch.Tensor]:
    sizes = [weight.shape[1] for weight in problem.weights]
    return [torch.full((images, size), v + above) for size, v in zip(sizes, problem.initial, strict=True)]


def _snntorch(problem: Problem) -> Callable[[torch.Tensor], torch.Tensor]:
    import snntorch

    linear1, linear2 = _linears(problem)
    neurons = [
        snntorch.Leaky(beta=1.0, threshold=float(theta), reset_mechanism="subtract")
        for theta in problem.thresholds
    ]

    def infer(spikes: torch.Tensor) -> torch.Tensor:
        v1, v2 = _membranes(problem, spikes.shape[1], 0.5)
        counts = torch.zeros_like(v2)
        for now in spikes:
            hidden, v1 = neurons[0](linear1(now), v1)
            out, v2 = neurons[1](linear2(hidden), v2)
            counts += out
        return counts

    return infer


def _norse(problem: Problem) -> Callable[[torch.Tensor], torch.Tensor]:
    from norse.torch.functional.iaf import IAFFeedForwardState, IAFParameters
    from norse.torch.functional.reset import reset_subtract
    from norse.torch.functional.threshold import threshold
    from norse.torch.module.snn import SNNCell

    def step(x, state, p, dt):
        v = state.v + x
        z = threshold(v - p.v_th, p.method, p.alpha)
        return z, IAFFeedForwardState(reset_subtract(z, v, p.v_reset, p.v_th))

    linear1, linear2 = _linears(problem)
    cells = [
        SNNCell(step, None, IAFParameters(v_th=torch.tensor(float(theta)), method="heaviside"))
        for theta in problem.thresholds
    ]

    def infer(spikes: torch.Tensor) -> torch.Tensor:
        state1, state2 = (IAFFeedForwardState(v) for v in _membranes(problem, spikes.shape[1], 0.5))
        counts = torch.zeros_like(state2.v)
        for now in spikes:
            hidden, state1 = cells[0](linear1(now), state1)
            out, state2 = cells[1](linear2(hidden), state2)
            counts += out
        return counts

    return infer


def _spikingjelly_network(problem: Problem, step_mode: str) -> tuple[torch.nn.Module, list]:
    from spikingjelly.activation_based import layer, neuron

    nodes = [
        neuron.IFNode(v_threshold=float(theta), v_reset=None, step_mode=step_mode)
        for theta in problem.thresholds
    ]
    linears = []
    for source in _linears(problem):
        linear = layer.Linear(source.in_features, source.out_features, bias=False, step_mode=step_mode)
        linear.weight = source.weight
        linears.append(linear)
    return torch.nn.Sequential(linears[0], nodes[0], linears[1], nodes[1]).eval(), nodes


def _start(nodes: list, problem: Problem, images: int) -> None:
    for node, v in zip(nodes, _membranes(problem, images), strict=True):
        node.reset()
        node.v = v


def _spikingjelly(problem: Problem) -> Callable[[torch.Tensor], torch.Tensor]:
    network, nodes = _spikingjelly_network(problem, "s")

    def infer(spikes: torch.Tensor) -> torch.Tensor:
        _start(nodes, problem, spikes.shape[1])
        counts = torch.zeros(spikes.shape[1], 10)
        for now in spikes:
            counts += network(now)
        return counts

    return infer


def _spikingjelly_multistep(problem: Problem) -> Callable[[torch.Tensor], torch.Tensor]:
    network, nodes = _spikingjelly_network(problem, "m")

    def infer(spikes: torch.Tensor) -> torch.Tensor:
        _start(nodes, problem, spikes.shape[1])
        return network(spikes).sum(0)

    return infer


def _plain(problem: Problem) -> Callable[[torch.Tensor], torch.Tensor]:
    w1, w2 = (torch.tensor(weight, dtype=torch.float32) for weight in problem.weights)
    theta1, theta2 = problem.thresholds

    def infer(spikes: torch.Tensor) -> torch.Tensor:
        v1, v2 = _membranes(problem, spikes.shape[1])
        counts = torch.zeros_like(v2)
        for now in spikes:
            v1.addmm_(now, w1)
            hidden = (v1 >= theta1).float()
            v1.sub_(hidden, alpha=theta1)
            v2.addmm_(hidden, w2)
            out = (v2 >= theta2).float()
            v2.sub_(out, alpha=theta2)
            counts += out
        return counts

    return infer


def _int8(problem: Problem) -> Callable[[torch.Tensor], torch.Tensor]:
    """All steps of a layer as one product of int8 into int32, then the neurons; no delay, so this is exact."""
    weights = [torch.tensor(weight, dtype=torch.int8) for weight in problem.weights]

    def layer(spikes: torch.Tensor, which: int) -> torch.Tensor:
        steps, images, rows = spikes.shape
        theta = problem.thresholds[which]
        currents = torch._int_mm(spikes.reshape(steps * images, rows), weights[which])
        v = torch.full((images, currents.shape[1]), problem.initial[which], dtype=torch.int32)
        out = torch.empty((steps, *v.shape), dtype=torch.int8)
        for step, current in enumerate(currents.reshape(steps, *v.shape)):
            v += current
            fired = torch.ge(v, theta, out=out[step].view(torch.bool))
            v.sub_(fired.to(torch.int32), alpha=theta)
        return out

    return lambda spikes: layer(layer(spikes, 0), 1).sum(0, dtype=torch.int32)


MAKERS: dict[str, Callable[[Problem], Callable[[torch.Tensor], torch.Tensor]]] = {
    "snnTorch": _snntorch,
    "Norse": _norse,
    "SpikingJelly": _spikingjelly,
    "SpikingJelly, multi-step": _spikingjelly_multistep,
    "PyTorch loop": _plain,
    "PyTorch int8, layer by layer": _int8,
}
