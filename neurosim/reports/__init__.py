"""Run files in, summaries and pictures out; the only room that draws."""

from neurosim.reports.accuracy import Accuracy, interval
from neurosim.reports.devices import plot_conductances
from neurosim.reports.gallery import plot_all
from neurosim.reports.plots import plot_accuracy, plot_confusion, plot_energy, plot_saturation
from neurosim.reports.summary import Summary, confusion_matrix, summarise

__all__ = [
    "Accuracy",
    "Summary",
    "confusion_matrix",
    "interval",
    "plot_accuracy",
    "plot_all",
    "plot_conductances",
    "plot_confusion",
    "plot_energy",
    "plot_saturation",
    "summarise",
]
