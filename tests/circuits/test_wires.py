"""Transfer matrices of arrays with wires: against dense equations, closed forms, reciprocity, and the crossbar."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from dense_arrays import dense_transfer, with_little
from hypothesis import given, settings
from hypothesis import strategies as some

from neurosim.chips import load_chip
from neurosim.circuits import cell_arrays
from neurosim.circuits.crossbar import Crossbar
from neurosim.circuits.ladders import turned
from neurosim.circuits.merging import Conductances, merged_transfer
from neurosim.circuits.parameters import CellParameters, ReadParameters, WireParameters
from neurosim.circuits.single_reads import column_currents
from neurosim.circuits.wires import effective, transfer_matrix
from neurosim.devices import make_device
from neurosim.foundation.errors import ConfigError, ConfigErrors, DataError, LimitError, SolveError
from neurosim.foundation.streams import stream


def wires(row=2.0, column=3.0, **changes):
    return WireParameters(row_ohms=row, column_ohms=column, **changes)


def conductances(shape, key=0, low=0.0, high=25e-6):
    return np.random.default_rng([key, *shape]).uniform(low, high, shape)


def worst(got, expected):
    return np.abs(got - expected).max() / np.abs(expected).max()


SHAPES = [(1, 1), (1, 7), (7, 1), (16, 16), (15, 5), (48, 3), (3, 49), (17, 18)]
ENDS = [(0.0, 0.0), (40.0, 0.0), (0.0, 70.0), (15.0, 25.0)]


@pytest.mark.parametrize(("shape", "ends"), [*itertools.product(SHAPES, ENDS), ((33, 40), (15.0, 25.0))])
def test_transfer_is_that_of_the_dense_equations(shape, ends):
    circuit = wires(1.3, 4.1, driver_ohms=ends[0], sense_ohms=ends[1])
    g = conductances(shape)
    g[np.random.default_rng(1).random(shape) < 0.2] = 0.0
    assert worst(transfer_matrix(g, circuit), dense_transfer(g, circuit)) < 1e-11


def test_each_current_is_within_a_billionth_of_the_dense_one():
    g, volts = conductances((16, 16), low=1e-6), np.random.default_rng(5).uniform(0, 0.2, (20, 16))
    for ohms in (1.0, 2.0, 5.0):
        currents = volts @ transfer_matrix(g, wires(ohms, ohms))
        assert np.abs(currents / (volts @ dense_transfer(g, wires(ohms, ohms))) - 1).max() < 1e-9


@pytest.mark.parametrize("row", [0.0, 2.0])
@pytest.mark.parametrize("column", [0.0, 3.0])
@pytest.mark.parametrize("driver", [0.0, 50.0])
@pytest.mark.parametrize("sense", [0.0, 80.0])
def test_any_resistance_may_be_zero(row, column, driver, sense):
    circuit = wires(row, column, driver_ohms=driver, sense_ohms=sense)
    g = conductances((9, 13))
    assert worst(transfer_matrix(g, circuit), dense_transfer(g, with_little(circuit))) < 1e-7


def test_without_any_resistance_it_is_the_conductances_themselves():
    g = conductances((20, 30))
    assert np.array_equal(transfer_matrix(g, wires(0.0, 0.0)), g)
    devices = g.astype(np.float32).reshape(1, 1, 20, 30)
    got, spread = effective(devices, devices**2, wires(0.0, 0.0), (20,), None)
    assert np.array_equal(got, devices)
    assert np.array_equal(spread, devices**2)


def test_a_single_cell_is_in_series_with_everything():
    circuit = wires(2.0, 3.0, driver_ohms=100.0, sense_ohms=40.0)
    assert transfer_matrix([[1e-3]], circuit)[0, 0] == pytest.approx(1e-3 / (1 + 1e-3 * 145), rel=1e-14)


@pytest.mark.parametrize("ohms", [1.0, 100.0])
def test_a_row_alone_is_a_ladder_with_a_closed_form(ohms):
    """Equal cells between a resistive row and grounded columns: v_k = cosh((N - 1/2 - k) t) / cosh((N + 1/2) t)."""
    n, g = 50, 2e-5
    angle = np.arccosh(1 + ohms * g / 2)
    expected = g * np.cosh((n - 0.5 - np.arange(n)) * angle) / np.cosh((n + 0.5) * angle)
    row = transfer_matrix(np.full((1, n), g), wires(ohms, 0.0))
    np.testing.assert_allclose(row[0], expected, rtol=1e-12)
    column = transfer_matrix(np.full((n, 1), g), wires(0.0, ohms))
    np.testing.assert_allclose(column[::-1, 0], expected, rtol=1e-12)


def test_the_network_is_reciprocal():
    g = conductances((37, 21))
    there = transfer_matrix(g, wires(2.0, 5.0, driver_ohms=30.0, sense_ohms=7.0))
    back = transfer_matrix(turned(g), wires(5.0, 2.0, driver_ohms=7.0, sense_ohms=30.0))
    assert worst(turned(back), there) < 1e-12


def test_equal_rows_lose_no_current():
    """With all drivers at one volt, what leaves at the columns is below what the cells alone would pass."""
    g = conductances((50, 60), low=1e-6)
    currents = transfer_matrix(g, wires(1.0, 1.0)).sum(axis=0)
    less = transfer_matrix(g, wires(2.0, 2.0)).sum(axis=0)
    assert (currents < g.sum(axis=0)).all()
    assert (less < currents).all()


@settings(max_examples=25, deadline=None)
@given(some.integers(1, 70), some.integers(1, 70), some.floats(0.01, 100), some.floats(0.01, 100))
def test_the_matrix_and_single_reads_agree_at_any_size(rows, columns, row, column):
    circuit = wires(row, column, cell="passive")
    g, volts = conductances((rows, columns)), np.random.default_rng(rows).uniform(-1, 1, (1, rows))
    assert worst(volts @ transfer_matrix(g, circuit), column_currents(g, volts, circuit)) < 1e-10


def test_a_large_array_agrees_with_single_reads():
    """Above the size at which the leaves of the merging grow."""
    circuit = wires(2.0, 2.0, cell="passive")
    g, volts = conductances((200, 170)), np.random.default_rng(0).uniform(0, 0.2, (2, 200))
    assert worst(volts @ transfer_matrix(g, circuit), column_currents(g, volts, circuit)) < 1e-10


DEVICES = conductances((2, 3, 14, 10), low=1e-6).astype(np.float32)


@pytest.mark.parametrize("pair", ["interleaved", "apart"])
def test_devices_of_a_weight_lie_side_by_side(pair):
    circuit = wires(5.0, 5.0, pair=pair)
    rows, columns = (6, 8), (4, 6)
    got, spread = effective(DEVICES, np.zeros_like(DEVICES), circuit, rows, columns)
    assert got.dtype == np.float32
    assert got.shape == DEVICES.shape
    assert not spread.any()
    for (top, bottom), (left, right) in itertools.product(((0, 6), (6, 14)), ((0, 4), (4, 10))):
        polarities = [[0, 1]] if pair == "interleaved" else [[0], [1]]
        for together in polarities:
            order = [(c, p, d) for c in range(left, right) for p in together for d in range(3)]
            array = np.stack([DEVICES[p, d, top:bottom, c] for c, p, d in order], axis=1)
            expected = dense_transfer(array.astype(float), circuit)
            for k, (c, p, d) in enumerate(order):
                np.testing.assert_allclose(got[p, d, top:bottom, c], expected[:, k], rtol=1e-6)


def test_one_column_tile_where_no_tiles_are_given():
    whole = effective(DEVICES, np.zeros_like(DEVICES), wires(), (14,), (10,))[0]
    assert np.array_equal(effective(DEVICES, np.zeros_like(DEVICES), wires(), (14,), None)[0], whole)


def test_a_crossbar_ages_first_and_then_meets_its_wires():
    """Drift and frozen noise are in the conductances of which the network is made."""
    chip = load_chip("joshi_2020")
    read = ReadParameters(v_read_volts=0.2, t_read_s=250e-9)
    weights = np.random.default_rng(0).standard_normal((24, 9)).astype(np.float32)
    bare = Crossbar.program(
        weights, make_device(chip.device), CellParameters(), read, (24,), stream(0, "wires")
    )
    wired = replace(bare, wires=wires(20.0, 20.0))
    for t_s in (25.0, 1e6):
        before, after = bare.age_to(t_s, 1e-4), wired.age_to(t_s, 1e-4)
        expected, _ = effective(before.g_siemens, before.variance, wired.wires, (24,), None)
        assert np.array_equal(after.g_siemens, expected)
        assert after.variance.any()
        assert (after.variance <= before.variance).all()
    assert not np.array_equal(wired.age_to(25.0, 1e-4).g_siemens, after.g_siemens)


def test_transposed_reads_see_the_same_network():
    """Driven at the columns of one tile, the rows' currents are the transpose's, as reciprocity says."""
    chip = load_chip("joshi_2020")
    read = ReadParameters(v_read_volts=0.2, t_read_s=250e-9, noise="none")
    cell = CellParameters(kind="offset")
    weights = np.random.default_rng(0).standard_normal((24, 9)).astype(np.float32)
    circuit = wires(50.0, 20.0, driver_ohms=10.0, sense_ohms=30.0)
    bare = Crossbar.program(weights, make_device(chip.device), cell, read, (24,), stream(0, "turned"))
    turn = replace(bare, wires=circuit).age_to(25.0, 1e-6).transposed((9,))
    g = bare.age_to(25.0, 1e-6).g_siemens[0, 0].astype(float)
    swapped = wires(20.0, 50.0, driver_ohms=30.0, sense_ohms=10.0)
    np.testing.assert_allclose(turn.g_siemens[0, 0], turned(dense_transfer(turned(g), swapped)).T, rtol=1e-6)


@pytest.mark.parametrize(
    ("g", "message"),
    [
        (np.array([[1e-6, -1e-6]]), r"zero or positive, got -1e-06 S at row 0, column 1"),
        (np.array([[1e-6], [np.nan]]), r"finite values.*got nan S at row 1, column 0"),
        (np.array([[np.inf]]), r"got inf S at row 0, column 0"),
        (np.zeros((0, 3)), r"at least one of each, got shape \(0, 3\)"),
        (np.zeros(3), r"got shape \(3,\)"),
    ],
)
def test_conductances_that_are_none(g, message):
    with pytest.raises(DataError, match=message):
        transfer_matrix(g, wires())


def test_an_array_too_large_for_memory_says_how_much_it_needs(monkeypatch):
    monkeypatch.setattr(cell_arrays, "available_bytes", lambda: 2**20)
    with pytest.raises(
        LimitError, match=r"array of 300 x 200 cells: expected \d\d\.\d MiB of memory, got 1\.0 MiB"
    ):
        transfer_matrix(np.ones((300, 200)), wires())
    huge = np.broadcast_to(np.float32(1e-6), (100_000, 100_000))
    monkeypatch.setattr(cell_arrays, "available_bytes", lambda: 2**36)
    with pytest.raises(
        LimitError, match=r"expected \d{4,}\.\d GiB of memory, got 64\.0 GiB available; use smaller"
    ):
        transfer_matrix(huge, wires())


def test_the_memory_that_is_there_is_known():
    assert 2**20 < cell_arrays.available_bytes() < 2**60


@pytest.mark.parametrize(
    ("siemens", "circuit", "spread"),
    [
        (1e-6, wires(1e-200, 1e200), "inf"),
        (1e20, wires(1.0, 1.0), r"1e\+20"),
        (1e-6, wires(1e-310, 1.0), "inf"),
        (1e15, wires(0.0, 0.0, driver_ohms=1.0), r"1e\+15"),
        (1e-6, wires(1.0, 1.0, sense_ohms=1e13), r"1e\+13"),
    ],
)
def test_what_double_precision_cannot_solve_is_refused(siemens, circuit, spread):
    with pytest.raises(SolveError, match=rf"within a factor of 1e\+12, got {spread}; use resistances nearer"):
        transfer_matrix(np.full((8, 8), siemens), circuit)


def test_cells_far_below_the_wires_are_no_difficulty():
    g = conductances((20, 20), high=1e-15)
    np.testing.assert_allclose(transfer_matrix(g, wires(1e-3, 1e-3)), g, rtol=1e-12)


def test_a_lost_pivot_is_an_error():
    with pytest.raises(SolveError, match=r"path to ground from every node, got (a pivot|NaN)"):
        merged_transfer(np.full((20, 20), 1e-6), Conductances(0.0, 0.0, 0.0, 0.0))


def test_rows_that_inputs_cut_off_are_not_run():
    cut = wires(cell="1T1R", undriven="cut")
    with pytest.raises(
        ConfigError, match=r"wires\.undriven: expected 'held' where whole matrices are read, got 'cut'"
    ):
        effective(DEVICES, DEVICES, cut, (14,), None)
    with pytest.raises(ValueError, match='undriven = "cut" needs transistors: give cell = "1T1R"'):
        wires(cell="passive", undriven="cut")


@pytest.mark.parametrize("name", ["row_ohms", "column_ohms", "driver_ohms", "sense_ohms"])
def test_a_negative_resistance_is_refused_with_its_line(name):
    values = {"row_ohms": 1, "column_ohms": 1, name: -2}
    keys = [f'{k.removesuffix("_ohms")} = {{value = {v}, unit = "ohm", source = "s", status = "assumed"}}'
            for k, v in values.items()]  # fmt: skip
    text = load_chip("joshi_2020").text + "\n[wires]\n" + "\n".join(keys) + "\n"
    from neurosim.chips.chip import parse_chip

    line = 1 + next(n for n, row in enumerate(text.splitlines()) if "value = -2," in row)
    with pytest.raises(
        ConfigErrors, match=rf"chip:{line}: wires\.{name}.*greater than or equal to 0, got -2"
    ):
        parse_chip(text)


def test_an_option_gives_wires_to_a_chip_without():
    chip = load_chip("joshi_2020").with_options(
        wires__row_ohms=2, wires__column_ohms=1.5, wires__pair="apart"
    )
    assert chip.parameters.wires == wires(2.0, 1.5, pair="apart")
    again = chip.with_options(wires__row_ohms=3)
    assert again.parameters.wires.row_ohms == 3
    assert again.parameters.wires.column_ohms == 1.5
    with pytest.raises(ConfigErrors, match=r"wires\.column_ohms: missing; add it"):
        load_chip("joshi_2020").with_options(wires__row_ohms=2)
    with pytest.raises(ConfigErrors, match=r"greater than or equal to 0, got -1"):
        load_chip("joshi_2020").with_options(wires__row_ohms=-1, wires__column_ohms=1)
    with pytest.raises(ConfigErrors, match=r"'wires\.row_ohm': unknown; did you mean 'wires\.row_ohms'"):
        load_chip("joshi_2020").with_options(wires__row_ohm=1)
