"""A run of neurons that spike once, in its run file: decision times, counts that vary, scores of minus infinity."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from first_spike_samples import chip_with, images, network, run

from neurosim.engines.engine import Inputs, Settings
from neurosim.engines.layout import Classification, FileRecorder, plan
from neurosim.engines.spiking.first_spike import (
    DECISION_TIME,
    EXTRA,
    Chain,
    FirstSpikeEngine,
    count_first_spike,
    varying_counters,
)
from neurosim.recording import RunFile, RunWriter


def test_what_a_run_file_holds(tmp_path):
    programmed = chip_with(network())
    net, chip, placement = programmed.network, programmed.chip, programmed.placement
    inputs = Inputs(images(), (25.0, 1e5))
    described = Classification(
        net, chip, placement, inputs, np.zeros(300, np.int64), [str(k) for k in range(5)], np.zeros(300, np.int64),
        count_first_spike(Chain.of(net), placement, 300), 1, frozenset({"outputs"}), {"kind": "classification"}, {},
        varying=varying_counters(chip), extra=EXTRA,
    )  # fmt: skip
    path = tmp_path / "run.h5"
    with RunWriter.open(path, plan(described), {}) as writer:
        recorder = FileRecorder(described, writer, 0, 0)
        FirstSpikeEngine().run(programmed, inputs, recorder, lambda n: None, Settings())
        writer.seal()
    memory, ends = run(programmed, times=inputs.times_s)
    with RunFile.open(path) as file:
        assert file.dims(DECISION_TIME) == ("chip", "time", "image")
        np.testing.assert_array_equal(file.read(DECISION_TIME)[0, 0], ends)
        scores = file.read("/outputs/scores")[0, 0]
        np.testing.assert_array_equal(scores, memory.scores(0))
        assert np.isneginf(scores).any()
        np.testing.assert_array_equal(file.read("/outputs/predictions")[0, 0], scores.argmax(axis=1))
        for counter in varying_counters(chip):
            stored = file.read(f"/counts/inference/{counter}")[0]
            np.testing.assert_allclose(stored[0], memory.varying(0, counter), rtol=1e-6)
        assert file.read("/counts/inference/encoder_updates").tolist() == [64, 0]
