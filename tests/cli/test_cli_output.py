"""What the verbs print: the figures of the run they belong to, in 80 columns."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import Verb, one_line, widest
from rich.console import Console

import neurosim
from neurosim.chips import load_chip
from neurosim.cli import bars, run_options, summary_tables
from neurosim.cli.terminal import plural, visible
from neurosim.cli.verb_run import chip_options
from neurosim.graph import load_network
from neurosim.recording import RunFile
from neurosim.reports import summarise

RUN = ("run", "--limit", 40, "--instances", 2, "--times", "25 s", "--times", "1 year")


@pytest.fixture(scope="module")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run") / "run.h5"
    neurosim.run("digits_mlp", limit=40, instances=2, times=["25 s", "1 year"], out=path)
    return path


def test_version_and_help(verb: Verb) -> None:
    assert verb("--version").stdout == f"neurosim {neurosim.__version__}\n"
    alone, asked = verb(), verb("--help")
    assert (alone.exit_code, alone.stdout) == (0, asked.stdout)
    for name in ("run", "train", "inspect", "chips", "networks", "datasets"):
        assert re.search(rf"^\W*{name} ", asked.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", ["run", "train", "inspect", "chips", "networks", "datasets"])
def test_every_verb_teaches_by_an_example(verb: Verb, name: str) -> None:
    got = verb(name, "--help")
    assert got.exit_code == 0
    assert f"neurosim {name}" in got.stdout.partition("Examples")[2]
    assert widest(got.stdout) <= 80


def test_run_prints_the_figures_of_its_run_file(verb: Verb, tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    got = verb(*RUN, "--out", path)
    assert (got.exit_code, got.stderr) == (0, "")
    assert widest(got.stdout.replace(str(tmp_path), "")) <= 80
    with RunFile.open(path) as file:
        summary = summarise(file)
    assert "digits_mlp on joshi_2020" in got.stdout
    assert "40 images of digits/test, 2 chips, seed 0" in got.stdout
    assert f"float network: {100 * summary.float_accuracy:.2f} %" in got.stdout
    rows = {line.split("  ")[0]: line for line in got.stdout.splitlines()}
    for label, mean in zip(("25 s", "1 year"), summary.accuracy.mean, strict=True):
        assert f"{100 * mean:.2f} %" in rows[label]
    assert "Energy of one inference (hypothetical periphery)" in got.stdout
    assert re.search(r"ADC +[\d.]+ pJ +[\d.]+ % +32 nm +derived", got.stdout)
    assert "Mixed technology nodes (32 nm, 45 nm, 90 nm)" in got.stdout
    assert f"{summary.ledger.ops_per_joule / 1e9:,.0f} GOP/s/W" in got.stdout
    assert "Saturated conversions" in got.stdout
    assert f"Run file: {path}" in got.stdout


def test_shares_of_the_energy_table_add_up(verb: Verb) -> None:
    got = verb("run", "--limit", 5)
    table = got.stdout.partition("Energy of one inference")[2].partition("total")[0]
    shares = [float(share) for share in re.findall(r"([\d.]+) %", table)]
    assert len(shares) >= 5
    assert sum(shares) == pytest.approx(100, abs=0.05 * len(shares))


def test_a_run_without_arguments_is_digits_on_joshi_2020(verb: Verb) -> None:
    got = verb("run")
    assert got.exit_code == 0
    assert got.stdout.startswith("digits_mlp on joshi_2020")
    assert "359 images of digits/test" in got.stdout
    assert "give --out run.h5" in got.stdout


def test_a_chip_without_circuit_is_not_priced(verb: Verb) -> None:
    got = verb("run", "--chip", "ideal_float", "--limit", 5)
    assert got.exit_code == 0
    assert "ideal_float has no circuit, so nothing is timed or priced" in got.stdout
    assert "GOP/s/W" not in got.stdout


def test_options_reach_the_chip(verb: Verb, tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    got = verb(
        "run", "--limit", 5, "--out", path, "--no-compensation", "--read-noise", "none", "--batch-norm", "folded",
        "--set", "adc.bits=5", "--set", "cell.subtraction=digital", "--set", "read.v_read_volts=0.25",
        "--record", "none", "--seed", 7,
    )  # fmt: skip
    assert got.exit_code == 0, got.stderr
    with RunFile.open(path) as file:
        chip = neurosim.chips.parse_chip(file.text("/description/chip_toml"))
        attributes = file.attributes()
    assert (chip.adc.bits, chip.cell.subtraction, chip.read.v_read_volts) == (5, "digital", 0.25)
    assert (chip.compensation.drift, chip.read.noise, chip.digital.batch_norm) == ("none", "none", "folded")
    assert attributes["seed"] == 7


def test_values_of_set_are_toml_or_words() -> None:
    short = {"read_noise": run_options.ReadNoise.SPLIT, "batch_norm": None}
    options = chip_options(short, ["adc.bits=6", "read.v_read_volts = 2e-1", "cell.kind=offset", 'a.b="x y"'])
    assert options == {
        "read_noise": "split", "adc.bits": 6, "read.v_read_volts": 0.2, "cell.kind": "offset", "a.b": "x y",
    }  # fmt: skip


def test_programmed_chips_are_kept_and_can_be_inspected(verb: Verb, tmp_path: Path) -> None:
    got = verb("run", "--limit", 5, "--instances", 2, "--save-chips", tmp_path / "chips")
    assert got.exit_code == 0
    kept = sorted(tmp_path.glob("chips/*.h5"))
    assert len(kept) == 2
    assert "g_siemens" in verb("inspect", kept[0]).stdout


def test_inspect_shows_the_summary_again(verb: Verb, run_file: Path) -> None:
    printed = verb(*RUN).stdout
    again = verb("inspect", run_file).stdout
    assert again.partition("\nMade with")[0] == printed.partition("\nThe run was not kept")[0]
    assert f"neurosim {neurosim.__version__}" in again.partition("Made with")[2]


def test_inspect_lists_every_array(verb: Verb, run_file: Path) -> None:
    got = verb("inspect", run_file, "--tree")
    assert widest(got.stdout) <= 80
    with RunFile.open(run_file) as file:
        for entry in file.tree():
            assert entry.path.rpartition("/")[2] in got.stdout
    line = next(line for line in got.stdout.splitlines() if "array_siemens" in line)
    assert re.search(r"array_siemens +float32 +chip=2 time=2 layer=2 +S +1.28 kB", line)


def test_inspect_prints_the_content_hash(verb: Verb, run_file: Path) -> None:
    with RunFile.open(run_file) as file:
        assert verb("inspect", run_file, "--hash").stdout == file.content_hash() + "\n"


def test_inspect_draws(verb: Verb, run_file: Path, tmp_path: Path) -> None:
    got = verb("inspect", run_file, "--png", tmp_path / "pictures")
    drawn = [Path(line) for line in got.stdout.splitlines()]
    assert {path.stem for path in drawn} >= {"accuracy", "confusion", "energy"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)


def test_chips_lists_all_and_shows_sources(verb: Verb) -> None:
    listed = verb("chips").stdout
    for name in ("hermes", "ideal_float", "joshi_2020"):
        assert re.search(rf"^{name}$", listed, re.MULTILINE)
    assert "tiles of 512 x 1024, DAC 8 bit, ADC 8 bit" in listed
    shown = verb("chips", "joshi_2020").stdout
    assert widest(shown.partition("Change any")[0]) <= 80
    assert re.search(r"g_max_siemens +25 uS +found +Joshi 2020", shown)
    assert re.search(r"columns_per_adc +128 +assumed +one ADC per 128", shown)
    assert re.search(r"g_min_siemens +0 +default", shown)
    for group in ("[device.drift]", "[adc]", "[prices.buffer]"):
        assert group in shown
    assert "accuracy_after_a_day" in shown
    assert "not simulated yet" in verb("chips", "hermes").stdout


def test_a_chip_s_file_can_be_copied(verb: Verb, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(verb("chips", "joshi_2020", "--toml").stdout)
    assert load_chip(path).parameters == load_chip("joshi_2020").parameters


def test_rates_without_a_prefix_have_one_blank(capsys: pytest.CaptureFixture[str]) -> None:
    times = SimpleNamespace(layers={"conv1": 1e-3}, steps=0, batch=0, image_s=1e-3, interval_s=1 / 797)
    summary_tables._speed(
        SimpleNamespace(times=times, label="a model", ops=2, ops_per_joule=1e9, square_metres=1e-6,
                        ops_per_second_per_square_metre=1e15)
    )  # fmt: skip
    assert re.search(r"throughput +797 images/s +all layers at work", capsys.readouterr().out)


def test_networks_lists_all_and_shows_layers(verb: Verb) -> None:
    listed = verb("networks").stdout
    assert widest(listed) <= 80
    assert re.search(r"digits_mlp +digits +dense\(32\) dense\(10\) +2,368 +9\d\.\d\d %", listed)
    words = listed.split()
    assert {"ternary_windows(2048)", "first_spike_dense(800)", "2.33"} <= set(words)  # none is broken
    shown = verb("networks", "digits_mlp").stdout
    assert re.search(r"dense1 +dense +input +32 +2,048", shown)
    assert load_network("digits_mlp").checksum[:16] in shown
    assert "optimiser adam" in shown


def test_a_network_without_weights_says_how_to_get_them(verb: Verb, tmp_path: Path) -> None:
    text = (Path(neurosim.__file__).parents[1] / "networks").joinpath("digits_mlp", "network.toml")
    (tmp_path / "network.toml").write_text(text.read_text())
    assert f"Not trained yet: neurosim train {tmp_path}" in verb("networks", tmp_path).stdout


def test_datasets_say_where_their_files_are(
    verb: Verb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NEUROSIM_DATA", str(tmp_path))
    listed = verb("datasets").stdout
    assert widest(listed) <= 80
    assert re.search(r"digits +1,797 +1 x 8 x 8 .* built in", listed)
    assert "to be downloaded (11.6 MB)" in verb("datasets", "mnist").stdout
    files = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
             "t10k-labels-idx1-ubyte.gz")  # fmt: skip
    for name in files:
        (tmp_path / name).touch()
    assert "Files: in NEUROSIM_DATA" in verb("datasets", "mnist").stdout
    (tmp_path / files[0]).unlink()
    (tmp_path / "cache" / "mnist").mkdir(parents=True)
    (tmp_path / "cache" / "mnist" / files[0]).touch()
    assert "Files: in the cache and in NEUROSIM_DATA" in verb("datasets", "mnist").stdout
    monkeypatch.setenv("NEUROSIM_DATA", str(tmp_path / "none"))
    wrong = verb("datasets")
    assert wrong.exit_code == 1
    assert "NEUROSIM_DATA: expected an existing folder" in one_line(wrong.stderr)


def test_train_writes_weights_that_run(verb: Verb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ("train", "digits_mlp", "--epochs", 2, "--limit", 200)
    got = verb(*arguments)
    assert got.exit_code == 0, got.stderr
    assert "digits_mlp: 2 epochs on 200 images" in got.stdout
    assert "try `neurosim run ./digits_mlp`" in got.stdout
    assert verb("run", "./digits_mlp", "--limit", 5).exit_code == 0
    again = verb(*arguments)
    assert again.exit_code == 2
    assert "digits_mlp: expected a folder without weights" in one_line(again.stderr)
    assert verb(*arguments, "--overwrite", "--seed", 5, "--out", "digits_mlp").exit_code == 0


def drawn(monkeypatch: pytest.MonkeyPatch, delay_s: float, terminal: bool = True) -> str:
    """What a bar writes over a work of a fifth of a second."""
    monkeypatch.setattr(bars, "DELAY_S", delay_s)
    text = io.StringIO()
    with bars.Bar("images", Console(file=text, force_terminal=terminal, width=80)) as bar:
        bar.stage("chips of [x]\x1b", 100)
        for _ in range(4):
            time.sleep(0.05)
            bar.advance(20)
    return text.getvalue()


def test_a_bar_shows_rate_and_share_of_long_work(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn(monkeypatch, 0)
    assert r"chips of [x]\x1b" in text
    assert re.search(r"\d+ images/s", text)
    assert "80%" in text


def test_no_bar_for_short_work_nor_into_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch, 60) == ""
    assert drawn(monkeypatch, 0, terminal=False) == ""


def test_a_download_is_shown_in_bytes_or_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bars, "DELAY_S", 0)
    text = io.StringIO()
    with bars.Bar("images", Console(file=text, force_terminal=True, width=100)) as bar:
        for received in (0, 1_000_000, 2_000_000):
            bar.download("train.gz", received, 4_000_000)
            time.sleep(0.05)
    assert re.search(r"downloading train.gz .* 50% .*\d kB/s", text.getvalue())
    assert capsys.readouterr().err == ""
    with bars.Bar("images", Console(file=io.StringIO())) as bar:
        bar.download("train.gz", 1, None)
        bar.download("train.gz", 2, None)
    assert capsys.readouterr().err == "downloading train.gz\n"


def test_a_resumed_run_s_earlier_work_has_no_part_in_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bars, "DELAY_S", 0)
    bar = bars.Bar("images", Console(file=io.StringIO(), force_terminal=True))
    bar.stage("again", 1_000_000, 900_000)
    for _ in range(3):
        time.sleep(0.02)
        bar.advance(10)
    task = bar._progress.tasks[0]
    assert task.completed == 900_030
    assert task.speed is not None
    assert task.speed < 10_000


def test_text_is_made_visible() -> None:
    assert visible("plain näme") == "plain näme"
    assert visible("a\nb\x1b[0m\udc80") == r"a\nb\x1b[0m\udc80"
    assert [plural(1, "chip"), plural(10_000, "image")] == ["1 chip", "10,000 images"]
