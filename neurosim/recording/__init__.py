"""The run file: what is recorded, immutable parts while a run goes on, the sealed HDF5 file, safe reading.

Only this room uses h5py. A run declares a `Plan`, writes through a `RunWriter` and is read with `RunFile`;
`save_arrays` and `load_arrays` keep nested arrays (programmed chips) in one file.
"""

from neurosim.recording.arrays import load_arrays, save_arrays
from neurosim.recording.nir_form import nir_static
from neurosim.recording.reading import Entry, RunFile
from neurosim.recording.schema import FORMAT, Coordinate, Plan, SpikeStream, Static, Variable
from neurosim.recording.writer import RunWriter, check_output

__all__ = [
    "FORMAT",
    "Coordinate",
    "Entry",
    "Plan",
    "RunFile",
    "RunWriter",
    "SpikeStream",
    "Static",
    "Variable",
    "check_output",
    "load_arrays",
    "nir_static",
    "save_arrays",
]
