"""Training of boosted classifiers with weights -1 and 1, by AdaBoost. NumPy alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neurosim.foundation.blas import one_blas_thread
from neurosim.foundation.errors import ConfigError
from neurosim.graph import Boosting, Comparator, InputSpec, Layer, PairVotes, Weighted
from neurosim.inputs import Dataset, prepare

Report = Callable[[int, int, float], None]  # pair and pairs, from 1; error of the pair on its training images
_IMAGES = 1000  # whose features are made at a time
_NEVER_RIGHT = 1e-6  # errors are kept from 0 and 1/2, where AdaBoost's weight is infinite or nothing


@dataclass(frozen=True)
class Weak:
    """A weak classifier: sign(x . weights), weights -1 and 1 (features,), and its weighted error."""

    weights: np.ndarray
    error: float


def boosted_layers(layers: tuple[Layer, ...], name: str) -> tuple[Weighted, PairVotes]:
    """The matrix layer and the votes of a boosted network; ConfigError where layers are not of that kind."""
    weighted = [layer for layer in layers if isinstance(layer, Weighted)]
    tail = layers[-3:]
    fits = len(weighted) == 1 and len(tail) == 3 and tail[0] is weighted[0] and not weighted[0].has_bias
    if not (fits and isinstance(tail[1], Comparator) and isinstance(tail[2], PairVotes)):
        raise ConfigError(
            f"network {name!r}", "one matrix without bias, then comparator, then pair_votes", "other layers",
            "a [boosting] table is for such networks alone",
        )  # fmt: skip
    return weighted[0], tail[2]


def features(data: Dataset, spec: InputSpec, layers: tuple[Layer, ...], matrix: Weighted) -> np.ndarray:
    """What the matrix layer is fed, float32 (images, features): the images through the layers before it."""
    before = layers[: layers.index(matrix)]
    parts = []
    for start in range(0, len(data.labels), _IMAGES):
        x = prepare(data.images[start : start + _IMAGES], data.max_level, spec.shape, spec.crop)
        for layer in before:
            x = layer.forward({}, x)
        parts.append(x)
    return np.concatenate(parts)


def boost(
    x: np.ndarray, labels: np.ndarray, votes: PairVotes, recipe: Boosting, report: Report
) -> tuple[np.ndarray, np.ndarray]:
    """Weak classifiers and their weights for every pair of classes.

    x : float (images, features) in [0, 1]; labels : int (images,)

    Returns float32 weights (pairs x rounds, features) of -1 and 1, and float32 (pairs, rounds) for the votes.
    """
    levels = 2**recipe.feature_bits - 1
    x = np.rint(np.asarray(x, np.float64) * levels) / levels
    weights, shares = [], np.zeros((len(votes.pairs), votes.rounds), np.float32)
    with one_blas_thread():
        for number, (a, b) in enumerate(votes.pairs):
            chosen = (labels == a) | (labels == b)
            sides = np.where(labels[chosen] == a, 1.0, -1.0)
            weak, shares[number], error = _boost_pair(x[chosen], sides, votes.rounds, recipe)
            weights.extend(weak)
            report(number + 1, len(votes.pairs), error)
    return np.array(weights, np.float32), shares


def _boost_pair(
    x: np.ndarray, sides: np.ndarray, rounds: int, recipe: Boosting
) -> tuple[list[np.ndarray], np.ndarray, float]:
    """AdaBoost on two classes: images that were misjudged count for more in the next round."""
    emphasis = np.full(len(sides), 1 / len(sides))
    found, shares, total = [], np.zeros(rounds), np.zeros(len(sides))
    for turn in range(rounds):
        weak = weak_classifier(x, sides, emphasis, recipe)
        error = min(max(weak.error, _NEVER_RIGHT), 0.5 - _NEVER_RIGHT)
        shares[turn] = np.log((1 - error) / error) / 2
        decisions = np.where(x @ weak.weights >= 0, 1.0, -1.0)
        total += shares[turn] * decisions
        emphasis *= np.exp(-shares[turn] * sides * decisions)
        emphasis /= emphasis.sum()
        found.append(weak.weights)
    return found, shares, float((np.where(total >= 0, 1, -1) != sides).mean())


def weak_classifier(x: np.ndarray, sides: np.ndarray, emphasis: np.ndarray, recipe: Boosting) -> Weak:
    """Weights of -1 and 1 with a small weighted error: signs of least squares, then single flips.

    x : float64 (images, features); sides : -1 or 1 (images,); emphasis : (images,), sums to 1
    """
    weighted = x * emphasis[:, None]
    normal = weighted.T @ x + recipe.ridge * np.eye(x.shape[1])
    solution = np.linalg.solve(normal, weighted.T @ sides)
    weights = np.where(solution >= 0, 1.0, -1.0)
    sums = x @ weights
    error = _weighted_error(sums, sides, emphasis)
    for _ in range(recipe.sweeps):
        before = error
        for feature in np.argsort(np.abs(solution)):  # the least certain signs first
            flipped = sums - 2 * weights[feature] * x[:, feature]
            other = _weighted_error(flipped, sides, emphasis)
            if other < error:
                weights[feature] *= -1
                sums, error = flipped, other
        if error == before:
            break
    return Weak(weights, error)


def _weighted_error(sums: np.ndarray, sides: np.ndarray, emphasis: np.ndarray) -> float:
    return float(emphasis[(sums >= 0) != (sides > 0)].sum())
