"""A network as a NIR file: a rate network converted to spikes first, a spiking one as it stands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from neurosim.foundation.errors import ConfigError
from neurosim.graph import SpikingGraph, fold_batch_norm, load_network
from neurosim.graph.layer import INPUT
from neurosim.graph.nir_files import nir_tree, write_nir
from neurosim.graph.to_spiking import PERCENTILE, to_spiking
from neurosim.inputs import load_dataset, prepare
from neurosim.pipeline.progress import Progress, Silent
from neurosim.recording.nir_file import read_nir

CALIBRATION_IMAGES = 1000
SPIKING_FILES = (".nir", ".h5")  # networks that are in NIR form already


@dataclass(frozen=True)
class Exported:
    """What was written.

    input_scale : a converted network takes images divided by this, else None
    beyond_nir : whether nodes have metadata for what NIR has no word for
    """

    graph: SpikingGraph
    path: Path
    input_scale: float | None
    beyond_nir: bool


def export_nir(
    network: str,
    path: str | Path,
    *,
    percentile: float | None = None,
    calibration: int | None = None,
    dt_s: float | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Exported:
    """Write a network as a NIR file.

    Parameters
    ----------
    network : a shipped name or a folder, of a rate network; or a .nir or run file, of a spiking one
    percentile, calibration : a rate network's conversion: percentile of the activations that scales its
        thresholds (99.9), and the number of training images they are taken from (1,000)
    dt_s : time step, seconds, of a .nir file that has time constants

    Raises ConfigError for an existing file without `overwrite`, for options that mean nothing here, and for a
    network that cannot be converted or has a layer that NIR has no node for; and what loading raises.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise ConfigError(
            str(path), "a new file", "one that exists", "choose another name, or give --overwrite"
        )
    if network.endswith(SPIKING_FILES):
        if percentile is not None or calibration is not None:
            raise ConfigError("--percentile and --calibration", "a rate network", f"{network}, which spikes already",
                              "leave them out")  # fmt: skip
        graph, scale = read_nir(network, dt_s), None
    else:
        if dt_s is not None:
            raise ConfigError("--dt", "a network with time constants", f"{network}, whose steps have no length",
                              "leave it out")  # fmt: skip
        made = _converted(network, percentile, calibration, progress or Silent())
        graph, scale = made
    nodes = nir_tree(graph)["node"]["nodes"].values()
    write_nir(graph, path)
    return Exported(graph, path, scale, any("metadata" in node for node in nodes))


def _converted(
    network: str, percentile: float | None, calibration: int | None, shown: Progress
) -> tuple[SpikingGraph, float]:
    rate = fold_batch_norm(load_network(network))
    count = CALIBRATION_IMAGES if calibration is None else calibration
    shown.stage(f"loading {rate.input.dataset}", 0)
    train = load_dataset(rate.input.dataset, "train", count, shown.download)
    images = prepare(train.images, train.max_level, rate.input.shape, rate.input.crop)
    made = to_spiking(rate, images, PERCENTILE if percentile is None else percentile)
    return made.graph, made.scales[INPUT]
