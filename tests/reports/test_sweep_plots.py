"""A sweep's table as a picture: means and ranges over the other axes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurosim.foundation.errors import ConfigError, DataError
from neurosim.reports import sweep_plots
from neurosim.reports.sweep_plots import plot_axis

TABLE: dict[str, list[Any]] = {
    "adc.bits": [4, 4, 8, 8, 8],
    "chip": ["a", "b", "a", "b", "b"],
    "time_s": [25.0, 25.0, 25.0, 25.0, 86400.0],
    "accuracy": [0.5, 0.7, 0.9, None, 0.8],
}


def test_means_and_ranges() -> None:
    least, mean, most = sweep_plots._spread(TABLE, "adc.bits", "accuracy", [0, 1, 2], [4, 8, 9])
    np.testing.assert_allclose(least[:2], [0.5, 0.9])
    np.testing.assert_allclose(mean[:2], [0.6, 0.9])
    np.testing.assert_allclose(most[:2], [0.7, 0.9])
    assert np.isnan(mean[2])


@pytest.mark.parametrize("axis", ["adc.bits", "chip", "time_s"])
def test_numbers_and_words(axis: str, tmp_path: Path) -> None:
    text = plot_axis(TABLE, axis, tmp_path / "x.svg").read_text()
    assert f"<!-- {axis} -->" in text
    assert "<!-- accuracy (%) -->" in text
    assert (
        ("<!-- 25 s -->" in text) == ("<!-- 1 day -->" in text) == (axis != "time_s")
    )  # one line against time
    if axis != "time_s":
        assert all(f"<!-- {value} -->" in text for value in set(TABLE[axis]))


def test_words_are_not_joined_and_ranges_are_told_where_there_are_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(sweep_plots, "save", lambda figure, path: drawn.append(figure) or path)
    for axis in ("chip", "adc.bits"):
        plot_axis(TABLE, axis, tmp_path / "x.png")
    words, numbers = (figure.axes[0] for figure in drawn)
    assert {line.get_linestyle() for line in words.lines} == {"None"}
    fresh, old = (line.get_xdata()[-1] for line in words.lines)
    assert 0 < old - fresh < 0.5  # beside each other, at the same word
    assert {line.get_linestyle() for line in numbers.lines} == {"-"}
    assert words.get_title() == "mean over all other axes, and their range"
    single = {name: column[:1] for name, column in TABLE.items()}
    plot_axis(single, "chip", tmp_path / "x.png")
    assert drawn[-1].axes[0].get_title() == ""


def test_what_cannot_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"plot: expected a column of the table, got 'adc.bit'; did you mean"
    ):
        plot_axis(TABLE, "adc.bit", tmp_path / "x.png")
    failed = {**TABLE, "accuracy": [None] * 5}
    with pytest.raises(DataError, match="expected a point that is done, got none"):
        plot_axis(failed, "adc.bits", tmp_path / "x.png")
