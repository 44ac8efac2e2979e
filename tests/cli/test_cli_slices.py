"""Sliced chips at the command line: runs, notes of narrow converters, refusals."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import Verb, one_line, widest

from neurosim.recording import RunFile


def run(verb: Verb, tmp_path: Path, *more: object):  # type: ignore[no-untyped-def]
    return verb("run", "digits_mlp", "--chip", "isaac", "--out", tmp_path / "run.h5", *more)


WARNING = "Warning: ADCs with fewer bits than the sums of their columns need"


def test_isaac_runs_and_keeps_every_slice(verb: Verb, tmp_path: Path) -> None:
    got = run(verb, tmp_path)
    assert got.exit_code == 0
    assert "+0.00" in got.stdout
    assert WARNING not in got.stdout
    with RunFile.open(tmp_path / "run.h5") as file:
        assert file.sizes["/states/dense1/device"] == 8


def test_an_adc_narrower_than_its_columns_need_is_warned_of_with_its_saturation(
    verb: Verb, tmp_path: Path
) -> None:
    got = run(verb, tmp_path, "--set", "adc.bits=5", "--set", "cell.encoding=plain")
    assert got.exit_code == 0
    again = verb("inspect", tmp_path / "run.h5")
    for text in (got.stdout, again.stdout):
        assert WARNING in text
        shown = text[text.index(WARNING) :].splitlines()
        assert widest("\n".join(shown[:5])) <= 80
        rows = [re.split(r"\s{2,}", line.strip()) for line in shown]
        found = {row[0]: row[1:] for row in rows if row[0] in ("dense1", "dense2")}
        # 64 and 32 rows of levels up to 3
        assert {layer: row[:2] for layer, row in found.items()} == {
            "dense1": ["5", "8"],
            "dense2": ["5", "7"],
        }
        assert 1 < float(found["dense1"][2].split()[0]) < 90


@pytest.mark.parametrize(("options", "message"), [
    (("--set", "cell.slices=7"), "7 slices of 2 bits do not cover the 16 bits of a weight: give at least 8 slices"),
    (("--set", "read.phases=17"), "17 phases are more than the 16 bits of an input"),
    (("--set", "dac.bits=2"), "chip isaac: dac.bits: expected 1: 16 bits in 16 phases, got 2"),
    (("--set", "cell.weight_bits=none"), "cell.weight_bits"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(
    verb: Verb, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    got = run(verb, tmp_path, *options)
    assert got.exit_code == 2
    assert message in one_line(got.stderr)


def test_spikes_refuse_slices_and_phases(verb: Verb, tmp_path: Path) -> None:
    sliced = ("--set", "cell.weight_bits=8", "--set", "cell.slices=4", "--set", "cell.bits_per_cell=2")
    serial = ("--set", "read.input_bits=8", "--set", "read.phases=8", "--set", "dac.bits=1")
    for options, told in ((sliced, "cell.weight_bits: expected none for mode spiking: whole weights, whole inputs, got "
                           "4 slices"), (serial, "read.input_bits: expected none for mode spiking")):  # fmt: skip
        got = verb(
            "run",
            "digits_mlp",
            "--chip",
            "joshi_2020",
            "--mode",
            "spiking",
            "--out",
            tmp_path / "s.h5",
            *options,
        )
        assert got.exit_code == 2
        assert f"chip joshi_2020: {told}" in one_line(got.stderr)
