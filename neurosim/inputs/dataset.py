"""A split of a data set in memory, and loading one by name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.foundation.errors import ConfigError, DataError, near
from neurosim.inputs.cards import Card, dataset_card
from neurosim.inputs.decoding import cifar, digits, idx
from neurosim.inputs.download import Progress
from neurosim.inputs.events import EventDataset, joined, read_recordings
from neurosim.inputs.sources import read_files


@dataclass(frozen=True)
class Dataset:
    """Images with their labels.

    Parameters
    ----------
    name, split : which data set, which part of it
    images : uint8 (N, channels, height, width), 0 to `max_level`; a user's own may be float32 in [0, 1]
    labels : int64 (N,), indices into `class_names`
    class_names : one per class
    max_level : the pixel level that stands for 1.0

    Raises DataError when it is empty, or its shapes or labels do not fit together.
    """

    name: str
    split: str
    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    max_level: int

    def __post_init__(self) -> None:
        where = f"{self.name}/{self.split}"
        if self.images.ndim != 4:
            raise DataError(
                where,
                "images (N, channels, height, width)",
                f"shape {self.images.shape}",
                "reshape the images",
            )
        if self.images.size == 0:
            raise DataError(
                where, "at least one image", f"shape {self.images.shape}", "an empty data set cannot run"
            )
        if self.labels.shape != (len(self.images),):
            got = f"shape {self.labels.shape}"
            raise DataError(
                where,
                f"one label per image, shape ({len(self.images)},)",
                got,
                "give images and labels of the same length",
            )
        low, high = int(self.labels.min()), int(self.labels.max())
        if low < 0 or high >= len(self.class_names):
            raise DataError(
                where,
                f"labels from 0 to {len(self.class_names) - 1}",
                f"labels from {low} to {high}",
                "number the classes from 0, or name them all in class_names",
            )

    def __len__(self) -> int:
        return len(self.images)


def load_dataset(
    name: str | Card, split: str, limit: int | None = None, progress: Progress | None = None
) -> Dataset:
    """Load a split of a data set, from NEUROSIM_DATA, the cache or the network, checksums verified.

    Parameters
    ----------
    name : a name out of `dataset_names()`, or a card
    split : "train" or "test"
    limit : keep the first `limit` images only
    progress : called with (file name, bytes so far, bytes in all or None) during a download

    Raises ConfigError for an unknown name or split or a limit below 1; DataError for missing, damaged or
    empty data; LimitError when the cache cannot be written.
    """
    card = _known_split(name, split, limit)
    if card.reader == "events":
        raise ConfigError(f"inputs {card.name}", "images", "recordings of events",
                          "show them to a spiking network, in steps of --dt 1ms for example")  # fmt: skip
    images, labels = _read_split(card, split, limit, progress)
    expected = min(limit or card.splits[split].images, card.splits[split].images)
    if images.shape != (expected, *card.shape):
        raise DataError(
            f"{card.name}/{split}",
            f"images {(expected, *card.shape)}",
            str(images.shape),
            "restore the files, or correct the card",
        )
    return Dataset(card.name, split, images, labels.astype(np.int64), card.classes, card.max_level)


def load_events(
    name: str | Card, split: str, limit: int | None = None, progress: Progress | None = None
) -> EventDataset:
    """Load a split of recordings of events, from NEUROSIM_DATA, the cache or the network, checksums verified.

    Recordings are in the order of their numbers. Parameters and errors as for `load_dataset`; ConfigError for a
    data set of images, DataError for a recording that is truncated or has events outside the sensor.
    """
    card = _known_split(name, split, limit)
    if card.reader != "events" or card.span_s is None:
        raise ConfigError(f"inputs {card.name}", "recordings of events", "images",
                          "encode images as rates, or choose nmnist")  # fmt: skip
    described = card.splits[split]
    recordings, labels = [], []
    for file, packed in read_files(card, described.files, progress).items():
        read, of = read_recordings(packed, card.classes, card.shape[1:], f"{card.name}: {file}", limit)
        recordings += read
        labels.append(of)
    expected = min(limit or described.images, described.images)
    if len(recordings[:limit]) != expected:
        raise DataError(f"{card.name}/{split}", f"{expected} recordings", f"{len(recordings)}",
                        "restore the files, or correct the card")  # fmt: skip
    events, first = joined(recordings[:limit])
    return EventDataset(card.name, split, events, first, card.shape, np.concatenate(labels)[:limit], card.classes,
                        card.span_s)  # fmt: skip


def _known_split(name: str | Card, split: str, limit: int | None) -> Card:
    card = name if isinstance(name, Card) else dataset_card(name)
    if split not in card.splits:
        raise ConfigError(f"split of {card.name}", "a known split", repr(split), near(split, card.splits))
    check_limit(limit)
    return card


def check_limit(limit: int | None) -> None:
    """ConfigError for a limit that would leave no image."""
    if limit is not None and limit < 1:
        raise ConfigError("limit", "at least 1 image", str(limit), "leave it out to use every image")


def _read_split(
    card: Card, split: str, limit: int | None, progress: Progress | None
) -> tuple[np.ndarray, np.ndarray]:
    described = card.splits[split]
    if card.reader == "digits":
        images, labels = digits(card, split)
        return images[:limit], labels[:limit]
    if card.reader == "idx":
        content = read_files(card, described.files, progress)
        of_images, of_labels = described.files
        shape = (described.images, *card.shape[1:])
        images = idx(content[of_images], shape, of_images, limit)
        labels = idx(content[of_labels], shape[:1], of_labels, limit)
        return images.reshape(-1, *card.shape), labels
    return _read_cifar(card, described.files, limit, progress)


def _read_cifar(
    card: Card, names: tuple[str, ...], limit: int | None, progress: Progress | None
) -> tuple[np.ndarray, np.ndarray]:
    content = read_files(card, names, progress)
    batches = [cifar(content.pop(name), card.shape, name) for name in names]
    images = np.concatenate([images[:limit] for images, _ in batches])[:limit]
    return images, np.concatenate([labels[:limit] for _, labels in batches])[:limit]
