"""Verdicts: which value of several is held against a claim, what is said of a miss, and the table as CSV."""

from __future__ import annotations

import csv
import io
import math

import pytest

from neurosim.chips import Claim
from neurosim.claims import MET, MISSED, verdict_table
from neurosim.claims.verdict import judge
from neurosim.foundation.records import Source

SOURCE = Source(90, "%", "a paper", "found", 1)


def claim(relation: str, **more: object) -> Claim:
    return Claim.model_validate(
        {"id": "one", "says": "a sentence", "metric": "accuracy", "network": "digits_mlp", "dataset": "digits/test",
         "times": ["25 s"], "relation": relation, "published": 0.9, "tolerance": 0.01, **more}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("relation", "values", "shown", "status"),
    [
        ("equal", (0.9, 0.905), 0.905, MET),
        ("equal", (0.9, 0.88, 0.915), 0.88, MISSED),
        ("at_least", (0.99, 0.892, 0.95), 0.892, MET),
        ("at_least", (0.99, 0.80), 0.80, MISSED),
        ("at_most", (0.10, 0.908), 0.908, MET),
        ("at_most", (0.10, 0.95), 0.95, MISSED),
    ],
)
def test_the_value_furthest_from_the_claim_decides(
    relation: str, values: tuple[float, ...], shown: float, status: str
) -> None:
    verdict = judge("chip", claim(relation), SOURCE, values)
    assert (verdict.ours, verdict.status) == (shown, status)
    assert verdict.ratio == pytest.approx(shown / 0.9)


def test_a_known_reason_is_told_of_a_miss_alone() -> None:
    known = claim("equal", if_missed="the network is another one")
    assert judge("chip", known, SOURCE, [0.5]).reason == "the network is another one"
    assert judge("chip", known, SOURCE, [0.9]).reason == ""
    preview = judge("chip", known, SOURCE, [0.5], "a preview")
    assert "missed,a preview; the network is another one" in verdict_table([preview])


def test_no_ratio_to_a_published_zero() -> None:
    assert math.isnan(judge("chip", claim("equal", published=0.0), SOURCE, [0.005]).ratio)


def test_csv_gives_numbers_back_exactly() -> None:
    verdicts = [
        judge("chip", claim("equal"), SOURCE, [1 / 3]),
        judge("other", claim("at_least"), SOURCE, [0.95]),
    ]
    rows = list(csv.DictReader(io.StringIO(verdict_table(verdicts))))
    assert [row["chip"] for row in rows] == ["chip", "other"]
    assert float(rows[0]["ours"]) == 1 / 3
    assert [row["status"] for row in rows] == [MISSED, MET]
    assert rows[0]["source"] == "a paper"
