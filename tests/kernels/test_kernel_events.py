"""Counting of spikes and of what they drive: C and Numba against plain NumPy."""

import numpy as np
import pytest

from neurosim.kernels import spikes


@pytest.fixture(params=["c", "numba"])
def route(request, monkeypatch):
    """Both ways of running a kernel; the C one only where there is a compiler."""
    if request.param == "numba":
        monkeypatch.setattr(spikes, "library", lambda name: None)
    elif spikes.library("spikes") is None:
        pytest.skip("no C compiler")


def spike_list(trains):
    flat = np.repeat(np.arange(trains.size), trains.ravel())
    made = np.full(3 * trains.size + 1, -7, np.int32)
    made[: flat.size], made[-1] = flat, flat.size
    return made


def test_spikes_of_each_image(route):
    trains = np.random.default_rng(0).integers(0, 3, (5, 30))
    history, clock = np.full((4, 5), -1.0), np.array([2])
    spikes.tally(spike_list(trains), 30, history, clock)()
    np.testing.assert_array_equal(history[2], trains.sum(axis=1))
    assert (history[[0, 1, 3]] == -1).all()
    assert clock[0] == 2


def test_arrivals_and_what_they_drive(route):
    rng = np.random.default_rng(1)
    images, inputs, tiles, vectors = 4, 25, 3, 6
    each = rng.integers(0, 5, inputs)
    first = np.concatenate([[0], each.cumsum()]).astype(np.int64)
    slots = rng.integers(0, tiles * vectors, first[-1]).astype(np.int64)
    siemens_of = rng.random(inputs)
    trains = (rng.random((images, inputs)) < 0.1) * rng.integers(1, 3, (images, inputs))
    trains[2] = 0  # an image without a spike
    here = np.full((images, tiles * vectors), 9, np.int32)
    rows = [np.full((2, images), -1.0) for _ in range(4)]
    to = spikes.Arrivals(first, slots, siemens_of, tiles, vectors, here)
    spikes.arrive(spike_list(trains), to, np.array([1]), *rows)()
    expected = np.zeros((images, tiles * vectors), np.int64)
    for image, j in np.argwhere(trains):
        np.add.at(expected[image], slots[first[j] : first[j + 1]], trains[image, j])
    read = expected.reshape(images, tiles, vectors) > 0
    arrived, reads, driven, siemens = rows
    np.testing.assert_array_equal(here, expected)
    np.testing.assert_array_equal(arrived[1], expected.sum(axis=1))
    np.testing.assert_array_equal(reads[1], read.sum(axis=(1, 2)))
    np.testing.assert_array_equal(driven[1], read.any(axis=1).sum(axis=1))
    np.testing.assert_allclose(siemens[1], trains @ siemens_of, rtol=1e-12)
    assert all((row[0] == -1).all() for row in rows)
