"""Claims: what chips' claims.toml name is run, ours beside theirs."""

from __future__ import annotations

from neurosim.claims.checking import Options, check_claims
from neurosim.claims.precision import output_bits
from neurosim.claims.verdict import MET, MISSED, NOT_SIMULATED, Verdict, verdict_table

__all__ = [
    "MET",
    "MISSED",
    "NOT_SIMULATED",
    "Options",
    "Verdict",
    "check_claims",
    "output_bits",
    "verdict_table",
]
