"""Rate-coded inference: a trained network on crossbars, each product a read."""

from __future__ import annotations

from typing import Any

from neurosim.engines.inference import RateEngine
from neurosim.engines.inference.counting import count_inference
from neurosim.graph import fold_batch_norm
from neurosim.pipeline.loading import float_classes, load, require_mode, training_images
from neurosim.pipeline.progress import Progress
from neurosim.pipeline.work import Request, Work, refuse_options
from neurosim.placement import place
from neurosim.programming import ProgrammedChip, calibrate_network, inference_time_s, program, save_chip


def prepare_work(request: Request, shown: Progress) -> Work:
    """Fold, calibrate and place the network; nothing is programmed yet."""
    refuse_options(request, "mode rate")
    loaded = load(request, shown)
    net, chip = loaded.network, loaded.chip
    require_mode(chip, "rate")
    if chip.digital.batch_norm == "folded":
        net = fold_batch_norm(net)
    fed = calibrate_network(net, training_images(request, net, chip.calibration.images, shown))
    placement = place(net, chip, fed.signed)

    def programmed(root: int, instance: int) -> ProgrammedChip:
        return program(net, chip, placement, fed, root, instance)

    attributes: dict[str, Any] = {
        "drift_compensation": chip.compensation.drift, "batch_norm": chip.digital.batch_norm,
        "read_noise": chip.read.noise, "t_chip_s": inference_time_s(placement, chip),
    }  # fmt: skip
    reference = float_classes(net, loaded.inputs.images, shown)
    counts = count_inference(net, chip, placement, len(loaded.dataset))
    return Work(net, chip, placement, loaded.dataset, loaded.inputs, reference, counts, RateEngine(), programmed,
                save_chip, attributes)  # fmt: skip
