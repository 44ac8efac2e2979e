"""How long a sweep would take, from its first point."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from neurosim.foundation.errors import ConfigError, LimitError
from neurosim.foundation.units import UNITS
from neurosim.sweep.description import Sweep
from neurosim.sweep.points import FAILED, FOLDER, point_of, run_point

MANY = 10_000  # points from which a sweep has to be confirmed
_WARM_S = 10.0  # a first point that took longer is not run again: compiling was the smaller part


@dataclass(frozen=True)
class Estimate:
    """Seconds and bytes of a point, and of a sweep with so many points on so many workers."""

    points: int
    workers: int
    point_s: float
    point_bytes: int

    @property
    def seconds(self) -> float:
        """Of the whole sweep."""
        return self.points * self.point_s / max(self.workers, 1)

    @property
    def size(self) -> int:
        """Bytes of all run files."""
        return self.points * self.point_bytes

    def __str__(self) -> str:
        workers = f"with {self.workers} worker" + ("" if self.workers == 1 else "s")
        where = workers if self.workers else "in this process"
        return (
            f"about {rough_time(self.seconds)} {where} and {self.size / 1e9:,.3g} GB of run files "
            f"(a point takes {rough_time(self.point_s)})"
        )


def estimate(sweep: Sweep, workers: int, points: int | None = None) -> Estimate:
    """Run the first point here, in a folder that is gone afterwards; again where the first time was spent compiling.

    Raises ConfigError when it fails: then the others would hardly fare better.
    """
    first = point_of(sweep, 0)
    for _ in range(2):
        with tempfile.TemporaryDirectory(prefix="neurosim-") as name:
            folder = Path(name)
            (folder / FOLDER).mkdir()
            outcome = run_point(folder, first)
            if outcome.status == FAILED:
                raise ConfigError(
                    f"{sweep.path}: point 0", "one that runs", outcome.error, "see what it says"
                )
            size = (folder / first.file).stat().st_size
        if outcome.seconds > _WARM_S:
            break
    return Estimate(sweep.points if points is None else points, workers, outcome.seconds, size)


def require_consent(sweep: Sweep, workers: int, yes: bool) -> None:
    """Refuse more than MANY points unless they were asked for, with the estimate.

    Raises LimitError.
    """
    if sweep.points > MANY and not yes:
        raise LimitError(f"{sweep.path}", f"at most {MANY:,} points without --yes", f"{sweep.points:,} points: "
                         f"{estimate(sweep, workers)}", "give --yes to run them, or make the grid smaller")  # fmt: skip


def rough_time(seconds: float) -> str:
    """A time as one would say it: 0.17 s, 40 s, 12 min, 3.5 h, 47 days."""
    for unit, most in (("s", 120.0), ("min", 120 * 60.0), ("h", 48 * 3600.0)):
        if seconds < most:
            return f"{seconds / UNITS[unit][0]:.2g} {unit}"
    return f"{seconds / UNITS['day'][0]:,.0f} days"
