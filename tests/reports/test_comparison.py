"""Comparisons of fabricated runs whose crossovers are worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from comparison_samples import LABELS, RATE_JOULES, STEP_JOULES, STEPS, chip_text, write

import neurosim as ns
from neurosim.costs import energy_by_step, mean_energy_by_step, price_run
from neurosim.foundation.errors import ConfigError, DataError
from neurosim.recording import RunFile
from neurosim.reports.comparison_plots import plot_comparison
from neurosim.reports.crossover import StepCourse, accuracy_steps, cross
from neurosim.reports.pairing import mcnemar, pair


@pytest.fixture
def rate(tmp_path: Path) -> Path:
    return write(tmp_path / "rate.h5", mode="rate")


@pytest.fixture
def spikes(tmp_path: Path) -> Path:
    return write(tmp_path / "spikes.h5", mode="spiking")


def test_energy_after_every_step_by_hand_and_as_the_ledger_has_it(spikes: Path) -> None:
    with RunFile.open(spikes) as run:
        joules = energy_by_step(run)
        steps = np.arange(1, STEPS + 1)
        assert joules == pytest.approx(np.outer([20e-12, 20e-12, 40e-12, 40e-12], steps))
        assert mean_energy_by_step(run) == pytest.approx(STEP_JOULES * steps)
        assert joules[:, -1] == pytest.approx(price_run(run).per_image)
        assert energy_by_step(run, images=slice(2, 4)) == pytest.approx(joules[2:])
        for few in (1, 3):
            ledger = price_run(run, steps=few)
            assert ledger.total == pytest.approx(few * STEP_JOULES)
            assert ledger.per_image == pytest.approx(joules[:, few - 1])
            assert ledger.times.image_s == pytest.approx(few * 135e-9)


def test_steps_that_were_not_run_are_refused(rate: Path, spikes: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"steps: expected 1 to 8, those that were run, got 9; run it again"
    ):
        price_run(spikes, steps=9)
    with pytest.raises(
        ConfigError, match=r"steps: expected a spiking run, got a rate run; leave the steps out"
    ):
        price_run(rate, steps=1)
    with (
        RunFile.open(rate) as run,
        pytest.raises(ConfigError, match=r"mode: expected a spiking run, got a rate run"),
    ):
        energy_by_step(run)


def test_a_spiking_run_without_its_steps_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "run.h5", mode="spiking", said=False)
    with pytest.raises(
        DataError, match=r"steps: expected an attribute of a spiking run, got none; run it again"
    ):
        price_run(path)


def test_the_crossover_by_hand(rate: Path, spikes: Path) -> None:
    (meeting,) = ns.compare(rate, spikes, tolerance=0).meetings
    found = meeting.crossover
    assert meeting.spiking == "B"
    assert found is not None
    # 4 x 30 pJ <= 130 pJ < 5 x 30 pJ; 75 % is kept from step 5 on, for step 4 falls back to 50 %
    assert (found.energy_steps, found.accuracy_steps, found.at_steps) == (4, 5, 5)
    assert not found.wins
    assert (found.joules, found.rival_joules) == pytest.approx((150e-12, RATE_JOULES))
    assert found.quiet_joules == pytest.approx(50e-12)
    # of 5 steps' 150 pJ the updates take 50; 100 pJ for 300 events: the 80 pJ that are left pay for 240
    assert (found.events, found.rate) == pytest.approx((300, 300 / (120 * 5)))
    assert (found.crossing_events, found.crossing_rate) == pytest.approx((240, 0.4))
    # images 0 and 1 can afford 6 steps, 2 and 3 only 3
    assert found.images_won == 0.5
    assert found.image_steps == (3, 4.5, 6)


def test_a_tolerance_lets_spiking_win(rate: Path, spikes: Path) -> None:
    found = ns.compare(rate, spikes, tolerance=0.25).meetings[0].crossover
    assert found is not None
    assert (found.accuracy_steps, found.at_steps, found.wins) == (2, 2, True)
    assert found.crossing_events == pytest.approx(3 * (130 - 20))
    assert found.crossing_rate == pytest.approx(330 / 240)
    assert found.images_won == 1


def test_the_order_of_the_runs_does_not_move_the_crossover(rate: Path, spikes: Path) -> None:
    forth, back = ns.compare(rate, spikes).meetings[0], ns.compare(spikes, rate).meetings[0]
    assert back.crossover == forth.crossover
    assert (forth.spiking, back.spiking) == ("B", "A")
    assert back.pairing.only_first == forth.pairing.only_second


def course(
    accuracy: list[float], joules: list[float], events: list[float], growing: list[float]
) -> StepCourse:
    return StepCourse(*(np.array(x, float) for x in (accuracy, joules, events, growing)), 10)


def test_crossovers_at_their_ends() -> None:
    dear = cross(course([0.9, 0.9], [5, 10], [1, 2], [1, 2]), 0.9, 3.0, 0.0)
    assert (dear.energy_steps, dear.accuracy_steps) == (0, 1)
    assert dear.crossing_events == -1  # even without events a step costs 4
    never = cross(course([0.5, 0.6], [1, 2], [0, 0], [0, 0]), 0.9, 3.0, 0.01)
    assert (never.energy_steps, never.accuracy_steps, never.at_steps, never.crossing_events) == (
        2,
        None,
        2,
        None,
    )
    assert not never.wins


@pytest.mark.parametrize(
    ("accuracy", "wanted", "steps"),
    [([0.1, 0.5, 0.9], 0.5, 2), ([0.9, 0.1, 0.9], 0.5, 3), ([0.9, 0.9, 0.1], 0.5, None), ([0.7], 0.7, 1)],
)
def test_accuracy_counts_from_where_it_stays(accuracy: list[float], wanted: float, steps: int | None) -> None:
    assert accuracy_steps(np.array(accuracy), wanted) == steps


def test_images_in_pairs(rate: Path, spikes: Path) -> None:
    pairing = ns.compare(rate, spikes).meetings[0].pairing
    kinds = (pairing.both, pairing.only_first, pairing.only_second, pairing.neither)
    assert [k.tolist() for k in kinds] == [[3], [0], [1], [0]]
    assert pairing.p_value == 1
    assert (pairing.difference, pairing.half_width) == (0.25, None)


def test_mcnemar_against_sums_of_the_binomial() -> None:
    # 1 and 9 of 10: 2 (1 + 10) / 1024
    assert mcnemar(1, 9) == pytest.approx(22 / 1024)
    assert mcnemar(0, 6) == pytest.approx(2 / 64)
    assert mcnemar(5, 5) == mcnemar(0, 0) == 1


def test_differences_over_pairs_of_chips() -> None:
    first = np.array([[1, 1, 1, 1], [1, 1, 1, 0]], bool)
    second = np.array([[1, 1, 0, 0], [1, 1, 0, 1], [0, 0, 0, 0]], bool)
    pairing = pair(first, second)
    assert pairing.chips == 2
    assert pairing.difference == -0.25
    # differences -0.5 and 0: s = 0.35355, t(0.975, 1) = 12.706
    assert pairing.half_width == pytest.approx(12.7062 * 0.353553 / np.sqrt(2), rel=1e-4)


def test_the_same_devices_are_told_by_their_hashes(tmp_path: Path, rate: Path) -> None:
    def devices(**how: object) -> str:
        other = write(tmp_path / "other.h5", mode="spiking", **how)  # type: ignore[arg-type]
        text = ns.compare(rate, other).meetings[0].devices
        other.unlink()
        return text

    assert devices().startswith("the same sampled devices, frozen noise included (state hash ")
    assert devices(states=2.0) == "different devices"
    assert devices(states=None) == "devices not recorded in both runs; the same seed"
    assert devices(states=None, seed=1) == "devices not recorded in both runs; different seeds"


def test_equal_accuracy_takes_the_fewest_steps(rate: Path, spikes: Path) -> None:
    found = ns.compare(rate, spikes, tolerance=0, equal_accuracy=True)
    assert found.equal_accuracy == 0.75
    first, second = found.equal
    assert (first.letter, first.steps, first.accuracy, first.ledger.total) == (
        "A",
        0,
        0.75,
        pytest.approx(RATE_JOULES),
    )
    assert (second.letter, second.steps, second.accuracy) == ("B", 5, 0.75)
    assert second.ledger.total == pytest.approx(5 * STEP_JOULES)
    text = found.table()
    assert "At equal accuracy, 75.00 % or better, each with its own network" in text


def test_the_table_tells_it_all(rate: Path, spikes: Path) -> None:
    text = ns.compare(rate, spikes, tolerance=0).table()
    lines = {" ".join(line.split()) for line in text.splitlines()}
    for line in (
        "mode rate spiking",
        "steps - 8",
        "accuracy 75.00 % 100.00 %",
        "energy 130 pJ 240 pJ",
        "latency 135 ns 1.08 us",
        "ADC 120 pJ (92.3 %) 0",
        "neuron state 0 80 pJ (33.3 %)",
        "A, neuron state 0: rate-coded inference keeps no neuron state",
        "B, ADC 0: no conversion was counted",
        "only B right 1",
        "B less A: +25.00 points; McNemar's exact test, chip 0: p = 1",
        "steps that cost no more than A 4",
        "steps to A's accuracy, within 0 points 5",
        "events at which the energies meet 240",
        "rate at which they meet 0.4",
        "images that cost less, at 5 steps 50.0 %",
        "affordable steps, image by image 4.5 (3..6)",
        "B never wins: as accurate as A from 5 steps on, at 1.15 times its energy",
        "5 75.00 % 150 pJ 675 ns 300",
        "8 100.00 % 240 pJ 1.08 us 480",
    ):
        assert line in lines, line


def test_what_makes_totals_unequal_is_flagged(tmp_path: Path, rate: Path) -> None:
    other = write(tmp_path / "b.h5", mode="spiking", chips=2, seed=3, network="another",
                  chip=chip_text("hypothetical periphery", "90 nm"))  # fmt: skip
    flags = ns.compare(rate, other).flags
    assert "technology nodes differ (A: 32 nm; B: 90 nm) and are not scaled to each other" in flags
    assert "what the figures rest on: A: toy; B: hypothetical periphery" in flags
    assert "networks differ: A: toy_net; B: another" in flags
    assert "seeds differ: A: 0; B: 3" in flags
    assert "numbers of chips differ: A: 1; B: 2" in flags
    assert any(flag.startswith("A is without clock") for flag in flags)


def test_a_run_that_recorded_no_steps_is_compared_without_a_crossover(tmp_path: Path, rate: Path) -> None:
    found = ns.compare(rate, write(tmp_path / "b.h5", mode="spiking", recorded=False))
    assert found.meetings[0].crossover is None
    assert "B recorded no steps, so there is no crossover: run it with --record outputs" in found.flags
    assert found.runs[1].ledger.total == pytest.approx(STEPS * STEP_JOULES)


def test_three_runs_and_one_price_list_for_all(tmp_path: Path, rate: Path, spikes: Path) -> None:
    third = write(tmp_path / "c.h5", mode="rate", seed=1)
    found = ns.compare(rate, spikes, third)
    assert [(m.first, m.second) for m in found.meetings] == [("A", "B"), ("A", "C")]
    assert found.meetings[1].crossover is None
    dear = chip_text().replace("value = 3,", "value = 6,")
    (tmp_path / "chip.toml").write_text(dear)
    assert ns.compare(rate, spikes, prices=tmp_path / "chip.toml").runs[0].ledger.total == pytest.approx(
        250e-12
    )


def test_runs_of_other_images_are_refused(tmp_path: Path, rate: Path) -> None:
    other = tmp_path / "other.h5"
    write(other, mode="rate", inputs="fashion_mnist/test")
    with pytest.raises(
        ConfigError, match=r"inputs: expected toys/test, .*got fashion_mnist/test; compare runs of one"
    ):
        ns.compare(rate, other)
    other.unlink()
    write(other, mode="rate", labels=np.array([0, 1], np.int16))
    with pytest.raises(ConfigError, match=r"images: expected 4, .*got 2; run both with the same --limit"):
        ns.compare(rate, other)
    other.unlink()
    write(other, mode="rate", labels=1 - LABELS)
    with pytest.raises(
        ConfigError, match=r"images: expected those of .*others under the same name; run both on one"
    ):
        ns.compare(rate, other)


def test_one_run_is_no_comparison_and_tolerances_are_fractions(rate: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"runs: expected 2 to 8 run files, got 1; name the runs to compare"
    ):
        ns.compare(rate)
    with pytest.raises(ConfigError, match=r"tolerance: expected a fraction from 0 to below 1, got 5"):
        ns.compare(rate, rate, tolerance=5)


def test_pictures_are_drawn(tmp_path: Path, rate: Path, spikes: Path) -> None:
    drawn = plot_comparison(ns.compare(rate, spikes), tmp_path / "pictures")
    assert [path.name for path in drawn] == ["accuracy_energy.png", "energy_components.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)
