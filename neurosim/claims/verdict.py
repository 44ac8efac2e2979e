"""What became of a claim: ours beside the published value, and why there is none where there is none."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass

from neurosim.chips import Claim
from neurosim.foundation.records import Source

MET, MISSED, NOT_SIMULATED, FAILED = "met", "missed", "not simulated", "failed"
COLUMNS = (
    "chip", "claim", "says", "metric", "relation", "published", "tolerance", "ours", "ratio", "status", "reason",
    "figure_status", "source",
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """One claim of one chip.

    source : of the published value
    ours : the simulated value in the claim's unit (SI, fractions); None where there is none
    status : met, missed, not simulated, or failed (it should have run and did not)
    reason : why there is no value; what to know about it otherwise
    preview : says so where only the first images were run: no verdict on the claim
    """

    chip: str
    claim: Claim
    source: Source
    ours: float | None
    status: str
    reason: str = ""
    preview: str = ""

    @property
    def ratio(self) -> float:
        """Ours over the published value; NaN where either is missing or the published one is zero."""
        if self.ours is None or self.claim.published == 0:
            return math.nan
        return self.ours / self.claim.published


def judge(chip: str, claim: Claim, source: Source, values: Iterable[float], preview: str = "") -> Verdict:
    """The verdict on the simulated values of a claim, one per time; the one furthest from the claim is shown."""
    worst = max(values, key=lambda value: _distance(claim, value))
    status = MET if claim.holds(worst) else MISSED
    return Verdict(chip, claim, source, worst, status, claim.if_missed if status == MISSED else "", preview)


def _distance(claim: Claim, value: float) -> float:
    """How far a value is on the wrong side of the claim."""
    difference = value - claim.published
    return {"equal": abs(difference), "at_least": -difference, "at_most": difference}[claim.relation]


def verdict_table(verdicts: Iterable[Verdict]) -> str:
    """All verdicts as CSV text, numbers in SI units and fractions."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for verdict in verdicts:
        claim, source = verdict.claim, verdict.source
        ours = "" if verdict.ours is None else repr(verdict.ours)
        ratio = "" if math.isnan(verdict.ratio) else repr(verdict.ratio)
        reason = "; ".join(filter(None, (verdict.preview, verdict.reason)))
        writer.writerow((
            verdict.chip, claim.id, claim.says, claim.metric, claim.relation, repr(claim.published),
            repr(claim.tolerance), ours, ratio, verdict.status, reason, source.status, source.source,
        ))  # fmt: skip
    return text.getvalue()
