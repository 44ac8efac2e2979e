"""Everything a user can get wrong on the command line: one line that helps, and the right exit code."""

from __future__ import annotations

import errno
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import Verb, one_line

from neurosim.foundation.shipped import chips_folder, shipped_folder

WRONG = [
    (["run", "digits_mpl"], r"network: expected a known name or a path, got 'digits_mpl'; did you mean 'digits_mlp'"),
    (["run", "--chip", "joshi"], r"chip: expected a known name or a path, got 'joshi'; did you mean 'joshi_2020'\?"),
    (["run", "--inputs", "mnits"], r"data set: expected a known name or a path, got 'mnits'; did you mean .*'mnist'"),
    (["run", "--inputs", "digits/tset"], r"split of digits: .* got 'tset'; did you mean 'test'\?"),
    (["run", "--inputs", "a/b/c"], r"inputs: expected NAME or NAME/SPLIT, got 'a/b/c'"),
    (["run", "--times", "0 s"], r"--times: expected a time greater than zero, got '0 s'"),
    (["run", "--times", "-1 h"], r"--times: expected a time greater than zero, got '-1 h'"),
    (["run", "--times", "soon"], r"--times: expected a time with its unit, got 'soon'; write it like '25 s'"),
    (["run", "--times", "3 uS"], r"--times: expected a unit of time, got 'uS'"),
    (["run", "--times", "1 s", "--times", "1 s"], r"times: expected each time once"),
    (["run", "--instances", "0"], r"instances: expected 1 to 10000 chips, got 0; give --instances 10"),
    (["run", "--limit", "0"], r"limit: expected at least 1 image, got 0"),
    (["run", "--threads", "0"], r"threads: expected at least 1, got 0; give --threads 1"),
    (["run", "--batch", "0"], r"batch: expected at least 1, got 0"),
    (["run", "--mode", "rote"], r"mode: expected a mode of this version, got 'rote'; did you mean 'rate'\?"),
    (["run", "--record", "outputs,sates"], r"record: expected some of .*, got 'sates'; did you mean 'states'"),
    (["run", "--set", "adc.bits"], r"--set: expected KEY=VALUE, got 'adc.bits'; write it like --set adc.bits=6"),
    (["run", "--set", "adc.bits="], r"--set: expected KEY=VALUE"),
    (["run", "--set", "bits=3"], r"--set: expected a dotted key of the chip, got 'bits'; known: batch_norm"),
    (["run", "--set", "adc.bit=3"], r"option 'adc.bit': unknown; did you mean 'adc.bits'"),
    (["run", "--set", "adc.bits=0"], r"adc.bits: .* greater than or equal to 1, got 0"),
    (["run", "--set", "array.rows=0"], r"array.rows: .* greater than or equal to 1, got 0"),
    (["run", "--set", "array.rows=-5"], r"array.rows: .* greater than or equal to 1, got -5"),
    (["run", "--set", "device.g_min_siemens=1"], r"g_min must be below g_max"),
    (["run", "--set", "adc.bits=3", "--set", "adc.bits=4"], r"--set adc.bits: expected each key once, got it twice"),
    (["run", "--no-compensation", "--drift-compensation", "global"], r"--no-compensation: .* got both; leave one out"),
    (["run", "--steps", "10"], r"steps: expected an option of mode rate, got steps=10; leave it out"),
    (["run", "--record", "spikes"], r"spikes"),
    (["run", "--mode", "spiking", "--steps", "0"], r"steps: expected at least 1, got 0"),
    (["run", "--mode", "spiking", "--dt", "1 ms"], r"dt_s: expected an option of a converted network, got dt_s=0.001"),
    (["run", "--mode", "spiking", "--dt", "fast"], r"--dt: expected a time with its unit, got 'fast'"),
    (["run", "--mode", "spiking", "--trace", "dense1"], r"--trace: expected POPULATION:NEURONS, got 'dense1'"),
    (["run", "--mode", "spiking", "--trace", "dense9_neurons:0"], r"dense9_neurons.*did you mean"),
    (["run", "--mode", "spiking", "--chip", "hermes"], r"chip hermes: mode: .* got one for rate; use --mode rate"),
    (["run", "mnist_truenorth"], r"mode: .* a network with coding 'ticks', got 'rate'; give --mode"),
    (["run", "mnist_truenorth", "--mode", "spiking"], r"joshi_2020: expected a chip of cores .* choose truenorth"),
    (["chips", "jshi_2020"], r"did you mean 'joshi_2020'"),
    (["networks", "mnist_mpl"], r"did you mean 'mnist_mlp'"),
    (["datasets", "minst"], r"did you mean 'mnist'"),
    (["train", "digits_mpl"], r"network: expected a known name or a path, got 'digits_mpl'"),
]  # fmt: skip

USAGE = [
    (["rnu"], r"No such command 'rnu'\..* see `neurosim --help`"),
    (["run", "--istances", "3"], r"No such option: --istances.* see `neurosim run --help`"),
    (
        ["run", "--instances", "many"],
        r"Invalid value for '--instances': .*integer.* see `neurosim run --help`",
    ),
    (["run", "--batch-norm", "none"], r"Invalid value for '--batch-norm'"),
    (["inspect"], r"Missing (argument|parameter).*; see `neurosim inspect --help`"),
    (["--trance"], r"No such option: --trance.*; see `neurosim --help`"),
]


@pytest.mark.parametrize(("arguments", "message"), [*WRONG, *USAGE])
def test_a_wrong_argument_is_one_line_and_exit_2(verb: Verb, arguments: list[str], message: str) -> None:
    got = verb(*arguments)
    assert got.exit_code == 2
    assert re.search(r"^error: .*" + message, one_line(got.stderr)), got.stderr
    assert got.stdout == ""


def test_an_output_in_a_missing_folder(verb: Verb, tmp_path: Path) -> None:
    got = verb("run", "--limit", 5, "--out", tmp_path / "none" / "run.h5")
    assert got.exit_code == 2
    assert re.search(
        r"run.h5: expected an existing folder, got none at .*; make the folder", one_line(got.stderr)
    )


def test_a_file_in_the_way_of_the_output_folder(verb: Verb, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    got = verb("run", "--limit", 5, "--out", tmp_path / "file" / "run.h5")
    assert (got.exit_code, (tmp_path / "file").read_text()) == (2, "mine")
    assert "expected an existing folder" in one_line(got.stderr)


def test_a_folder_as_output(verb: Verb, tmp_path: Path) -> None:
    got = verb("run", "--limit", 5, "--out", tmp_path)
    assert got.exit_code == 2
    assert "expected a file name, got a folder; name a file in it" in one_line(got.stderr)


def test_a_file_in_the_way_of_the_parts(verb: Verb, tmp_path: Path) -> None:
    (tmp_path / "run.parts").write_text("mine")
    got = verb("run", "--limit", 5, "--out", tmp_path / "run.h5")
    assert (got.exit_code, (tmp_path / "run.parts").read_text()) == (2, "mine")
    assert "expected a folder for the parts of the run, got a file" in one_line(got.stderr)


def test_an_existing_output_is_kept_unless_overwriting(verb: Verb, tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    path.write_text("mine")
    got = verb("run", "--limit", 5, "--out", path)
    assert (got.exit_code, path.read_text()) == (2, "mine")
    assert "replace it with --overwrite or choose another --out" in one_line(got.stderr)
    assert verb("run", "--limit", 5, "--out", path, "--overwrite").exit_code == 0
    assert verb("inspect", path, "--hash").exit_code == 0


def test_a_folder_for_chips_that_cannot_be_made(verb: Verb, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    got = verb("run", "--limit", 5, "--save-chips", tmp_path / "file")
    assert got.exit_code == 1
    assert re.search(r"error: .*file: .*; check the path and its permissions", one_line(got.stderr))


def test_all_errors_of_a_chip_at_once_with_file_line_and_key(verb: Verb, tmp_path: Path) -> None:
    path = tmp_path / "chip.toml"
    lines = (chips_folder() / "ideal_float" / "chip.toml").read_text().splitlines()
    lines += ["", "[adc]", 'bits = {value = 0, source = "none", status = "assumed"}', "", "[dca]", "x = 1"]
    lines = [line for number, line in enumerate(lines) if line != "[adc]" or number > len(lines) - 8]
    path.write_text("\n".join(lines) + "\n")
    got = verb("run", "--chip", path)
    assert got.exit_code == 2
    found = got.stderr.splitlines()
    assert len(found) >= 2
    assert all(re.match(rf"error: {re.escape(str(path))}:\d+: ", line) for line in found)
    at = 1 + next(n for n, line in enumerate(lines) if line.startswith("bits = {value = 0"))
    assert any(re.search(rf":{at}: adc.bits: .*got 0", line) for line in found)
    assert any("dca" in line and "did you mean" in line for line in found)


def test_broken_toml_names_file_and_line(verb: Verb, tmp_path: Path) -> None:
    path = tmp_path / "chip.toml"
    path.write_text("format = 1\nname = \n")
    got = verb("chips", path)
    assert got.exit_code == 2
    assert re.match(rf"error: {re.escape(str(path))}:2: ", one_line(got.stderr))


def test_a_newer_format_is_refused(verb: Verb, tmp_path: Path) -> None:
    path = tmp_path / "chip.toml"
    path.write_text("format = 99\n")
    got = verb("chips", path)
    assert got.exit_code == 1
    assert "expected format 1 or older, got format 99; update neurosim" in one_line(got.stderr)


def test_weights_that_are_missing_truncated_or_corrupt(verb: Verb, tmp_path: Path) -> None:
    folder = tmp_path / "net"
    shutil.copytree(shipped_folder("networks") / "digits_mlp", folder)
    weights = folder / "weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    corrupt = verb("run", folder)
    weights.write_bytes(whole[:-100])
    truncated = verb("run", folder)
    weights.unlink()
    missing = verb("run", folder)
    assert [corrupt.exit_code, truncated.exit_code, missing.exit_code] == [1, 1, 1]
    assert "expected the checksum of measured.toml" in one_line(corrupt.stderr)
    assert "expected a whole safetensors file" in one_line(truncated.stderr)
    assert "expected a weights file" in one_line(missing.stderr)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "expected a file, got none"), (b"<html>", "expected an HDF5 file"), (b"", "expected")],
)
def test_inspect_refuses_what_is_no_run_file(
    verb: Verb, tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "run.h5"
    if content is not None:
        path.write_bytes(content)
    got = verb("inspect", path)
    assert got.exit_code == 1
    assert message in one_line(got.stderr)


def failing(problem: BaseException) -> Any:
    def run(*_: object, **__: object) -> None:
        raise problem

    return run


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (MemoryError("Unable to allocate 9 TiB"), r"memory: .*\(Unable to allocate 9 TiB\); give a smaller --batch"),
        (OSError(errno.ENOSPC, "No space left on device", "run.h5"), r"run.h5: No space left on device; free"),
        (PermissionError(errno.EACCES, "Permission denied", "x"), r"x: Permission denied; check the path"),
        (OSError(errno.ENOSPC, "No space left on device"), r"output: No space left on device"),
        (ZeroDivisionError("two\nlines"), r"internal error: ZeroDivisionError: two lines \(in neurosim/cli/verb_run"
                                          r".py, line \d+\); run it again with --traceback"),
    ],
)  # fmt: skip
def test_what_nobody_foresaw_is_one_line_too(
    verb: Verb, monkeypatch: pytest.MonkeyPatch, problem: BaseException, message: str
) -> None:
    monkeypatch.setattr("neurosim.pipeline.run", failing(problem))
    got = verb("run")
    assert got.exit_code == 1
    assert re.match("error: " + message, one_line(got.stderr)), got.stderr


@pytest.mark.parametrize("arguments", [["--traceback", "run"], ["run", "--traceback"]])
def test_a_traceback_is_shown_when_asked_for(
    verb: Verb, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setattr("neurosim.pipeline.run", failing(ZeroDivisionError("oh")))
    got = verb(*arguments)
    assert got.exit_code == 1
    assert "Traceback (most recent call last)" in got.stderr
    assert got.stderr.splitlines()[-1].startswith("error: internal error: ZeroDivisionError: oh")


def test_names_cannot_play_tricks_on_the_terminal(verb: Verb, tmp_path: Path) -> None:
    evil = "\x1b[31mred\x07[bold]\u202ex"
    wrong = verb("run", evil)
    missing = verb("inspect", tmp_path / f"{evil}.h5")
    text = (chips_folder() / "ideal_float" / "chip.toml").read_text()
    title = next(line for line in text.splitlines() if line.startswith("title"))
    path = tmp_path / "chip.toml"
    path.write_text(text.replace(title, r'title = "\u001b[31mred\u0007[bold]\u202ex"'))
    shown = verb("chips", path)
    assert (wrong.exit_code, missing.exit_code, shown.exit_code) == (2, 1, 0)
    for text in (wrong.stderr, missing.stderr, shown.stdout):
        assert r"\x1b[31mred\x07[bold]\u202ex" in text
        assert not set("\x1b\x07\u202e") & set(text)
