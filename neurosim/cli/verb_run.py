"""neurosim run: a network on a chip."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosim.cli import run_options as given
from neurosim.cli.bars import Bar
from neurosim.cli.stopping import Stopped
from neurosim.cli.summary_tables import show_summary
from neurosim.cli.terminal import note, say, visible
from neurosim.foundation.errors import ConfigError, near
from neurosim.foundation.units import parse_time

if TYPE_CHECKING:
    from neurosim.chips import Chip

NETWORK, CHIP, TIME = "digits_mlp", "joshi_2020", "25 s"
_KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")

EPILOG = """
**Examples**

Handwritten digits on a phase-change-memory chip, in seconds:

`neurosim run`

Ten chips, fresh and a year old, kept in a file:

`neurosim run --instances 10 --times "25 s" --times "1 year" --out run.h5`

The same network as spikes on the same devices, with every spike kept:

`neurosim run digits_mlp --mode spiking --steps 100 --record outputs,spikes --out spikes.h5`

The same images on a graphics processor, in its own arithmetic:

`neurosim run mnist_lenet --chip v100`

Coarser converters, and no compensation of drift:

`neurosim run mnist_mlp --set adc.bits=6 --no-compensation`
"""


def run_verb(
    network: given.Network = NETWORK,
    chip: given.ChipName = CHIP,
    mode: given.Mode = None,
    inputs: given.Inputs = None,
    instances: given.Instances = 1,
    times: given.Times = None,
    seed: given.Seed = 0,
    out: given.Out = None,
    record: given.Record = "outputs",
    limit: given.Limit = None,
    resume: given.Resume = False,
    overwrite: given.Overwrite = False,
    drift: given.DriftOption = None,
    no_compensation: given.NoCompensation = False,
    batch_norm: given.BatchNormOption = None,
    read_noise: given.ReadNoiseOption = None,
    changes: given.Set = None,
    save_chips: given.SaveChips = None,
    steps: given.Steps = None,
    encoding: given.EncodingOption = None,
    route: given.RouteOption = given.Route.EVENTS,
    dt: given.StepTime = None,
    percentile: given.Percentile = None,
    trace: given.Trace = None,
    threads: given.Threads = None,
    batch: given.Batch = None,
) -> None:
    """Put a network on a chip, classify images, and tell accuracy, energy, speed and area."""
    if no_compensation and drift is given.Drift.GLOBAL:
        raise ConfigError("--no-compensation", "it or --drift-compensation", "both", "leave one out")
    short = {
        "drift_compensation": given.Drift.NONE if no_compensation else drift,
        "batch_norm": batch_norm,
        "read_noise": read_noise,
    }
    options = chip_options(short, changes or [])
    optional: dict[str, Any] = {"batch": batch} if batch is not None else {}
    spikes = {
        "steps": steps, "encoding": encoding and str(encoding), "route": str(route), "percentile": percentile,
        "dt_s": None if dt is None else parse_time(dt, "--dt"), "traces": traced(trace or []),
    }  # fmt: skip
    recorded = [name.strip() for name in record.split(",")] + (["traces"] if trace else [])
    _run(
        out, network=network, chip=_chip(chip, options), mode=mode, inputs=inputs, instances=instances,
        times=times or [TIME], seed=seed, record=recorded, limit=limit, threads=threads, resume=resume,
        overwrite=overwrite, save_chips=save_chips, **spikes, **optional,
    )  # fmt: skip


def _run(out: Path | None, **wanted: Any) -> None:
    """Run with a bar, then show what came out and where it is."""
    try:
        with Bar("images") as bar:
            bar.stage("starting", 0)
            from neurosim.pipeline import run

            done = run(out=out, progress=bar, **wanted)
            summary = done.summary
    except (KeyboardInterrupt, Stopped):
        _say_how_to_go_on(out)
        raise
    show_summary(summary)
    say()
    if out is None:
        say("The run was not kept: give --out run.h5, then try `neurosim inspect run.h5`.", "dim")
    else:
        say(f"Run file: {visible(out)} (look into it with `neurosim inspect`)")


def traced(texts: list[str]) -> dict[str, tuple[int, ...]]:
    """Populations and their neurons from texts like dense1_neurons:0,5; ConfigError for anything else."""
    chosen: dict[str, tuple[int, ...]] = {}
    for text in texts:
        name, colon, numbers = text.partition(":")
        parts = [part.strip() for part in numbers.split(",")]
        if not name or not colon or not all(part.isdecimal() for part in parts):
            raise ConfigError(
                "--trace", "POPULATION:NEURONS", repr(text), "write it like --trace dense1_neurons:0,5"
            )
        chosen[name.strip()] = (*chosen.get(name.strip(), ()), *(int(part) for part in parts))
    return chosen


def chip_options(short: dict[str, Any], changes: list[str]) -> dict[str, Any]:
    """The chip's options from the command line, as for `Chip.with_options`.

    Parameters
    ----------
    short : options that have an argument of their own; None where not given
    changes : KEY=VALUE texts

    Raises ConfigError for what is not KEY=VALUE, and for a key that is there twice.
    """
    options = {name: str(value) for name, value in short.items() if value is not None}
    for text in changes:
        key, value = _change(text)
        if key in options:
            raise ConfigError(f"--set {key}", "each key once", "it twice", "leave one out")
        options[key] = value
    return options


def _change(text: str) -> tuple[str, Any]:
    from neurosim.chips.chip import OPTIONS

    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not value or not _KEY.fullmatch(key):
        raise ConfigError("--set", "KEY=VALUE", repr(text), "write it like --set adc.bits=6")
    if "." not in key and key not in OPTIONS:
        raise ConfigError("--set", "a dotted key of the chip", repr(key), near(key, OPTIONS))
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value  # a word without quotation marks, which a shell takes away


def _chip(name: str, options: dict[str, Any]) -> Chip:
    from neurosim.chips import load_chip

    return load_chip(name).with_options(**options)


def _say_how_to_go_on(out: Path | None) -> None:
    """After a signal: what is kept, and how to get the rest."""
    if out is None:
        note("stopped; nothing is kept without --out FILE")
        return
    parts = out.with_suffix(".parts")
    if parts.is_dir():
        note(
            f"stopped; what was finished is safe in {visible(parts)}: go on with --resume, all else the same"
        )
    else:
        note("stopped; there is nothing to resume")
