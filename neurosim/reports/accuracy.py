"""Accuracy over chips and times, with an interval that says what it is an interval of."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

LEVEL = 0.95


@dataclass(frozen=True)
class Accuracy:
    """Fractions of images classified right.

    times_s : seconds after programming, (times,)
    per_chip : float64 (chips, times)
    mean, low, high : float64 (times,), mean over chips and its 95 % interval
    method : what the interval is: Student's t over chips, or Wilson's binomial over images for one chip
    """

    times_s: tuple[float, ...]
    per_chip: np.ndarray = field(repr=False)
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    method: str

    @staticmethod
    def of(correct: np.ndarray, times_s: tuple[float, ...]) -> Accuracy:
        """From bool (chips, times, images): whether each image was classified right."""
        per_chip = correct.mean(axis=2)
        ends = [interval(per_chip[:, time], correct.shape[2]) for time in range(len(times_s))]
        low, high = (np.array([end[side] for end in ends]) for side in (0, 1))
        chips = len(per_chip)
        over_chips = f"95 % of the mean, Student's t over {chips} chips"
        method = over_chips if chips > 1 else f"95 % Wilson interval of {correct.shape[2]} images, one chip"
        return Accuracy(times_s, per_chip, per_chip.mean(axis=0), low, high, method)

    def __str__(self) -> str:
        """One line per time: mean and interval in per cent."""
        from neurosim.foundation.units import format_time

        return "\n".join(
            f"{format_time(t)}: {100 * m:.2f} % [{100 * a:.2f}, {100 * b:.2f}]"
            for t, m, a, b in zip(self.times_s, self.mean, self.low, self.high, strict=True)
        )


def interval(per_chip: np.ndarray, images: int) -> tuple[float, float]:
    """95 % interval of an accuracy from the accuracies of chips (chips,), each on `images` images.

    Several chips: mean +- t s / sqrt(chips), the spread from chip to chip, cut off at 0 and 1. One chip:
    Wilson's score interval, which knows nothing of other chips, only of the finite number of images.
    """
    from scipy import stats

    chips, mean = len(per_chip), float(np.mean(per_chip))
    if chips > 1:
        half = (
            float(stats.t.ppf((1 + LEVEL) / 2, chips - 1))
            * float(np.std(per_chip, ddof=1))
            / math.sqrt(chips)
        )
        return max(mean - half, 0.0), min(mean + half, 1.0)
    z = float(stats.norm.ppf((1 + LEVEL) / 2))
    centre = (mean + z * z / (2 * images)) / (1 + z * z / images)
    half = z / (1 + z * z / images) * math.sqrt(mean * (1 - mean) / images + z * z / (4 * images * images))
    # rounding must not put the estimate itself outside
    return max(min(centre - half, mean), 0.0), min(max(centre + half, mean), 1.0)
