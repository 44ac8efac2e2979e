"""`neurosim.run` from end to end on the embedded digits."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray

import neurosim as ns
from neurosim.foundation.errors import ConfigError, DataError
from neurosim.graph import Dense, InputSpec, Network
from neurosim.inputs import load_dataset
from neurosim.programming import load_chip_state
from neurosim.recording import RunFile, RunWriter

TIMES = ("25 s", "1 year")


def content_hash(path):
    with RunFile.open(path) as file:
        return file.content_hash()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "run.h5"
    return ns.run("digits_mlp", instances=3, times=TIMES, out=out, record=("outputs", "states"))


def test_accuracy_and_costs(run):
    labels = load_dataset("digits", "test").labels
    accuracy = (run.predictions == labels).mean(axis=-1)
    assert accuracy.shape == (3, 2)
    assert accuracy.min() > 0.95
    assert run.costs.total > 0
    np.testing.assert_allclose(run.accuracy.mean, accuracy.mean(axis=0))
    assert (run.accuracy.low <= run.accuracy.mean).all()
    assert (run.accuracy.mean <= run.accuracy.high).all()


def test_a_stranger_reads_it_with_xarray(run):
    tree = xarray.open_datatree(run.path, engine="h5netcdf")
    scores = tree["outputs/scores"]
    assert scores.dims == ("chip", "time", "image", "class")
    assert tree["time"].attrs["units"] == "s"
    np.testing.assert_allclose(tree["time"], [25, 365 * 86400])
    np.testing.assert_array_equal(scores.argmax("class"), tree["outputs/predictions"])
    states = tree["states/dense1"]
    assert states["g_plus"].dims == ("state_chip", "state_time", "row", "column")
    assert states["g_plus"].attrs["units"] == "S"
    assert states["g_plus"].shape == (3, 2, 64, 32)
    assert states["drift_exponent_minus"].shape == (3, 64, 32)
    np.testing.assert_allclose(
        states["g_plus"][0, 1] - states["frozen_noise_plus"][0, 1],
        states["programmed_plus"][0] * ((365 * 86400 + 20) / 20) ** -states["drift_exponent_plus"][0],
        rtol=1e-3, atol=1e-10,
    )  # fmt: skip
    tree.close()


@pytest.mark.parametrize(("batch", "threads"), [(1, 1), (7, 2), (10_000, 1), (10_000, 2)])
def test_batch_and_threads_leave_the_file_as_it_is(run, tmp_path, batch, threads):
    other = ns.run("digits_mlp", instances=3, times=TIMES, out=tmp_path / "other.h5", batch=batch, threads=threads,
                   record=("outputs", "states"))  # fmt: skip
    assert content_hash(other.path) == content_hash(run.path)


def test_another_seed_is_another_chip(run):
    other = ns.run("digits_mlp", seed=1)
    with RunFile.open(other.path) as theirs, RunFile.open(run.path) as ours:
        a, b = theirs.read("/states/dense1/programmed_plus"), ours.read("/states/dense1/programmed_plus")
        assert not np.array_equal(a[0], b[0])
        assert ours.attributes()["seed"] == 0
        assert theirs.attributes()["seed"] == 1


def test_order_and_number_of_times_do_not_matter(run):
    alone = ns.run("digits_mlp", times=["1 year"])
    np.testing.assert_array_equal(alone.predictions[0, 0], run.predictions[0, 1])


def test_resume_goes_on_where_it_stopped(run, tmp_path, monkeypatch):
    out = tmp_path / "run.h5"
    finish, done = RunWriter.finish_unit, []

    def stop_after_three(writer):
        finish(writer)
        done.append(1)
        if len(done) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(RunWriter, "finish_unit", stop_after_three)
    with pytest.raises(KeyboardInterrupt):
        ns.run("digits_mlp", instances=3, times=TIMES, out=out, record=("outputs", "states"))
    monkeypatch.setattr(RunWriter, "finish_unit", finish)
    assert not out.exists()
    with pytest.raises(ConfigError, match="resume"):
        ns.run("digits_mlp", instances=3, times=TIMES, out=out, record=("outputs", "states"))
    with pytest.raises(ConfigError, match="seed"):
        ns.run(
            "digits_mlp", instances=3, times=TIMES, out=out, record=("outputs", "states"), seed=5, resume=True
        )
    ns.run("digits_mlp", instances=3, times=TIMES, out=out, record=("outputs", "states"), resume=True)
    assert content_hash(out) == content_hash(run.path)


def test_saved_chips_are_those_of_the_run(run, tmp_path):
    ns.run("digits_mlp", instances=2, times=TIMES, save_chips=tmp_path)
    chip = load_chip_state(tmp_path / "chip_0001.h5")
    programmed = chip.read_out(0.0)["dense1"][0]["g_siemens"][0, 0]
    with RunFile.open(run.path) as file:
        np.testing.assert_array_equal(file.read("/states/dense1/programmed_plus")[1], programmed)


def test_without_out_nothing_is_left_behind():
    run = ns.run("digits_mlp", limit=20)
    folder = run.path.parent
    assert run.predictions.shape == (1, 1, 20)
    del run
    assert not folder.exists()


def test_options_of_the_chip_reach_the_run(tmp_path):
    run = ns.run("digits_mlp", drift_compensation=False, adc__bits=4, out=tmp_path / "run.h5")
    with RunFile.open(run.path) as file:
        assert file.attributes()["drift_compensation"] == "none"
        assert (file.read("/compensation/gain") == 1).all()
        assert "[options]" in file.text("/description/chip_toml")


def test_own_network_object_on_own_data():
    rng = np.random.default_rng(0)
    params = {
        "a": {"weight": rng.standard_normal((10, 64)).astype(np.float32), "bias": np.zeros(10, np.float32)}
    }
    network = Network("own", InputSpec(dataset="digits", shape=(64,)), (Dense(name="a", units=10),), params)
    run = ns.run(network, chip="ideal_float", inputs=load_dataset("digits", "test", 30))
    with RunFile.open(run.path) as file:
        np.testing.assert_array_equal(
            file.read("/outputs/predictions")[0, 0], file.read("/outputs/float_predictions")
        )


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"mode": "spikes"}, "mode: expected a mode of this version"),
        ({"instances": 0}, "instances: expected 1 to"),
        ({"seed": 2**63}, "seed: expected a whole number within"),
        ({"seed": -(2**64)}, "seed: expected a whole number within"),
        ({"times": []}, "times: expected 1 to"),
        ({"times": ["0 s"]}, "a time greater than zero"),
        ({"times": ["-1 h"]}, "a time greater than zero"),
        ({"times": ["60 s", "1 min"]}, "each time once"),
        ({"record": ["everything"]}, "record: expected some of"),
        ({"limit": 0}, "limit"),
        ({"batch": 0}, "batch: expected at least 1"),
        ({"threads": -1}, "threads: expected at least 1"),
        ({"chip": "joshi_2002"}, "did you mean 'joshi_2020'"),
        ({"inputs": "digit/test"}, "did you mean 'digits'"),
        ({"no_such_option": 1}, "no_such_option"),
    ],
)
def test_bad_arguments_are_refused_before_any_work(bad, message, tmp_path):
    out = tmp_path / "run.h5"
    with pytest.raises(ConfigError, match=message):
        ns.run(**({"network": "digits_mlp", "out": out} | bad))
    assert list(tmp_path.iterdir()) == []


def test_inputs_of_more_classes_than_outputs_are_refused():
    rng = np.random.default_rng(0)
    params = {"a": {"weight": rng.standard_normal((3, 64)).astype(np.float32)}}
    network = Network(
        "own", InputSpec(dataset="digits", shape=(64,)), (Dense(name="a", units=3, bias=False),), params
    )
    with pytest.raises(DataError, match="at most 3 classes"):
        ns.run(network)


def test_a_single_time_and_record_need_no_list():
    run = ns.run("digits_mlp", times="1 h", record="none", limit=10)
    with RunFile.open(run.path) as file:
        assert file.read("/time").tolist() == [3600.0]
        assert "/outputs/scores" not in file


def test_a_finished_run_is_refused_before_any_work(tmp_path):
    out = tmp_path / "run.h5"
    ns.run("digits_mlp", out=out, limit=10)
    with pytest.raises(ConfigError, match="one that exists; replace it with --overwrite"):
        ns.run("no such network, not even looked for", out=out)
    with pytest.raises(ConfigError, match="nothing to resume"):
        ns.run("digits_mlp", out=out, limit=10, resume=True)
    ns.run("digits_mlp", out=out, limit=10, overwrite=True)


@pytest.mark.usefixtures("data_folder")
def test_threads_of_the_blas_leave_the_file_as_it_is(tmp_path):
    # products of this network, calibration included, are large enough for a BLAS to split over its threads
    code = "import sys, neurosim as ns; ns.run('mnist_lenet', limit=300, out=sys.argv[1], threads=int(sys.argv[2]))"
    for threads in ("1", "2"):
        surroundings = {
            **os.environ,
            "OPENBLAS_NUM_THREADS": threads,
            "PYTHONPATH": str(Path(ns.__file__).parents[1]),
        }
        command = [sys.executable, "-c", code, str(tmp_path / f"{threads}.h5"), threads]
        subprocess.run(command, check=True, env=surroundings)
    assert content_hash(tmp_path / "1.h5") == content_hash(tmp_path / "2.h5")
