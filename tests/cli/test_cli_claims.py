"""neurosim claims at the terminal."""

from __future__ import annotations

import csv
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
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
    assert "2 claims: 1 met, 1 not simulated" in answer.stdout
    assert "a preview on 50 images, not a verdict" in answer.stdout
    assert widest(answer.stdout) <= 80


def test_reasons_stand_under_what_became_of_the_claims(verb: Verb, tmp_path: Path) -> None:
    (tmp_path / "chip.toml").write_text(load_chip("joshi_2020").text)
    other = CLAIM.split("[[claims]]")[2].replace("found", "recalled").replace("other_data", "other_labels")
    missed = CLAIM.replace('"at_least"', '"at_most"', 1)
    (tmp_path / "claims.toml").write_text(f"{missed}\n[[claims]]\n{other}")
    answer = verb("claims", tmp_path, "--limit", 50)
    assert answer.exit_code == 0, answer.stderr
    words = [line.split() for line in answer.stdout.splitlines()]
    because = words.index(["Why", "missed"])
    assert words[because + 1] == ["joshi_2020"]
    assert words[because + 2][0] == "digits"
    assert " ".join(words[because + 2][2:]) == "points above, nothing allowed"
    unknown = words.index(["Why", "not", "simulated"])
    assert " ".join(words[unknown + 2]) == "other_data its data are not public"
    assert " ".join(words[unknown + 3]) == "other_labels as above"


@pytest.mark.parametrize("length", [26, 60, 90])
def test_names_and_figures_are_whole_in_80_columns(verb: Verb, tmp_path: Path, length: int) -> None:
    """A name too long for any table is broken; the figures are not."""
    (tmp_path / "chip.toml").write_text(load_chip("joshi_2020").text)
    (tmp_path / "claims.toml").write_text(CLAIM.replace("other_data", "x" * length))
    answer = verb("claims", tmp_path, "--limit", 50)
    assert widest(answer.stdout) <= 80
    row, *_ = (line for line in answer.stdout.splitlines() if line.startswith("  xx"))
    assert (f"  {'x' * length} " in row) == (length < 30)
    assert row.split()[-5:] == [">=", "50.00", "%", "not", "simulated"]


def test_wide_terminals_show_what_the_paper_says(
    verb: Verb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "130")
    answer = verb("claims", chip_folder(tmp_path), "--limit", 50)
    assert "It reads digits." in answer.stdout
    assert 80 < widest(answer.stdout) <= 130


def test_a_signal_leaves_what_was_checked(program: Callable[..., Any], tmp_path: Path) -> None:
    """The second chip's data set is large enough to be stopped in."""
    folder = chip_folder(tmp_path)
    process = program("claims", folder, "guo_2017", "--out", "kept", preexec_fn=_hears_interrupts)
    kept = tmp_path / "kept" / "claims.csv"
    for _ in range(600):
        if kept.is_file() and kept.read_text().count("joshi_2020") == 2:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert one_line(stderr) == "stopped; 2 claims checked until then, in kept/claims.csv"
    assert kept.read_text().count("joshi_2020") == 2


def _hears_interrupts() -> None:
    """Jobs in the background of a script are started with Ctrl-C ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


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


def test_chips_whose_claims_cannot_be_told_are_refused_before_any_is_run(verb: Verb, tmp_path: Path) -> None:
    bare = tmp_path / "bare.toml"
    bare.write_text(load_chip("joshi_2020").text)
    answer = verb("claims", "ideal_float", bare)
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert "expected a claims.toml beside its chip.toml" in one_line(answer.stderr)
    answer = verb("claims", "joshi_2020", chip_folder(tmp_path), "--out", tmp_path / "kept")
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "called after them, got two 'joshi_2020'" in one_line(answer.stderr)


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
