"""Claims are run once for all that share a run, and what cannot be run says what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurosim.chips import load_chip
from neurosim.claims import Options, Verdict, check_claims, checking
from neurosim.costs import chip_figures, core_figures
from neurosim.foundation.errors import ConfigError, ConfigErrors
from neurosim.pipeline.progress import Silent

HEAD = "format = 1\n"


def entry(name: str, metric: str, published: float, status: str = "found", **more: str) -> str:
    lines = [
        "[[claims]]", f'id = "{name}"', 'says = "a sentence"', f'metric = "{metric}"', 'relation = "at_least"',
        f'published = {{value = {published}, source = "a paper", status = "{status}"}}',
        'tolerance = {value = 0, source = "none", status = "assumed"}',
    ]  # fmt: skip
    return "\n".join([*lines, *(f"{key} = {value}" for key, value in more.items()), ""])


RUN = {"network": '"digits_mlp"', "dataset": '"digits/test"', "times": '["25 s"]'}


@pytest.fixture
def claimed(tmp_path: Path) -> Path:
    """A chip like joshi_2020, with a claims.toml to be written beside its chip.toml."""
    (tmp_path / "chip.toml").write_text(load_chip("joshi_2020").text)
    return tmp_path


def verdicts(chip: Path, text: str, **more: object) -> list[Verdict]:
    (chip / "claims.toml").write_text(HEAD + text)
    options = Options(limit=50, threads=1, **more)  # type: ignore[arg-type]
    return list(check_claims([str(chip)], options))


def test_claims_on_one_run_share_it(claimed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    once = checking.run
    monkeypatch.setattr(checking, "run", lambda *a, **k: (calls.append(k), once(*a, **k))[1])
    later = RUN | {"times": '["1 day"]'}
    text = (
        entry("fresh", "accuracy", 0.5, **RUN) + entry("old", "accuracy", 0.999999, **later)
        + entry("energy", "energy_per_inference", 1e-12, **RUN) + entry("time", "latency", 1e-9, **RUN)
        + entry("rate", "images_per_second", 1, **RUN) + entry("power", "power", 1e-6, **RUN)
        + entry("merit", "ops_per_joule", 1e9, **RUN)
    )  # fmt: skip
    found = verdicts(claimed, text)
    assert len(calls) == 1
    assert calls[0]["times"] == [25.0, 86400.0]
    assert [v.status for v in found] == ["met", "missed", *["met"] * 5]
    assert all("50 images" in v.preview for v in found)
    energy, time, power = (found[k].ours or 0 for k in (2, 3, 5))
    assert power == pytest.approx(energy / time, rel=0.01)  # the one of both times, the other of the first


def test_progress_says_which_chip_and_claim(claimed: Path) -> None:
    stages: list[str] = []

    class Watching(Silent):
        def stage(self, text: str, total: int, done: int = 0) -> None:
            assert 0 <= done <= max(total, 0)
            stages.append(text)

    (claimed / "claims.toml").write_text("format = 1\n" + entry("fresh", "accuracy", 0.5, **RUN))
    list(check_claims([str(claimed)], Options(limit=50), Watching()))
    assert stages[0] == "joshi_2020, fresh"
    assert len(stages) > 1
    assert all(stage.startswith("joshi_2020, ") for stage in stages)


def test_a_number_of_chips_for_all_claims_lets_them_share_a_run(
    claimed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    once = checking.run
    monkeypatch.setattr(checking, "run", lambda *a, **k: (calls.append(k), once(*a, **k))[1])
    several = RUN | {"instances": '{value = 3, source = "a test", status = "assumed"}'}
    text = entry("one", "accuracy", 0.5, **RUN) + entry("three", "latency", 1e-9, **several)
    assert len(verdicts(claimed, text)) == len(calls) == 2
    calls.clear()
    verdicts(claimed, text, instances=2)
    assert [call["instances"] for call in calls] == [2]


def test_options_make_another_run(claimed: Path) -> None:
    text = entry("with", "accuracy", 0.5, **RUN) + entry("without", "accuracy", 0.5, **RUN)
    text += "[claims.options]\nadc__bits = 3\n"
    first, second = verdicts(claimed, text)
    assert first.ours != second.ours


def test_a_missing_data_set_is_named(claimed: Path) -> None:
    (answer,) = verdicts(claimed, entry("one", "accuracy", 0.9, **RUN | {"dataset": '"nowhere.npz"'}))
    assert (answer.status, answer.ours) == ("not simulated", None)
    assert "nowhere.npz" in answer.reason


def test_what_a_claim_says_of_itself_is_handed_on(claimed: Path) -> None:
    (answer,) = verdicts(
        claimed, entry("one", "accuracy", 0.9, **RUN | {"not_simulated": '"no such network"'})
    )
    assert (answer.status, answer.reason) == ("not simulated", "no such network")


def test_a_claim_that_cannot_be_run_fails_and_the_others_go_on(claimed: Path) -> None:
    text = entry("broken", "accuracy", 0.5, **RUN) + "[claims.options]\nadc__bitss = 3\n"
    text += entry("whole", "chip_ops_per_second", 1) + entry("fine", "accuracy", 0.5, **RUN)
    broken, whole, fine = verdicts(claimed, text)
    assert (broken.status, whole.status, fine.status) == ("failed", "failed", "met")
    assert "adc.bitss" in broken.reason
    assert "[capacity]" in whole.reason


def test_only_found_figures(claimed: Path) -> None:
    text = entry("sure", "accuracy", 0.5, **RUN) + entry("unsure", "accuracy", 0.5, status="recalled", **RUN)
    (claimed / "claims.toml").write_text(HEAD + text)
    found = list(check_claims([str(claimed)], Options(limit=50), only_found=True))
    assert [verdict.claim.id for verdict in found] == ["sure"]


def test_run_files_are_kept_in_a_folder(claimed: Path) -> None:
    kept = claimed / "kept"
    kept.mkdir()
    verdicts(claimed, entry("one", "accuracy", 0.5, **RUN), folder=kept)
    assert [path.name for path in kept.iterdir()] == ["joshi_2020-0.h5"]


def test_core_figures_from_the_chip_alone() -> None:
    (found,) = (v for v in check_claims(["hermes"], Options()) if v.claim.metric == "core_ops_per_joule")
    assert found.ours == pytest.approx(core_figures(load_chip("hermes")).ops_per_joule)
    assert found.status == "met"


def test_peak_of_a_whole_chip_by_hand() -> None:
    text = load_chip("joshi_2020").text
    table = '\n[capacity]\ntiles = {value = 10, source = "a test", status = "assumed"}\n'
    table += 'power = {value = 2, unit = "W", source = "a test", status = "assumed"}\n'
    from neurosim.chips import parse_chip

    chip = parse_chip(text + table)
    figures = chip_figures(chip)
    seconds = 250e-9 + 128 * 0.78125e-9  # one read, and the conversions of an ADC for 128 columns
    assert figures.ops_per_second == pytest.approx(10 * 2 * 512 * 1024 / seconds)
    assert figures.ops_per_joule == pytest.approx(figures.ops_per_second / 2)
    assert figures.ops_per_second_per_square_metre is None
    with pytest.raises(ConfigError, match="capacity"):
        chip_figures(load_chip("joshi_2020"))


def test_a_wrong_claims_file_is_refused_with_its_lines(claimed: Path) -> None:
    with pytest.raises(ConfigErrors, match=r"claims\.toml:\d+: claims\.0: .*needs a network"):
        verdicts(claimed, entry("one", "latency", 1))


def test_spread_of_neurons_is_the_mean_over_chips() -> None:
    from neurosim.claims.measuring import from_chip

    chip = load_chip("rolls")
    singles = [from_chip("neuron_mismatch", chip, [], seed, 1)[0] for seed in (0, 1)]
    assert singles[0] != singles[1]
    assert all(abs(value - 0.094) < 0.02 for value in singles)
    first, pair = (from_chip("neuron_mismatch", chip, [], 0, n)[0] for n in (1, 2))
    assert pair != first
    level = chip.with_options(neuron__threshold_mismatch=0.0)
    assert from_chip("neuron_mismatch", level, [], 0, 1)[0] < 0.01


def test_misses_of_the_digital_processors_are_explained() -> None:
    """From shapes alone: no image is classified."""
    found = list(check_claims(["dadiannao", "eie", "eyeriss", "shidiannao"], Options()))
    missed = {(verdict.chip, verdict.claim.id) for verdict in found if verdict.status == "missed"}
    assert ("eyeriss", "alexnet_latency") in missed
    assert {(v.chip, v.claim.id) for v in found if v.reason} == missed
