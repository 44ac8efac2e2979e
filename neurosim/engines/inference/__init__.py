"""Rate-coded networks on crossbars."""

from neurosim.engines.inference.rate import RateEngine
from neurosim.engines.inference.single import OneImage

__all__ = ["OneImage", "RateEngine"]
