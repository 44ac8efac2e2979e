"""neurosim sweep: what it prints, draws and refuses, and how it is stopped."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Verb, one_line, widest

SWEEP = """\
format = 1
title = "Bits and conductances"

[run]
network = "digits_mlp"
limit = 20

[grid]
"adc.bits" = [3, 8]
"device.g_max" = {from = 5, to = 25, count = 3, unit = "uS"}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sweep file, in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("bits.toml").write_text(SWEEP)
    return Path("bits.toml")


def test_sweep_prints_a_table_in_eighty_columns_and_draws(verb: Verb, file: Path) -> None:
    got = verb("sweep", file, "--workers", "0")
    assert (got.exit_code, got.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in got.stdout.splitlines()]
    assert lines[:2] == [
        "Bits and conductances",
        "6 points: adc.bits (2), device.g_max_siemens (3); 1 time each",
    ]
    assert "bits g_max_siemens time accuracy 95 % interval energy latency" in lines
    assert any(line.startswith("8 1.5e-05 25 s ") for line in lines)
    assert "Table: bits/table.csv; run files: bits/points" in lines
    assert "Draw it: neurosim sweep bits.toml --out bits --resume --plot adc.bits" in lines
    assert widest("\n".join(line for line in got.stdout.splitlines() if "   " in line)) <= 80
    assert sorted(path.name for path in Path("bits").iterdir()) == [
        "journal.jsonl", "points", "sweep.json", "table.csv", "timings.csv",
    ]  # fmt: skip
    assert len(list(Path("bits/points").glob("*.h5"))) == 6
    again = verb("sweep", file, "--workers", "0", "--resume", "--plot", "adc.bits", "--parquet")
    assert again.exit_code == 0
    assert again.stdout.splitlines()[-1] == "Picture: bits/accuracy_adc.bits.png"
    assert Path("bits/table.parquet").is_file()
    assert Path("bits/accuracy_adc.bits.png").stat().st_size > 5000


def test_nothing_is_drawn_where_every_point_failed(verb: Verb, file: Path) -> None:
    Path("bad.npz").write_bytes(b"no archive")
    file.write_text(SWEEP.replace("limit = 20", 'limit = 20\ninputs = "bad.npz"'))
    got = verb("sweep", file, "--workers", "0", "--plot", "adc.bits")
    assert got.exit_code == 1
    assert one_line(got.stderr) == "6 points of 6 failed: go on with --resume when the cause is gone"
    assert "6 points: " in got.stdout.partition("Failures")[2]
    assert not Path("bits/accuracy_adc.bits.png").exists()


def test_axes_of_one_value_have_no_column(verb: Verb, file: Path) -> None:
    file.write_text(SWEEP.partition('"device.g_max"')[0] + '"dac.bits" = [8]\n')
    got = verb("sweep", file, "--workers", "0")
    assert got.exit_code == 0
    assert "2 points: adc.bits (2), dac.bits (1)" in got.stdout
    assert any(line.split()[:2] == ["bits", "time"] for line in got.stdout.splitlines())


def test_of_many_rows_the_best_are_shown(verb: Verb, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurosim.cli.verb_sweep.SHOWN", 3)
    monkeypatch.setattr("neurosim.cli.verb_sweep.BEST", 2)
    file.write_text(SWEEP.replace("count = 3", "count = 2"))
    got = verb("sweep", file, "--workers", "0")
    assert got.exit_code == 0
    rows = got.stdout.partition("The 2 most accurate rows")[2].splitlines()
    shown = [float(row.split()[4]) for row in rows[3:5]]  # after bits, conductance and "25 s"
    with Path("bits/table.csv").open(newline="") as table:
        accuracies = sorted((100 * float(row["accuracy"]) for row in csv.DictReader(table)), reverse=True)
    assert shown == [round(accuracy, 2) for accuracy in accuracies[:2]]
    assert rows[5] == ""


def test_failed_points_end_with_one(verb: Verb, file: Path) -> None:
    Path("bad.npz").write_bytes(b"none")
    file.write_text(SWEEP.replace('"adc.bits" = [3, 8]', 'inputs = ["digits/test", "bad.npz"]'))
    got = verb("sweep", file, "--workers", "0")
    assert got.exit_code == 1
    assert "3 points of 6 failed: go on with --resume" in got.stderr
    told = next(line for line in got.stdout.splitlines() if line.startswith("3 points: "))
    assert "bad.npz" in told
    assert got.stdout.count("failed") >= 3


def test_sweep_refuses_in_lines_with_keys(verb: Verb, file: Path) -> None:
    got = verb("sweep", "gone.toml")
    assert got.exit_code == 1
    assert "a readable TOML file" in one_line(got.stderr)
    file.write_text(SWEEP.replace("limit", "limti").replace("[3, 8]", "[]"))
    got = verb("sweep", file)
    assert got.exit_code == 2
    assert got.stderr.splitlines() == [
        "error: bits.toml:6: run.limti: unknown key; did you mean 'limit'?",
        "error: bits.toml:9: grid.adc.bits: an empty list: no point would be left; give it values, or leave it out",
    ]
    file.write_text(SWEEP.replace('"adc.bits"', '"adc.bit"'))
    got = verb("sweep", file)
    assert got.exit_code == 2
    assert (
        "bits.toml:9: adc.bit = 3: chip joshi_2020: option 'adc.bit': unknown; did you mean 'adc.bits'"
        in got.stderr
    )
    file.write_text(SWEEP)
    got = verb("sweep", file, "--plot", "adc")
    assert got.exit_code == 2
    assert "--plot: expected an axis of the sweep, got 'adc'" in one_line(got.stderr)
    assert not Path("bits").exists()


def test_a_million_points_ask_for_yes(verb: Verb, file: Path) -> None:
    file.write_text(SWEEP.replace("count = 3", "count = 1000") + "seed = {from = 0, to = 499, step = 1}\n")
    got = verb("sweep", file, "--workers", "3")
    assert got.exit_code == 1
    told = one_line(got.stderr)
    assert "expected at most 10,000 points without --yes, got 1,000,000 points: about " in told
    assert "with 3 workers and " in told
    assert "give --yes to run them" in told
    assert not Path("bits").exists()


def test_sweep_teaches_by_an_example(verb: Verb) -> None:
    got = verb("sweep", "--help")
    assert got.exit_code == 0
    examples = got.stdout.partition("Examples")[2]
    assert '"adc.bits" = [4, 6, 8]' in examples
    assert "neurosim sweep bits.toml --resume --plot adc.bits" in examples
    assert widest(got.stdout) <= 80


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_sweep_says_how_to_go_on(
    program: Callable[..., subprocess.Popen[str]], file: Path, number: signal.Signals
) -> None:
    file.write_text(SWEEP.replace("[3, 8]", "[3, 4, 5, 6, 7, 8, 9, 10]"))
    workers = "1" if number == signal.SIGINT else "0"
    running = program("sweep", "bits.toml", "--workers", workers, start_new_session=True)
    journal = Path("bits/journal.jsonl")
    limit = time.monotonic() + 120
    while not (journal.is_file() and journal.stat().st_size):
        assert running.poll() is None
        assert time.monotonic() < limit
        time.sleep(0.01)
    os.killpg(running.pid, number)  # as a terminal sends Ctrl-C: to all processes
    output, told = running.communicate(timeout=60)
    assert (running.returncode, output) == (128 + number, "")
    assert (
        one_line(told) == "stopped; finished points are safe in bits: go on with --resume, all else the same"
    )
    assert 0 < len(journal.read_text().splitlines()) < 24
