"""Claims: what papers say, with tolerances, validated like every description."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurosim.chips import Claim, chip_names, load_chip, load_claims
from neurosim.foundation.errors import ConfigErrors, DataError


@pytest.mark.parametrize("name", chip_names())
def test_shipped_claims_load_with_sources(name: str) -> None:
    claims, sources = load_claims(name)
    assert claims
    assert all(f"claims.{i}.published" in sources for i in range(len(claims)))
    assert load_claims(load_chip(name))[0] == claims


def test_joshi_2020_claims_its_two_accuracies() -> None:
    claims = {claim.id: claim for claim in load_claims("joshi_2020")[0]}
    first, day = claims["accuracy_after_programming"], claims["accuracy_after_a_day"]
    assert (first.published, first.network, first.dataset) == (0.937, "cifar_resnet32", "cifar10/test")
    assert (day.times, day.relation) == (("1 day",), "at_least")
    assert day.published == pytest.approx(0.926)
    assert day.options == {"drift_compensation": "global"}
    assert not first.not_simulated  # its weights are not shipped, and that is told when the claim is tried


@pytest.mark.parametrize(
    ("relation", "good", "bad"),
    [
        ("equal", (0.90, 0.92), (0.899, 0.921)),
        ("at_least", (0.90, 1.0), (0.89,)),
        ("at_most", (0.0, 0.92), (0.93,)),
    ],
)
def test_agreement(relation: str, good: tuple[float, ...], bad: tuple[float, ...]) -> None:
    claim = Claim.model_validate(
        {"id": "x", "says": "x", "metric": "core_ops_per_joule", "relation": relation, "published": 0.91,
         "tolerance": 0.01}
    )  # fmt: skip
    assert all(claim.holds(value) for value in good)
    assert not any(claim.holds(value) for value in bad)


ENTRY = """
[[claims]]
id = "one"
says = "a sentence"
metric = "accuracy"
network = "mnist_mlp"
dataset = "mnist/test"
times = ["25 s"]
relation = "equal"
published = {value = 98, unit = "%", source = "a test", status = "assumed"}
tolerance = {value = 1, unit = "%", source = "a test", status = "assumed"}
"""


def claims_of(tmp_path: Path, text: str) -> tuple[Claim, ...]:
    (tmp_path / "chip.toml").write_text(load_chip("joshi_2020").text)
    (tmp_path / "claims.toml").write_text(text)
    return load_claims(load_chip(tmp_path))[0]


def test_wrong_claims_are_refused_with_their_line(tmp_path: Path) -> None:
    assert claims_of(tmp_path, "format = 1\n" + ENTRY)[0].published == 0.98
    with pytest.raises(ConfigErrors, match=r"claims\.toml:15: claims\.1\.id: 'one' is there twice"):
        claims_of(tmp_path, "format = 1\n" + ENTRY + ENTRY)
    with pytest.raises(ConfigErrors, match=r"claims\.0: the metric accuracy needs a network"):
        claims_of(tmp_path, "format = 1\n" + ENTRY.replace('network = "mnist_mlp"\n', ""))
    with pytest.raises(ConfigErrors, match=r"claims\.0\.metric: .*got 'acuracy'"):
        claims_of(tmp_path, "format = 1\n" + ENTRY.replace('"accuracy"', '"acuracy"'))
    with pytest.raises(
        ConfigErrors, match=r"claims\.0\.options: unknown 'drift'; known: batch_norm, drift_compensation"
    ):
        claims_of(tmp_path, "format = 1\n" + ENTRY + '[claims.options]\ndrift = "none"\n')
    with pytest.raises(ConfigErrors, match=r"claims\.0\.tolerence: unknown key; did you mean 'tolerance'"):
        claims_of(tmp_path, "format = 1\n" + ENTRY.replace("tolerance", "tolerence"))


def test_a_chip_without_claims(tmp_path: Path) -> None:
    (tmp_path / "chip.toml").write_text(load_chip("joshi_2020").text)
    with pytest.raises(DataError, match=r"expected a claims\.toml beside its chip\.toml, got none"):
        load_claims(load_chip(tmp_path))
