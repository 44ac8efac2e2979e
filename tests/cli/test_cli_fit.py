"""neurosim chips: devices of the literature, and `chips fit` from the file to a run."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurosim.chips import load_chip
from neurosim.devices import make_device
from neurosim.devices.shipped import load_device
from neurosim.foundation.shipped import chips_folder
from neurosim.foundation.streams import stream


@pytest.fixture
def ramps(tmp_path: Path) -> Path:
    """Six ramps up and six down of 80 pulses, microsiemens, the last one shorter."""
    rng = np.random.default_rng(4)
    columns = []
    for way in (1, -1):
        for _ in range(6):
            g = [10.0 if way > 0 else 90.0]
            for _ in range(79):
                g.append(
                    g[-1] + way * 0.015 * ((100 - g[-1]) if way > 0 else g[-1]) + 0.2 * rng.standard_normal()
                )
            columns.append([f"{value:.4f}" for value in g])
    columns[-1][70:] = [""] * 10
    names = [*(f"set{k}" for k in range(6)), *(f"reset{k}" for k in range(6))]
    path = tmp_path / "measured.csv"
    path.write_text(
        "\n".join([",".join(names), *(",".join(row) for row in zip(*columns, strict=True))]) + "\n"
    )
    return path


def test_a_fit_is_shown_written_drawn_and_runs(verb: Any, ramps: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.toml"
    got = verb("chips", "fit", ramps, "--kind", "rram", "--unit", "uS", "--out", out)
    assert (got.exit_code, got.stderr) == (0, "")
    assert "6 ramps up, 6 ramps down, 938 pulses" in got.stdout
    assert "held out: every third ramp, 4 of 12" in got.stdout
    assert (
        len(re.findall(r"^\*? +(?:soft|linear|exponential|power|constant) ", got.stdout, re.MULTILINE)) == 10
    )
    assert max(len(line) for line in got.stdout.replace(str(tmp_path), "").splitlines()) <= 80
    chip = load_chip(out)
    assert chip.name == "joshi_2020_mine"
    pulses = chip.device.pulses
    width = chip.device.g_max_siemens - chip.device.g_min_siemens
    top, bottom = chip.device.g_max_siemens * 1e6, chip.device.g_min_siemens * 1e6
    physics = make_device(chip.device).pulse_physics()
    middle = (top + bottom) / 2
    assert physics.step_siemens * 1e6 == pytest.approx(0.015 * ((100 - middle) + middle) / 2, rel=0.05)
    assert pulses.cycle_noise * width * 1e6 == pytest.approx(0.2, rel=0.1)
    assert out.with_suffix(".png").read_bytes()[:4] == b"\x89PNG"
    ran = verb("run", "digits_mlp", "--chip", out, "--limit", 20, "--out", tmp_path / "run.h5")
    assert ran.exit_code == 0
    again = verb("chips", "fit", ramps, "--unit", "uS", "--out", out)
    assert again.exit_code == 2
    assert "give --overwrite" in again.stderr


def test_a_read_back_sets_the_spread_of_programming(verb: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    target = np.repeat(np.linspace(5, 50, 10), 60)
    measured = target + (0.5 + 0.02 * target) * rng.standard_normal(len(target))
    path, out = tmp_path / "levels.csv", tmp_path / "levels.toml"
    rows = [f"{t:g},{m:.5f}" for t, m in zip(target, measured, strict=True)]
    path.write_text("\n".join(["target (uS),measured (uS)", *rows]))
    got = verb(
        "chips", "fit", path, "--chip", "hermes", "--kind", "rram", "--out", out, "--plot", tmp_path / "p.svg"
    )
    assert (got.exit_code, got.stderr) == (0, "")
    assert "600 readings of targets from 5 uS to 50 uS" in got.stdout
    device = make_device(load_chip(out).device)
    sigma = device.programming_sigma(np.array([10e-6, 40e-6])) * 1e6
    np.testing.assert_allclose(sigma, [0.7, 1.3], rtol=0.12)
    assert (tmp_path / "p.svg").exists()


def test_pulses_of_pcm_go_into_a_pcm_chip(verb: Any, tmp_path: Path) -> None:
    device = make_device(load_chip("joshi_2020").device)
    n = 12
    state = device.pulse(
        device.program(np.zeros(n, np.float32), stream(0)), np.zeros(n, int), np.ones(n, int), stream(1)
    )
    rows = [state.g_siemens * 1e6]
    for k in range(25):
        state = device.pulse(state, np.ones(n, int), np.zeros(n, int), stream(2, k))
        rows.append(state.g_siemens * 1e6)
    path, out = tmp_path / "set.csv", tmp_path / "pcm.toml"
    path.write_text("\n".join(",".join(f"{value:.5f}" for value in row) for row in rows))
    got = verb("chips", "fit", path, "--unit", "uS", "--kind", "pcm", "--out", out)
    assert (got.exit_code, got.stderr) == (0, "")
    assert "crystallisation" in got.stdout
    made, base = load_chip(out).device, load_chip("joshi_2020").device
    assert made.drift == base.drift
    assert made.pulses != base.pulses
    assert made.pulses.mu_0_siemens == pytest.approx(0.88e-6, rel=0.6)


@pytest.mark.parametrize(("arguments", "code", "message"), [
    ([], 2, r"chips fit: expected a CSV file of measurements, got none"),
    (["measured.csv", "--kind", "mram"], 2, r"gradual pulses: rram, ecram, flash, pcm, got 'mram'"),
    (["measured.csv"], 1, r"unit: expected one unit of its values, got none; give it: --unit uS"),
    (["measured.csv", "--unit", "A"], 1, r"give the voltage: --v-read 0.1"),
    (["measured.csv", "--unit", "S"], 1, r"the unit is wrong: change --unit or --v-read"),
    (["measured.csv", "--unit", "uA", "--v-read", "0"], 2, r"--v-read: expected a voltage above zero, got 0"),
    (["measured.csv", "--unit", "1"], 2, r"give both ends of their range in uS: --g-min 1 --g-max 100"),
    (["measured.csv", "--unit", "1", "--g-min", "9", "--g-max", "3"], 2, r"0 <= g_min < g_max, got 9 and 3"),
    (["measured.csv", "--unit", "uS", "--g-min", "9"], 2, r"values with a unit; leave them out"),
    (["measured.csv", "--unit", "uS", "--out", "x.json"], 2, r"a name that ends in .toml"),
    (["missing.csv", "--unit", "uS"], 1, r"a readable CSV file"),
])  # fmt: skip
def test_mistakes_are_named(verb: Any, ramps: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int,
                            message: str) -> None:  # fmt: skip
    monkeypatch.chdir(ramps.parent)
    got = verb("chips", "fit", *arguments)
    assert got.exit_code == code
    assert re.search(message, " ".join(got.stderr.split()))
    assert "Traceback" not in got.stderr


def test_a_device_is_called_after_its_file_or_as_said(verb: Any, ramps: Path, tmp_path: Path) -> None:
    """Names hold small letters, digits and _; those of files, anything."""
    out = tmp_path / "<My> fit-2.toml"
    got = verb("chips", "fit", ramps, "--unit", "uS", "--out", out)
    assert (got.exit_code, got.stderr) == (0, "")
    assert load_chip(out).name == "joshi_2020_my_fit_2"
    wrong = verb("chips", "fit", ramps, "--unit", "uS", "--out", tmp_path / "x.toml", "--name", "My fit")
    assert wrong.exit_code == 2
    assert "--name: expected small letters, digits and _, a letter first, got 'My fit'" in wrong.stderr
    assert "Laws" not in wrong.stdout  # before the work, not after it


def test_a_full_disk_leaves_no_half_of_a_chip(
    verb: Any, ramps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("neurosim.recording.durable.os.fsync", full)
    got = verb("chips", "fit", ramps, "--unit", "uS", "--out", tmp_path / "mine.toml")
    assert got.exit_code == 1
    assert "mine.toml: expected room for 0.0" in got.stderr
    assert "a full disk or quota; free some space, or choose another --out" in got.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["measured.csv"]


def test_a_blank_inside_and_unsorted_pulses_are_named_with_their_lines(verb: Any, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("pulse,g (uS)\n1,1\n2,\n3,3\n")
    assert "bad.csv:3: column 'g (uS)': expected a number, got a blank" in verb("chips", "fit", path).stderr
    path.write_text("pulse,g (uS)\n1,1\n3,2\n2,3\n")
    assert (
        "bad.csv:3: column 'pulse': expected pulse numbers that rise one by one"
        in verb("chips", "fit", path).stderr
    )


def test_a_device_that_no_law_describes_is_called_so(verb: Any, tmp_path: Path) -> None:
    bins = np.linspace(1e-5, 1e-4, 12)
    points = np.linspace(0, 1, 9)
    changes = np.where(
        points[:, None] < 0.8, 1e-8, 8e-5 * np.ones(12)
    )  # mostly nothing, then all of the range
    rows = [
        "Row 1 = Gbins, Row 2 = CDF",
        *(",".join(f"{v:g}" for v in row) for row in (bins, points, *changes)),
    ]
    path = tmp_path / "table.txt"
    path.write_text("\n".join(rows))
    got = verb("chips", "fit", path, "--out", tmp_path / "odd.toml")
    assert got.exit_code == 0
    assert "no law describes the held-out data well (KS 0." in got.stderr


def test_chips_alone_a_name_and_help_still_work(verb: Any) -> None:
    listed = verb("chips")
    assert listed.exit_code == 0
    assert "joshi_2020" in listed.stdout
    assert verb("chips", "joshi_2020").stdout == verb("chips", "show", "joshi_2020").stdout
    assert (
        verb("chips", "--toml", "joshi_2020").stdout
        == (chips_folder() / "joshi_2020" / "chip.toml").read_text()
    )
    asked = verb("chips", "fit", "--help").stdout
    assert "neurosim chips fit measured.csv" in asked
    assert "read voltage" in asked


def test_devices_of_the_literature_are_listed_and_put_into_chips(verb: Any, tmp_path: Path) -> None:
    assert re.search(r"^milo_2021 +rram ", verb("chips", "--devices").stdout, re.MULTILINE)
    path = tmp_path / "mine.toml"
    path.write_text(verb("chips", "joshi_2020", "--device", "milo_2021", "--toml").stdout)
    assert load_chip(path).device == load_device("milo_2021").parameters
    shown = verb("chips", "joshi_2020", "--device", "milo_2021").stdout
    assert "4.78232," in shown
    assert "line through Fig. 4" in " ".join(shown.split())
    wrong = verb("chips", "joshi_2020", "--device", "mile_2021")
    assert wrong.exit_code == 2
    assert "did you mean 'milo_2021'" in wrong.stderr
    alone = verb("chips", "--device", "milo_2021").stderr
    assert "--device: expected the chip to put it into" in alone
    assert "neurosim chips joshi_2020 --device milo_2021" in alone
