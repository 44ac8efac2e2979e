"""The study of li_2018's transforms, small: its mathematics against SciPy, its precision against the number of bits."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.fft import dct, dctn

from neurosim.chips import load_chip

sys.path.insert(0, str(Path(__file__).parents[2] / "studies"))
import li_2018_transforms as study


def test_the_transform_is_scipy_s() -> None:
    x = np.random.default_rng(0).normal(size=(5, 16))
    assert x @ study.cosine_matrix(16) == pytest.approx(dct(x, norm="ortho"))


def test_blocks_of_a_photograph_on_an_ideal_chip() -> None:
    image = study.photograph(32)
    product, ours, exact = study.compress(image, load_chip("ideal_float"), 0, kept=0.2)
    first = dctn(image[:8, :8] - 0.5, norm="ortho").ravel()
    assert product.read[0] == pytest.approx(first, abs=1e-5)
    assert ours == pytest.approx(exact, abs=1e-4)
    assert study.psnr_db(exact, image) > 20


def test_all_coefficients_give_the_picture_back() -> None:
    image = study.photograph(32)
    _, _, exact = study.compress(image, load_chip("ideal_float"), 0, kept=1.0)
    assert exact == pytest.approx(image, abs=1e-12)


def test_the_array_is_as_precise_as_published() -> None:
    rows = study.precision(load_chip("li_2018"), [8, 64], seeds=3)
    (_, small, _), (_, large, _) = rows
    assert 5 <= large < small <= 8.3


def test_filters_find_edges_alike() -> None:
    image = study.photograph(40)
    product = study.convolve(image, load_chip("li_2018"), 0)
    assert product.read.shape == (38 * 38, len(study.FILTERS))
    assert product.bits > 4


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    path = study.draw(
        tmp_path, load_chip("li_2018"), study.photograph(32), 0.1, [(4, 8.0, 0.1), (8, 7.0, 0.2)]
    )
    assert path.read_bytes().startswith(b"\x89PNG")
