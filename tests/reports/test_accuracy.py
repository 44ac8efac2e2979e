"""Accuracy intervals against tables and numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.reports import Accuracy, confusion_matrix, interval


def test_students_interval_of_several_chips() -> None:
    chips = np.array([0.90, 0.92, 0.94, 0.92, 0.92])
    # s = sqrt(0.0002), t(0.975, 4) = 2.776 (any table)
    half = 2.7764 * np.sqrt(0.0002) / np.sqrt(5)
    assert interval(chips, 100) == pytest.approx((0.92 - half, 0.92 + half), abs=1e-6)


def test_wilsons_interval_of_one_chip() -> None:
    """Wilson's interval for 81 of 263, Newcombe 1998, Table I: 0.2553 to 0.3662."""
    assert interval(np.array([81 / 263]), 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_wilsons_interval_stays_a_fraction_and_knows_that_images_are_few(right: float) -> None:
    low, high = interval(np.array([right]), 10)
    assert 0 <= low <= right <= high <= 1
    # Newcombe 1998: 0 of 10 gives 0 to 0.2775
    assert high - low == pytest.approx(0.2775, abs=5e-5)


def test_students_interval_is_cut_off_at_one() -> None:
    assert interval(np.array([1.0, 0.9]), 10)[1] == 1


def test_student_covers_the_true_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    samples = rng.normal(0.5, 0.01, (4000, 4))
    ends = np.array([interval(sample, 1000) for sample in samples])
    covered = ((ends[:, 0] < 0.5) & (ends[:, 1] > 0.5)).mean()
    assert covered == pytest.approx(0.95, abs=0.0125)


def test_accuracy_over_chips_and_times() -> None:
    correct = np.array([[[1, 1, 1, 0], [1, 0, 0, 0]], [[1, 1, 0, 0], [1, 0, 0, 0]]], bool)
    accuracy = Accuracy.of(correct, (25.0, 3600.0))
    assert accuracy.per_chip == pytest.approx(np.array([[0.75, 0.25], [0.5, 0.25]]))
    assert accuracy.mean == pytest.approx([0.625, 0.25])
    assert accuracy.low[1] == accuracy.high[1] == 0.25
    assert accuracy.method == "95 % of the mean, Student's t over 2 chips"
    assert str(accuracy).splitlines()[1] == "1 h: 25.00 % [25.00, 25.00]"


def test_one_chip_says_that_its_interval_is_of_images() -> None:
    accuracy = Accuracy.of(np.ones((1, 1, 50), bool), (25.0,))
    assert accuracy.method == "95 % Wilson interval of 50 images, one chip"
    assert accuracy.low[0] < 1


def test_confusion_counts_true_by_given_over_chips() -> None:
    labels = np.array([0, 1, 2, 2], np.int16)
    predictions = np.array([[0, 1, 2, 1], [0, 0, 2, 2]], np.int16)
    expected = [[2, 0, 0], [1, 1, 0], [0, 1, 3]]
    assert confusion_matrix(labels, predictions, 3).tolist() == expected
