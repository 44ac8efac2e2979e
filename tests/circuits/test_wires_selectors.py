"""Laws of cells, threshold switches, and sneak paths in closed form."""

import numpy as np
import pytest

from neurosim.circuits.parameters import WireParameters
from neurosim.circuits.selectors import (
    HyperbolicSine,
    SeriesSelector,
    ThresholdSwitch,
    read_margin,
    scheme_bias,
    solve_with_switches,
)
from neurosim.foundation.errors import ConfigError, DataError, SolveError

IDEAL = WireParameters(row_ohms=0.0, column_ohms=0.0, cell="passive")
WIRED = WireParameters(row_ohms=2.0, column_ohms=2.0, cell="passive")
ON, OFF, VOLTS = 25e-6, 1e-6, 0.5


def test_hyperbolic_sine():
    law, v = HyperbolicSine(5.0), np.array([-0.4, 0.0, 1e-9, 0.4])
    amperes, siemens = law.current(np.full(4, 1e-5), v)
    np.testing.assert_allclose(amperes, 1e-5 * np.sinh(5 * v) / 5, rtol=1e-14)
    full, half = law.current(np.array([1e-5, 1e-5]), np.array([0.8, 0.4]))[0]
    assert full / half == pytest.approx(2 * np.cosh(5 * 0.4))
    assert siemens[1] == 1e-5


@pytest.mark.parametrize("g", [1e-9, 1e-5, 1e-2])
def test_a_series_selector_shares_the_voltage(g):
    law, v = SeriesSelector(2e-9, 0.04), np.linspace(-3, 3, 61)
    amperes, siemens = law.current(np.full(61, g), v)
    np.testing.assert_allclose(amperes / g + 0.04 * np.arcsinh(amperes / 2e-9), v, rtol=1e-12, atol=1e-14)
    step = 1e-6
    slope = (law.current(np.full(61, g), v + step)[0] - law.current(np.full(61, g), v - step)[0]) / (2 * step)
    np.testing.assert_allclose(siemens, slope, rtol=1e-6)
    assert not law.current(np.zeros(2), np.array([1.0, -1.0]))[0].any()


def test_a_selector_far_beyond_its_range_is_refused():
    with (
        pytest.raises(SolveError, match="series selector: expected a current that settles"),
        np.errstate(all="ignore"),
    ):
        SeriesSelector(1e-300, 1e-3).current(np.array([1e3]), np.array([1e300]))


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: HyperbolicSine(0.0), "per_volt"),
        (lambda: SeriesSelector(-1e-9, 0.1), "i0_amperes"),
        (lambda: SeriesSelector(1e-9, np.nan), "v0_volts"),
        (lambda: ThresholdSwitch(0.3, 1e-3, 0.0), "off_siemens"),
    ],
)
def test_laws_need_positive_numbers(make, name):
    with pytest.raises(ConfigError, match=rf"selector\.{name}: expected a positive number"):
        make()


@pytest.mark.parametrize("shape", [(8, 8), (5, 12)])
def test_sneak_currents_in_closed_form(shape):
    """Without wires: half and third add the half and third voltages' currents of the column's other cells; floating
    lines pass three groups of cells in series."""
    rows, columns = shape[0] - 1, shape[1] - 1
    sneak = {
        "grounded": 0.0, "half": rows * ON / 2, "third": rows * ON / 3,
        "floating": ON / (1 / columns + 1 / (rows * columns) + 1 / rows),
    }  # fmt: skip
    for scheme, siemens in sneak.items():
        found = read_margin(shape, ON, OFF, IDEAL, VOLTS, scheme)
        assert found.on_amperes == pytest.approx(VOLTS * (ON + siemens), rel=1e-9)
        assert found.off_amperes == pytest.approx(VOLTS * (OFF + siemens), rel=1e-9)
        assert found.margin == pytest.approx((ON - OFF) / ON, rel=1e-9)
        assert found.ratio == pytest.approx((ON + siemens) / (OFF + siemens), rel=1e-9)


@pytest.mark.parametrize("scheme", ["half", "third", "floating", "grounded"])
def test_transistors_let_nothing_sneak(scheme):
    gated = WireParameters(row_ohms=0.0, column_ohms=0.0, cell="1T1R")
    found = read_margin((8, 8), ON, OFF, gated, VOLTS, scheme)
    assert found.on_amperes == pytest.approx(VOLTS * ON, rel=1e-12)
    assert found.off_amperes == pytest.approx(VOLTS * OFF, rel=1e-12)


def test_power_of_the_schemes_in_closed_form():
    n, g = 10, ON
    half = read_margin((n, n), ON, OFF, IDEAL, VOLTS, "half").watts
    third = read_margin((n, n), ON, OFF, IDEAL, VOLTS, "third").watts
    assert half == pytest.approx(g * VOLTS**2 * (1 + 2 * (n - 1) / 4), rel=1e-9)
    assert third == pytest.approx(g * VOLTS**2 * (1 + (n * n - 1) / 9), rel=1e-9)


def test_wires_and_size_take_the_margin_and_selectors_give_the_ratio_back():
    small, large = (read_margin((n, n), ON, OFF, WIRED, VOLTS, "half") for n in (8, 32))
    assert large.margin < small.margin < (ON - OFF) / ON
    assert large.ratio < small.ratio < ON / OFF
    selector = SeriesSelector(1e-9, 0.03)
    selected = read_margin((32, 32), ON, OFF, WIRED, VOLTS, "half", selector)
    assert selected.ratio - 1 > 3 * (large.ratio - 1)
    assert selected.watts < 0.2 * large.watts


def test_the_farthest_cell_is_the_worst():
    far = read_margin((16, 16), ON, OFF, WIRED, VOLTS)
    near = read_margin((16, 16), ON, OFF, WIRED, VOLTS, cell=(15, 0))
    assert far.margin < near.margin


def test_threshold_switches_close_where_they_are_selected():
    g = np.full((8, 6), ON)
    switch = ThresholdSwitch(0.7, 1e-3, 1e-9)
    bias = scheme_bias("half", (8, 6), (2, 3), 1.2)
    solution, closed = solve_with_switches(g, IDEAL, bias, switch)
    assert np.argwhere(closed).tolist() == [[2, 3]]
    expected = 1.2 * ON * 1e-3 / (ON + 1e-3) + 7 * 0.6 * ON * 1e-9 / (ON + 1e-9)
    assert solution.column_amperes[3] == pytest.approx(expected, rel=1e-9)
    assert not solve_with_switches(g, IDEAL, scheme_bias("half", (8, 6), (2, 3), 0.5), switch)[1].any()
    everything = scheme_bias("half", (8, 6), (2, 3), 2.0)  # half of it is above the threshold too
    lines = solve_with_switches(g, IDEAL, everything, switch)[1]
    assert lines[2].all()
    assert lines[:, 3].all()
    assert lines.sum() == 8 + 6 - 1


def test_one_switch_closes_before_what_it_discharges():
    """Two switches of a floating column above the threshold: the first one to close takes the voltage off the other."""
    g = np.array([[1e-3], [1e-6]])
    bias_volts = np.array([1.0, 0.0])
    bias = scheme_bias("grounded", (2, 1), (0, 0), 1.0)
    floating = type(bias)(bias_volts, np.array([np.nan]))
    solution, closed = solve_with_switches(g, IDEAL, floating, ThresholdSwitch(0.4, 1e-3, 1e-9))
    assert closed[0, 0]
    total = solution.cell_volts[0, 0] - solution.cell_volts[1, 0]
    assert total == pytest.approx(1.0)


def test_schemes():
    bias = scheme_bias("third", (3, 4), (1, 2), 0.9)
    np.testing.assert_allclose(bias.row_volts, [0.3, 0.9, 0.3])
    np.testing.assert_allclose(bias.column_volts, [0.6, 0.6, 0.0, 0.6])
    assert np.isnan(scheme_bias("floating", (3, 4), (1, 2), 0.9).row_volts).tolist() == [True, False, True]
    with pytest.raises(ConfigError, match="half or third or floating or grounded, got 'quarter'"):
        scheme_bias("quarter", (3, 4), (1, 2), 0.9)
    with pytest.raises(DataError, match=r"a row and column of 3 x 4, got \(3, 0\)"):
        scheme_bias("half", (3, 4), (3, 0), 0.9)
