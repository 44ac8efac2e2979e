"""A fitted device as the [device] tables of a chip.toml: every number with its unit, source and status."""

from __future__ import annotations

import json
from dataclasses import dataclass

from neurosim.devices.fitting import PulseFit
from neurosim.devices.fitting_laws import WAYS, Law
from neurosim.devices.fitting_readback import ReadBackFit
from neurosim.foundation.errors import ConfigError

KINDS = ("rram", "ecram", "flash", "pcm")
_EXACT = "not measured: reads are free of noise"


@dataclass(frozen=True)
class Fitted:
    """What was fitted to one device.

    kind : of KINDS; source : what the numbers were fitted to, for their sources
    span : (g_min, g_max), siemens, given by the user for normalised values
    """

    kind: str
    source: str
    pulses: PulseFit | None = None
    read_back: ReadBackFit | None = None
    span: tuple[float, float] | None = None

    @property
    def bounds(self) -> tuple[float, float]:
        """g_min and g_max of the device, siemens."""
        if self.span is not None:
            return self.span
        if self.pulses is not None:
            return self.pulses.low, self.pulses.high
        if self.read_back is not None:
            return self.read_back.g_min, self.read_back.g_max
        raise ConfigError("fit", "ramps or a read-back", "neither", "give a measurement")


def device_tables(fitted: Fitted) -> str:
    """The [device] tables of a gradual or flash device, as TOML text."""
    low, high = fitted.bounds
    why, status = f"range of the measurement; {fitted.source}", "derived"
    if fitted.span is not None:
        why, status = "given for the normalised measurement", "assumed"
    lines = ["[device]", f'kind = "{fitted.kind}"']
    lines += [_siemens("g_min", low, why, status), _siemens("g_max", high, why, status)]
    lines += _flash(fitted) if fitted.kind == "flash" else _written(fitted)
    return "\n".join([*lines, *_pulses(fitted), ""])


def pcm_pulses(fitted: Fitted) -> str:
    """The [device.pulses] table of a phase-change device, as TOML text."""
    if fitted.pulses is None:
        raise ConfigError("fit", "ramps of partial SET pulses", "a read-back alone", "give the ramps too")
    high = fitted.pulses.high
    first = fitted.pulses.ramps.x[:, 0].mean() * high
    lines = ["[device.pulses]"]
    for name, key in (("memory", "memory_pulses"), ("mu_g", "mu_g"), ("sd_g", "sd_g")):
        value, why = _staircase(fitted, name, 1.0, "")
        # a law without memory adds nothing after a RESET, whatever the length of the memory
        lines.append(_number(key, 1.0 if name == "memory" and not value else value, why, "derived"))
    for name in ("mu_0", "mu_p", "sd_0", "sd_p"):
        value, why = _staircase(fitted, name, high, " S")
        lines.append(_siemens(name, value, why, "derived"))
    lines.append(_siemens("g_reset", first, f"mean of the ramps' first values; {fitted.source}", "derived"))
    return "\n".join([*lines, ""])


def _staircase(fitted: Fitted, name: str, scale: float, unit: str) -> tuple[float, str]:
    """A figure of the staircase and its source; 0 where the chosen law has none."""
    assert fitted.pulses is not None
    best = fitted.pulses.best
    if name not in best.values:
        return 0.0, f"the chosen law has no memory of a RESET; {fitted.source}"
    return best.values[name] * scale, fitted.source + _error(best.errors[name], scale, unit)


def _read_noise(fitted: Fitted) -> tuple[float, str] | None:
    """Standard deviation of a reading (siemens) and its source; None where readings are taken for exact."""
    if fitted.pulses is None or not fitted.pulses.ramps.noisy:
        return None
    low, high = fitted.bounds
    best = fitted.pulses.best
    error = _error(best.errors["read_noise"], high - low, " S")
    doubt = "one reading per pulse cannot tell it from noise that a pulse leaves until the next one"
    return best.values["read_noise"] * (high - low), f"{fitted.source}{error}; {doubt}"


def _written(fitted: Fitted) -> list[str]:
    """Errors of writing and reading of a gradual device."""
    lines, noise = [], _read_noise(fitted)
    if fitted.read_back is None and fitted.pulses is not None:
        low, high = fitted.bounds
        step = max(fitted.pulses.best.values.get(f"step_{way}", 0.0) for way in WAYS)
        why = "no read-back was measured: the larger step of a pulse, to which a target can be met"
        lines.append(_siemens("programming_sigma", step * (high - low), why, "assumed"))
    if noise is None:
        lines.append(_number("read_noise", 0, _EXACT, "assumed"))
    else:
        lines.append(_number("read_noise", 0, "the floor below stands for it", "assumed"))
        lines.append(_siemens("read_noise_floor", noise[0], noise[1], "derived"))
    return lines + _programming(fitted)


def _programming(fitted: Fitted) -> list[str]:
    read = fitted.read_back
    if read is None:
        return []
    scale = read.g_max * 1e6
    values = ", ".join(f"{c * scale:.6g}" for c in read.best.values.values())
    errors = ", ".join("?" if e is None else f"{e * scale:.2g}" for e in read.best.errors.values())
    on = f"on {read.g_min * 1e6:.4g} to {read.g_max * 1e6:.4g} uS"
    source = _quoted(f"{fitted.source}, {on}, standard errors {errors} uS")
    lines = ["", "[device.programming]",
             f'sigma = {{value = [{values}], unit = "uS", source = {source}, status = "derived"}}',
             _siemens("g_reference", read.g_max, "largest target of the read-back", "derived")]  # fmt: skip
    if fitted.pulses is None:
        lines += [_siemens("fitted_from", read.g_min, f"smallest target; {fitted.source}", "derived"),
                  _siemens("fitted_to", read.g_max, f"largest target; {fitted.source}", "derived")]  # fmt: skip
    return lines


def _flash(fitted: Fitted) -> list[str]:
    """Errors of tuning and reading of a flash cell."""
    low, high = fitted.bounds
    read, noise = fitted.read_back, _read_noise(fitted)
    tuned = (0.01, "no read-back was measured: 1 %, as Guo et al. 2017 tune NOR flash", "assumed")
    if read is not None:
        tuned = (read.relative_sigma, f"root mean square of the relative errors; {fitted.source}", "derived")
    lines = [_number("tuning_accuracy", *tuned)]
    if noise is None:
        return [*lines, _number("read_noise", 0, _EXACT, "assumed")]
    share = noise[0] / (low + (high - low) / 2)
    return [*lines, _number("read_noise", share, f"in the middle of the range; {noise[1]}", "derived")]


def _pulses(fitted: Fitted) -> list[str]:
    fit = fitted.pulses
    if fit is None:
        return []
    best, law = fit.best, fit.best.law
    if not isinstance(law, Law):
        raise ConfigError("fit", "a law of small pulses", law.name, "fit it with --kind pcm")
    kind = "soft_bounds" if law.fixed == {"slope": 1.0} else law.kind
    lines = ["", "[device.pulses]", f'kind = "{kind}"']
    figures = ["step", *(p.name for p in law.shape)]
    for name in figures:
        for way in WAYS:
            key = f"{name}_{way}"
            if key in best.values:
                lines.append(
                    _number(
                        key, best.values[key], fitted.source + _error(best.errors[key], 1.0, ""), "derived"
                    )
                )
            else:
                other = best.values[f"{name}_{'down' if way == 'up' else 'up'}"]
                lines.append(
                    _number(key, other, "that direction was not measured: as in the other one", "assumed")
                )
    if law.fixed == {"slope": 0.0}:
        lines += [
            _number(f"slope_{way}", 0, f"steps of one size; {fitted.source}", "derived") for way in WAYS
        ]
    for key in ("cycle_spread", "cycle_noise"):
        if key in best.values:
            lines.append(
                _number(key, best.values[key], fitted.source + _error(best.errors[key], 1.0, ""), "derived")
            )
    if fit.ramp_spread is not None:
        spread, error = fit.ramp_spread
        why = f"spread from ramp to ramp, error {error:.2g}; {fitted.source}; ramps of one device show no other spread"
        lines.append(_number("device_spread", spread, why, "derived"))
    return lines


def _fitted_number(fitted: Fitted, key: str) -> str:
    """A parameter of the pulses' law without unit, with its error in its source."""
    assert fitted.pulses is not None
    best = fitted.pulses.best
    return _number(key, best.values[key], fitted.source + _error(best.errors[key], 1.0, ""), "derived")


def _error(error: float | None, scale: float, unit: str) -> str:
    return ", at the end of its range" if error is None else f", standard error {error * scale:.2g}{unit}"


def _siemens(key: str, value: float, source: str, status: str) -> str:
    return (
        f'{key} = {{value = {value * 1e6:.6g}, unit = "uS", source = {_quoted(source)}, status = "{status}"}}'
    )


def _number(key: str, value: float, source: str, status: str) -> str:
    return f'{key} = {{value = {value:.6g}, source = {_quoted(source)}, status = "{status}"}}'


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
