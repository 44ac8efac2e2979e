"""Fit how far devices land from their targets: sigma as a polynomial of the target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neurosim.devices.fitting import FEWEST_PULSES, FittedLaw, simplest, standard_errors
from neurosim.devices.measured import ReadBack
from neurosim.foundation.errors import DataError

DEGREES = range(4)
_LEAST = 1e-6  # of the largest target: a spread below it is as good as none
_PENALTY = 1e12


@dataclass(frozen=True)
class Spread:
    """sigma = c0 + c1 x + ... of one degree, x = target / largest target; noise : what it is the noise of."""

    degree: int
    kind: str = "spread"
    noise: str = "programming"

    @property
    def name(self) -> str:
        """For tables."""
        return ("constant", "straight line", "parabola", "cubic")[self.degree]


@dataclass(frozen=True)
class ReadBackFit:
    """Every degree fitted, the likeliest of the held-out readings first.

    g_min, g_max : smallest and largest target, siemens; coefficients are in shares of g_max
    bias, bias_error : mean of measured - target, siemens; relative_sigma : root mean square of (measured - target) /
        target over targets above a tenth of the largest
    """

    g_min: float
    g_max: float
    laws: tuple[FittedLaw, ...]
    best: FittedLaw
    bias: float
    bias_error: float
    relative_sigma: float
    split: str = "every third reading"


def fit_read_back(
    read: ReadBack, where: str, done: Callable[[int, int], None] = lambda *_: None
) -> ReadBackFit:
    """Fit sigma(target) by maximum likelihood of normal errors, on two thirds of the readings.

    Raises DataError for fewer than FEWEST_PULSES readings, and for readings that hit their targets exactly.
    """
    if len(read.target) < FEWEST_PULSES:
        raise DataError(
            where, f"at least {FEWEST_PULSES} readings", f"{len(read.target)}", "measure more devices"
        )
    error = read.measured - read.target
    if not error.any():
        raise DataError(where, "readings that differ from their targets", "equal ones", "check the columns")
    g_max = float(read.target.max())
    if not g_max > 0:
        raise DataError(where, "targets above zero", f"{g_max:g} S at most", "check the columns")
    held = np.arange(len(error)) % 3 == 2
    fitted = []
    levels = len(np.unique(read.target))
    degrees = [degree for degree in DEGREES if degree < levels]
    for number, degree in enumerate(degrees, 1):
        fitted.append(_fit(Spread(degree), read.target / g_max, error / g_max, held))
        done(number, len(degrees))
    fitted.sort(key=lambda fit: -fit.score)
    large = read.target > g_max / 10
    return ReadBackFit(
        g_min=float(read.target.min()), g_max=g_max, laws=tuple(fitted), best=simplest(fitted),
        bias=float(error.mean()), bias_error=float(error.std(ddof=1) / np.sqrt(len(error))),
        relative_sigma=float(np.sqrt(np.mean((error[large] / read.target[large]) ** 2))),
    )  # fmt: skip


def _fit(spread: Spread, x: np.ndarray, error: np.ndarray, held: np.ndarray) -> FittedLaw:
    from scipy import optimize, stats

    def log_density(point: np.ndarray, mask: np.ndarray) -> np.ndarray:
        sigma = np.polynomial.Polynomial(point)(x[mask])
        if np.min(sigma) <= _LEAST:
            return np.full(int(mask.sum()), -_PENALTY)
        return np.asarray(-0.5 * (error[mask] / sigma) ** 2 - np.log(sigma * np.sqrt(2 * np.pi)))

    def cost(point: np.ndarray) -> float:
        return -float(log_density(point * unit, ~held).sum())

    # a first guess: |error| is sigma sqrt(2 / pi) on average
    start = np.zeros(spread.degree + 1)
    if len(np.unique(x)) > spread.degree:
        start = np.polynomial.polynomial.polyfit(
            x[~held], np.abs(error[~held]) * np.sqrt(np.pi / 2), spread.degree
        )
    if np.min(np.polynomial.Polynomial(start)(x)) <= _LEAST:
        start = np.concatenate([[error[~held].std()], np.zeros(spread.degree)])
    unit = float(error.std())
    options = {"xatol": 1e-6, "fatol": 1e-7, "maxiter": 4000, "maxfev": 4000}
    found = optimize.minimize(cost, start / unit, method="Nelder-Mead", options=options).x
    names = [f"c{k}" for k in range(len(found))]
    z = error[held] / np.polynomial.Polynomial(found * unit)(x[held])
    ks = stats.kstest(z, "norm")
    errors = standard_errors(cost, found, [(-np.inf, np.inf)] * len(found))
    return FittedLaw(
        spread, dict(zip(names, (float(c) for c in found * unit), strict=True)),
        {name: None if e is None else e * unit for name, e in zip(names, errors, strict=True)},
        log_density(found * unit, held), float(ks.statistic), float(ks.pvalue), z,
    )  # fmt: skip
