"""Boosted classifiers: comparators behind columns, and the votes of pairs of classes.

Each column of an array is a weak classifier: it sums inputs with weights -1 and 1, and a comparator decides. Several of
them, weighted by boosting, tell two classes apart, and the class that wins most of its pairs is given (Zhang, Wang and
Verma, IEEE JSSC 52, 915, 2017).
"""

from __future__ import annotations

from itertools import combinations
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from neurosim.foundation.errors import ConfigError
from neurosim.foundation.records import Record
from neurosim.graph.layer import Array, Count, Layer, LayerParams, Shape


class Boosting(Record):
    """How a boosted network is trained: AdaBoost (Freund and Schapire, 1997) over every pair of classes.

    A weak classifier starts from the signs of the weighted least-squares solution; weights are then flipped as long as
    the weighted error falls, for `sweeps` passes at most. Features are rounded to `feature_bits`, as the chip will.
    """

    sweeps: Count = 3
    feature_bits: Annotated[int, Field(ge=1, le=16)]
    ridge: Annotated[float, Field(gt=0)] = 1e-3


class Comparator(Layer):
    """1 where the sum is at least zero, else -1."""

    kind: Literal["comparator"] = "comparator"

    def output_shape(self, *shapes: Shape) -> Shape:
        """The input's."""
        return self._one(shapes, tuple(range(1, 9)), "of one axis or more")

    def forward(self, params: LayerParams, *xs: Array) -> Array:  # noqa: ARG002
        """-1 and 1."""
        return np.where(xs[0] >= 0, np.float32(1), np.float32(-1))


class PairVotes(Layer):
    """Decisions of `rounds` weak classifiers per pair of classes to one score per class.

    weight (pairs, rounds) : what each decision counts for the first class of its pair, pairs in the order (0, 1),
    (0, 2), ..., rounds of a pair together. A class's score is the number of its pairs that it wins, and, less than a
    vote in all, by how much: margins settle ties.
    """

    kind: Literal["pair_votes"] = "pair_votes"
    classes: Annotated[int, Field(ge=2)]
    rounds: Count

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Every two classes."""
        return tuple(combinations(range(self.classes), 2))

    def output_shape(self, *shapes: Shape) -> Shape:
        """(classes,) from (pairs x rounds,)."""
        (units,) = self._one(shapes, (1,), "(units,)")
        if units != len(self.pairs) * self.rounds:
            raise ConfigError(
                f"layer {self.name!r}", f"{len(self.pairs)} pairs x {self.rounds} rounds before it", str(units),
                f"give the layer before it {len(self.pairs) * self.rounds} units",
            )  # fmt: skip
        return (self.classes,)

    def parameter_shapes(self, *shapes: Shape) -> dict[str, Shape]:  # noqa: ARG002
        """weight (pairs, rounds)."""
        return {"weight": (len(self.pairs), self.rounds)}

    def forward(self, params: LayerParams, *xs: Array) -> Array:
        """Scores, float32 (N, classes)."""
        decisions = xs[0].reshape(len(xs[0]), len(self.pairs), self.rounds)
        weight = params["weight"]
        margins = np.einsum("npr,pr->np", decisions, weight) / np.abs(weight).sum(axis=1).clip(1e-30)
        votes = np.where(margins >= 0, np.float32(1), np.float32(-1))
        first, second = (np.array(side) for side in zip(*self.pairs, strict=True))
        scores = np.zeros((len(decisions), self.classes), np.float32)
        for pair, (a, b) in enumerate(zip(first, second, strict=True)):
            # half a vote either way is one vote between the two; all margins together stay below a quarter
            part = votes[:, pair] / 2 + margins[:, pair] / (4 * self.classes)
            scores[:, a] += part
            scores[:, b] -= part
        return scores
