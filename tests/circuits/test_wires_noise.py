"""Per-read noise of devices behind wires: its first order against the adjoint network, and against sampled devices."""

import numpy as np
import pytest
from dense_arrays import dense_adjoint, dense_equations, dense_voltages
from scipy import stats

from neurosim.circuits.parameters import WireParameters
from neurosim.circuits.wires import POWER_IN_MEAN, effective, noise_transfer

DRAWS = 100_000


def wires(row, column, **changes):
    return WireParameters(row_ohms=row, column_ohms=column, **changes)


def first_order(g, variance, circuit, inputs):
    """Variance of every column's current, all cells counted: (inputs, columns)."""
    adjoint = dense_adjoint(g, circuit)
    across = dense_voltages(g, circuit, inputs)
    return (across**2 * variance).reshape(len(inputs), -1) @ (adjoint**2).reshape(g.shape[1], -1).T


def test_no_wires_change_no_noise():
    assert np.array_equal(noise_transfer(np.full((3, 4), 1e-5), wires(0.0, 0.0), 0.3), np.ones((3, 4)))


def test_a_single_cell_in_series():
    """dI/dg = 1 / (1 + g R)^2, so its square is what the variance is multiplied with."""
    share = noise_transfer(np.array([[1e-3]]), wires(50.0, 20.0, driver_ohms=10.0, sense_ohms=5.0), 0.5)
    assert share[0, 0] == pytest.approx((1 + 1e-3 * 85) ** -4, rel=1e-9)


@pytest.mark.parametrize(("row", "column"), [(5.0, 5.0), (20.0, 0.5), (0.5, 20.0), (50.0, 50.0)])
@pytest.mark.parametrize("inputs", ["alike", "one row", "uniform", "rectified", "sparse", "signed"])
def test_variance_at_the_sense_circuits(row, column, inputs):
    """Wires that take 2 to 19 % of the current. With the inputs' own share of power in their mean, the mean over inputs
    is right within 0.2 %, and single inputs within 15; with the share of rectified normals the mean is within 16."""
    rng = np.random.default_rng(3)
    circuit, g = wires(row, column, driver_ohms=3.0), rng.uniform(1e-6, 25e-6, (24, 20))
    draws = {
        "alike": np.ones((1, 24)), "one row": np.eye(24), "uniform": rng.random((300, 24)),
        "rectified": np.maximum(rng.standard_normal((300, 24)), 0),
        "sparse": (rng.random((300, 24)) < 0.2) * rng.random((300, 24)),
        "signed": rng.standard_normal((300, 24)),
    }  # fmt: skip
    x, variance = draws[inputs], (0.05 * g) ** 2
    own = {"alike": 1.0, "one row": 0.0}.get(inputs, x.mean() ** 2 / (x**2).mean())
    x = x[x.any(axis=1)]
    exact = first_order(g, variance, circuit, x)
    got = x**2 @ (noise_transfer(g, circuit, own) * variance)
    bare = x**2 @ variance
    assert abs(got.sum() / exact.sum() - 1) < 0.002
    assert abs(bare.sum() / exact.sum() - 1) > 0.03  # what is left out without wires
    assert np.abs(got / exact - 1).max() < 0.15
    assert abs((x**2 @ (noise_transfer(g, circuit, POWER_IN_MEAN) * variance)).sum() / exact.sum() - 1) < 0.16


def sampled_currents(g, sigma, circuit, volts, seed):
    """Column currents of DRAWS arrays whose cells all differ, each solved by its own dense equations."""
    rng = np.random.default_rng(seed)
    a, b, c = dense_equations(g, circuit)
    cells = g.size
    w, u = np.arange(cells), cells + np.arange(cells)
    currents = []
    for _ in range(10):
        many = np.repeat(a[None], DRAWS // 10, axis=0)
        change = sigma.ravel() * rng.standard_normal((DRAWS // 10, cells))
        many[:, w, w] += change
        many[:, u, u] += change
        many[:, w, u] -= change
        many[:, u, w] -= change
        currents.append(np.linalg.solve(many, (b @ volts)[None, :, None])[..., 0] @ c.T)
    return np.concatenate(currents)


@pytest.mark.parametrize(("volts", "own"), [([1.0, 1.0, 1.0], 1.0), ([0.0, 1.0, 0.0], 0.0)])
def test_devices_drawn_one_by_one_give_the_same_currents(volts, own):
    circuit = wires(600.0, 900.0)  # strong drops on a small array
    g = np.random.default_rng(8).uniform(5e-6, 25e-6, (3, 3))
    sigma = 0.01 * g
    v = np.array(volts)
    currents = sampled_currents(g, sigma, circuit, v, 11)
    predicted = v**2 @ (noise_transfer(g, circuit, own) * sigma**2)
    z = (currents - currents.mean(axis=0)) / np.sqrt(predicted)
    for column in z.T:
        assert stats.kstest(column, "norm").pvalue > 1e-6
        assert spread_pvalue(column) > 1e-6
        assert spread_pvalue(column / 1.025) < 1e-6  # 5 % of the variance
        assert spread_pvalue(column * 1.025) < 1e-6


def spread_pvalue(z):
    """Two-sided, of the sum of squares of standard normals about their mean."""
    total, freedom = np.sum((z - z.mean()) ** 2), len(z) - 1
    return 2 * min(stats.chi2.cdf(total, freedom), stats.chi2.sf(total, freedom))


def test_effective_variances_are_those_of_the_devices_columns():
    rng = np.random.default_rng(0)
    g = rng.uniform(1e-6, 25e-6, (2, 1, 12, 5)).astype(np.float32)
    variance = (0.1 * g) ** 2
    circuit = wires(30.0, 10.0)
    _, spread = effective(g, variance, circuit, (12,), None, power_in_mean=0.7)
    array = g[:, 0].transpose(1, 2, 0).reshape(12, 10)
    share = noise_transfer(array, circuit, 0.7).reshape(12, 5, 2).transpose(2, 0, 1)
    np.testing.assert_allclose(spread[:, 0], share * variance[:, 0], rtol=1e-6)
    assert spread.dtype == np.float32
