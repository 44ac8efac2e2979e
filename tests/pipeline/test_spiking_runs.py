"""`neurosim.run` with spikes, from end to end: converted networks, NIR files, cores, learning on the chip."""

from __future__ import annotations

from pathlib import Path

import nir
import numpy as np
import pytest
import xarray

import neurosim as ns
from neurosim.costs import energy_by_step
from neurosim.foundation.errors import ConfigError, DataError
from neurosim.recording import RunFile, RunWriter

STEPS = 20


def spiking(network="digits_mlp", **options):
    return ns.run(network, **{"mode": "spiking", "steps": STEPS, "limit": 40, **options})


def stored(run, path):
    with RunFile.open(run.path) as file:
        return file.read(path)


def content_hash(path):
    with RunFile.open(path) as file:
        return file.content_hash()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("spikes") / "run.h5"
    return spiking(out=out, record=("outputs", "spikes", "states", "traces"), traces={"dense1_neurons": (0, 3)},
                   times=("25 s", "1 day"))  # fmt: skip


def test_the_very_devices_of_mode_rate(run):
    rate = ns.run("digits_mlp", limit=40, record=("outputs", "states"), times=("25 s", "1 day"))
    with RunFile.open(rate.path) as theirs, RunFile.open(run.path) as ours:
        paths = [path for path in theirs.paths if path.startswith("/states/")]
        assert len(paths) == 16
        for path in paths:  # frozen noise included
            np.testing.assert_array_equal(theirs.read(path), ours.read(path), path)


def test_accuracy_is_near_the_float_network():
    whole = ns.run("digits_mlp", chip="ideal_float", mode="spiking", steps=100)
    assert whole.accuracy.mean[0] > whole.summary.float_accuracy - 0.006


@pytest.mark.parametrize("options", [{"chip": "ideal_float"}, {"read_noise": "none"}])
def test_both_routes_give_the_same_spikes(options):
    one, two = (spiking(limit=3, record=("outputs", "spikes"), route=route, **options)
                for route in ("events", "synapses"))  # fmt: skip
    for population in ("input", "dense1_neurons", "dense2_neurons"):
        for name in ("timestamps", "node_ids"):
            path = f"/spikes/{population}/{name}"
            assert len(stored(one, path)) > 30
            np.testing.assert_array_equal(stored(one, path), stored(two, path))


@pytest.mark.parametrize(("batch", "threads"), [(1, 1), (7, 2)])
def test_batch_and_threads_leave_the_file_as_it_is(run, tmp_path, batch, threads):
    other = spiking(out=tmp_path / "other.h5", record=("outputs", "spikes", "states", "traces"), batch=batch,
                    traces={"dense1_neurons": (0, 3)}, times=("25 s", "1 day"), threads=threads)  # fmt: skip
    assert content_hash(other.path) == content_hash(run.path)


def test_resume_gives_the_same_file(run, tmp_path, monkeypatch):
    out, finish = tmp_path / "run.h5", RunWriter.finish_unit
    how = {"record": ("outputs", "spikes", "states", "traces"), "traces": {"dense1_neurons": (0, 3)},
           "times": ("25 s", "1 day"), "out": out}  # fmt: skip

    def stop(writer):
        finish(writer)
        raise KeyboardInterrupt

    monkeypatch.setattr(RunWriter, "finish_unit", stop)
    with pytest.raises(KeyboardInterrupt):
        spiking(**how)
    monkeypatch.setattr(RunWriter, "finish_unit", finish)
    with pytest.raises(ConfigError, match="steps"):
        spiking(**{**how, "steps": 5}, resume=True)
    spiking(**how, resume=True)
    assert content_hash(out) == content_hash(run.path)


def test_what_the_file_says_of_steps(run):
    with RunFile.open(run.path) as file:
        said = file.attributes()
        assert (said["mode"], said["steps"], said["encoding"], said["route"]) == (
            "spiking", 20, "deterministic", "events"
        )  # fmt: skip
        counted, per_step = file.read("/counts/inference/spikes"), file.read("/counts/steps/spikes")
        np.testing.assert_array_equal(per_step.sum(axis=-1), counted)
        made = file.read("/spikes/dense1_neurons_chip0_time1/node_ids")
        assert len(made) == counted[0, 1, 0].sum()
        scores = file.read("/outputs/step_scores")
        np.testing.assert_array_equal(scores[0, :, :, -1].sum(axis=-1), counted[0, :, 1])
        updates = file.read("/counts/inference/neuron_updates")
        np.testing.assert_array_equal(updates, [32 * 20, 10 * 20])
        np.testing.assert_array_equal(file.read("/counts/per_step/neuron_updates"), [32, 10])
        assert file.read("/traces/dense1_neurons/membrane").shape == (1, 2, 40, 20, 2)
        by_step = energy_by_step(file)
    np.testing.assert_allclose(by_step[:, -1].mean(), run.costs.total, rtol=1e-6)
    assert (np.diff(by_step, axis=1) > 0).all()


def test_strangers_read_it(run):
    tree = xarray.open_datatree(run.path, engine="h5netcdf")
    assert tree["outputs/step_scores"].dims == ("chip", "time", "image", "step", "class")
    tree.close()
    graph = nir.read(run.path)
    assert {type(node).__name__ for node in graph.nodes.values()} == {"Input", "Affine", "IF", "Output"}


def test_spikes_of_every_encoding():
    rates = {}
    for encoding in ("deterministic", "bernoulli", "poisson", "direct"):
        done = spiking(chip="ideal_float", encoding=encoding)
        with RunFile.open(done.path) as file:
            rates[encoding] = file.read("/counts/inference/input_spikes").sum()
        assert done.accuracy.mean[0] > 0.85
    assert rates["direct"] == 0
    assert rates["bernoulli"] == pytest.approx(rates["deterministic"], rel=0.05)
    assert rates["poisson"] < 0.9 * rates["bernoulli"]  # two events in a step are one spike


@pytest.fixture
def small_nir(tmp_path):
    """Four inputs, two leaky neurons: the first adds up all inputs, the second none."""
    weight = np.array([[1.0, 1, 1, 1], [0, 0, 0, 0]], np.float32)
    leaky = nir.LIF(
        tau=np.full(2, 10e-3), r=np.full(2, 10.0), v_leak=np.zeros(2), v_threshold=np.full(2, 1.5)
    )
    graph = nir.NIRGraph.from_list(nir.Input({"input": np.array([4])}), nir.Linear(weight), leaky)
    nir.write(tmp_path / "small.nir", graph)
    return tmp_path / "small.nir"


def test_a_nir_network_on_own_events(small_nir, tmp_path):
    events = np.zeros((2, 6, 4), np.uint8)
    events[1, ::2] = 1  # four at once: v = 0.1 x 10 x 4 > 1.5, so it spikes in steps 0, 2 and 4
    np.savez(tmp_path / "mine.npz", events=events, labels=np.array([1, 0]))
    done = ns.run(small_nir, chip="ideal_float", mode="spiking", inputs=str(tmp_path / "mine.npz"), dt_s=1e-3,
                  record=("outputs", "spikes"))  # fmt: skip
    np.testing.assert_array_equal(stored(done, "/spikes/lif/timestamps"), [6.0, 8.0, 10.0])
    np.testing.assert_array_equal(stored(done, "/outputs/step_scores")[0, 0, 1, :, 0], [1, 1, 2, 2, 3, 3])
    assert (stored(done, "/outputs/float_predictions") == -1).all()
    assert np.isnan(done.summary.float_accuracy)
    fine = ns.run(small_nir, chip="ideal_float", mode="spiking", inputs=str(tmp_path / "mine.npz"), dt_s=5e-4,
                  record=("outputs", "spikes"))  # fmt: skip
    assert stored(fine, "/spikes/lif/timestamps")[0] == 3.0  # steps of half a millisecond, six to an image


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dt_s": None}, "time step"),
        ({"dt_s": 0.5}, "dt|time step"),
        ({"steps": 5}, "steps: expected 6, those of the recordings"),
        ({"encoding": "poisson"}, "encoding: expected none: recordings are spikes already"),
        ({"inputs": None}, "inputs: expected what the network is shown, got none"),
        ({"mode": "rate"}, "mode: expected 'spiking', for a NIR network"),
    ],
)
def test_nir_runs_that_cannot_be(small_nir, tmp_path, change, message):
    np.savez(tmp_path / "mine.npz", events=np.ones((2, 6, 4), np.uint8))
    how = {"chip": "ideal_float", "mode": "spiking", "inputs": str(tmp_path / "mine.npz"), "dt_s": 1e-3}
    with pytest.raises(ConfigError, match=message):
        ns.run(small_nir, **{**how, **change})


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"events": np.ones((2, 6), np.uint8)}, r"counts \(N, steps, \*shape\)"),
        ({"events": np.full((2, 6, 4), 0.5)}, "whole counts, not negative"),
        ({"events": -np.ones((2, 6, 4), np.int64)}, "whole counts, not negative"),
        (
            {"events": np.ones((2, 6, 4)), "labels": np.zeros(3, int)},
            r"labels: expected integers of shape \(2,\)",
        ),
    ],
)
def test_own_events_that_do_not_fit(small_nir, tmp_path, arrays, message):
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(DataError, match=message):
        ns.run(small_nir, chip="ideal_float", mode="spiking", inputs=str(tmp_path / "mine.npz"), dt_s=1e-3)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"steps": 0}, "steps: expected at least 1"),
        ({"encoding": "rate"}, "encoding: expected one of deterministic, bernoulli"),
        ({"route": "fast"}, "route: expected one of events, synapses"),
        ({"percentile": 0.0}, "percentile: expected above 0|percentile"),
        ({"dt_s": 1e-3}, "dt_s: expected an option of a converted network, got dt_s=0.001"),
        ({"chip": "hermes"}, "chip hermes: mode: expected a chip that can run 'spiking'"),
        ({"traces": {"dense9": (0,)}, "record": "traces"}, "dense9"),
        ({"traces": {"dense1_neurons": (99,)}, "record": "traces"}, "neurons from 0 to 31"),
    ],
)
def test_what_cannot_be_run(bad, message):
    with pytest.raises(ConfigError, match=message):
        spiking(**bad)


def test_spiking_networks_have_no_rate_mode():
    with pytest.raises(ConfigError, match=r"mode: expected 'spiking', for a network with coding 'ticks'"):
        ns.run("mnist_truenorth", chip="truenorth")
    with pytest.raises(ConfigError, match="chip valentian_2019: mode: expected a chip that can run 'rate'"):
        ns.run("digits_mlp", chip="valentian_2019")


@pytest.mark.data
def test_a_network_of_ticks_on_cores(data_folder):
    done = ns.run("mnist_truenorth", chip="truenorth", mode="spiking", limit=200)
    assert done.accuracy.mean[0] > 0.96
    with RunFile.open(done.path) as file:
        np.testing.assert_array_equal(
            file.read("/outputs/predictions")[0, 0], file.read("/outputs/float_predictions")
        )
        assert file.attributes()["cores"] == 32
    assert done.costs.times.image_s == pytest.approx(2e-3)


@pytest.mark.data
@pytest.mark.parametrize("chip", ["ideal_float", "joshi_2020"])
def test_a_network_of_single_spikes(data_folder, chip):
    done = ns.run("mnist_ttfs", chip=chip, mode="spiking", limit=100)
    assert done.accuracy.mean[0] > 0.93
    with RunFile.open(done.path) as file:
        times, said = file.read("/outputs/decision_time"), file.attributes()
    assert (times > 0).all()
    assert np.isfinite(times).all()
    if done.costs.priced:
        assert done.costs.times.image_s == pytest.approx(times.mean() * said["synaptic_tau_s"], rel=1e-6)


@pytest.mark.data
def test_a_chip_that_learns(data_folder: Path, tmp_path: Path):
    text = (ns_networks() / "mnist_stdp" / "network.toml").read_text()
    few = text.replace("label_images = 10000", "label_images = 300\nimages = 500")
    few = few.replace("snapshots = [1000, 5000, 20000]", "snapshots = [200]")
    (tmp_path / "network.toml").write_text(few)
    done = ns.run(tmp_path, chip="ideal_float", mode="spiking", limit=100)
    with RunFile.open(done.path) as file:
        np.testing.assert_array_equal(file.read("/learning/snapshot"), [0, 200, 500])
        weights = file.read("/learning/g_plus")[0] - file.read("/learning/g_minus")[0]
        assert weights.shape == (3, 784, 100)
        assert 0 < np.abs(weights[2] - weights[1]).mean() < np.abs(weights[2] - weights[0]).mean()
        assert file.read("/counts/learning/cell_pulses").sum() > 0
        labels, silent = file.read("/learning/labels"), file.read("/learning/silent_presentations")
    assert done.accuracy.mean[0] > 0.3
    assert 0 <= silent[0] < 500
    missing = sorted(set(range(10)) - set(labels[0].tolist()))
    assert done.summary.activity.unlearned == tuple(map(str, missing))


def ns_networks() -> Path:
    from neurosim.foundation.shipped import shipped_folder

    return shipped_folder("networks")
