"""Neurons that spike once, clocked on Brian2, against the closed form: order of convergence, and what is refused."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from first_spike_samples import LATE, chip_with, images, network, run

from neurosim.circuits.crossbar import Tally
from neurosim.circuits.row_reads import RowReads
from neurosim.engines.spiking.brian import brian
from neurosim.engines.spiking.first_spike import FirstSpikeOptions
from neurosim.engines.spiking.first_spike.clocked import Clocked
from neurosim.engines.spiking.first_spike.drives import Drives
from neurosim.engines.spiking.first_spike.solving import closed_form, decisions
from neurosim.foundation.errors import ConfigError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pyparsing, in Brian2

SIZES = (60, 5)


@pytest.fixture(scope="module", autouse=True)
def numpy_target():
    """Brian2 without compilation, which takes longer than all these tests."""
    preferences = brian().prefs
    former = preferences.codegen.target
    preferences.codegen.target = "numpy"
    yield
    preferences.codegen.target = former


def given(count=20, seed=0, own=False):
    """Currents and weights of their own, without a chip; most neurons spike."""
    rng = np.random.default_rng(seed)
    early, late = rng.normal(1.3, 0.4, (count, SIZES[0])), rng.normal(1.0, 1.0, (count, SIZES[0]))
    weights = rng.normal(0.15, 0.2, (count if own else 1, *SIZES)).astype(np.float32)
    rows = RowReads(weights, np.zeros(SIZES[0]), np.zeros((len(weights), SIZES[0])))
    thresholds = (rng.uniform(0.8, 1.2, SIZES[0]), rng.uniform(0.8, 1.2, SIZES[1]))
    return Drives(
        early, late, LATE, (rows,), thresholds, (Tally(count), Tally(count)), np.ones((count, 2), int)
    )


def errors(steps, solved, drives):
    """Mean and largest error of the hidden and of the output times, over the neurons that spike in both."""
    clock = Clocked(SIZES, len(drives), steps, LATE, solved, 30.0)
    exact, found = closed_form(drives, False), clock.times(drives, False)
    both = [np.isfinite(a) & np.isfinite(b) for a, b in zip(exact, found, strict=True)]
    assert all(b.mean() > 0.8 * np.isfinite(a).mean() for a, b in zip(exact, both, strict=True))
    apart = [np.abs(a[b] - f[b]) for a, f, b in zip(exact, found, both, strict=True)]
    return [(float(each.mean()), float(each.max())) for each in apart]


def slope(steps, mean):
    return -np.polyfit(np.log(steps), np.log(mean), 1)[0]


@pytest.fixture(scope="module")
def grid(numpy_target):
    steps = (16, 32, 64, 128)
    return steps, [errors(n, False, given()) for n in steps]


def test_times_on_the_grid_converge_with_the_first_power_of_the_step(grid):
    steps, found = grid
    for layer in range(2):
        assert slope(steps, [each[layer][0] for each in found]) == pytest.approx(1.0, abs=0.15)


def test_a_spike_on_the_grid_is_half_a_step_late_on_average_and_never_more_than_one(grid):
    for steps, found in zip(*grid, strict=True):
        mean, most = found[0]
        assert mean == pytest.approx(0.5 * LATE / steps, rel=0.1)
        assert most <= LATE / steps * (1 + 1e-9)


def test_solved_crossings_are_exact_where_inputs_fall_on_the_grid():
    steps, drives = (4, 16, 64), given()
    found = [errors(n, True, drives) for n in steps]
    for hidden, _ in found:
        assert hidden[1] < 1e-12
    means = [output[0] for _, output in found]
    assert slope(steps, means) > 1.2  # the outputs' inputs come within steps: better than the grid's order
    assert means[-1] < 0.1 * errors(64, False, drives)[1][0]


def test_weights_of_their_own_per_image():
    drives = given(own=True)
    exact = closed_form(drives, False)
    found = Clocked(SIZES, len(drives), 64, LATE, True, 30.0).times(drives, False)
    both = np.isfinite(exact[1]) & np.isfinite(found[1])
    assert both.mean() > 0.8
    assert np.abs(exact[1][both] - found[1][both]).mean() < 1e-3


def test_fewer_images_than_the_clock_was_built_for_and_a_second_block():
    drives = given()
    clock = Clocked(SIZES, 20, 16, LATE, False, 30.0)
    first, head = clock.times(drives, False), clock.times(drives.head(7), False)
    for whole, part in zip(first, head, strict=True):
        np.testing.assert_array_equal(whole[:7], part)
    again = clock.times(drives, False)
    np.testing.assert_array_equal(first[1], again[1])


def test_stopping_at_the_decision():
    drives = given()
    clock = Clocked(SIZES, 20, 64, LATE, True, 30.0)
    whole, stopped = clock.times(drives, False), clock.times(drives, True)
    np.testing.assert_array_equal(decisions(stopped), decisions(whole))
    end = decisions(whole)[:, None]
    np.testing.assert_array_equal(stopped[0], np.where(whole[0] <= end, whole[0], np.inf))


def test_the_clock_stops_at_t_end_and_without_any_spike():
    drives = given()
    short = Clocked(SIZES, 20, 16, LATE, False, 1.0).times(drives, False)
    assert short[0][np.isfinite(short[0])].max() <= 1.0 + LATE / 16
    quiet = Drives(-drives.early, -np.abs(drives.late), LATE, drives.rows, drives.thresholds, drives.tallies,
                   drives.inputs)  # fmt: skip
    clock = Clocked(SIZES, 20, 16, LATE, False, 1e6)
    assert all(np.isinf(times).all() for times in clock.times(quiet, False))
    assert clock.step == 17  # the step after the late inputs


def test_the_engine_on_the_clock_gives_the_closed_forms_classes():
    programmed = chip_with(network((64, 30, 20, 5)))
    exact, ends = run(programmed, shown=images()[:100])
    for solver, bound in (("clock", 0.2), ("clock_solved", 0.01)):
        found, when = run(programmed, FirstSpikeOptions(solver, LATE / 64), images()[:100])
        same = exact.scores(0).argmax(axis=1) == found.scores(0).argmax(axis=1)
        assert same.mean() >= 0.93
        both = np.isfinite(ends) & np.isfinite(when)
        assert np.median(np.abs(when[both] - ends[both])) < bound


@pytest.mark.parametrize(
    ("dt", "fits"),
    [(5.0, LATE), (LATE * 1.01, LATE), (0.5, LATE / 4), (1.0, LATE / 2)],
)
def test_a_step_that_does_not_fit_is_refused_with_one_that_does(dt, fits):
    text = f"dt: expected a whole part of {LATE:.6g}, the time between early and late inputs, got {dt:g}; "
    with pytest.raises(ConfigError, match=text + f"a step of {fits:.9g} would do"):
        run(chip_with(network()), FirstSpikeOptions("clock", dt))
    assert FirstSpikeOptions("clock", float(f"{fits:.9g}")).steps_to(LATE) == round(LATE / fits)


def test_steps_that_fit():
    assert FirstSpikeOptions("clock").steps_to(LATE) == 28
    assert FirstSpikeOptions("clock", math.log(6) / 7).steps_to(LATE) == 7
    assert FirstSpikeOptions("clock", LATE).steps_to(LATE) == 1
