"""Without a compiler: Brian2's NumPy target and Numba kernels give the same spikes, and the semantics say so."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from spiking_networks import chip, digits, mlp, programmed

from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.engines.spiking.engine import SpikingEngine, SpikingOptions

HERE = str(Path(__file__).parent)
PROGRAM = """
import hashlib, json, sys
sys.path.insert(0, sys.argv[1])
from spiking_networks import chip, digits, mlp, programmed
from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.engines.spiking.engine import SpikingEngine, SpikingOptions

engine, recorder = SpikingEngine(mlp(), SpikingOptions(steps=12)), MemoryRecorder()
engine.run(programmed(mlp(), chip()), Inputs(digits()[:6], (25.0,)), recorder, lambda n: None, Settings())
bits = recorder.segments[0].step_scores.tobytes() + recorder.segments[0].scores.tobytes()
print(json.dumps({**engine.semantics(), "bits": hashlib.sha256(bits).hexdigest()}))
"""


def bits_here():
    engine, recorder = SpikingEngine(mlp(), SpikingOptions(steps=12)), MemoryRecorder()
    engine.run(programmed(mlp(), chip()), Inputs(digits()[:6], (25.0,)), recorder, lambda n: None, Settings())
    return hashlib.sha256(
        recorder.segments[0].step_scores.tobytes() + recorder.segments[0].scores.tobytes()
    ).hexdigest()


def test_without_a_compiler_the_bits_are_the_same_and_it_is_on_record(tmp_path):
    environment = {**os.environ, "PATH": str(tmp_path), "CC": "", "NEUROSIM_CACHE": str(tmp_path)}
    environment.pop("NEUROSIM_BRIAN_TARGET", None)
    done = subprocess.run([sys.executable, "-c", PROGRAM, HERE], env=environment, check=True, capture_output=True,
                          text=True)  # fmt: skip
    said = json.loads(done.stdout)
    assert (said["brian2_target"], said["spike_kernels"]) == ("numpy", "Numba")
    assert said["bits"] == bits_here()
