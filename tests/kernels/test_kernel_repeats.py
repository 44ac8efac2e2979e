"""Many rounds of kernel calls in one."""

import numpy as np
import pytest

from neurosim.kernels import spikes

STEPS = 7


def one_round(trains):
    """Encoding of `trains` (images, inputs) as levels, neurons, and the note of what they sent; and its history."""
    images, n = trains.shape
    active, given = (np.zeros(images * n + 1, np.int32) for _ in range(2))
    active[:-1], active[-1] = np.arange(images * n), images * n
    level = (trains.ravel() * spikes.FULL).astype(np.int32)
    rows = spikes.dense_rows(np.random.default_rng(1).integers(-50, 100, (n, 21)).astype(np.int8))
    ones, v, sent = np.ones(21), np.zeros(images * 21), np.zeros(images * 21 + 1, np.int32)
    counts, history = np.zeros((images, 21), np.float32), np.zeros((STEPS, images, 21), np.float32)
    fire = spikes.Fire(ones, 0 * ones, 90 * ones, False, v, sent)
    clock = np.zeros(1, np.int64)
    calls = [
        spikes.encode(active, level, np.zeros(images * n, np.int32), given),
        spikes.fused(given, images, rows, fire),
        spikes.note(sent, counts, history, clock),
    ]
    return spikes.chained(calls), history


def test_many_rounds_in_one_call_are_the_same_rounds():
    if spikes.library("spikes") is None:
        pytest.skip("no C compiler")
    trains = np.random.default_rng(0).random((3, 40))
    calls, expected = one_round(trains)
    for _ in range(STEPS):
        for call in calls:
            call()
    again, history = one_round(trains)
    (all_rounds,) = spikes.repeated(again, STEPS)
    all_rounds()
    np.testing.assert_array_equal(history, expected)
    assert (np.diff(expected.sum(axis=(1, 2))) > 0).all()


def test_python_calls_are_not_taken_together():
    assert spikes.repeated([lambda: None], 3) == []
    assert spikes.repeated([], 3) == []
