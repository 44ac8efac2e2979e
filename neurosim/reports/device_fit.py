"""A picture of a fitted device: its ramps, its steps, and what the fit makes of pulses it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.devices import PcmParameters, make_device
from neurosim.devices.fitting import FittedLaw, PulseFit
from neurosim.devices.fitting_laws import Law, Scaled
from neurosim.devices.fitting_readback import ReadBackFit
from neurosim.devices.measured import ReadBack
from neurosim.devices.pulses import mean_step
from neurosim.devices.ranges import ConductanceRange
from neurosim.foundation.streams import stream
from neurosim.reports.figures import BLUE, GREY, ORANGE, new_figure, plain, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHOWN = 12  # ramps of a direction that are drawn
_SIMULATED = 400  # devices behind the band
_BINS = 20
_POINTS = 4000  # readings of a read-back that are drawn
_MICRO = 1e6


def plot_device_fit(path: str | Path, title: str, device: ConductanceRange, pulses: PulseFit | None = None,
                    read: tuple[ReadBack, ReadBackFit] | None = None) -> Path:  # fmt: skip
    """Draw what was measured beside what the fitted device does; PNG or SVG.

    device : the record of the fitted device, which is given the measured trains of pulses (grey: measured; line and
        band: mean and 5 to 95 % of simulated devices, from the ramps' mean start)
    pulses, read : the fits, one of them at least
    """
    if pulses is not None and pulses.ramps.noisy:
        figure, (row,) = new_figure(12.0, 3.8, columns=3)
        _draw_ramps(row[0], device, pulses)
    else:  # steps alone, or targets alone
        figure, (row,) = new_figure(8.0, 3.8, columns=2)
    if pulses is not None:
        _draw_steps(row[-2], device, pulses)
        _draw_errors(row[-1], pulses.best, pulses.split)
    elif read is not None:
        _draw_read_back(row[0], *read)
        _draw_errors(row[1], read[1].best, read[1].split)
    figure.suptitle(plain(title), fontsize=10)
    return save(figure, path)


def _draw_ramps(axes: Axes, device: ConductanceRange, fit: PulseFit) -> None:
    low, width = device.g_min_siemens, device.g_max_siemens - device.g_min_siemens
    if fit.best.law.kind == "crystallisation":
        low, width = 0.0, fit.high
    for is_up, colour in ((True, BLUE), (False, ORANGE)):
        rows = np.flatnonzero(fit.ramps.up == is_up)
        if not len(rows):
            continue
        for row in rows[:: max(len(rows) // _SHOWN, 1)][:_SHOWN]:
            values = fit.ramps.x[row, : fit.ramps.lengths[row]]
            axes.plot((low + width * values) * _MICRO, color=GREY, linewidth=0.5, alpha=0.6)
        start = low + width * float(fit.ramps.x[rows, 0].mean())
        trains = _simulated(device, start, int(fit.ramps.lengths[rows].max()), is_up) * _MICRO
        mean, (least, most) = trains.mean(axis=1), np.percentile(trains, (5, 95), axis=1)
        axes.fill_between(np.arange(len(mean)), least, most, color=colour, alpha=0.25, linewidth=0)
        axes.plot(mean, color=colour, label=f"simulated, {'up' if is_up else 'down'}")
    axes.set_xlabel("pulse")
    axes.set_ylabel("conductance (uS)")
    axes.legend(fontsize=8, frameon=False)


def _simulated(parameters: ConductanceRange, start_siemens: float, length: int, up: bool) -> np.ndarray:
    """Readings of simulated devices along a train, siemens (length, devices), noise of reading included."""
    device: Any = make_device(parameters)
    key = stream(0, "device fit", up)
    state = device.program(np.full(_SIMULATED, parameters.g_min_siemens, np.float32), key)
    arrays = device.to_arrays(state)
    arrays["g_siemens"] = np.full(_SIMULATED, start_siemens, np.float32)
    state = device.from_arrays(arrays)
    one, none = np.ones(_SIMULATED, int), np.zeros(_SIMULATED, int)
    rng = key.child("reading").generator()
    readings = np.empty((length, _SIMULATED))
    for k in range(length):
        if k:
            device.pulse_into(state, one if up else none, none if up else one, key.child(k))
        # the 1/f noise of PCM is integrated since programming: there is none yet after a pulse
        noise = 0.0 if isinstance(parameters, PcmParameters) else device.read_noise_sigma(state, 0.0)
        readings[k] = device.conductance(state, 0.0) + noise * rng.standard_normal(_SIMULATED)
    return readings


def _draw_steps(axes: Axes, device: ConductanceRange, fit: PulseFit) -> None:
    low, width = device.g_min_siemens, device.g_max_siemens - device.g_min_siemens
    if fit.best.law.kind == "crystallisation":
        low, width = 0.0, fit.high
    for is_up, colour in ((True, BLUE), (False, ORANGE)):
        if is_up not in fit.ramps.up:
            continue
        x, step, error = _binned(fit.ramps.chosen(np.flatnonzero(fit.ramps.up == is_up)))
        name = "up" if is_up else "down"
        axes.errorbar((low + width * x) * _MICRO, step * width * _MICRO, error * width * _MICRO, fmt="o", color=colour,
                      markersize=3, linewidth=0.8, label=f"measured, {name}")  # fmt: skip
        way = np.linspace(0, 1, 101)
        law = _law(device, fit, way, is_up) * (1 if is_up else -1)
        axes.plot(
            (low + width * way) * _MICRO,
            law * width * _MICRO,
            color=colour,
            label=f"{fit.best.law.name}, {name}",
        )
    axes.set_xlabel("conductance before (uS)")
    axes.set_ylabel("mean step (uS)")
    axes.legend(fontsize=8, frameon=False)


def _law(device: ConductanceRange, fit: PulseFit, x: np.ndarray, up: bool) -> np.ndarray:
    """Mean steps of the law at conductances x, in shares of the range."""
    if not isinstance(fit.best.law, Law):
        values = fit.best.values  # devices whose memory of the RESET has faded
        return np.asarray(values["mu_g"] * x + values["mu_0"])
    pulses: Any = getattr(device, "pulses")  # noqa: B009 - every gradual record has it
    return np.array([mean_step(pulses, float(share if up else 1 - share), up) for share in x])


def _binned(ramps: Scaled) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean step by conductance: places, means and their standard errors.

    A step is taken over as many pulses as it takes to see it above the noise of reading, and sorted by the middle of
    that stretch, so that the noise of the reading that begins it does not choose the bin.
    """
    stretch = int(max(min(int(ramps.lengths.min()) // _BINS, 20), 1)) if ramps.noisy else 1
    before, steps = [], []
    for row, length in zip(ramps.x, ramps.lengths, strict=True):
        values = row[:length]
        means = values[: length // stretch * stretch].reshape(-1, stretch).mean(axis=1)
        before.append((means[:-1] + means[1:]) / 2 if ramps.noisy else means[:-1])
        steps.append(np.diff(means) / stretch)
    x, step = np.concatenate(before), np.concatenate(steps)
    edges = np.linspace(x.min(), x.max(), _BINS + 1)
    number = np.clip(np.digitize(x, edges) - 1, 0, _BINS - 1)
    kept = [k for k in range(_BINS) if np.sum(number == k) > 2]
    groups = [number == k for k in kept]
    mean = np.array([step[g].mean() for g in groups])
    error = np.array([step[g].std(ddof=1) / np.sqrt(g.sum()) for g in groups])
    return np.array([x[g].mean() for g in groups]), mean, error


def _draw_errors(axes: Axes, best: FittedLaw, split: str) -> None:
    from scipy import stats

    z = np.sort(best.standardised)
    axes.plot(z, (np.arange(len(z)) + 0.5) / len(z), color=BLUE, label="held out")
    grid = np.linspace(-4, 4, 201)
    axes.plot(grid, stats.norm.cdf(grid), color=GREY, linestyle="--", label="normal")
    axes.set_xlim(-4, 4)
    axes.set_xlabel("error of the prediction / its standard deviation")
    axes.set_ylabel("share below")
    axes.set_title(f"KS {best.ks:.3f}, p {best.p:.2g}\n{split}", fontsize=8)
    axes.legend(fontsize=8, frameon=False)


def _draw_read_back(axes: Axes, read: ReadBack, fit: ReadBackFit) -> None:
    every = slice(None, None, max(len(read.target) // _POINTS, 1))
    error = (read.measured - read.target)[every] * _MICRO
    axes.plot(read.target[every] * _MICRO, error, ".", color=GREY, markersize=2)
    x = np.linspace(fit.g_min, fit.g_max, 101)
    coefficients = [fit.best.values[f"c{k}"] for k in range(len(fit.best.values))]
    sigma = np.polynomial.Polynomial(coefficients)(x / fit.g_max) * fit.g_max * _MICRO
    for sign in (-1, 1):
        axes.plot(x * _MICRO, sign * sigma, color=BLUE, label="one standard deviation" if sign > 0 else None)
    axes.set_xlabel("target (uS)")
    axes.set_ylabel("measured - target (uS)")
    axes.legend(fontsize=8, frameon=False)
