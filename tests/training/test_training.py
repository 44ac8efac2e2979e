"""Training: repeatable to the bit, resumable, honest about what it measured."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from neurosim.foundation.errors import ConfigError, DataError
from neurosim.graph import load_network, read_measured
from neurosim.training import TrainingProgress, float_accuracy, train

pytest.importorskip("torch")

CNN = """format = 1
name = "tiny_cnn"
[input]
dataset = "digits"
shape = [1, 8, 8]
[[layers]]
kind = "conv2d"
name = "conv"
channels = 6
kernel = 3
bias = false
[[layers]]
kind = "batch_norm"
name = "norm"
[[layers]]
kind = "relu"
name = "relu"
[[layers]]
kind = "flatten"
name = "flatten"
[[layers]]
kind = "dense"
name = "dense"
units = 10
[[layers]]
kind = "softmax"
name = "softmax"
[training]
optimiser = "sgd"
learning_rate = 0.1
warmup_epochs = 0.5
epochs = 4
batch = 64
weight_decay = 1e-4
label_smoothing = 0.05
shift_pixels = 1
clean_epochs = 1
weight_noise = { value = 5, unit = "%", source = "a test", status = "assumed" }
clip_sigma = 2.0
"""


class Stop(Exception):
    """Raised by a progress callback, as a person's Ctrl-C would be."""


@pytest.fixture
def cnn(tmp_path):
    """A convolution with batch norm, and a recipe that uses everything a recipe can say."""
    folder = tmp_path / "tiny_cnn"
    folder.mkdir()
    (folder / "network.toml").write_text(CNN)
    return folder


def weights(folder: Path) -> bytes:
    """The bytes of the weights file."""
    return (folder / "weights.safetensors").read_bytes()


def test_digits_are_learned_and_measured(tmp_path):
    measured = train("digits_mlp", out=tmp_path, epochs=15)
    assert measured.float_accuracy > 0.9
    assert (measured.network, measured.dataset, measured.split) == ("digits_mlp", "digits", "test")
    assert measured == read_measured(tmp_path)
    assert measured.checksum == hashlib.sha256(weights(tmp_path)).hexdigest()
    network = load_network(tmp_path)
    assert network.checksum == measured.checksum
    assert float_accuracy(network) == (measured.float_accuracy, measured.n_test)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "measured.toml",
        "network.toml",
        "weights.safetensors",
    ]


def test_same_seed_same_bits_other_seed_other_weights(cnn, tmp_path):
    first = train(cnn, out=tmp_path / "a", epochs=2, limit=200)
    again = train(cnn, out=tmp_path / "b", epochs=2, limit=200)
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    assert first == again
    assert (first.seed, first.epochs, first.n_train, first.n_test) == (0, 2, 200, 200)
    train(cnn, out=tmp_path / "c", epochs=2, limit=200, seed=1)
    assert weights(tmp_path / "a") != weights(tmp_path / "c")


def test_nothing_is_drawn_from_global_generators(cnn, tmp_path):
    import torch

    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002 - its state is what is tested
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    train(cnn, out=tmp_path / "a", epochs=1, limit=100)
    assert torch.equal(torch.random.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


@pytest.mark.parametrize(("epoch", "batch"), [(2, 1), (3, 3), (4, 2)])
def test_an_interrupted_training_resumes_to_the_same_bits(cnn, tmp_path, epoch, batch):
    train(cnn, out=tmp_path / "whole", limit=256)

    def stop(at: TrainingProgress) -> None:
        if (at.epoch, at.batch) == (epoch, batch):
            raise Stop

    with pytest.raises(Stop):
        train(cnn, out=tmp_path / "cut", limit=256, progress=stop)
    assert not (tmp_path / "cut" / "weights.safetensors").exists()
    seen: list[int] = []
    train(cnn, out=tmp_path / "cut", limit=256, resume=True, progress=lambda at: seen.append(at.epoch))
    assert seen[0] == epoch  # the epochs before it were not repeated
    assert weights(tmp_path / "cut") == weights(tmp_path / "whole")
    assert read_measured(tmp_path / "cut") == read_measured(tmp_path / "whole")


def interrupted(cnn: Path, out: Path) -> Path:
    """Train one epoch, then stop; returns the checkpoint."""

    def stop(at: TrainingProgress) -> None:
        if at.epoch == 2:
            raise Stop

    with pytest.raises(Stop):
        train(cnn, out=out, limit=128, progress=stop)
    return out / "checkpoint.pt"


def test_a_checkpoint_holds_only_tensors_and_plain_values(cnn, tmp_path):
    import torch

    content = torch.load(interrupted(cnn, tmp_path / "a"), weights_only=True)
    assert content["epochs_done"] == 1
    assert set(content["tensors"]) == {
        "conv.weight", "norm.weight", "norm.bias", "norm.mean", "norm.variance", "dense.weight", "dense.bias",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": 128, "seed": 5}, r"training.seed = 5\), got one of training.seed = 0; delete it"),
        ({"limit": 128, "epochs": 9}, r"training.epochs = 9\), got one of training.epochs = 4"),
        ({"limit": 192}, r"images = 192\), got one of images = 128"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(cnn, tmp_path, options, message):
    interrupted(cnn, tmp_path / "a")
    with pytest.raises(ConfigError, match=message):
        train(cnn, out=tmp_path / "a", resume=True, **options)
    train(cnn, out=tmp_path / "a", **options | {"epochs": 1})  # without resume it starts anew


@pytest.mark.parametrize("damage", [lambda c: c[: len(c) // 2], lambda _: b"", lambda _: b"not a checkpoint"])
def test_a_damaged_checkpoint_is_refused(cnn, tmp_path, damage):
    path = interrupted(cnn, tmp_path / "a")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match="checkpoint.pt: expected a whole checkpoint, got an unreadable one"):
        train(cnn, out=tmp_path / "a", limit=128, resume=True)


def test_a_checkpoint_of_something_else_is_refused(cnn, tmp_path):
    import torch

    path = interrupted(cnn, tmp_path / "a")
    torch.save({"weights": torch.zeros(3)}, path)
    with pytest.raises(DataError, match="expected a checkpoint written by this version, got another content"):
        train(cnn, out=tmp_path / "a", limit=128, resume=True)


def test_resume_without_a_checkpoint_starts_from_the_start(cnn, tmp_path):
    train(cnn, out=tmp_path / "a", epochs=1, limit=100, resume=True)
    train(cnn, out=tmp_path / "b", epochs=1, limit=100)
    assert weights(tmp_path / "a") == weights(tmp_path / "b")


def test_weights_end_clipped_and_noise_changes_them(cnn, tmp_path):
    train(cnn, out=tmp_path / "noisy", limit=256)
    for name, own in load_network(tmp_path / "noisy").params.items():
        if name in ("conv", "dense"):
            assert np.abs(own["weight"]).max() / own["weight"].std() < 2.1
    (cnn / "network.toml").write_text(CNN.replace("value = 5", "value = 0"))
    train(cnn, out=tmp_path / "clean", limit=256)
    assert weights(tmp_path / "noisy") != weights(tmp_path / "clean")


def test_frozen_norms_keep_their_statistics(cnn, tmp_path):
    train(cnn, out=tmp_path / "live", epochs=2, limit=128)
    (cnn / "network.toml").write_text(
        CNN.replace("\nepochs = 4", "\nepochs = 2") + "frozen_norm_epochs = 2\n"
    )
    train(cnn, out=tmp_path / "frozen", limit=128)
    live, frozen = (load_network(tmp_path / kind).params["norm"] for kind in ("live", "frozen"))
    np.testing.assert_array_equal(frozen["mean"], 0)
    np.testing.assert_array_equal(frozen["variance"], 1)
    assert np.abs(live["mean"]).max() > 0
    assert np.abs(frozen["bias"]).max() > 0  # what is not a statistic still learns


def test_a_shorter_training_freezes_norms_for_as_large_a_share(cnn, tmp_path):
    (cnn / "network.toml").write_text(CNN + "frozen_norm_epochs = 2\n")
    train(cnn, out=tmp_path / "short", epochs=2, limit=128)
    norm = load_network(tmp_path / "short").params["norm"]
    assert np.abs(norm["mean"]).max() > 0  # of two epochs the first had live norms


def test_progress_counts_every_batch(cnn, tmp_path):
    seen: list[TrainingProgress] = []
    train(cnn, out=tmp_path / "a", epochs=2, limit=150, progress=seen.append)
    assert [(p.epoch, p.batch) for p in seen] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert {(p.epochs, p.batches) for p in seen} == {(2, 2)}
    assert all(p.loss > 0 and 0 <= p.accuracy <= 1 for p in seen)


def test_threads_are_left_as_they_were(cnn, tmp_path):
    import torch

    before = torch.get_num_threads()
    train(cnn, out=tmp_path / "a", epochs=1, limit=64)
    assert torch.get_num_threads() == before


def test_what_cannot_be_trained_is_refused(cnn, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(ConfigError, match="did you mean 'digits_mlp'"):
        train("digit_mlp", out=out)
    with pytest.raises(ConfigError, match="epochs: expected 1 or more, got 0"):
        train(cnn, out=out, epochs=0)
    (cnn / "network.toml").write_text(CNN.replace("units = 10", "units = 7"))
    with pytest.raises(DataError, match=r"shape \(10,\), one per class of 'digits', got \(7,\)"):
        train(cnn, out=out)
    (cnn / "network.toml").write_text(CNN[: CNN.index("[training]")])
    with pytest.raises(ConfigError, match=r"training: expected a recipe, got none; add a \[training\]"):
        train(cnn, out=tmp_path / "other")


def test_a_folder_of_another_network_is_left_alone(cnn, tmp_path):
    train(cnn, out=tmp_path / "a", epochs=1, limit=64)
    before = weights(tmp_path / "a")
    with pytest.raises(ConfigError, match="expected an empty folder, or this network's, got another network"):
        train("digits_mlp", out=tmp_path / "a", epochs=1)
    assert weights(tmp_path / "a") == before


def test_without_torch_the_remedy_is_the_extra(cnn, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ConfigError, match=r"PyTorch, got none installed; pip install '.*\[train\]'"):
        train(cnn, out=tmp_path / "a")


def test_importing_training_does_not_import_torch():
    code = "import sys, neurosim.training; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
