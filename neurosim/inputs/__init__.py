"""Data set cards to arrays and events: found locally, in the cache or downloaded, checked, shaped for a network."""

from neurosim.inputs.arrays_file import load_arrays_file
from neurosim.inputs.cards import Card, dataset_card, dataset_names
from neurosim.inputs.dataset import Dataset, load_dataset, load_events
from neurosim.inputs.events import EventDataset
from neurosim.inputs.preparing import prepare
from neurosim.inputs.selection import load_inputs, split_spec

__all__ = [
    "Card",
    "Dataset",
    "EventDataset",
    "dataset_card",
    "dataset_names",
    "load_arrays_file",
    "load_dataset",
    "load_events",
    "load_inputs",
    "prepare",
    "split_spec",
]
