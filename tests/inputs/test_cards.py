"""The shipped cards, and what a wrong card or name is answered."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from neurosim.foundation.errors import ConfigError, ConfigErrors, FormatError
from neurosim.inputs import dataset_card, dataset_names, load_dataset, load_inputs, split_spec

CARD = """format = 1
name = "mine"
title = "t"
licence = "l"
citation = "c"
reader = "idx"
shape = [1, 2, 2]
max_level = 255
classes = ["a"]

[splits.test]
images = 1
files = ["i.gz", "l.gz"]

[[files]]
name = "i.gz"
sha256 = "HASH"

[[files]]
name = "l.gz"
sha256 = "HASH"
""".replace("HASH", "0" * 64)


def test_names():
    assert dataset_names() == ["cifar10", "digits", "fashion_mnist", "mnist", "nmnist"]


@pytest.mark.parametrize("name", ["cifar10", "digits", "fashion_mnist", "mnist", "nmnist"])
def test_shipped_cards_are_complete(name):
    card = dataset_card(name)
    assert card.name == name
    assert set(card.splits) == {"train", "test"}
    assert len(card.classes) == 10
    assert card.title
    assert card.licence
    assert card.citation
    named = {file for split in card.splits.values() for file in split.files}
    assert named == {file.name for file in card.files}  # no file without use
    assert bool(card.files) == bool(card.folders)
    assert card.mirrors or not card.files or "https://" in card.note  # a subset in files of its own has none
    assert all(file.bytes for file in card.files)


def test_unknown_names_suggest_near_ones():
    with pytest.raises(
        ConfigError, match="data set: expected a known name.*'fashion_mnst'; did you mean 'fashion_mnist'"
    ):
        load_dataset("fashion_mnst", "test")
    with pytest.raises(
        ConfigError, match="split of mnist: expected a known split, got 'tset'; did you mean 'test'"
    ):
        load_dataset("mnist", "tset")
    with pytest.raises(ConfigError, match="known: test, train"):
        load_dataset("digits", "validation")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mnist/test", ("mnist", "test")),
        ("mnist", ("mnist", "test")),
        (" digits/train ", ("digits", "train")),
    ],
)
def test_split_spec(text, expected):
    assert split_spec(text) == expected


@pytest.mark.parametrize("text", ["", "/test", "mnist/", "mnist/test/1"])
def test_bad_split_spec(text):
    with pytest.raises(ConfigError, match="inputs: expected NAME or NAME/SPLIT, got .*mnist/test"):
        split_spec(text)


def test_inputs_by_text():
    assert load_inputs("digits").split == "test"
    assert len(load_inputs("digits/train", limit=5)) == 5


def test_a_card_by_path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(CARD)
    assert dataset_card(str(path)).splits["test"].files == ("i.gz", "l.gz")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("shape = [1, 2, 2]", "shape = [1, 0, 2]", r"mine.toml:7: shape.1: .*greater than 0, got 0"),
        ("max_level = 255", "max_level = 256", r"mine.toml:8: max_level: .*less than or equal to 255"),
        (
            '"i.gz", "l.gz"]',
            '"i.gz", "x.gz"]',
            r"split 'test' names files without a \[\[files\]\] entry: x.gz",
        ),
        ('files = ["i.gz", "l.gz"]', 'files = ["i.gz"]', "must name two files: images, then labels"),
        ('files = ["i.gz", "l.gz"]', "", "split 'test' names no files"),
        ('name = "i.gz"', 'name = "../i.gz"', r"mine.toml:16: files.0.name: .*match pattern"),
        ("0" * 64, "abc", r"files.0.sha256"),
        ('classes = ["a"]', "classes = []", "mine.toml:9: classes: "),
        ("images = 1", "images = 0", "mine.toml:12: splits.test.images: .*greater than 0"),
        ('licence = "l"', 'license = "l"', "mine.toml:4: license: unknown key; did you mean 'licence'"),
    ],
)
def test_wrong_cards(tmp_path, old, new, message):
    path = tmp_path / "mine.toml"
    path.write_text(CARD.replace(old, new))
    with pytest.raises(ConfigErrors, match=message):
        dataset_card(str(path))


def test_a_newer_card(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(CARD.replace("format = 1", "format = 2"))
    with pytest.raises(FormatError, match="expected format 1 or older, got format 2; update neurosim"):
        dataset_card(str(path))


def test_importing_and_loading_digits_stays_light():
    code = (
        "import sys; from neurosim.inputs import load_dataset; load_dataset('digits', 'test');"
        "heavy = ('sklearn', 'pooch', 'requests', 'torch', 'matplotlib', 'scipy');"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ), check=True
    )
    assert done.stdout.strip() == "[]"
