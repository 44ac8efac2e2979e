"""neurosim claims at the terminal."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conftest import one_line, widest

from neurosim.chips import load_chip

Verb = Callable[..., Any]
CLAIM = """format = 1

[[claims]]
id = "digits"
says = "It reads digits."
metric = "accuracy"
network = "digits_mlp"
dataset = "digits/test"
times = ["25 s"]
relation = "at_least"
published = {value = 50, unit = "%", source = "a test", status = "recalled"}
tolerance = {value = 0, source = "none", status = "assumed"}

[[claims]]
id = "other_data"
says = "It reads more."
metric = "accuracy"
network = "digits_mlp"
dataset = "digits/test"
times = ["25 s"]
relation = "at_least"
published = {value = 50, unit = "%", source = "a test", status = "found"}
tolerance = {value = 0, source = "none", status = "assumed"}
not_simulated = "its data are not public"
"""


def chip_folder(tmp_path: Path) -> Path:
    (tmp_path / "chip.toml").write_text(load_chip("joshi_2020").text)
    (tmp_path / "claims.toml").write_text(CLAIM)
    return tmp_path


def test_published_ours_ratio_and_status(verb: Verb, tmp_path: Path) -> None:
    answer = verb("claims", chip_folder(tmp_path), "--limit", 50)
    assert answer.exit_code == 0, answer.stderr
    line = next(line for line in answer.stdout.splitlines() if line.startswith("  digits"))
    assert ">= 50.00 %*" in line
    assert "met" in line
    assert "not found in a source" in answer.stdout
    assert "other_data: its data are not public" in answer.stdout
    assert "2 claims: 1 met, 1 not simulated" in answer.stdout
    assert widest(answer.stdout) <= 120


def test_the_table_is_kept(verb: Verb, tmp_path: Path) -> None:
    out = tmp_path / "kept"
    answer = verb("claims", chip_folder(tmp_path), "--limit", 50, "--out", out)
    assert answer.exit_code == 0, answer.stderr
    rows = list(csv.DictReader((out / "claims.csv").read_text().splitlines()))
    assert [row["status"] for row in rows] == ["met", "not simulated"]
    assert float(rows[0]["ours"]) > 0.5
    assert (out / "joshi_2020-0.h5").is_file()


def test_a_failed_claim_ends_with_one(verb: Verb, tmp_path: Path) -> None:
    folder = chip_folder(tmp_path)
    text = (folder / "claims.toml").read_text()
    (folder / "claims.toml").write_text(text + "\n[claims.options]\nadc__bitss = 3\n")
    broken = (
        text.replace('not_simulated = "its data are not public"\n', "")
        + "\n[claims.options]\nadc__bitss = 3\n"
    )
    (folder / "claims.toml").write_text(broken)
    answer = verb("claims", folder, "--limit", 50)
    assert answer.exit_code == 1
    assert "1 met, 1 failed" in answer.stdout


def test_mistakes_get_one_line(verb: Verb) -> None:
    unknown = verb("claims", "joshi_2021")
    assert unknown.exit_code == 2
    assert "joshi_2020" in one_line(unknown.stderr)
    none = verb("claims", "joshi_2020", "--limit", 0)
    assert none.exit_code == 2
    assert "--limit" in one_line(none.stderr)
    twice = verb("claims", "joshi_2020", "joshi_2020")
    assert twice.exit_code == 2
    assert "each chip once" in one_line(twice.stderr)
