"""What `neurosim run` may be told: its arguments, with their help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

CHIP_PANEL, COMPUTE_PANEL = "The chip", "Computing (changes no result)"
SPIKES_PANEL = "Spikes"


class Drift(StrEnum):
    """Drift compensation."""

    GLOBAL = "global"
    NONE = "none"


class BatchNorm(StrEnum):
    """Where batch norm is computed."""

    FOLDED = "folded"
    DIGITAL = "digital"


class ReadNoise(StrEnum):
    """How read noise is drawn."""

    SPLIT = "split"
    INDEPENDENT = "independent"
    NONE = "none"


class Encoding(StrEnum):
    """How images become spikes."""

    DETERMINISTIC = "deterministic"
    BERNOULLI = "bernoulli"
    POISSON = "poisson"
    DIRECT = "direct"
    BINARY = "binary"


class Route(StrEnum):
    """How spikes reach the neurons."""

    EVENTS = "events"
    SYNAPSES = "synapses"


def _option(*names: str, text: str, metavar: str = "", panel: str | None = None) -> Any:
    return typer.Option(*names, help=text, metavar=metavar, rich_help_panel=panel)


Network = Annotated[str, typer.Argument(
    metavar="NETWORK", help="Name (see `neurosim networks`) or folder of a network, or a .nir file.",
)]  # fmt: skip
Inputs = Annotated[str | None, _option(
    metavar="NAME", text="Images: mnist/test, or mine.npz of yours. Default: the network's test images.",
)]  # fmt: skip
Instances = Annotated[int, _option(metavar="N", text="Chips to program, each with devices of its own.")]
Times = Annotated[list[str] | None, _option(
    metavar="TIME", text='When the chips are read, after programming; repeat it. Default: "25 s".',
)]  # fmt: skip
Seed = Annotated[int, _option(metavar="N", text="Root of every random draw.")]
Mode = Annotated[str | None, _option(
    metavar="MODE", text="How the network is run: rate, spiking, or digital (the one mode of digital processors).",
)]  # fmt: skip
Out = Annotated[Path | None, _option(metavar="FILE", text="Keep the run in this file, such as run.h5.")]
Record = Annotated[str, _option(
    metavar="WHAT", text="Any of outputs (scores), states (all devices of all chips at all times), spikes and traces "
    "(of mode spiking), with commas between; or none.",
)]  # fmt: skip
Limit = Annotated[int | None, _option(metavar="N", text="Only the first N images.")]
Resume = Annotated[bool, _option("--resume", text="Go on with a run that was interrupted.")]
Overwrite = Annotated[bool, _option("--overwrite", text="Replace an existing run file.")]

ChipName = Annotated[str, _option(
    "--chip", metavar="CHIP", panel=CHIP_PANEL, text="Name (see `neurosim chips`) or chip.toml of a chip.",
)]  # fmt: skip
DriftOption = Annotated[Drift | None, _option(
    "--drift-compensation", metavar="HOW", panel=CHIP_PANEL, text="global (one scale per layer) or none.",
)]  # fmt: skip
NoCompensation = Annotated[bool, _option(
    "--no-compensation", panel=CHIP_PANEL, text="Short for --drift-compensation none.",
)]  # fmt: skip
BatchNormOption = Annotated[BatchNorm | None, _option(
    "--batch-norm", metavar="HOW", panel=CHIP_PANEL, text="folded (into the crossbars) or digital.",
)]  # fmt: skip
ReadNoiseOption = Annotated[ReadNoise | None, _option(
    "--read-noise", metavar="HOW", panel=CHIP_PANEL,
    text="split (a frozen part and one per read), independent (all per read) or none.",
)]  # fmt: skip
Set = Annotated[list[str] | None, _option(
    "--set", metavar="KEY=VALUE", panel=CHIP_PANEL,
    text="Any entry of the chip (`neurosim chips CHIP` lists them), numbers in SI units; repeat it.",
)]  # fmt: skip
SaveChips = Annotated[Path | None, _option(
    "--save-chips", metavar="DIR", panel=CHIP_PANEL, text="Keep the programmed chips in this folder.",
)]  # fmt: skip

Steps = Annotated[int | None, _option(
    metavar="N", panel=SPIKES_PANEL, text="Time steps of one image. Default: 100, or what the network says.",
)]  # fmt: skip
EncodingOption = Annotated[Encoding | None, _option(
    "--encoding", metavar="HOW", panel=SPIKES_PANEL,
    text="deterministic (rate; the default), bernoulli or poisson spikes, direct: the image as a current; on cores "
    "binary (the default) or bernoulli.",
)]  # fmt: skip
RouteOption = Annotated[Route, _option(
    "--route", metavar="HOW", panel=SPIKES_PANEL,
    text="events (compiled, fast), or synapses (Brian2's own, slow): the same spikes.",
)]  # fmt: skip
StepTime = Annotated[str | None, _option(
    "--dt", metavar="TIME", panel=SPIKES_PANEL, text='Length of a step, "1 ms"; for networks with time constants.',
)]  # fmt: skip
Percentile = Annotated[float | None, _option(
    metavar="P", panel=SPIKES_PANEL, text="Percentile of activations at which thresholds are set. Default: 99.9.",
)]  # fmt: skip
Trace = Annotated[list[str] | None, _option(
    "--trace", metavar="POPULATION:NEURONS", panel=SPIKES_PANEL,
    text="Record the membranes of these neurons, as in dense1_neurons:0,5; repeat it.",
)]  # fmt: skip

Threads = Annotated[
    int | None, _option(metavar="N", panel=COMPUTE_PANEL, text="Threads; default: all cores.")
]
Batch = Annotated[
    int | None, _option(metavar="N", panel=COMPUTE_PANEL, text="Images held in memory at a time.")
]
