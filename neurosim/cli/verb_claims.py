"""neurosim claims."""

from __future__ import annotations

EPILOG = ""


def claims_verb() -> None:
    """Run what papers claim of their chips, and print ours beside theirs."""
    raise NotImplementedError
