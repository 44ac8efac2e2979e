"""neurosim chips: the chips that are known, and every number of one of them with its source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from neurosim.cli import verb_chips_fit
from neurosim.cli.terminal import WIDEST, say, table, title, visible
from neurosim.foundation.errors import ConfigError, DataError

if TYPE_CHECKING:
    from neurosim.chips import Chip, Claim
    from neurosim.circuits.parameters import ArrayParameters, ConverterParameters
    from neurosim.foundation.records import Source

EPILOG = """
**Examples**

`neurosim chips`

`neurosim chips joshi_2020`

A copy of your own to change, and a run on it:

`neurosim chips joshi_2020 --toml > mine.toml`

`neurosim run --chip mine.toml`

The devices of the literature, and a chip with one of them:

`neurosim chips --devices`

`neurosim chips joshi_2020 --device milo_2021 --toml > rram.toml`

A device from your own measurements:

`neurosim chips fit measured.csv --kind rram --unit uS --out mine.toml`
"""

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="A chip, or the path of a chip.toml.")]
Device = Annotated[
    str | None,
    typer.Option(
        metavar="DEVICE", help="With other devices: a name, or the path of a device's or a chip's TOML file."
    ),
]
Devices = Annotated[
    bool, typer.Option("--devices", metavar="", help="List the devices of the literature instead.")
]
Toml = Annotated[bool, typer.Option("--toml", metavar="", help="Print the chip's TOML file as it is.")]

_HEAD = {"name", "title", "node", "label", "options"}  # shown apart from the tables
_ANALOG = {"cell", "dac", "adc", "compensation"}  # which a digital processor has none of
_RELATIONS = {"equal": "=", "at_least": ">=", "at_most": "<="}


class Chips(TyperGroup):
    """`chips NAME` and `chips` alone are the verb `show`, which need not be written."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `show` where neither a verb nor help is asked for."""
        if args[:1] not in (["fit"], ["show"], ["--help"], ["-h"]):
            args = ["show", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=Chips, name="chips", epilog=EPILOG, rich_markup_mode="markdown",
                  help="List the chips or show one; put other devices into one, or devices of your own.\n\n"
                       "`neurosim chips NAME` is short for `neurosim chips show NAME`, whose options it takes: "
                       "`neurosim chips show --help`.")  # fmt: skip


@app.command("show", epilog=EPILOG)
def chips_verb(
    name: Name = None, device: Device = None, devices: Devices = False, toml: Toml = False
) -> None:
    """List the chips, or show one: its parameters with unit, source and status, and its paper's claims.

    The word `show` may be left out.
    """
    from neurosim.chips import chip_names, load_chip

    if devices:
        _list_devices()
        return
    if name is None:
        if device is not None:
            raise ConfigError(
                "--device",
                "the chip to put it into",
                "none",
                f"name one, as in: neurosim chips joshi_2020 --device {device}",
            )
        for known in chip_names():
            _show_in_short(load_chip(known))
        say("One of them in full: neurosim chips NAME", "dim")
        return
    chip = load_chip(name)
    if device is not None:
        from neurosim.chips.grafting import with_device
        from neurosim.devices.shipped import load_device

        chip = with_device(chip, load_device(device))
    if toml:
        typer.echo(chip.text, nl=False)
    else:
        _show(chip)


app.command("fit", epilog=verb_chips_fit.EPILOG)(verb_chips_fit.fit_verb)


def _list_devices() -> None:
    from neurosim.devices.shipped import device_names, load_device

    known = [load_device(name) for name in device_names()]
    rows = [(device.name, device.parameters.kind, device.record.title) for device in known]
    table(["device", "kind", "what it is"], rows, whole=(0, 1), width=WIDEST)
    say("Put one into a chip: neurosim chips joshi_2020 --device milo_2021 --toml > mine.toml", "dim")


def _show_in_short(chip: Chip) -> None:
    say(visible(chip.name), "bold")
    say(f"  {visible(chip.title)}")
    say(
        f"  {', '.join(_parts(chip))}; {' and '.join(f'--mode {mode}' for mode in chip.modes) or 'studies only'}"
    )
    say(f"  {visible(chip.node)}; {visible(chip.label)}")
    say()


def _parts(chip: Chip) -> Iterator[str]:
    """What a chip is made of; one of cores or of bistable synapses need have neither devices nor tiles."""
    parameters = chip.parameters
    if parameters.core is not None:
        yield f"{parameters.core.cores:,} cores of {parameters.core.axons} x {parameters.core.neurons}"
    if parameters.processor is not None:
        yield f"{parameters.processor.kind.replace('_', '-')} processor"
        yield f"{parameters.processor.macs_per_cycle:,.0f} multiply-accumulates per cycle"
        yield parameters.processor.arithmetic
    if parameters.device is not None:
        yield f"{parameters.device.kind} devices"
    if parameters.array is not None and parameters.core is None:
        yield _tile(parameters.array)
    if parameters.read is not None and parameters.core is None:
        yield f"DAC {_bits(parameters.dac)}"
        yield f"ADC {_bits(parameters.adc)}"
    if parameters.neuron is not None:
        yield f"{parameters.neuron.kind} neurons"


def _tile(array: ArrayParameters) -> str:
    return "one tile of any size" if array.boundless else f"tiles of {array.rows} x {array.columns}"


def _bits(converter: ConverterParameters) -> str:
    return "ideal" if converter.bits is None else f"{converter.bits} bit"


def _show(chip: Chip) -> None:
    say(visible(f"{chip.name}: {chip.title}"), "bold")
    say(visible(f"{chip.node}; {chip.label}"))
    hidden = _ANALOG if chip.is_processor else set()
    said = dict(_leaves(chip.parameters.model_dump(exclude_unset=True)))
    groups: dict[str, list[tuple[str, ...]]] = {}
    for dotted, value in _leaves(chip.parameters.model_dump(exclude=_HEAD | hidden)):
        group, _, key = dotted.rpartition(".")
        described = _described(value, chip.sources.get(dotted), dotted in said)
        groups.setdefault(group, []).append((f"  {key}", *described))
    rows = [row for group, rows in groups.items() for row in [(f"[{group}]", "", "", ""), *rows]]
    say()
    table(["parameter", "value", "status", "source"], rows, whole=(0, 2), width=WIDEST)
    say()
    example = "--set adc.bits=6 --set device.g_max_siemens=2e-5"
    if chip.is_processor:
        example = f"--chip {visible(chip.name)} --set processor.batch=64"
    say(f"Change any of them, in SI units: neurosim run {example}", "dim")
    _show_claims(chip)


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and values that are set; a table's own entries come before the tables in it."""
    for key, value in tree.items():
        if value not in (None, ()) and not isinstance(value, Mapping):
            yield prefix + key, value
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")


def _described(value: Any, source: Source | None, said: bool) -> tuple[str, str, str]:
    """Value with its unit, status, source."""
    if source is None:
        return _text(value), "" if said else "default", ""
    unit = "" if source.unit in ("1", "bit") else f" {source.unit}"
    where = source.source + (f"; {source.node}" if source.node else "")
    return _text(source.value) + unit, source.status, where


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _show_claims(chip: Chip) -> None:
    from neurosim.chips import load_claims

    try:
        claims, _ = load_claims(chip)
    except DataError:
        return  # a chip need not claim anything
    title("What its paper says")
    for claim in claims:
        say(visible(f"{claim.id}: {claim.says}"))
        say(visible(f"    {_compared(claim)}"), "dim")
    say(f"Run them: neurosim claims {visible(chip.name)}", "dim")


def _compared(claim: Claim) -> str:
    if claim.not_simulated:
        return f"not simulated yet: {claim.not_simulated}"
    of = f"of {claim.network}" if claim.network else "of the chip alone"
    value = f"{_RELATIONS[claim.relation]} {claim.published:g} +- {claim.tolerance:g}"
    return f"to compare: {claim.metric} {of} {value}"
