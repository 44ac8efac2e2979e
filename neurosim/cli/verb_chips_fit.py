"""neurosim chips fit: a device from one's own measurements, put into a chip."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurosim.cli.bars import Bar
from neurosim.cli.terminal import WIDEST, note, plural, say, table, title, visible
from neurosim.foundation.errors import ConfigError, DataError
from neurosim.foundation.units import format_si

if TYPE_CHECKING:
    from neurosim.chips import Chip
    from neurosim.devices.fitted_toml import Fitted
    from neurosim.devices.fitting import FittedLaw, PulseFit
    from neurosim.devices.fitting_readback import ReadBackFit
    from neurosim.devices.measured import Ramps, ReadBack

EPILOG = """
**The file**

A CSV file, with a line of names or without. Each column is a ramp: the conductance after each of many equal pulses.
Whether pulses go up or down is told by a column's name (up, set, pot..., down, reset, dep...) or by where it goes;
`--turn 100` says that the direction turns after every 100 pulses. A column `pulse` may number the pulses. Blank cells
may end a column. With the columns `target` and `measured` it is a read-back after programming. Tables of steps as
CrossSim keeps them are read too.

**Units**

In the name, as in `set (uS)`, or by `--unit`. Currents need their read voltage. Normalised values, `--unit 1`, need
the conductances of their range: `--g-min` and `--g-max`.

**Examples**

`neurosim chips fit measured.csv --kind rram --unit uS --out mine.toml`

Two files of currents read at 0.1 V:

`neurosim chips fit set.csv reset.csv --kind ecram --unit A --v-read 0.1 --out mine.toml`

Pulses and a read-back together, on the circuit of another chip, and a run on it:

`neurosim chips fit pulses.csv --read-back levels.csv --kind rram --chip hermes --out mine.toml`

`neurosim run --chip mine.toml`
"""

Measured = Annotated[
    list[Path] | None, typer.Argument(metavar="MEASURED.csv", help="CSV files of ramps, or one read-back.")
]
Kind = Annotated[str, typer.Option(metavar="KIND", help="rram, ecram, flash or pcm.")]
Out = Annotated[Path, typer.Option(metavar="FILE", help="The chip to write: BASE with the fitted device.")]
Base = Annotated[
    str, typer.Option("--chip", metavar="BASE", help="The chip whose device is replaced, name or path.")
]
Unit = Annotated[
    str | None, typer.Option(metavar="UNIT", help="S, mS, uS, nS, A, mA, uA, nA; 1: normalised.")
]
VRead = Annotated[float | None, typer.Option(metavar="VOLTS", help="Read voltage, for currents.")]
Turn = Annotated[
    int | None, typer.Option(metavar="N", min=2, help="Pulses turn round after every N, up first.")
]
ReadBackFile = Annotated[
    Path | None,
    typer.Option("--read-back", metavar="FILE", help="Columns target, measured: how writing errs."),
]
GMin = Annotated[
    float | None, typer.Option(metavar="US", help="Of normalised values: lower end, microsiemens.")
]
GMax = Annotated[
    float | None, typer.Option(metavar="US", help="Of normalised values: upper end, microsiemens.")
]
Name = Annotated[str | None, typer.Option(metavar="NAME", help="Of the device. Default: that of OUT.")]
Picture = Annotated[
    Path | None, typer.Option("--plot", metavar="FILE", help="Picture. Default: OUT with the ending .png.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", metavar="", help="Replace existing files.")]

_NAME = re.compile("[a-z][a-z0-9_]*")
_WORDS = re.compile("[a-z0-9]+")
_POOR = 0.1  # distance of Kolmogorov and Smirnov from which a fit is called poor,
_BY_CHANCE = 1e-4  # where so few readings would not show it by chance
_REMEDY = "give one, for example measured.csv, or read neurosim chips fit --help"


def fit_verb(
    measured: Measured = None,
    kind: Kind = "rram",
    out: Out = Path("fitted.toml"),
    base: Base = "joshi_2020",
    unit: Unit = None,
    v_read: VRead = None,
    turn: Turn = None,
    read_back: ReadBackFile = None,
    g_min: GMin = None,
    g_max: GMax = None,
    name: Name = None,
    plot: Picture = None,
    overwrite: Overwrite = False,
) -> None:
    """Fit a device to measurements: conductance against pulses, or read-back after programming.

    Every law of pulses is fitted to two thirds of the data by maximum likelihood, and the simplest of those that
    predict the rest about as well as the best one is written, as the device of a chip.
    """
    from neurosim.recording.durable import write_durably
    from neurosim.reports.device_fit import plot_device_fit

    picture = plot or out.with_suffix(".png")
    _check(measured, kind, out, picture, overwrite)
    _name(name, out)
    ramps, read = _read([*(measured or []), *([read_back] if read_back else [])], unit, v_read, turn)
    source, span = _files(measured or [], read_back), _span(ramps, g_min, g_max)
    fitted, chip = _fit(ramps, read, kind, span, source, base, _name(name, out))
    _show(fitted, ramps, read)
    _warn(fitted)
    write_durably(out, chip.toml.encode(), "free some space, or choose another --out")
    pair = None if read is None or fitted.read_back is None else (read, fitted.read_back)
    drawn = plot_device_fit(picture, f"{chip.name}: {fitted.source}", chip.device, fitted.pulses, pair)
    say()
    say(visible(f"Chip: {out} ({chip.name}); run it: neurosim run --chip {out}"))
    say(visible(f"Picture: {drawn}"))


def _check(measured: list[Path] | None, kind: str, out: Path, picture: Path, overwrite: bool) -> None:
    from neurosim.devices.fitted_toml import KINDS

    if not measured:
        raise ConfigError("chips fit", "a CSV file of measurements", "none", _REMEDY)
    if kind not in KINDS:
        raise ConfigError("--kind", "a device with gradual pulses: " + ", ".join(KINDS), repr(kind),
                          "states of mram and sram are described, not fitted: neurosim chips --devices")  # fmt: skip
    if out.suffix != ".toml":
        raise ConfigError("--out", "a name that ends in .toml", repr(str(out)), "rename it")
    for path in (out, picture):
        if path.exists() and not overwrite:
            remedy = "give --overwrite, or another --out"
            raise ConfigError(str(path), "a file that is not there yet", "one that is", remedy)


def _name(given: str | None, out: Path) -> str:
    """What the device is called: as was said, or after the file. Other characters than those of names become _."""
    if given is None:
        return "_".join(_WORDS.findall(out.stem.lower())) or "fitted"
    if not _NAME.fullmatch(given):
        raise ConfigError("--name", "small letters, digits and _, a letter first", repr(given),
                          "for example --name my_device")  # fmt: skip
    return given


def _read(files: list[Path], unit: str | None, v_read: float | None, turn: int | None,
          ) -> tuple[Ramps | None, ReadBack | None]:  # fmt: skip
    """All files as one measurement of ramps and one of read-back."""
    from neurosim.devices.measured import Ramps, read_measured

    if v_read is not None and not v_read > 0:
        raise ConfigError("--v-read", "a voltage above zero", f"{v_read:g}", "give the read voltage in volts")
    ramps: Ramps | None = None
    read: ReadBack | None = None
    for path in files:
        found = read_measured(path, unit, v_read, turn)
        if isinstance(found, Ramps):
            ramps = found if ramps is None else ramps.joined(found)
        elif read is not None:
            raise DataError(str(path), "one read-back", "a second one", "put them into one file")
        else:
            read = found
    return ramps, read


def _span(ramps: Ramps | None, g_min: float | None, g_max: float | None) -> tuple[float, float] | None:
    """The range of a normalised measurement, siemens."""
    given = g_min is not None and g_max is not None
    if ramps is not None and ramps.normalised:
        if g_min is None or g_max is None:
            raise ConfigError("--g-min, --g-max", "the conductances of normalised values", "none",
                              "give both ends of their range in uS: --g-min 1 --g-max 100")  # fmt: skip
        if not 0 <= g_min < g_max:
            raise ConfigError(
                "--g-min, --g-max", "0 <= g_min < g_max", f"{g_min:g} and {g_max:g}", "correct them"
            )
        return g_min * 1e-6, g_max * 1e-6
    if given or g_min is not None or g_max is not None:
        raise ConfigError(
            "--g-min, --g-max", "normalised values, --unit 1", "values with a unit", "leave them out"
        )
    return None


def _files(measured: list[Path], read_back: Path | None) -> str:
    """What the numbers come from: names and the beginnings of checksums."""
    paths = [*measured, *([read_back] if read_back else [])]
    named = [f"{path.name}, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}" for path in paths]
    return f"fitted to {'; '.join(named)}"


def _fit(ramps: Ramps | None, read: ReadBack | None, kind: str, span: tuple[float, float] | None, source: str,
         base: str, name: str) -> tuple[Fitted, Chip]:  # fmt: skip
    from neurosim.chips import load_chip
    from neurosim.chips.grafting import with_fitted
    from neurosim.devices.fitted_toml import Fitted
    from neurosim.devices.fitting import fit_pulses
    from neurosim.devices.fitting_laws import Crystallisation, gradual_laws
    from neurosim.devices.fitting_readback import fit_read_back

    chip = load_chip(base)
    laws = (Crystallisation(), Crystallisation(memory=False)) if kind == "pcm" else gradual_laws()
    with Bar("laws") as bar:
        pulses = None
        if ramps is not None:
            pulses = fit_pulses(ramps, "ramps", lambda k, n: bar.reach(k, n, "laws of pulses"), laws)
        read_fit = None if read is None else fit_read_back(read, "read-back")
    fitted = Fitted(kind, source, pulses, read_fit, span)
    return fitted, with_fitted(chip, fitted, name)


def _warn(fitted: Fitted) -> None:
    """Say where the best law is a poor one."""
    for fit in (fitted.pulses, fitted.read_back):
        if fit is not None and fit.best.ks > _POOR and fit.best.p < _BY_CHANCE:
            note(f"no law describes the held-out data well (KS {fit.best.ks:.2f}): look at the picture before you use "
                 "the chip; a device that one pulse moves over much of its range has no small pulses")  # fmt: skip


def _show(fitted: Fitted, ramps: Ramps | None, read: ReadBack | None) -> None:
    if fitted.pulses is not None and ramps is not None:
        _show_pulses(fitted, fitted.pulses, ramps)
    if fitted.read_back is not None and read is not None:
        _show_read_back(fitted.read_back, read)


def _show_pulses(fitted: Fitted, fit: PulseFit, ramps: Ramps) -> None:
    pulses = sum(len(values) - 1 for values in ramps.values)
    up = sum(ramps.up)
    low, high = fitted.bounds
    say(
        f"{plural(up, 'ramp')} up, {plural(len(ramps.up) - up, 'ramp')} down, {plural(pulses, 'pulse')}",
        "bold",
    )
    say(f"{format_si(low, 'S', 4)} to {format_si(high, 'S', 4)}; held out: {fit.split}")
    title("Laws, on the pulses held out")
    _show_laws(fit.laws, fit.best)
    title(f"Parameters: {fit.best.law.name}, {fit.best.law.noise} noise")
    rows = [(key, f"{value:.5g}", _error(fit.best.errors[key])) for key, value in fit.best.values.items()]
    if fit.ramp_spread is not None:
        rows.append(("from ramp to ramp", f"{fit.ramp_spread[0]:.5g}", f"{fit.ramp_spread[1]:.2g}"))
    table(["parameter", "value", "standard error"], rows, right=(1, 2))
    say("In shares of the range; low and high: its ends in shares of what was measured.", "dim")


def _show_read_back(fit: ReadBackFit, read: ReadBack) -> None:
    say()
    low, high = format_si(fit.g_min, "S"), format_si(fit.g_max, "S")
    say(f"{plural(len(read.target), 'reading')} of targets from {low} to {high}", "bold")
    title("Sigma of programming, on every third reading")
    _show_laws(fit.laws, fit.best)
    title(f"Parameters: {fit.best.law.name}")
    rows = [
        (key, format_si(value * fit.g_max, "S", 5), _error(fit.best.errors[key], fit.g_max))
        for key, value in fit.best.values.items()
    ]
    table(["of x = target / largest", "value", "standard error"], rows, right=(1, 2))
    bias = f"{format_si(fit.bias, 'S')}, standard error {format_si(fit.bias_error, 'S', 2)}"
    say(f"Mean of measured - target: {bias}; a device's model has none.", "dim")


def _show_laws(laws: tuple[FittedLaw, ...], best: FittedLaw) -> None:
    rows = []
    for fit in laws:
        figures = (f"{fit.score:.4f}", f"{fit.ks:.4f}", f"{fit.p:.2g}")
        rows.append(("*" if fit is best else "", fit.law.name, fit.law.noise, len(fit.values), *figures))
    table(
        ["", "law", "noise", "parameters", "log density", "KS", "p"], rows, right=(3, 4, 5, 6), width=WIDEST
    )
    say("* the simplest within two standard errors of the likeliest; it is written", "dim")


def _error(error: float | None, scale: float = 1.0) -> str:
    return "at its end" if error is None else f"{error * scale:.2g}"
