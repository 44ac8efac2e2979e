"""Pictures are drawn whole, for every kind of run, and hold what they should."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurosim.foundation.errors import ConfigError, DataError, LimitError
from neurosim.recording import RunFile
from neurosim.reports import (
    plot_accuracy,
    plot_all,
    plot_conductances,
    plot_confusion,
    plot_energy,
    plot_saturation,
    summarise,
)


def size_of(png: Path) -> tuple[int, int]:
    """Width and height of a PNG, from its header."""
    start = png.read_bytes()[:24]
    assert start[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", start[16:24])
    return width, height


def test_all_pictures_of_a_run(write_run: Callable[..., Path], tmp_path: Path) -> None:
    with RunFile.open(write_run()) as file:
        paths = plot_all(file, tmp_path / "new" / "folder")
    names = {"accuracy.png", "confusion.png", "energy.png", "saturation.png", "conductances.png"}
    assert {path.name for path in paths} == names
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == names
    assert all(min(size_of(path)) > 300 for path in paths)


def test_only_what_the_run_has_is_drawn(write_run: Callable[..., Path], tmp_path: Path) -> None:
    with RunFile.open(write_run(1, "ideal_float", states=False)) as file:
        paths = plot_all(file, tmp_path)
        summary = summarise(file)
        with pytest.raises(
            DataError, match=r"expected recorded devices, got none; run again without --record none"
        ):
            plot_conductances(file, tmp_path / "x.png")
    assert [path.name for path in paths] == ["accuracy.png", "confusion.png"]
    with pytest.raises(
        ConfigError, match=r"chip ideal_float: expected priced components, got none \(no circuit\)"
    ):
        plot_energy(summary.ledger, tmp_path / "x.png")
    with pytest.raises(ConfigError, match=r"expected a chip with converters, got none"):
        plot_saturation(summary, tmp_path / "x.png")


def test_pictures_say_what_they_show(write_run: Callable[..., Path], tmp_path: Path) -> None:
    with RunFile.open(write_run()) as file:
        summary = summarise(file)
    texts = {}
    for name, draw in (
        ("accuracy", plot_accuracy),
        ("confusion", plot_confusion),
        ("saturation", plot_saturation),
    ):
        texts[name] = _svg_texts(draw(summary, tmp_path / f"{name}.svg"))
    texts["energy"] = _svg_texts(plot_energy(summary.ledger, tmp_path / "energy.svg"))
    assert {"float network", "each chip", "mean of 3 chips, 95 % interval", "25 s", "1 day"} <= texts[
        "accuracy"
    ]
    assert {"zero", "one", "$two", "66.7", "33.3"} <= texts["confusion"]
    assert {"fc$1", "fc2", "1", "25"} <= texts["saturation"]
    assert {"array", "leakage", "0: rate-coded inference keeps no neuron state"} <= texts["energy"]
    assert any("hypothetical periphery" in text and "mixed nodes" in text for text in texts["energy"])
    assert "time since programming" in texts["accuracy"]
    assert any("1 day" in text or "25 s" in text for text in texts["confusion"])


def test_processors_do_not_age_and_shares_are_plain_numbers(tmp_path: Path) -> None:
    import neurosim as ns

    summary = ns.run("digits_mlp", "v100", limit=20).summary
    accuracy = _svg_texts(plot_accuracy(summary, tmp_path / "accuracy.svg"))
    assert "words in memories do not age" in accuracy
    assert max(float(text) for text in accuracy if text.replace(".", "").isdigit()) <= 101
    confusion = _svg_texts(plot_confusion(summary, tmp_path / "confusion.svg"))
    assert "digits_mlp on v100, 20 images" in confusion
    energy = _svg_texts(plot_energy(summary.ledger, tmp_path / "energy.svg"))
    assert any(text.endswith("(100 %)") for text in energy)


def test_a_title_too_long_for_its_picture_takes_a_line_more(
    write_run: Callable[..., Path], tmp_path: Path
) -> None:
    with RunFile.open(write_run()) as file:
        ledger = summarise(file).ledger
    long = replace(ledger, label="measured core, hypothetical digital units and buffers")
    texts = _svg_texts(plot_energy(long, tmp_path / "energy.svg"))
    assert long.label in texts
    assert any(text.startswith("prices at") for text in texts)


def test_axes_of_devices_begin_below_one_device(write_run: Callable[..., Path], tmp_path: Path) -> None:
    with RunFile.open(write_run()) as file:
        texts = _svg_texts(plot_conductances(file, tmp_path / "devices.svg"))
    assert any("10^{0}" in text for text in texts)


def _svg_texts(path: Path) -> set[str]:
    """Texts of a picture: matplotlib leaves each as a comment before its glyphs."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {line.strip()[4:-3].strip() for line in lines if line.strip().startswith("<!--")}


def test_no_picture_is_left_half_written(write_run: Callable[..., Path], tmp_path: Path) -> None:
    with RunFile.open(write_run()) as file:
        summary = summarise(file)
    with pytest.raises(
        ConfigError, match=r"expected a name ending in \.png or \.svg, got '\.pdf'; rename it"
    ):
        plot_accuracy(summary, tmp_path / "a.pdf")
    with pytest.raises(LimitError, match=r"expected a place to write a picture"):
        plot_accuracy(summary, tmp_path / "absent" / "a.png")
    (tmp_path / "taken").write_text("a file")
    with (
        RunFile.open(write_run(2)) as file,
        pytest.raises(LimitError, match=r"expected a folder for pictures"),
    ):
        plot_all(file, tmp_path / "taken")
    assert not list(tmp_path.glob(".*partial"))


def test_drawing_leaves_no_global_state(write_run: Callable[..., Path], tmp_path: Path) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    with RunFile.open(write_run(2)) as file:
        plot_all(file, tmp_path / "p")
    assert dict(matplotlib.rcParams) == before
    assert np.isfinite(size_of(tmp_path / "p" / "energy.png")).all()
