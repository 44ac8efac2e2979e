"""Data set cards: what a data set is, which files it consists of, and where they can be had."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, StringConstraints, model_validator

from neurosim.foundation.records import Record, load_record
from neurosim.foundation.shipped import find_description, shipped_folder, shipped_names

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]  # never a path
Mirror = Annotated[str, StringConstraints(pattern=r"^https?://.+/$")]


class FileCard(Record):
    """One file of a data set; `bytes` is its size, which also bounds a download."""

    name: FileName
    sha256: Sha256
    bytes: PositiveInt | None = None


class ArchiveCard(Record):
    """A tar.gz that holds the data set's files in `folder`, where the mirrors serve no single files."""

    name: FileName
    folder: FileName
    sha256: Sha256
    bytes: PositiveInt | None = None


class SplitCard(Record):
    """One split: how many images or recordings, and which files hold them (IDX: images, then labels)."""

    images: PositiveInt
    files: tuple[FileName, ...] = ()


class Card(Record):
    """A data set as its TOML file in datasets/ describes it.

    `shape` is (channels, height, width); pixels are integers from 0 to `max_level`; `folders` are the
    sub-folders of NEUROSIM_DATA that may hold the files. Recordings of events have two channels, OFF and ON,
    and last `span_s` seconds.
    """

    name: FileName
    title: str
    licence: str
    citation: str
    note: str = ""
    reader: Literal["idx", "cifar", "digits", "events"]
    shape: tuple[PositiveInt, PositiveInt, PositiveInt]
    max_level: Annotated[int, Field(ge=1, le=255)] = 1
    span_s: PositiveFloat | None = None
    classes: Annotated[tuple[str, ...], Field(min_length=1)]
    folders: tuple[FileName, ...] = ()
    mirrors: tuple[Mirror, ...] = ()
    splits: Annotated[dict[str, SplitCard], Field(min_length=1)]
    files: tuple[FileCard, ...] = ()
    archive: ArchiveCard | None = None
    content_sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _files_are_described(self) -> Card:
        described = {file.name for file in self.files}
        for split, card in self.splits.items():
            if missing := sorted(set(card.files) - described):
                raise ValueError(
                    f"split {split!r} names files without a [[files]] entry: {', '.join(missing)}"
                )
            if self.reader != "digits" and not card.files:
                raise ValueError(f"split {split!r} names no files")
            if self.reader == "idx" and len(card.files) != 2:
                raise ValueError(f"split {split!r} must name two files: images, then labels")
        if (self.reader == "events") != (self.span_s is not None):
            raise ValueError("span: how long a recording lasts, for the reader `events` and no other")
        if self.reader == "events" and self.shape[0] != 2:
            raise ValueError("shape: events have two channels, OFF and ON")
        return self

    def file(self, name: str) -> FileCard:
        """The card of one of the data set's files."""
        return next(file for file in self.files if file.name == name)


def dataset_names() -> list[str]:
    """Names of the data sets that have a card, sorted."""
    return shipped_names(shipped_folder("datasets"), "")


def dataset_card(name: str) -> Card:
    """The card of a data set, by name or by the path of a card's TOML file.

    Raises ConfigError with near names when there is none; ConfigErrors (file:line: key: message) when the
    card is not valid.
    """
    path = find_description("data set", name, shipped_folder("datasets"), "")
    return load_record(path, Card)[0]
