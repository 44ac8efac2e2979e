"""A plain matrix on a chip: exact on an ideal one, block by block, refused in the wrong shape."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.chips import load_chip
from neurosim.engines.engine import BLOCK
from neurosim.foundation.errors import DataError
from neurosim.pipeline.matrix import program_matrix


def problem(rows: int = 30, columns: int = 7, vectors: int = BLOCK + 20) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(rows, columns)).astype(np.float32)
    return weights, rng.normal(size=(vectors, rows)).astype(np.float32)


def test_an_ideal_chip_gives_the_product() -> None:
    weights, x = problem()
    read = program_matrix(weights, load_chip("ideal_float"), x, 0).product(x, 25.0)
    assert read == pytest.approx(x @ weights, abs=1e-5)


def test_a_vector_s_result_does_not_depend_on_how_many_there_are() -> None:
    weights, x = problem()
    array = program_matrix(weights, load_chip("joshi_2020"), x, 3)
    whole = array.product(x, 3600.0)
    assert np.array_equal(array.product(x[:10], 3600.0), whole[:10])
    assert np.array_equal(array.product(x[: BLOCK + 1], 3600.0), whole[: BLOCK + 1])


def test_seeds_and_chips_are_apart() -> None:
    weights, x = problem()
    chip = load_chip("joshi_2020")
    first, again, other, second = (
        program_matrix(weights, chip, x, seed, number).product(x, 25.0)
        for seed, number in ((0, 0), (0, 0), (1, 0), (0, 1))
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, second)


def test_errors_of_pcm_have_the_size_of_their_closed_form() -> None:
    """Programming and read noise of both devices of a pair, converters apart."""
    chip = load_chip("joshi_2020").with_options(drift_compensation="none", adc__bits=None, dac__bits=None)
    chip = chip.with_options(read_noise="none", device__drift__mu_min=0.0, device__drift__mu_max=0.0,
                             device__drift__sigma_min=0.0, device__drift__sigma_max=0.0)  # fmt: skip
    rng = np.random.default_rng(2)
    weights = rng.uniform(-1, 1, (200, 500)).astype(np.float32)
    x = rng.uniform(-1, 1, (50, 200)).astype(np.float32)
    read = program_matrix(weights, chip, x, 0).product(x, 25.0)
    ratio = np.abs(weights) / np.abs(weights).max()
    used = np.maximum(0.26348 + 1.9650 * ratio - 1.1731 * ratio**2, 0) / 25
    # the other device: a normal of 0.26348 uS cut at zero has half its square, less the square of its mean
    idle = 0.26348 / 25
    variance = used**2 + idle**2 * (1 / 2 - 1 / (2 * np.pi))
    expected = np.sqrt((x.astype(float) ** 2 @ variance).mean())
    shift = np.sign(weights) * -idle / np.sqrt(2 * np.pi)  # its mean is no error to be averaged
    error = read - x @ (weights + shift.astype(np.float32) * np.abs(weights).max())
    assert np.std(error) / np.abs(weights).max() == pytest.approx(expected, rel=0.03)


def test_another_shape_is_refused() -> None:
    weights, x = problem()
    array = program_matrix(weights, load_chip("ideal_float"), x, 0)
    with pytest.raises(DataError, match=r"x: expected shape \(vectors, 30\)"):
        array.product(x[:, :-1], 25.0)
