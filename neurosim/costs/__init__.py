"""Counts times prices: joules, seconds and square metres of a run, each with the source of its price.

Energy per inference is counted once per component (the design's one ledger); programming and calibration
stand apart. Latency is that of one image through all layers, one after the other; throughput that of the
slowest layer, every layer working on another image. One multiply-accumulate counts as two operations.
"""

from neurosim.costs.ledger import COMPONENTS, AreaRow, Latency, Ledger, PriceTag, Row
from neurosim.costs.pricing import CoreFigures, core_figures, price
from neurosim.costs.runs import StoredRun, price_run, price_stored, stored_run
from neurosim.costs.timing import chip_time_s, latency

__all__ = [
    "COMPONENTS",
    "AreaRow",
    "CoreFigures",
    "Latency",
    "Ledger",
    "PriceTag",
    "Row",
    "StoredRun",
    "chip_time_s",
    "core_figures",
    "latency",
    "price",
    "price_run",
    "price_stored",
    "stored_run",
]
