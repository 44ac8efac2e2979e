"""Cells that are not ohmic, and what sneak paths leave of a read in an array without transistors.

Current laws are odd and rising; `g` is always the conductance at small voltages of the memory element itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from neurosim.circuits.nodal import Bias, CellLaw, Ohmic, Solution, solve_array
from neurosim.circuits.parameters import WireParameters
from neurosim.foundation.errors import ConfigError, DataError, SolveError

Scheme = Literal["half", "third", "floating", "grounded"]
INNER_STEPS = 200  # of the scalar equation of a series selector; it needs about ten


@dataclass(frozen=True)
class HyperbolicSine:
    """I = g sinh(k V) / k: hopping or tunnelling through an oxide (Simmons 1963; Mott and Gurney).

    per_volt : k. A nonlinearity of I(V) / I(V/2) = 2 cosh(k V / 2)
    """

    per_volt: float
    linear: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        _positive("per_volt", self.per_volt)

    def current(self, g: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Amperes and siemens."""
        x = self.per_volt * v
        return g * np.sinh(x) / self.per_volt, g * np.cosh(x)


@dataclass(frozen=True)
class SeriesSelector:
    """A memory element behind a two-terminal selector of exponential law, I = i0 sinh(V_s / v0).

    The cell's current solves V = I / g + v0 asinh(I / i0): below a voltage the selector blocks, above it the memory
    element decides. A mixed ionic-electronic selector is of this kind (Burr et al., J. Vac. Sci. Technol. B 32,
    040802, 2014).
    """

    i0_amperes: float
    v0_volts: float
    linear: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        _positive("i0_amperes", self.i0_amperes)
        _positive("v0_volts", self.v0_volts)

    def current(self, g: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Amperes and siemens: the scalar equation by Newton's method in s = asinh(I / i0).

        f(s) = i0 sinh(s) / g + v0 s - |V| is convex and rises from s = 0, so from above every step comes nearer.

        Raises SolveError where it does not settle.
        """
        magnitude, conducts = np.abs(v), g > 0
        ohms = 1 / np.where(conducts, g, 1.0)
        scale = self.i0_amperes * ohms
        s = np.minimum(magnitude / self.v0_volts, np.arcsinh(magnitude / scale))
        for _ in range(INNER_STEPS):
            rest = scale * np.sinh(s) + self.v0_volts * s - magnitude
            step = rest / (scale * np.cosh(s) + self.v0_volts)
            s = s - step
            if np.all(np.abs(step) <= 4e-16 * (1 + s)):
                break
        else:
            raise SolveError("series selector", "a current that settles", f"a step of {np.abs(step).max():.3g}",
                             "use voltages below a few hundred v0")  # fmt: skip
        amperes = np.where(conducts, np.sign(v) * self.i0_amperes * np.sinh(s), 0.0)
        slope = 1 / (ohms + self.v0_volts / (self.i0_amperes * np.cosh(s)))
        return amperes, np.where(conducts, slope, 0.0)


@dataclass(frozen=True)
class Switches:
    """Cells behind threshold switches in a given state: in series with `on` siemens where closed, else with `off`."""

    closed: np.ndarray
    on_siemens: float
    off_siemens: float
    linear: bool = field(default=True, init=False)

    def current(self, g: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Amperes and siemens."""
        switch = np.where(self.closed, self.on_siemens, self.off_siemens)
        series = g * switch / (g + switch)
        return series * v, series


@dataclass(frozen=True)
class ThresholdSwitch:
    """An ovonic or volatile switch in series with each cell: it closes above a voltage across itself, and then holds.

    v_threshold_volts : across the switch, at which it closes; on_siemens, off_siemens : of the switch
    """

    v_threshold_volts: float
    on_siemens: float
    off_siemens: float

    def __post_init__(self) -> None:
        for name in ("v_threshold_volts", "on_siemens", "off_siemens"):
            _positive(name, getattr(self, name))


def solve_with_switches(g_siemens: np.ndarray, wires: WireParameters, bias: Bias,
                        switch: ThresholdSwitch) -> tuple[Solution, np.ndarray]:  # fmt: skip
    """An array whose cells have threshold switches, from all open: those whose voltage passes the threshold close.

    Of the open switches above the threshold, those within a tenth of the highest voltage close together; the array is
    solved again, until none is above. Closed ones stay closed, so it ends.

    Returns the solution and which switches are closed. Raises as `nodal.solve_array`.
    """
    closed = np.zeros(np.shape(g_siemens), bool)
    while True:
        law = Switches(closed, switch.on_siemens, switch.off_siemens)
        solution = solve_array(g_siemens, wires, bias, law)
        across = np.abs(solution.cell_volts) * g_siemens / (g_siemens + switch.off_siemens)
        across[closed] = 0.0
        if across.max() <= switch.v_threshold_volts:
            return solution, closed
        closed = closed | (across > max(switch.v_threshold_volts, 0.9 * across.max()))


@dataclass(frozen=True)
class ReadMargin:
    """One cell read in an array whose other cells all conduct, the worst case.

    on_amperes, off_amperes : at the selected column, with the selected cell conducting and not
    alone_amperes : of the conducting cell in an array of its own; watts : delivered while it conducts
    """

    on_amperes: float
    off_amperes: float
    alone_amperes: float
    watts: float

    @property
    def margin(self) -> float:
        """(on - off) over the current of the conducting cell alone: one is a perfect read."""
        return (self.on_amperes - self.off_amperes) / self.alone_amperes

    @property
    def ratio(self) -> float:
        """On over off."""
        return self.on_amperes / self.off_amperes


def scheme_bias(scheme: Scheme, shape: tuple[int, int], cell: tuple[int, int], volts: float) -> Bias:
    """Voltages that select one cell: its row at `volts`, its column at zero.

    half: all other lines at V/2, so that only cells that share a line see V/2. third: other rows at V/3, other columns
    at 2V/3, so that every other cell sees V/3. floating: other lines float. grounded: other lines at zero.
    """
    others = {
        "half": (0.5, 0.5),
        "third": (1 / 3, 2 / 3),
        "floating": (np.nan, np.nan),
        "grounded": (0.0, 0.0),
    }
    if scheme not in others:
        raise ConfigError("scheme", " or ".join(others), repr(scheme), "choose how the other lines are held")
    if not all(0 <= at < size for at, size in zip(cell, shape, strict=True)):
        raise DataError(
            "selected cell", f"a row and column of {shape[0]} x {shape[1]}", str(cell), "count from zero"
        )
    rows, columns = (np.full(size, share * volts) for size, share in zip(shape, others[scheme], strict=True))
    rows[cell[0]], columns[cell[1]] = volts, 0.0
    return Bias(rows, columns)


def read_margin(shape: tuple[int, int], on_siemens: float, off_siemens: float, wires: WireParameters, volts: float,
                scheme: Scheme = "half", law: CellLaw | None = None,
                cell: tuple[int, int] | None = None) -> ReadMargin:  # fmt: skip
    """What a read tells of one cell while all others conduct.

    cell : the selected one; None: the one farthest from driver and sense circuit
    wires : in a 1T1R array the transistors of all other rows are off, so that no current sneaks

    Raises as `nodal.solve_array`, ConfigError for an unknown scheme.
    """
    selected = cell or (0, shape[1] - 1)
    bias = scheme_bias(scheme, shape, selected, volts)
    g = np.full(shape, float(on_siemens))
    if wires.cell == "1T1R":
        others = np.arange(shape[0]) != selected[0]
        g[others], bias.row_volts[others] = 0.0, 0.0
    on = solve_array(g, wires, bias, law)
    g[selected] = off_siemens
    off = solve_array(g, wires, bias, law)
    alone = float((law or Ohmic()).current(np.array(on_siemens), np.array(volts))[0])
    column = selected[1]
    return ReadMargin(
        float(on.column_amperes[column]), float(off.column_amperes[column]), alone, on.watts(bias)
    )


def _positive(name: str, value: float) -> None:
    if not (np.isfinite(value) and value > 0):
        raise ConfigError(f"selector.{name}", "a positive number", repr(value), "check its unit")
