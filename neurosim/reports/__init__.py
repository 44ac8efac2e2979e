"""Run files in, summaries and pictures out; the only room that draws."""

from neurosim.reports.accuracy import Accuracy, interval
from neurosim.reports.summary import Summary, confusion_matrix, summarise

__all__ = ["Accuracy", "Summary", "confusion_matrix", "interval", "summarise"]
