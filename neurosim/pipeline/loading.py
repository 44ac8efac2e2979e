"""What every way loads: the network, the chip with its options, the images, the float network's answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurosim.chips import Chip, load_chip
from neurosim.engines.engine import BLOCK, SEGMENT, Inputs
from neurosim.foundation.blas import one_blas_thread
from neurosim.foundation.errors import ConfigError, DataError
from neurosim.graph import Network, find_network, load_network, read_description
from neurosim.inputs import Dataset, load_dataset, load_inputs, prepare
from neurosim.pipeline.progress import Progress
from neurosim.pipeline.work import Request

NIR_SUFFIX = ".nir"


@dataclass(frozen=True)
class Loaded:
    """A network, a chip, and the images to classify."""

    network: Network
    chip: Chip
    dataset: Dataset
    inputs: Inputs


def coding_of(network: str | Path | Network) -> str:
    """What the numbers between the layers of a network mean, read from its description alone; "native" for a NIR
    file, whose neurons say it themselves."""
    if isinstance(network, Network):
        return network.coding
    if str(network).endswith(NIR_SUFFIX):
        return "native"
    return read_description(find_network(network))[0].coding


def load(request: Request, shown: Progress) -> Loaded:
    """Read network, chip and images. Raises what their loaders raise, DataError for classes that do not fit."""
    net = request.network if isinstance(request.network, Network) else load_network(request.network)
    silicon = (load_chip(request.chip) if isinstance(request.chip, str) else request.chip).with_options(
        **request.options
    )
    shown.stage(f"loading {net.input.dataset}", 0)
    wanted = request.inputs or f"{net.input.dataset}/test"
    data = wanted if isinstance(wanted, Dataset) else load_inputs(wanted, request.limit, request.watch(shown))
    outputs = int(np.prod(net.output_shape))
    if len(data.class_names) > outputs:
        raise DataError(f"inputs {data.name}", f"at most {outputs} classes, the outputs of {net.name}",
                        f"{len(data.class_names)} classes", "use the network's own data set")  # fmt: skip
    images = prepare(data.images, data.max_level, net.input.shape, net.input.crop)
    segment = 2 * BLOCK if request.record & {"spikes", "traces"} else SEGMENT
    return Loaded(net, silicon, data, Inputs(images, request.times_s, segment))


def require_mode(chip: Chip, mode: str, cores: bool = False) -> None:
    """Refuse a chip that cannot run in a mode, or that has cores where a network needs crossbars (and the other way
    round); ConfigError says what would do."""
    if mode not in chip.modes:
        can = " or ".join(f"--mode {name}" for name in chip.modes)
        raise ConfigError(f"chip {chip.name}: mode", f"a chip that can run {mode!r}",
                          f"one for {', '.join(chip.modes) or 'studies alone'}",
                          f"use {can + ', or ' if can else ''}another chip (`neurosim chips` lists them)")  # fmt: skip
    if (chip.parameters.core is not None) != cores:
        expected, got = ("cores", "crossbars") if cores else ("crossbars", "cores")
        other = (
            "truenorth, or a network of another coding"
            if cores
            else "joshi_2020, or a network such as mnist_truenorth"
        )
        raise ConfigError(f"chip {chip.name}", f"a chip of {expected} for this network", f"one of {got}",
                          f"choose {other}")  # fmt: skip
    if mode == "spiking":
        _refuse_parts(chip)


def _refuse_parts(chip: Chip) -> None:
    """Spikes meet whole weights, in one read: ConfigError for slices, and for inputs in phases. Columns float before
    converters alone: ConfigError where analog neurons or cores take their currents."""
    cell, read = chip.cell, chip.parameters.read
    converts = chip.parameters.core is None and not (chip.neuron is not None and chip.neuron.kind == "analog")
    if read is not None and read.sensing == "voltage" and not converts:
        raise ConfigError(f"chip {chip.name}: read.sensing", "'current', which its neurons take", "'voltage'",
                          "use --mode rate, or a chip whose neurons are digital and behind converters")  # fmt: skip
    if not cell.sliced and (read is None or not read.serial):
        return
    what = "cell.weight_bits" if cell.sliced else "read.input_bits"
    got = f"{cell.slices} slices" if cell.sliced else "inputs in phases"
    raise ConfigError(f"chip {chip.name}: {what}", "none for mode spiking: whole weights, whole inputs", got,
                      "use --mode rate, or another chip")  # fmt: skip


def training_images(request: Request, network: Network, count: int, shown: Progress) -> np.ndarray:
    """The first images of the network's training split, prepared: for calibration."""
    train = load_dataset(network.input.dataset, "train", count, request.watch(shown))
    return prepare(train.images, train.max_level, network.input.shape, network.input.crop)


def float_classes(network: Network, images: np.ndarray, shown: Progress) -> np.ndarray:
    """Classes that the plain float network gives, by the same blocks as the chip; int64 (N,)."""
    shown.stage("float network", len(images))
    classes = np.empty(len(images), np.int64)
    for start in range(0, len(images), 4 * BLOCK):
        part = slice(start, start + 4 * BLOCK)
        with one_blas_thread():
            classes[part] = network.forward(images[part]).argmax(axis=1)
        shown.advance(len(classes[part]))
    return classes
