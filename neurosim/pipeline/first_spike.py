"""A network whose neurons spike once, on crossbars: in closed form, or stepped on Brian2."""

from __future__ import annotations

from typing import Any

from neurosim.engines.spiking.brian import semantics
from neurosim.engines.spiking.first_spike import (
    EXTRA,
    Chain,
    FirstSpikeEngine,
    FirstSpikeOptions,
    count_first_spike,
    synaptic_tau_s,
    varying_counters,
)
from neurosim.pipeline.loading import float_classes, load, require_mode, training_images
from neurosim.pipeline.progress import Progress
from neurosim.pipeline.work import Request, Work, refuse_options
from neurosim.placement import place
from neurosim.programming import ProgrammedChip, inference_time_s, program, save_chip
from neurosim.programming.first_spike import calibrate_first_spike


def prepare_work(request: Request, shown: Progress) -> Work:
    """Calibrate and place the network. Of the spiking options, `route` says how times are found ("events": closed
    form, "synapses": Brian2's clock) and `steps` how many steps lie between early and late inputs."""
    refuse_options(request, "a network of single spikes", "steps", "route")
    loaded = load(request, shown)
    net, chip = loaded.network, loaded.chip
    require_mode(chip, "spiking")
    chain = Chain.of(net)
    fed = calibrate_first_spike(net, training_images(request, net, chip.calibration.images, shown))
    placement = place(net, chip)
    options = _options(request, chain)
    engine = FirstSpikeEngine(options)

    def programmed(root: int, instance: int) -> ProgrammedChip:
        return program(net, chip, placement, fed, root, instance)

    attributes: dict[str, Any] = {
        "drift_compensation": chip.compensation.drift, "read_noise": chip.read.noise,
        "t_chip_s": inference_time_s(placement, chip), "encoding": "first_spike", "solver": options.solver,
        "stops_at_decision": options.stop, **(semantics() if options.solver != "closed_form" else {}),
    }  # fmt: skip
    if chip.prices is not None:
        attributes["synaptic_tau_s"] = synaptic_tau_s(placement, chip)
    counts = count_first_spike(chain, placement, len(loaded.dataset))
    layout = {"varying": varying_counters(chip), "extra": EXTRA}
    reference = float_classes(net, loaded.inputs.images, shown)
    return Work(net, chip, placement, loaded.dataset, loaded.inputs, reference, counts, engine, programmed, save_chip,
                attributes, layout)  # fmt: skip


def _options(request: Request, chain: Chain) -> FirstSpikeOptions:
    if request.spiking.route == "events":
        return FirstSpikeOptions()
    steps = request.spiking.steps
    dt = None if steps is None else chain.encoder.late / steps
    return FirstSpikeOptions(solver="clock_solved", dt=dt)
