"""First-spike kernels: NumPy twin, numerical integration of the equations, and hand-solved cases."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from neurosim.kernels import first_spike


def twin(times, weights, threshold):
    """Mostafa's formula in z = exp(t), neuron by neuron, with sorted inputs."""
    out = np.full((len(times), weights.shape[-1]), np.inf)
    for image, row in enumerate(times):
        order = np.argsort(row)
        z = np.exp(row[order])
        own = weights[image if len(weights) > 1 else 0][order].astype(float)
        for j in range(out.shape[1]):
            for last in np.flatnonzero(np.isfinite(z)):
                spare = own[: last + 1, j].sum() - threshold[j]
                following = z[last + 1] if last + 1 < len(z) else np.inf
                if spare > 0 and (found := own[: last + 1, j] @ z[: last + 1] / spare) <= following:
                    out[image, j] = np.log(found)
                    break
    return out


def integrated(times, weights, threshold, end):
    """First crossing of V by a Runge-Kutta integration of dI/dt = -I, dV/dt = I, restarted at every input."""
    current, potential, now = 0.0, 0.0, 0.0
    order = np.argsort(times)
    crossing = lambda t, y: y[1] - threshold  # noqa: E731
    crossing.terminal, crossing.direction = True, 1
    for stop, weight in [*((times[i], weights[i]) for i in order if np.isfinite(times[i])), (end, 0.0)]:
        if stop > now:
            part = solve_ivp(lambda t, y: [-y[0], y[0]], (now, stop), [current, potential], "DOP853",
                             events=crossing, rtol=1e-11, atol=1e-13)  # fmt: skip
            if len(part.t_events[0]):
                return part.t_events[0][0]
            (current, potential), now = part.y[:, -1], stop
        current += weight
    return np.inf


def solved(times, weights, threshold=1.0, stop=False):
    weights = np.ascontiguousarray(weights if weights.ndim == 3 else weights[None])
    out = np.empty((len(times), weights.shape[2]))
    first_spike.any_times(
        times, weights, np.broadcast_to(threshold, weights.shape[2]).astype(float), stop, out
    )
    return out


def problem(seed, images=40, inputs=30, neurons=20, own=False):
    rng = np.random.default_rng(seed)
    times = rng.exponential(1.0, (images, inputs))
    times[rng.random(times.shape) < 0.1] = np.inf
    shape = (images if own else 1, inputs, neurons)
    return times, rng.normal(0.08, 0.3, shape), rng.uniform(0.3, 1.5, neurons)


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_any_times_equals_the_twin(seed, own):
    times, weights, threshold = problem(seed, own=own)
    out, wanted = solved(times, weights, threshold), twin(times, weights, threshold)
    assert 0.2 < np.isfinite(wanted).mean() < 0.98  # some neurons spike, some never
    np.testing.assert_array_equal(np.isfinite(out), np.isfinite(wanted))
    np.testing.assert_allclose(out, wanted, rtol=1e-9, atol=1e-9)


def test_any_times_equals_a_numerical_integration():
    times, weights, threshold = problem(7, images=6, inputs=15, neurons=8)
    weights = weights * 1.5
    out = solved(times, weights, threshold)
    wanted = np.array(
        [[integrated(row, weights[0, :, j], threshold[j], 40.0) for j in range(8)] for row in times]
    )
    assert 5 < np.isfinite(wanted).sum() < wanted.size
    np.testing.assert_array_equal(np.isfinite(out), np.isfinite(wanted))
    np.testing.assert_allclose(out, wanted, atol=1e-8)
    slow = solved(times, weights, threshold * 1.05)  # five per cent more threshold is seen
    both = np.isfinite(slow)
    assert (slow[both] - out[both]).min() > 1e-4


def test_two_times_equals_any_times():
    rng = np.random.default_rng(3)
    early = rng.random((50, 40)) < 0.3
    weights = rng.normal(0.05, 0.3, (40, 60))
    threshold, gap = rng.uniform(0.3, 1.5, 60), np.log(6)
    out = np.empty((50, 60))
    first_spike.two_times(early @ weights, ~early @ weights, gap, threshold, out)
    wanted = solved(np.where(early, 0.0, gap), weights, threshold)
    assert ((wanted < gap).any(), (wanted > gap).any(), np.isinf(wanted).any()) == (True, True, True)
    np.testing.assert_array_equal(np.isfinite(out), np.isfinite(wanted))
    np.testing.assert_allclose(out, wanted, rtol=1e-9, atol=1e-12)


def test_two_times_with_inputs_that_never_spike():
    out = np.empty((1, 2))
    first_spike.two_times(np.array([[2.0, 0.9]]), np.array([[5.0, 5.0]]), np.inf, np.ones(2), out)
    np.testing.assert_allclose(out, [[np.log(2), np.inf]])


def test_one_input_by_hand():
    """V = w (1 - exp(-(t - t0))) reaches 1 at t0 + ln(w / (w - 1)), and never for w <= 1."""
    out = solved(np.array([[0.7]]), np.array([[3.0, 1.5, 1.0, 0.5, -2.0]]))
    np.testing.assert_allclose(out, [[0.7 + np.log(1.5), 0.7 + np.log(3), np.inf, np.inf, np.inf]])


def test_a_late_inhibition_does_not_undo_a_spike_and_an_early_one_prevents_it():
    weights = np.array([[3.0], [-5.0]])
    assert solved(np.array([[0.0, 1.0]]), weights)[0, 0] == pytest.approx(np.log(1.5))
    assert solved(np.array([[0.0, 0.2]]), weights)[0, 0] == np.inf


def test_large_times_and_gaps_do_not_overflow():
    base = np.array([[0.0, 0.3, 1.1]])
    weights = np.array([[0.8, 2.0], [0.9, -0.5], [-0.2, 0.4]])
    near = solved(base, weights)
    np.testing.assert_allclose(solved(base + 5000.0, weights), near + 5000.0, atol=1e-9)
    apart = solved(np.array([[0.0, 4000.0]]), np.array([[0.9], [0.4]]))  # the first input settles at V = 0.9
    np.testing.assert_allclose(apart, [[4000.0 + np.log(0.4 / 0.3)]])


def test_simultaneous_inputs_count_together_in_any_order():
    times = np.array([[0.5, 0.5, 0.5, 2.0]])
    weights = np.array([[2.0], [-1.9], [1.2], [0.1]])
    for order in ([0, 1, 2, 3], [2, 1, 0, 3], [1, 3, 0, 2]):
        out = solved(times[:, order], weights[order])
        np.testing.assert_allclose(out, [[0.5 + np.log(1.3 / 0.3)]], rtol=1e-12)


def test_stopping_keeps_the_first_spike_and_the_class():
    times, weights, _ = problem(5, images=200)
    whole, stopped = solved(times, weights), solved(times, weights, stop=True)
    spiked = np.isfinite(whole.min(axis=1))
    np.testing.assert_array_equal(stopped.min(axis=1), whole.min(axis=1))
    np.testing.assert_array_equal(stopped.argmin(axis=1), whole.argmin(axis=1))
    kept = np.isfinite(stopped)
    np.testing.assert_array_equal(stopped[kept], whole[kept])
    assert kept[spiked].sum() < np.isfinite(whole).sum() / 2


def test_no_input_and_no_spike_give_infinity_without_nan():
    silent = np.full((2, 3), np.inf)
    assert (solved(silent, np.ones((3, 4))) == np.inf).all()
    assert (solved(np.zeros((2, 3)), -np.ones((3, 4))) == np.inf).all()


def test_float32_weights_are_taken():
    times, weights, threshold = problem(9)
    single = weights.astype(np.float32)
    np.testing.assert_allclose(
        solved(times, single, threshold), solved(times, single.astype(float), threshold)
    )


@pytest.mark.parametrize("kind", ["exponential", "outlier", "equal", "clusters", "one", "silent", "large"])
def test_sorted_spikes_equal_numpys_sort(kind):
    rng = np.random.default_rng(0)
    times = {
        "exponential": np.where(rng.random(500) < 0.2, np.inf, rng.exponential(1.0, 500)),
        "outlier": np.append(rng.random(300), 1e9),
        "equal": np.full(100, 0.3),
        "clusters": rng.integers(0, 4, 400) + 1e-9 * rng.random(400),
        "one": np.array([np.inf, 2.0, np.inf]),
        "silent": np.full(7, np.inf),
        "large": 1e300 + 1e290 * rng.random(50),
    }[kind]
    keys, names = np.empty(times.size), np.empty(times.size, np.int64)
    place, starts = np.empty(times.size, np.int64), np.empty(times.size + 1, np.int64)
    size = first_spike.sort_spikes(times, keys, names, place, starts)
    np.testing.assert_array_equal(keys[:size], np.sort(times[np.isfinite(times)]))
    np.testing.assert_array_equal(times[names[:size]], keys[:size])
    assert len(set(names[:size])) == size
