"""All pictures of a run at once."""

from __future__ import annotations

from pathlib import Path

from neurosim.foundation.errors import LimitError
from neurosim.recording import RunFile
from neurosim.reports.devices import plot_conductances
from neurosim.reports.plots import plot_accuracy, plot_confusion, plot_energy, plot_saturation
from neurosim.reports.spiking_plots import plot_raster, plot_steps, plot_traces, traced_populations
from neurosim.reports.stepwise import SCORES
from neurosim.reports.stored import Stored
from neurosim.reports.summary import Summary, summarise


def plot_all(run: RunFile, folder: str | Path, summary: Summary | None = None) -> tuple[Path, ...]:
    """Every picture that the run has data for, as PNG files in `folder` (made if absent); their paths.

    accuracy.png, confusion.png always; energy.png where the chip is priced, saturation.png where it has
    converters, conductances.png where devices were recorded; of runs in steps steps.png, and raster.png and
    traces.png (image 0) where spikes and membranes were recorded.

    Raises DataError when the file holds no classification, LimitError when the folder cannot be written.
    """
    made = summary or summarise(run)
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise LimitError(str(place), "a folder for pictures", str(problem), "choose another one") from None
    pictures = [plot_accuracy(made, place / "accuracy.png"), plot_confusion(made, place / "confusion.png")]
    if made.ledger.priced:
        pictures.append(plot_energy(made.ledger, place / "energy.png"))
    if made.saturation:
        pictures.append(plot_saturation(made, place / "saturation.png"))
    if Stored(run).state_layers:
        pictures.append(plot_conductances(run, place / "conductances.png"))
    if SCORES in run:
        pictures.append(plot_steps(run, place / "steps.png"))
    if run.populations:
        pictures.append(plot_raster(run, place / "raster.png"))
    if traced_populations(run):
        pictures.append(plot_traces(run, place / "traces.png"))
    return tuple(pictures)
