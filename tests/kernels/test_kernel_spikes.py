"""Event-driven integer products and their neurons: C and Numba against plain NumPy, bit for bit."""

import numpy as np
import pytest

from neurosim.foundation.errors import LimitError
from neurosim.kernels import spikes
from neurosim.kernels.spike_loops import count_arrivals, count_reads, count_spikes, currents, encode_random

MOST = {np.int8: 127, np.int16: 32767, np.int32: 2**30}
ROUTES = ("c", "numba")


@pytest.fixture(params=ROUTES)
def route(request, monkeypatch):
    """Both ways of running a kernel; the C one only where there is a compiler."""
    if request.param == "numba":
        monkeypatch.setattr(spikes, "library", lambda name: None)
    elif spikes.library("spikes") is None:
        pytest.skip("no C compiler")
    return request.param


def spike_list(trains, room=1):
    """A list of the spikes (images, inputs) of one step, which may hold counts."""
    flat = np.repeat(np.arange(trains.size), trains.ravel())
    made = np.full(trains.size * room + 1, -7, np.int32)
    made[: flat.size], made[-1] = flat, flat.size
    return made


def listed(made, size):
    """Counts (images, size) of a spike list, which must be in order."""
    ids = made[: made[-1]]
    assert (np.diff(ids) >= 0).all()
    return np.bincount(ids, minlength=(len(made) - 1)).reshape(-1, size)


def weights_of(dtype, rows, columns, seed=0):
    rng = np.random.default_rng(seed)
    w = rng.integers(-MOST[dtype], MOST[dtype] + 1, (rows, columns)).astype(dtype)
    w[:2] = MOST[dtype]  # the ends of the range, in whole rows
    w[2:4] = -MOST[dtype]
    return w


@pytest.mark.parametrize("dtype", MOST)
@pytest.mark.parametrize(("rows", "columns"), [(784, 500), (300, 1), (5, 64), (600, 257), (1000, 130)])
def test_dense_products_are_exact(route, dtype, rows, columns):
    rng = np.random.default_rng(1)
    w = weights_of(dtype, rows, columns)
    trains = (rng.random((4, rows)) < np.array([0, 0.1, 0.5, 1])[:, None]).astype(np.int64)
    edges = np.array([0, rows // 3, rows])
    made = spikes.dense_rows(w)
    out = np.full((2, 4, columns), 99, made.sums)
    spikes.dense(spike_list(trains), 4, edges, made, out)()
    whole = w.astype(np.int64)
    for tile, (a, b) in enumerate(((0, edges[1]), (edges[1], rows))):
        np.testing.assert_array_equal(out[tile], trains[:, a:b] @ whole[a:b])


def test_repeats_count_as_often(route):
    w = weights_of(np.int16, 40, 33)
    trains = np.random.default_rng(2).integers(0, 5, (3, 40))
    made = spikes.dense_rows(w)
    out = np.empty((1, 3, 33), made.sums)
    spikes.dense(spike_list(trains, 5), 3, np.array([0, 40]), made, out)()
    np.testing.assert_array_equal(out[0], trains @ w.astype(np.int64))


def test_a_single_wrong_weight_shows(route):
    w = weights_of(np.int8, 100, 70)
    other = w.copy()
    other[37, 21] += 1 if other[37, 21] < 127 else -1
    trains = np.ones((1, 100), np.int64)
    out = np.empty((1, 1, 70), np.int32)
    spikes.dense(spike_list(trains), 1, np.array([0, 100]), spikes.dense_rows(other), out)()
    difference = np.flatnonzero(out[0, 0] != trains[0] @ w.astype(np.int64))
    assert difference.tolist() == [21]


def test_more_rows_than_the_sums_hold_are_refused():
    with pytest.raises(LimitError, match="weights: expected at most 65536 rows, got 65537; split the layer"):
        spikes.dense_rows(np.zeros((65537, 1), np.int8))


@pytest.mark.parametrize("dtype", MOST)
@pytest.mark.parametrize("strict", [False, True])
def test_fused_layers_spike_and_reset_as_written_out(route, dtype, strict):
    rng = np.random.default_rng(3)
    w = weights_of(dtype, 50, 37)
    rows, images = spikes.dense_rows(w), 6
    threshold = np.full(37, 4.0 * MOST[dtype])
    threshold[5] = 3 * MOST[dtype]  # reached exactly: where > and >= differ
    scale, bias = np.ones(37), np.linspace(-1, 1, 37) * MOST[dtype]
    bias[5] = 0
    v, expected = np.zeros(images * 37), np.zeros((images, 37))
    sent = np.zeros(images * 37 + 1, np.int32)
    list_of = np.zeros(images * 50 + 1, np.int32)
    call = spikes.fused(list_of, images, rows, spikes.Fire(scale, bias, threshold, strict, v, sent))
    for _ in range(20):
        trains = (rng.random((images, 50)) < 0.2).astype(np.int64)
        list_of[:] = spike_list(trains)
        call()
        expected += (trains @ w.astype(np.int64)) * scale + bias
        fires = expected > threshold if strict else expected >= threshold
        expected -= fires * threshold
        np.testing.assert_array_equal(v.reshape(images, 37), expected)
        np.testing.assert_array_equal(listed(sent, 37), fires)


@pytest.mark.parametrize("strict", [False, True])
def test_a_threshold_reached_exactly(route, strict):
    rows = spikes.dense_rows(np.array([[3]], np.int8))
    v, sent = np.zeros(1), np.zeros(2, np.int32)
    one = np.ones(1)
    fire = spikes.Fire(one, 0 * one, 3 * one, strict, v, sent)
    spikes.fused(spike_list(np.ones((1, 1), np.int64)), 1, rows, fire)()
    assert (sent[-1], v[0]) == ((0, 3.0) if strict else (1, 0.0))


def random_table(rng, n, slots, rows, width, block):
    entries = [rng.integers(0, 6) for _ in range(n)]
    first = np.cumsum([0, *entries]).astype(np.int64)
    total = int(first[-1])
    at = rng.integers(0, slots, total).astype(np.int64) * width
    return spikes.Table(first, at, rng.integers(0, rows, total).astype(np.int32), block)


@pytest.mark.parametrize("dtype", MOST)
def test_tables_of_connections(route, dtype):
    rng = np.random.default_rng(4)
    w = weights_of(dtype, 12, 11)
    rows = spikes.table_rows(w)
    assert rows.width == 16
    along = random_table(rng, 30, 7, 12, rows.width, 7 * rows.width)
    trains = rng.integers(0, 3, (3, 30))
    expected = np.zeros((3, 7, 11), np.int64)
    for image, j in np.argwhere(trains):
        for e in range(along.first[j], along.first[j + 1]):
            expected[image, along.slots[e] // rows.width] += trains[image, j] * w[along.rows[e]].astype(
                np.int64
            )
    out = np.full(3 * along.block, 5, rows.sums)
    spikes.table(spike_list(trains, 3), along, rows, out)()
    np.testing.assert_array_equal(out.reshape(3, 7, rows.width)[..., :11], expected)
    # the same sums, with neurons behind them, in an order of their own
    place = rng.permutation(7 * 11)
    place = (place // 11 * rows.width + place % 11).astype(np.int32)
    threshold = np.full(77, 2.0 * MOST[dtype])
    v, sent = np.zeros(3 * 77), np.zeros(3 * 77 + 1, np.int32)
    fire = spikes.Fire(np.full(77, 0.5), np.zeros(77), threshold, False, v, sent)
    spikes.fused_table(spike_list(trains, 3), 3, along, rows, place, fire)()
    after = 0.5 * expected.reshape(3, -1)[:, place // rows.width * 11 + place % rows.width]
    np.testing.assert_array_equal(listed(sent, 77), after >= threshold)
    np.testing.assert_array_equal(v.reshape(3, 77), after - (after >= threshold) * threshold)


def test_the_deterministic_code_is_the_integer_part_of_a_line(route):
    rng = np.random.default_rng(5)
    level = rng.integers(1, spikes.FULL + 1, 40).astype(np.int32)
    level[:2] = spikes.FULL, 1
    active = np.zeros(61, np.int32)
    active[:40], active[-1] = np.sort(rng.choice(60, 40, replace=False)), 40
    charge, made = np.zeros(60, np.int32), np.zeros(61, np.int32)
    padded = np.zeros(60, np.int32)
    padded[:40] = level
    call = spikes.encode(active, padded, charge, made)
    for step in range(100):
        call()
        due = (step + 1) * level.astype(np.int64) // spikes.FULL - step * level.astype(
            np.int64
        ) // spikes.FULL
        np.testing.assert_array_equal(made[: made[-1]], active[:40][due == 1])


def max_pool_by_hand(counts, train, taps):
    out = np.zeros((len(train), len(taps)), np.int64)
    counts += train
    for image in range(len(train)):
        for window, own in enumerate(taps):
            inside = own[own >= 0]
            winner = inside[np.argmax(counts[image, inside])]  # the first of equals
            out[image, window] = train[image, winner] > 0
    return out


def test_max_pooling_passes_the_spikes_of_the_leader(route):
    rng = np.random.default_rng(6)
    n, taps = (
        20,
        np.array([[0, 1, 5, 6], [1, 2, 6, 7], [-1, 10, -1, 15], [3, 4, 8, 9], [19, -1, -1, 18]], np.int32),
    )
    window, place = np.nonzero(taps >= 0)
    source = taps[window, place]
    order = np.argsort(source, kind="stable")
    first = np.searchsorted(source[order], np.arange(n + 1)).astype(np.int64)
    windows = spikes.Table(first, np.zeros(0, np.int64), window[order].astype(np.int32), 0)
    counts, expected = np.zeros((3, n), np.int32), np.zeros((3, n), np.int64)
    given, out = np.zeros(3 * n + 1, np.int32), np.zeros(3 * 5 + 1, np.int32)
    call = spikes.winners(given, windows, taps, counts, out)
    for _ in range(60):
        train = (rng.random((3, n)) < 0.3).astype(np.int64)
        given[:] = spike_list(train)
        call()
        np.testing.assert_array_equal(listed(out, 5), max_pool_by_hand(expected, train, taps))
        np.testing.assert_array_equal(counts, expected)


def test_chained_calls_do_the_same_in_the_same_order(route):
    w = weights_of(np.int16, 30, 20)
    rows = spikes.dense_rows(w)
    trains = np.random.default_rng(7).integers(0, 2, (2, 30))
    given = spike_list(trains)
    out, counts, seen = np.empty((1, 2, 20), np.int32), np.zeros((2, 30), np.float32), []
    history, clock = np.zeros((2, 2, 30), np.float32), np.zeros(1, np.int64)
    calls = [spikes.dense(given, 2, np.array([0, 30]), rows, out), spikes.note(given, counts, history, clock),
             lambda: seen.append(counts.sum()), spikes.note(given, counts, history, clock)]  # fmt: skip
    made = spikes.chained(calls)
    assert len(made) == (3 if route == "c" else 4)
    for call in made:
        call()
    np.testing.assert_array_equal(out[0], trains @ w.astype(np.int64))
    np.testing.assert_array_equal(history, [trains, 2 * trains])
    assert clock[0] == 2
    assert seen == [trains.sum()]


def test_random_spikes_have_their_probability_and_are_independent():
    n, images = 1000, 200
    level = np.full(n * images, round(0.3 * spikes.FULL), np.int32)
    active = np.append(np.arange(n * images), n * images).astype(np.int32)
    made = np.zeros(n * images + 1, np.int32)
    trains = []
    for step in range(2):
        encode_random(active, level, n, 0, np.uint64(5), np.uint64(9), step, made)
        trains.append(listed(made, n).astype(float))
    sigma = np.sqrt(0.3 * 0.7)

    def plausible(p):
        return abs(trains[0].mean() - p) < 5 * sigma / np.sqrt(n * images)

    assert plausible(0.3)
    assert not plausible(0.3 * 1.05)  # the test can fail
    for other in (trains[1], np.roll(trains[0], 1, axis=0), np.roll(trains[0], 1, axis=1)):
        covariance = ((trains[0] - 0.3) * (other - 0.3)).mean() / sigma**2
        assert abs(covariance) < 5 / np.sqrt(n * images)
    # of the image's index, not of its place in the block
    encode_random(np.append(np.arange(n), n).astype(np.int32), level, n, 150, np.uint64(5), np.uint64(9), 0,
                  one := np.zeros(n + 1, np.int32))  # fmt: skip
    np.testing.assert_array_equal(listed(one, n)[0], trains[0][150])


def test_arrivals_reads_and_spikes_are_counted():
    first, slots = np.array([0, 2, 3, 3]), np.array([0, 3, 1])  # two tiles of two vectors
    given = spike_list(np.array([[1, 1, 1], [0, 0, 1], [2, 0, 0]]), 2)
    arrivals, siemens = np.zeros((3, 4), np.int32), np.zeros(3)
    count_arrivals(given, 3, first, slots, np.array([1.0, 10.0, 100.0]), arrivals, siemens)
    np.testing.assert_array_equal(arrivals, [[1, 1, 0, 1], [0, 0, 0, 0], [2, 0, 0, 2]])
    np.testing.assert_array_equal(siemens, [111, 100, 2])
    reads = np.zeros((3, 3))
    count_reads(arrivals, 2, reads)
    np.testing.assert_array_equal(reads, [[3, 0, 4], [3, 0, 2], [2, 0, 2]])
    sent = np.zeros(3)
    count_spikes(given, 3, sent)
    np.testing.assert_array_equal(sent, [3, 1, 2])


def test_currents_add_tiles_and_take_the_other_polarity_off():
    sums = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    place, minus = np.array([1, 0]), np.array([3, 2])
    scale, bias = np.array([0.5, 2.0]), np.array([1.0, -1.0])
    x = np.empty((3, 2))
    total = sums.sum(axis=0)
    currents(sums, place, np.zeros(0, np.int64), scale, bias, x)
    np.testing.assert_array_equal(x, total[:, place] * scale + bias)
    currents(sums, place, minus, scale, bias, x)
    np.testing.assert_array_equal(x, (total[:, place] - total[:, minus]) * scale + bias)
