"""Run files in, summaries and pictures out; the only room that draws."""

from neurosim.reports.accuracy import Accuracy, interval
from neurosim.reports.comparison import Comparison, compare
from neurosim.reports.comparison_plots import plot_comparison
from neurosim.reports.devices import plot_conductances
from neurosim.reports.divergence import Divergence, Parting, find_divergence
from neurosim.reports.gallery import plot_all
from neurosim.reports.plots import plot_accuracy, plot_confusion, plot_energy, plot_saturation
from neurosim.reports.spiking_plots import plot_raster, plot_steps, plot_traces
from neurosim.reports.stepwise import Stepwise, accuracy_by_step
from neurosim.reports.summary import Summary, confusion_matrix, summarise

__all__ = [
    "Accuracy",
    "Comparison",
    "Divergence",
    "Parting",
    "Stepwise",
    "Summary",
    "accuracy_by_step",
    "compare",
    "confusion_matrix",
    "find_divergence",
    "interval",
    "plot_accuracy",
    "plot_all",
    "plot_comparison",
    "plot_conductances",
    "plot_confusion",
    "plot_energy",
    "plot_raster",
    "plot_saturation",
    "plot_steps",
    "plot_traces",
    "summarise",
]
