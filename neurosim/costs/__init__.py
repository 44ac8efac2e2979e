"""Counts times prices: joules, seconds and square metres of a run, each with the source of its price.

Energy per inference is counted once per component (the design's one ledger); programming and calibration
stand apart. Latency of rates is that of one image through all layers, one after the other, and throughput that
of the slowest layer, every layer working on another image; spiking layers work in step. One
multiply-accumulate counts as two operations.
"""

from neurosim.costs.ledger import (
    COMPONENTS,
    LEARNING,
    SPIKING_COMPONENTS,
    AreaRow,
    Latency,
    Ledger,
    PriceTag,
    Row,
)
from neurosim.costs.peak import ChipFigures, chip_figures, full_tile
from neurosim.costs.pricing import CoreFigures, Learning, Presentation, core_figures, price
from neurosim.costs.runs import StoredRun, price_run, price_stored, step_counts, stored_run
from neurosim.costs.steps import StepPrices, energy_by_step, mean_energy_by_step, step_prices
from neurosim.costs.timing import chip_time_s, latency, spiking_latency, step_s

__all__ = [
    "COMPONENTS",
    "LEARNING",
    "SPIKING_COMPONENTS",
    "AreaRow",
    "ChipFigures",
    "CoreFigures",
    "Latency",
    "Learning",
    "Ledger",
    "Presentation",
    "PriceTag",
    "Row",
    "StepPrices",
    "StoredRun",
    "chip_figures",
    "chip_time_s",
    "core_figures",
    "energy_by_step",
    "full_tile",
    "latency",
    "mean_energy_by_step",
    "price",
    "price_run",
    "price_stored",
    "spiking_latency",
    "step_counts",
    "step_prices",
    "step_s",
    "stored_run",
]
