"""The training images of one epoch: shuffled, shifted, mirrored, cut into batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from neurosim.graph import InputSpec, Recipe
from neurosim.inputs import Dataset, prepare


def batch_count(images: int, batch: int) -> int:
    """Batches per epoch; an incomplete last one is left out unless it is the only one."""
    return max(1, images // batch)


def batches(
    data: Dataset, spec: InputSpec, recipe: Recipe, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """Inputs float32 (B, *shape) and labels int64 (B,) of every batch, in an order drawn from `rng`.

    Shifts and mirrors are drawn batch by batch from the same generator; the image moves over zeros.
    """
    order = rng.permutation(len(data.labels))
    for start in range(0, batch_count(len(order), recipe.batch) * recipe.batch, recipe.batch):
        chosen = order[start : start + recipe.batch]
        images = data.images[chosen]
        if recipe.flip:
            mirrored = rng.random(len(images)) < 0.5
            images = np.where(mirrored[:, None, None, None], images[..., ::-1], images)
        if recipe.shift_pixels:
            reach = recipe.shift_pixels
            images = shifted(images, rng.integers(-reach, reach + 1, size=(len(images), 2)))
        yield prepare(images, data.max_level, spec.shape, spec.crop), data.labels[chosen]


def shifted(images: np.ndarray[Any, Any], offsets: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Images (N, C, H, W), each moved down and right by its own offsets (N, 2); zeros move in."""
    height, width = images.shape[2:]
    reach = int(np.abs(offsets).max(initial=0))
    framed = np.pad(images, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    rows = np.arange(height) + reach - offsets[:, :1]
    columns = np.arange(width) + reach - offsets[:, 1:]
    which = np.arange(len(images))[:, None, None]
    moved = framed[which, :, rows[:, :, None], columns[:, None, :]]  # (N, H, W, C): the slice goes last
    return np.ascontiguousarray(np.moveaxis(moved, -1, 1))
