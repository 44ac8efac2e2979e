"""Comparators and the votes of pairs, against votes counted one by one."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from neurosim.foundation.errors import ConfigError
from neurosim.graph import Comparator, PairVotes


def test_a_comparator_decides_at_zero() -> None:
    x = np.array([[-0.1, 0.0, 2.0]], np.float32)
    assert Comparator(name="c").forward({}, x).tolist() == [[-1, 1, 1]]


def votes_of(decisions: np.ndarray, shares: np.ndarray, classes: int) -> list[int]:
    """Pairs won by each class, counted in plain Python."""
    won = [0] * classes
    for number, (a, b) in enumerate(combinations(range(classes), 2)):
        total = sum(s * d for s, d in zip(shares[number], decisions[number], strict=True))
        won[a if total >= 0 else b] += 1
    return won


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_the_class_that_wins_most_pairs_has_the_largest_score(classes: int) -> None:
    rng = np.random.default_rng(classes)
    layer = PairVotes(name="votes", classes=classes, rounds=3)
    pairs = len(layer.pairs)
    shares = rng.random((pairs, 3)).astype(np.float32)
    decisions = np.where(rng.random((200, pairs, 3)) < 0.5, np.float32(-1), np.float32(1))
    scores = layer.forward({"weight": shares}, decisions.reshape(200, -1))
    for image in range(200):
        won = votes_of(decisions[image], shares, classes)
        assert won[int(scores[image].argmax())] == max(won)
        # scores stand in the order of the pairs won
        order = np.argsort(scores[image])
        assert [won[k] for k in order] == sorted(won)


def test_margins_settle_ties() -> None:
    layer = PairVotes(name="votes", classes=3, rounds=2)  # pairs (0, 1), (0, 2), (1, 2)
    shares = np.array([[1, 0.5], [1, 0.5], [1, 0.5]], np.float32)
    sure, unsure = [1, 1], [1, -1]
    decisions = np.array(
        [sure, [-1, 1], unsure], np.float32
    )  # 0 beats 1 clearly, 2 beats 0, 1 beats 2: one each
    scores = layer.forward({"weight": shares}, decisions.reshape(1, -1))
    assert scores.argmax() == 0


def test_units_must_fit() -> None:
    layer = PairVotes(name="votes", classes=10, rounds=18)
    assert layer.output_shape((810,)) == (10,)
    with pytest.raises(ConfigError, match="45 pairs x 18 rounds before it, got 800.*810 units"):
        layer.output_shape((800,))
