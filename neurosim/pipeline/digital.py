"""Digital processors: a trained network in a processor's arithmetic, or the shapes of one alone."""

from __future__ import annotations

from typing import Any

from neurosim.chips import Chip
from neurosim.chips.processor import SparseProcessor
from neurosim.costs import Ledger, price
from neurosim.engines.digital import (
    VARYING,
    DigitalEngine,
    PreparedNetwork,
    count_digital,
    layer_shapes,
    prepare_network,
    without_varying,
)
from neurosim.foundation.counts import Counts
from neurosim.foundation.errors import ConfigError
from neurosim.graph import Architecture, Network, fold_batch_norm
from neurosim.graph.folding import fold_shapes
from neurosim.pipeline.loading import float_classes, load, require_mode, training_images
from neurosim.pipeline.progress import Progress
from neurosim.pipeline.work import Request, Work, refuse_options
from neurosim.placement import Placement
from neurosim.programming import calibrate_network


def place_digital(network: Network | Architecture, chip: Chip) -> tuple[Placement, Counts, Ledger]:
    """A network, or its shapes without weights, on a processor: geometry, counts per inference, and what it costs.

    Raises ConfigError for a chip that is no processor and for layers it does not compute, LimitError for a network
    that does not fit.
    """
    require_mode(chip, "digital")
    layers = network.layers
    if chip.digital.batch_norm == "folded":
        layers = fold_shapes(Architecture(network.name, network.input, network.layers)).layers
    placement = Placement(tuple(shape.geometry for shape in layer_shapes(layers, network.name)))
    counts = count_digital(layers, chip, network.name, 0)
    return placement, counts, price(counts, placement.layers, chip)


def prepare_work(request: Request, shown: Progress) -> Work:
    """Fold the network and round it to the processor's arithmetic; there is nothing to program."""
    refuse_options(request, "mode digital")
    _refuse_copies(request)
    loaded = load(request, shown)
    net, chip = loaded.network, loaded.chip
    require_mode(chip, "digital")
    if chip.digital.batch_norm == "folded":
        net = fold_batch_norm(net)
    fed = calibrate_network(net, training_images(request, net, chip.calibration.images, shown))
    ranges = {name: (float(x.min()), float(x.max())) for name, x in fed.vectors.items()}
    prepared = prepare_network(net, chip, ranges)
    placement = Placement(tuple(shape.geometry for shape in layer_shapes(net.layers, net.name)))

    def placed(root: int, instance: int) -> PreparedNetwork:  # noqa: ARG001
        return prepared

    processor = chip.processor
    attributes: dict[str, Any] = {
        "arithmetic": processor.arithmetic, "batch": processor.batch, "dataflow": processor.kind,
        "batch_norm": chip.digital.batch_norm,
    }  # fmt: skip
    layout: dict[str, Any] = {
        "varying": VARYING if isinstance(processor, SparseProcessor) else (),
        "devices": False,
        "once": {},
    }
    counts = without_varying(count_digital(net.layers, chip, net.name, len(loaded.dataset)), chip)
    reference = float_classes(net, loaded.inputs.images, shown)
    return Work(net, chip, placement, loaded.dataset, loaded.inputs, reference, counts, DigitalEngine(), placed, None,
                attributes, layout)  # fmt: skip


def _refuse_copies(request: Request) -> None:
    """Refuse what would only repeat the same numbers, or keep what is not there."""
    if len(request.times_s) > 1:
        raise ConfigError("times", "one time: the words of a digital processor do not age",
                          f"{len(request.times_s)} times", "give --times once, or leave it out")  # fmt: skip
    if "states" in request.record:
        raise ConfigError("record", "what a digital processor has: outputs or none", "states",
                          "leave it out: there are no devices")  # fmt: skip
