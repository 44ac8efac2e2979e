"""Boosted classifiers: what AdaBoost promises, exact weak classifiers on small problems, a whole training."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from neurosim.foundation.errors import ConfigError
from neurosim.graph import Boosting, PairVotes, load_network, read_description
from neurosim.training import train
from neurosim.training.boosting import boost, boosted_layers, weak_classifier

RECIPE = Boosting(feature_bits=5)
NETWORK = """format = 1
name = "digits_boosted"

[input]
dataset = "digits"
shape = [64]

[[layers]]
kind = "dense"
name = "columns"
units = 180
bias = false

[[layers]]
kind = "comparator"
name = "decisions"

[[layers]]
kind = "pair_votes"
name = "votes"
classes = 10
rounds = 4

[boosting]
feature_bits = 5
"""


def problem(images: int = 400, features: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.random((images, features))
    sides = np.where(x @ rng.normal(size=features) + 0.2 * rng.normal(size=images) >= 0, 1.0, -1.0)
    emphasis = rng.random(images)
    return x, sides, emphasis / emphasis.sum()


def test_a_weak_classifier_is_nearly_the_best_there_is() -> None:
    x, sides, emphasis = problem()
    every = [np.array(signs) for signs in itertools.product((-1.0, 1.0), repeat=x.shape[1])]
    best = min(float(emphasis[(x @ w >= 0) != (sides > 0)].sum()) for w in every)
    weak = weak_classifier(x, sides, emphasis, RECIPE)
    assert set(np.unique(weak.weights)) <= {-1.0, 1.0}
    assert weak.error == pytest.approx(float(emphasis[(x @ weak.weights >= 0) != (sides > 0)].sum()))
    assert best <= weak.error <= best + 0.02


def test_flips_only_lower_the_error() -> None:
    x, sides, emphasis = problem(features=20)
    errors = [
        weak_classifier(x, sides, emphasis, Boosting(feature_bits=5, sweeps=n)).error for n in (1, 2, 5)
    ]
    assert errors == sorted(errors, reverse=True)


def test_the_training_error_stays_below_adaboost_s_bound() -> None:
    """Freund and Schapire 1997: at most the product of 2 sqrt(e (1 - e)) over the rounds."""
    x, sides, _ = problem(600, 9)
    votes = PairVotes(name="votes", classes=2, rounds=12)
    labels = np.where(sides > 0, 0, 1)
    errors = []
    weights, shares = boost(x, labels, votes, RECIPE, lambda *report: errors.append(report[2]))
    rounded = np.rint(x * 31) / 31
    decisions = np.where(rounded @ weights.T.astype(float) >= 0, 1.0, -1.0)
    total = decisions @ shares[0].astype(float)
    # the share of round t tells its error: e = 1 / (1 + exp(2 share))
    e = 1 / (1 + np.exp(2 * shares[0].astype(float)))
    wrong = float((np.where(total >= 0, 1.0, -1.0) != sides).mean())
    assert errors == [pytest.approx(wrong, abs=3 / 600)]  # sums near zero, rounded to float32
    assert wrong <= np.prod(2 * np.sqrt(e * (1 - e))) + 1e-9
    assert wrong < float(((decisions[:, 0]) != sides).mean())


def test_a_network_of_digits(tmp_path: Path) -> None:
    (tmp_path / "network.toml").write_text(NETWORK)
    first, again = (train(tmp_path / "network.toml", out=tmp_path / name) for name in ("a", "b"))
    assert first == again
    assert first.float_accuracy > 0.9
    assert first.torch_version == "none"
    net = load_network(tmp_path / "a")
    assert set(np.unique(net.params["columns"]["weight"])) == {-1.0, 1.0}
    assert net.params["votes"]["weight"].shape == (45, 4)


def test_other_layers_are_refused(tmp_path: Path) -> None:
    (tmp_path / "network.toml").write_text(NETWORK.replace("bias = false\n", ""))
    description, layers = read_description(tmp_path / "network.toml")
    with pytest.raises(ConfigError, match="one matrix without bias, then comparator, then pair_votes"):
        boosted_layers(layers, description.name)


def test_epochs_and_seeds_mean_nothing(tmp_path: Path) -> None:
    (tmp_path / "network.toml").write_text(NETWORK)
    with pytest.raises(ConfigError, match="epochs: expected nothing: boosting has no epochs"):
        train(tmp_path / "network.toml", out=tmp_path / "a", epochs=3)
