"""Rate-coded networks on crossbars."""

from neurosim.engines.inference.rate import RateEngine

__all__ = ["RateEngine"]
