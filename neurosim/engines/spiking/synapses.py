"""A weighted layer as explicit Brian2 `Synapses`: the reference route.

Every synapse holds its integer weight and adds it to a register of its tile, vector and column; the same function as
in the event route makes currents of the registers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosim.engines.spiking.brian import brian
from neurosim.engines.spiking.matrices import Matrix
from neurosim.engines.spiking.steps import Action, Product
from neurosim.foundation.errors import LimitError

MOST_SYNAPSES = 40_000_000  # 20 bytes each and more


def synaptic_actions(
    product: Product, sender: Any, number: int, dt_s: float
) -> tuple[list[Any], list[Action]]:
    """Brian2's objects of a layer, and its actions in a step.

    number : tells the layer's objects from another's
    sender : the group whose spikes drive the layer; None where the input is a list without a group, to which a
        relay is then given: a group that spikes for each entry, as often as it is repeated
    """
    module = brian()
    dt = dt_s * module.second
    given, matrix = product.given, product.matrix
    objects: list[Any] = []
    actions: list[Action] = []
    counted = sender is None
    if sender is None:
        sender = module.NeuronGroup(given.images * given.size, "repeats : 1", threshold="repeats > 0", reset="",
                                    dt=dt, name=f"relay_{number}")  # fmt: skip
        repeats = sender.variables["repeats"].get_value()

        def fill() -> None:
            assert given.spikes is not None
            repeats[:] = 0
            np.add.at(repeats, given.spikes[: given.spikes[-1]], 1)

        objects.append(sender)
        actions += [fill, sender.thresholder["spike"]]
    pairs = [(matrix.rows.plain, product.sums.sums)]
    if product.sums.squares is not None:
        assert matrix.analog is not None
        assert matrix.analog.variances is not None
        pairs.append((matrix.analog.variances.plain, product.sums.squares))
    for which, (weights, sums) in enumerate(pairs):
        registers, synapses = _connect(
            matrix, weights, given.images, sender, counted, dt, f"{number}_{which}"
        )
        objects += [registers, synapses]
        actions += [synapses.pre, _collect(registers.variables["total"].get_value(), sums, product)]
    return objects, actions


def _connect(matrix: Matrix, weights: np.ndarray, images: int, sender: Any, counted: bool, dt: Any,
             label: str) -> tuple[Any, Any]:  # fmt: skip
    """Registers (image, tile, vector, column) and the synapses onto them."""
    module = brian()
    wiring, columns = matrix.wiring, matrix.columns * (2 if matrix.apart else 1)
    own = wiring.tiles * wiring.vectors * columns
    if images * len(wiring.slots) * columns > MOST_SYNAPSES:
        raise LimitError(f"layer {matrix.operation.name!r}", f"at most {MOST_SYNAPSES} synapses in all",
                         f"{images * len(wiring.slots) * columns}", "use the route 'events'")  # fmt: skip
    registers = module.NeuronGroup(images * own, "total : 1", dt=dt, name=f"registers_{label}")
    code = "total_post += w * repeats_pre" if counted else "total_post += w"
    synapses = module.Synapses(sender, registers, "w : 1", on_pre=code, dt=dt, name=f"synapses_{label}")
    source = np.repeat(np.arange(matrix.inputs), np.diff(wiring.first))
    image = np.arange(images)[:, None, None]
    pre = np.broadcast_to(image * matrix.inputs + source[None, :, None], (images, len(source), columns))
    post = image * own + wiring.slots[None, :, None] * columns + np.arange(columns)
    synapses.connect(i=pre.ravel(), j=post.ravel())
    values = np.broadcast_to(weights[wiring.rows][:, :columns], (images, len(source), columns))
    synapses.variables["w"].get_value()[:] = values.ravel()
    return registers, synapses


def _collect(total: np.ndarray, sums: np.ndarray, product: Product) -> Action:
    """Registers to sums, and back to zero."""
    wiring, images, width = product.matrix.wiring, product.given.images, product.sums.width
    columns = len(total) // (images * wiring.tiles * wiring.vectors)
    view = sums.reshape(wiring.tiles, images, wiring.vectors, width)

    def collect() -> None:
        shaped = total.reshape(images, wiring.tiles, wiring.vectors, columns)
        view[..., :columns] = shaped.transpose(1, 0, 2, 3)
        total[:] = 0

    return collect
