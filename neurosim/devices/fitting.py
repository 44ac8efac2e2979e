"""Fit the pulses of a device to measured ramps: every law, compared on pulses that the fit has not seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from neurosim.devices.fitting_laws import (
    AnyLaw,
    Law,
    Parameter,
    Scaled,
    Way,
    gradual_laws,
    log_likelihood,
    predictions,
)
from neurosim.devices.measured import Ramps
from neurosim.foundation.errors import DataError

FEWEST_PULSES = 30  # in a direction; fewer do not tell a law from another one
FEWEST_RAMPS = 4  # of a direction, for whole ramps to be held out, and for a spread from ramp to ramp
BLOCKS = 12  # otherwise a ramp is cut into so many, every third of which is held out
BOUND_SPREAD = 0.02  # standard deviation of the prior of a range's ends, of the measured range
MOST_LOST = 0.02  # log density of a held-out reading that a simpler law may cost
_PENALTY = 1e12


class NamedLaw(Protocol):
    """What a table says of a law."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def noise(self) -> str: ...


@dataclass(frozen=True)
class FittedLaw:
    """A law with its parameters and what it makes of the pulses that were held out.

    values, errors : by name; an error is None at the end of a parameter's range
    densities : log density of every held-out reading
    ks, p : Kolmogorov and Smirnov's distance of the standardised held-out errors from the normal distribution, and
        its probability; standardised : those errors
    """

    law: NamedLaw
    values: dict[str, float]
    errors: dict[str, float | None]
    densities: np.ndarray
    ks: float
    p: float
    standardised: np.ndarray

    @property
    def score(self) -> float:
        """Mean log density of a held-out reading."""
        return float(self.densities.mean())


@dataclass(frozen=True)
class PulseFit:
    """All laws fitted to a measurement, the likeliest of the held-out pulses first.

    best : the simplest law that is about as good as the first (`simplest`)
    low, high : the range of the best law, in the values' own unit; ways : directions that were measured
    ramp_spread : relative standard deviation of the step from ramp to ramp and its error; None with too few ramps
    split : in words, what was held out; ramps : the measurement in shares of that range
    """

    low: float
    high: float
    laws: tuple[FittedLaw, ...]
    best: FittedLaw
    ramp_spread: tuple[float, float] | None
    split: str
    ramps: Scaled
    ways: tuple[Way, ...]


def fit_pulses(measured: Ramps, where: str, done: Callable[[int, int], None] = lambda *_: None,
               laws: Sequence[AnyLaw] | None = None) -> PulseFit:  # fmt: skip
    """Fit laws of small pulses to ramps, by maximum likelihood on two thirds of them.

    The ends of the range are fitted too, with a normal prior of BOUND_SPREAD about the measured ones, which matters
    only where ramps do not reach the ends.

    Where every measured direction has at least FEWEST_RAMPS ramps, every third ramp is held out; otherwise every third
    of BLOCKS blocks of each ramp. `done(k, n)` is told after each law.

    Raises DataError for fewer than FEWEST_PULSES pulses in a direction, and for ramps that do not move.
    """
    candidates = gradual_laws() if laws is None else tuple(laws)
    ramps, low, high, split = _scaled(measured, where, from_zero=candidates[0].from_zero)
    fitted = []
    for number, law in enumerate(candidates, 1):
        fitted.append(_fit(law, ramps))
        done(number, len(candidates))
    fitted.sort(key=lambda fit: -fit.score)
    best = simplest(fitted)
    ends = best.values.get("low", 0.0), best.values.get("high", 1.0)
    ramps, width = ramps.within(*ends), high - low
    low, high = low + width * ends[0], low + width * ends[1]
    return PulseFit(low, high, tuple(fitted), best, _ramp_spread(best, ramps), split, ramps, ramps.ways)


def simplest(fitted: Sequence[FittedLaw]) -> FittedLaw:
    """The law with the fewest parameters of those that make the held-out pulses about as likely as the best does.

    About as likely: within two standard errors of the difference (after Breiman et al., Classification and Regression
    Trees, 1984), and MOST_LOST at most; of laws with equally many parameters, the likeliest.
    """
    best = max(fitted, key=lambda fit: fit.score)
    near = []
    for fit in fitted:
        lost = best.densities - fit.densities
        if lost.mean() <= min(2 * lost.std(ddof=1) / math.sqrt(len(lost)), MOST_LOST):
            near.append(fit)
    return min(near, key=lambda fit: (len(fit.values), -fit.score))


def _scaled(measured: Ramps, where: str, from_zero: bool) -> tuple[Scaled, float, float, str]:
    _enough(measured, where)
    tabulated = measured.bins is not None
    smooth = [v[:1] if tabulated else _smoothed(v) for v in measured.values]
    low, high = min(float(v.min()) for v in smooth), max(float(v.max()) for v in smooth)
    if not high > low:
        raise DataError(
            where, "conductances that pulses move", f"{low:g} at every pulse", "check the columns"
        )
    low = 0.0 if from_zero else low
    lengths = np.array([len(v) for v in measured.values])
    x = np.full((len(lengths), lengths.max()), np.nan)
    for row, values in zip(x, measured.values, strict=True):
        row[: len(values)] = (values - low) / (high - low)
    up = np.array(measured.up)
    if measured.bins is not None:
        held = np.repeat((np.array(measured.bins) % 3 == 2)[:, None], x.shape[1], axis=1)
        return Scaled(x, lengths, up, held, noisy=False), low, high, "every third conductance bin"
    held, split = held_out(lengths, up, x.shape[1])
    return Scaled(x, lengths, up, held), low, high, split


def _enough(measured: Ramps, where: str) -> None:
    for way, is_up in (("up", True), ("down", False)):
        lengths = [len(v) for v, u in zip(measured.values, measured.up, strict=True) if u is is_up]
        if lengths and sum(lengths) < FEWEST_PULSES:
            raise DataError(where, f"at least {FEWEST_PULSES} pulses {way}", f"{sum(lengths)}",
                            "measure more of them, or leave that direction out")  # fmt: skip
    if not measured.values:
        raise DataError(where, "at least one column of conductances", "none", "check the file")


def held_out(lengths: np.ndarray, up: np.ndarray, width: int) -> tuple[np.ndarray, str]:
    """Which readings a fit does not see, bool (ramps, width), and the split in words."""
    held = np.zeros((len(lengths), width), np.bool_)
    directions = [np.flatnonzero(up == way) for way in (True, False) if way in up]
    if all(len(rows) >= FEWEST_RAMPS for rows in directions):
        for rows in directions:
            held[rows[2::3]] = True
        return held, f"every third ramp, {int(held.any(axis=1).sum())} of {len(lengths)}"
    for row, length in zip(held, lengths, strict=True):
        block = max(int(length) // BLOCKS, 1)
        row[:] = (np.arange(width) // block) % 3 == 2
    return held, f"every third of {BLOCKS} blocks of each ramp"


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Running means over a twentieth of a ramp, at most 25 readings: its range without that of the reading's noise."""
    window = min(max(len(values) // 20, 1), 25, len(values))
    return np.convolve(values, np.ones(window) / window, mode="valid")


def _fit(law: AnyLaw, ramps: Scaled) -> FittedLaw:
    from scipy import optimize, stats

    parameters = law.parameters(ramps.ways, ramps.noisy)
    seen, held = ramps.predicted & ~ramps.held, ramps.predicted & ramps.held
    n = max(int(seen.sum()), 1)

    def cost(point: np.ndarray) -> float:
        values = _values(parameters, point)
        low, high = values.get("low", 0.0), values.get("high", 1.0)
        within = ramps if (low, high) == (0.0, 1.0) else ramps.within(low, high)
        likely = log_likelihood(
            within, law.kind, law.coefficients(values), values.get("read_noise", 0.0), seen
        )
        prior = (low**2 + (high - 1) ** 2) / (2 * BOUND_SPREAD**2)
        found = (prior - likely) / n + math.log(high - low)
        return found if math.isfinite(found) else _PENALTY

    bounds = [_bounds(p) for p in parameters]
    results = [
        optimize.minimize(cost, start, method="L-BFGS-B", bounds=bounds)
        for start in _starts(law, parameters, ramps)
    ]
    best = min(results, key=lambda result: float(result.fun)).x
    values = _values(parameters, best)
    low, high = values.get("low", 0.0), values.get("high", 1.0)
    noise, within = values.get("read_noise", 0.0), ramps.within(low, high)
    error, variance = predictions(within, law.kind, law.coefficients(values), noise)
    z, spread = error[held] / np.sqrt(variance[held]), np.sqrt(variance[held]) * (high - low)
    ks = stats.kstest(z, "norm")
    densities = -0.5 * (z * z + np.log(2 * np.pi)) - np.log(spread)
    errors = standard_errors(lambda point: cost(point) * n, best, bounds)
    natural = {p.name: _natural_error(p, values[p.name], e) for p, e in zip(parameters, errors, strict=True)}
    return FittedLaw(law, values, natural, densities, float(ks.statistic), float(ks.pvalue), z)


def _bounds(parameter: Parameter) -> tuple[float, float]:
    if parameter.logarithmic:
        return math.log(parameter.low), math.log(parameter.high)
    return parameter.low, parameter.high


def _values(parameters: Sequence[Parameter], point: np.ndarray) -> dict[str, float]:
    return {
        p.name: math.exp(x) if p.logarithmic else float(x) for p, x in zip(parameters, point, strict=True)
    }


def _natural_error(parameter: Parameter, value: float, error: float | None) -> float | None:
    return error if error is None or not parameter.logarithmic else value * error


def standard_errors(cost: Callable[[np.ndarray], float], point: np.ndarray, bounds: Sequence[tuple[float, float]],
                    ) -> list[float | None]:  # fmt: skip
    """Standard errors from the curvature of a negative log likelihood; None at a bound, and where it is flat."""
    free = [k for k, (low, high) in enumerate(bounds) if low + 1e-3 < point[k] < high - 1e-3]
    steps = np.full(len(point), 1e-3)
    size = len(free)
    hessian = np.zeros((size, size))
    for a, i in enumerate(free):
        for b, j in enumerate(free[: a + 1]):
            total = 0.0
            for s, t in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                moved = point.copy()
                moved[i] += s * steps[i]
                moved[j] += t * steps[j]
                total += s * t * cost(moved)
            hessian[a, b] = hessian[b, a] = total / (4 * steps[i] * steps[j])
    found: list[float | None] = [None] * len(point)
    try:
        covariance = np.linalg.inv(hessian)
    except np.linalg.LinAlgError:
        return found
    for a, i in enumerate(free):
        if covariance[a, a] > 0:
            found[i] = float(np.sqrt(covariance[a, a]))
    return found


def _starts(law: AnyLaw, parameters: Sequence[Parameter], ramps: Scaled) -> list[np.ndarray]:
    """Where searches begin: a law's own guess, with much and with little of the scatter put down to reading."""
    rough = _rough(ramps)
    guesses = []
    for share in (0.1, 0.9) if ramps.noisy else (0.0,):
        guess = {**law.guess(rough, ramps.ways), "read_noise": rough["read"] * math.sqrt(share) + 1e-5}
        point = [min(max(guess[p.name], p.low), p.high) for p in parameters]
        guesses.append(
            np.array([math.log(v) if p.logarithmic else v for p, v in zip(parameters, point, strict=True)])
        )
    return guesses


def _rough(ramps: Scaled) -> dict[str, float]:
    """Mean steps at both ends of the way, and noises, without a fit.

    Differences of one reading to the next hold two read noises, which come back with the other sign in the next one.
    """
    found: dict[str, float] = {}
    scatter, back = [], []
    for way, is_up in (("up", True), ("down", False)):
        steps = []
        for row in np.flatnonzero(ramps.up == is_up):
            way_gone = ramps.x[row, : ramps.lengths[row]] * (1 if is_up else -1)
            steps.append(np.column_stack([way_gone[:-1], np.diff(way_gone)]))
            scattered = np.diff(way_gone) - np.diff(way_gone).mean()
            if ramps.noisy:
                scatter.append(np.mean(scattered**2))
            back.append(np.mean(scattered[1:] * scattered[:-1]) if len(scattered) > 1 else 0.0)
        if steps:
            pooled = np.concatenate(steps)
            if not ramps.noisy:
                scatter.append(np.var(pooled[:, 1]))
            slope, first = _line(pooled)
            found[f"first_{way}"], found[f"last_{way}"] = first, min(max(first + slope, 1e-6), 0.9)
    read = max(-float(np.mean(back)), 1e-10)
    found["read"] = math.sqrt(read)
    found["pulse"] = math.sqrt(max(float(np.mean(scatter)) - 2 * read, 1e-10)) + 1e-5
    found["step"] = float(np.mean([v for k, v in found.items() if k.startswith(("first", "last"))]))
    return found


def _line(steps: np.ndarray) -> tuple[float, float]:
    """Slope of the step over the way, and the step where it begins, from the two halves of the way (way, step).

    Means of halves, not a straight fit: the noise of a reading, in both columns, would bend that.
    """
    start, width = steps[:, 0].min(), np.ptp(steps[:, 0])
    later = steps[:, 0] > np.median(steps[:, 0])
    if later.all() or not later.any() or not width > 0:
        return 0.0, min(max(float(steps[:, 1].mean()), 1e-6), 0.9)
    before, after = steps[~later].mean(axis=0), steps[later].mean(axis=0)
    mean = max(float(steps[:, 1].mean()), 1e-6)
    slope = min(max(float((after[1] - before[1]) / (after[0] - before[0]) * width), -mean), mean)
    first = float(before[1] - slope * (before[0] - start) / width)
    return slope, min(max(first, 0.2 * mean), 0.9)


def _ramp_spread(fit: FittedLaw, ramps: Scaled) -> tuple[float, float] | None:
    """Spread of the step from ramp to ramp, relative, with its error; None with too few ramps, and for crystallisation.

    Every ramp's own factor of the step is fitted; their variance less that of their errors is the spread's.
    """
    from scipy import optimize

    if not isinstance(fit.law, Law) or not ramps.noisy:
        return None
    counts = [int(np.sum(ramps.up == way)) for way in (True, False) if way in ramps.up]
    if min(counts) < FEWEST_RAMPS:
        return None
    c = fit.law.coefficients(fit.values)
    sized = [0, 1, 2, 3] if fit.law.kind == "exp_step" else [0, 1]
    factors, variances = [], []
    for row in range(len(ramps.up)):
        one = ramps.chosen(np.array([row]))

        def cost(factor: float, one: Scaled = one) -> float:
            own = c.copy()
            own[sized] *= factor
            return -log_likelihood(one, fit.law.kind, own, fit.values["read_noise"], one.predicted)

        best = float(optimize.minimize_scalar(cost, bounds=(0.1, 10.0), method="bounded").x)
        bend = (cost(best + 1e-2) - 2 * cost(best) + cost(best - 1e-2)) / 1e-4
        if bend > 0:
            factors.append(best)
            variances.append(1 / bend)
    if len(factors) < FEWEST_RAMPS:
        return None
    own = float(np.var(factors, ddof=1))
    spread = math.sqrt(max(own - float(np.mean(variances)), 0.0))
    return spread, math.sqrt(own / (2 * (len(factors) - 1)))
