"""A user's own recordings: a .npz file with counts of events per time bin."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurosim.foundation.errors import DataError
from neurosim.inputs.arrays_file import class_names_of, read_arrays
from neurosim.inputs.dataset import check_limit

KEY = "events"
_REMEDY = "make it with numpy.savez(path, events=..., labels=...)"


def load_event_arrays(
    path: str | Path, limit: int | None = None
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]] | None:
    """Recordings (N, steps, *shape), labels int64 (N,) and names of the classes from a .npz file; None where it
    holds images instead.

    `events`: whole counts per step and input, not negative. `labels`: integers (N,); without them all are 0.

    Raises DataError for a damaged file, for events that are no whole counts or have fewer than three axes and for
    labels that do not fit; ConfigError for limit < 1.
    """
    check_limit(limit)
    arrays = read_arrays(Path(path))
    if KEY not in arrays:
        return None
    events = arrays[KEY][:limit]
    if events.ndim < 3 or events.size == 0:
        raise DataError(f"{path}: {KEY}", "counts (N, steps, *shape)", f"shape {events.shape}", _REMEDY)
    if events.dtype.kind not in "biuf" or not np.array_equal(events, np.rint(events)) or events.min() < 0:
        raise DataError(f"{path}: {KEY}", "whole counts, not negative", f"{events.dtype} of other values",
                        "count the events of each step")  # fmt: skip
    labels = arrays.get("labels", np.zeros(len(arrays[KEY]), np.int64))[:limit]
    if labels.shape != (len(events),) or labels.dtype.kind not in "iu":
        raise DataError(f"{path}: labels", f"integers of shape ({len(events)},)", f"{labels.dtype} {labels.shape}",
                        "one class index per recording")  # fmt: skip
    labels = labels.astype(np.int64)
    return events, labels, class_names_of(arrays, labels)
