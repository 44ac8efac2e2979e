"""What runs in steps record: paths, types, dimensions and units; and that nothing of it depends on the cutting."""

from dataclasses import replace

import nir
import numpy as np
import pytest
from stepped_runs import CLASSES, IMAGES, LAYERS, POPULATIONS, STEPS, described, segment_of, steps_of, write

from neurosim.engines.layout import Extra, FileRecorder, plan
from neurosim.foundation.counts import Counts
from neurosim.foundation.errors import ConfigError, DataError
from neurosim.recording import Coordinate, RunFile, RunWriter, Static, Variable


def content_hash(path):
    with RunFile.open(path) as run:
        return run.content_hash()


def test_scores_counts_traces_and_spikes_per_step(tmp_path):
    path = write(tmp_path / "run.h5")
    wanted = segment_of(described(("outputs",)), 0, 0, slice(0, IMAGES))
    with RunFile.open(path) as run:
        assert run.dims("/outputs/step_scores") == ("chip", "time", "image", "step", "class")
        scores = run.read("/outputs/step_scores")
        assert scores.dtype == np.uint16
        np.testing.assert_array_equal(scores[0, 0], wanted.step_scores)
        np.testing.assert_array_equal(scores[0, 0, :, -1].argmax(1), run.read("/outputs/predictions")[0, 0])
        for counter, dtype in (("spikes", np.uint16), ("synaptic_events", np.uint32)):
            stepwise = run.read(f"/counts/steps/{counter}")
            assert run.dims(f"/counts/steps/{counter}") == ("chip", "time", "layer", "image", "step")
            assert stepwise.dtype == dtype
            np.testing.assert_array_equal(stepwise.sum(axis=-1), run.read(f"/counts/inference/{counter}"))
        assert run.read("/counts/inference/spikes").dtype == np.int64
        assert run.read("/counts/inference/array_siemens").dtype == np.float32
        assert run.read("/counts/per_step/neuron_updates").tolist() == [20, 10]
        assert run.dims("/counts/per_step/neuron_updates") == ("layer",)
        assert (run.read("/step").tolist(), run.units("/step")) == (list(range(STEPS)), "1")
        traces = run.read("/traces/dense2/membrane")
        assert run.dims("/traces/dense2/membrane") == ("chip", "time", "image", "step", "neuron")
        assert traces.shape == (1, 1, IMAGES, STEPS, 2)
        assert run.read("/traces/dense2/neuron").tolist() == [3, 7]
        assert run.populations == tuple(sorted(POPULATIONS))
        stamps, ids = run.spikes("dense1")
        assert (stamps == wanted.spikes["dense1"].image * STEPS + wanted.spikes["dense1"].step).all()
        assert (ids == wanted.spikes["dense1"].neuron).all()
        told = run.attributes("/spikes/dense1")
        assert (told["population"], told["neurons"], told["steps"], told["step_ms"]) == (
            "dense1",
            20,
            STEPS,
            1.0,
        )
        assert told["timestamps"].startswith("(image x steps + step) x step_ms")


def test_steps_with_a_length_stamp_spikes_in_milliseconds(tmp_path):
    path = write(tmp_path / "run.h5", steps=steps_of(step_s=2e-4))
    with RunFile.open(path) as run:
        np.testing.assert_allclose(run.read("/step"), 2e-4 * np.arange(STEPS))
        assert run.units("/step") == "s"
        stamps, _ = run.spikes("dense2")
        wanted = segment_of(described(()), 0, 0, slice(0, IMAGES)).spikes["dense2"]
        np.testing.assert_allclose(stamps, 0.2 * (wanted.image * STEPS + wanted.step), rtol=1e-15)
        np.testing.assert_array_equal(np.rint(stamps / 0.2), wanted.image * STEPS + wanted.step)


def test_several_chips_and_times_have_populations_of_their_own(tmp_path):
    path = write(tmp_path / "run.h5", instances=2, times_s=(25.0, 3600.0))
    with RunFile.open(path) as run:
        names = {f"{name}_chip{c}_time{t}" for name in POPULATIONS for c in range(2) for t in range(2)}
        assert set(run.populations) == names
        told = run.attributes("/spikes/dense2_chip1_time1")
        assert (told["population"], told["chip"], told["time"], told["time_s"]) == ("dense2", 1, 1, 3600.0)
        wanted = segment_of(described(()), 1, 1, slice(0, IMAGES)).spikes["dense2"]
        np.testing.assert_array_equal(run.spikes("dense2_chip1_time1")[1], wanted.neuron)
        assert run.read("/outputs/step_scores").shape == (2, 2, IMAGES, STEPS, CLASSES)


def test_what_is_recorded_is_what_was_asked_for(tmp_path):
    def paths(name, *record):
        with RunFile.open(write(tmp_path / name, record)) as run:
            return set(run.paths), run.populations

    plain, none = paths("a.h5", "outputs"), paths("b.h5", "none")
    assert "/outputs/step_scores" in plain[0]
    assert plain[1] == none[1] == ()
    gone = {
        "/outputs/scores",
        "/outputs/step_scores",
        "/counts/steps/spikes",
        "/counts/steps/synaptic_events",
    }
    assert plain[0] - none[0] == gone
    traced = paths("c.h5", "outputs", "traces")[0] - plain[0]
    assert traced == {"/traces/dense2/membrane", "/traces/dense2/neuron"}
    assert paths("d.h5", "none", "spikes")[1] == tuple(sorted(POPULATIONS))
    # nothing of devices for a chip without them
    assert not any(path.startswith(("/states", "/compensation", "/state_")) for path in plain[0])


def test_cutting_and_resuming_never_show(tmp_path):
    whole = content_hash(write(tmp_path / "whole.h5", cut=IMAGES, instances=2))
    assert content_hash(write(tmp_path / "cut.h5", cut=1, instances=2)) == whole
    write(tmp_path / "resumed.h5", cut=4, instances=2, stop=4)
    assert not (tmp_path / "resumed.h5").exists()
    assert content_hash(write(tmp_path / "resumed.h5", cut=4, instances=2, resume=True)) == whole


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"step_scores": None}, "/outputs/step_scores: expected scores after each step, got none; use an engine"),
        (
            {"step_counts": {"spikes": np.full((LAYERS, 5, STEPS), 0.5)}},
            "/counts/steps/spikes: expected whole numbers that fit uint16, got values from 0.5 to 0.5",
        ),
        (
            {"step_counts": {"spikes": np.full((LAYERS, 5, STEPS), 70_000.0)}},
            "/counts/steps/spikes: expected whole numbers that fit uint16, got values from 70000.0",
        ),
        ({"varying": {"array_siemens": np.ones((LAYERS, 5)), "spikes": np.full((LAYERS, 5), np.nan)}},
         "/counts/inference/spikes: expected whole numbers that fit int64, got values from nan"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        write(tmp_path / "run.h5", alter=lambda chip, time, segment: replace(segment, **change))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"count": 0}, "steps: expected at least one step, got 0; give --steps 100"),
        ({"traced": {"dense3": (0,)}}, "traces of dense3: expected a population, got 'dense3'; did you mean"),
        (
            {"traced": {"dense2": (10,)}},
            r"traces of dense2: expected neurons from 0 to 9, each once, got \[10\]; choose",
        ),
        ({"traced": {"dense2": (1, 1)}}, "traces of dense2: expected neurons from 0 to 9, each once"),
        ({"traced": {"dense2": ()}}, "traces of dense2: expected neurons from 0 to 9, each once"),
    ],
)
def test_steps_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        steps_of(**changes)


def test_counts_per_step_are_of_placed_layers():
    with pytest.raises(
        ConfigError, match="neuron_updates per step: expected a layer that is placed, got 'dense'; did"
    ):
        plan(described((), steps=steps_of(per_step={"neuron_updates": {"dense": 3}})))


def test_an_engine_may_record_more(tmp_path):
    extra = Extra(
        (
            Variable(
                "/plastic/dense1/g_plus", ("chip", "snapshot", "synapse"), "float32", "S", "", ("snapshot",)
            ),
        ),
        {"plastic/dense1/synapse": 4},
        {"snapshot": Coordinate(np.array([0, 100]), "1", "training images seen")},
        {"/plastic/rule": Static("stdp")},
    )
    run = described(("outputs",), extra=extra, instances=2)
    with RunWriter.open(tmp_path / "run.h5", plan(run), {}) as writer:
        for chip in range(2):
            recorder = FileRecorder(run, writer, chip, 0)
            for snapshot in range(2):
                recorder.put_extra(
                    "/plastic/dense1/g_plus", (chip, snapshot), np.full(4, 10 * chip + snapshot, "f4")
                )
            recorder.put(segment_of(run, chip, 0, slice(0, IMAGES)))
        resumed = FileRecorder(run, writer, 0, 1)
        resumed.put_extra(
            "/plastic/dense1/g_plus", (0, 0), np.zeros(4, "f4")
        )  # safe already: not wanted again
        writer.seal()
    with RunFile.open(tmp_path / "run.h5") as file:
        assert file.read("/plastic/dense1/g_plus")[:, :, 0].tolist() == [[0, 1], [10, 11]]
        assert file.text("/plastic/rule") == "stdp"


def test_other_counts_and_a_network_known_only_in_nir_form(tmp_path):
    graph = nir.NIRGraph(
        {"input": nir.Input({"input": np.array([3])}), "fc": nir.Linear(np.ones((2, 3))),
         "output": nir.Output({"output": np.array([2])})},
        [("input", "fc"), ("fc", "output")],
    )  # fmt: skip
    counts = Counts(("dense1", "dense2"), IMAGES)
    counts.set("device_programs", "dense1", 7)
    path = write(
        tmp_path / "run.h5", network=None, nir=(graph.to_dict(), nir.version), once={"programming": counts}
    )
    assert nir.read(path).edges == graph.edges
    with RunFile.open(path) as run:
        assert "/description/network_toml" not in run
        assert run.read("/counts/programming/device_programs").tolist() == [7, 0]
        assert not any(path.startswith("/counts/calibration") for path in run.paths)


def test_records_that_a_run_does_not_have_are_refused():
    with pytest.raises(
        ConfigError, match="record: expected what this run can record: outputs, .*, got spikes; use --m"
    ):
        plan(replace(described(("outputs", "spikes")), steps=None))
    with pytest.raises(ConfigError, match="record: expected what this run can record"):
        plan(described(("spikes",), steps=steps_of(populations={}, traced={})))
    with pytest.raises(
        ConfigError, match="record traces: expected neurons whose .*, got none; name them, as in --trace"
    ):
        plan(described(("outputs", "traces"), steps=steps_of(traced={})))


def test_segments_are_as_long_as_is_said():
    from neurosim.engines.engine import SEGMENT, Inputs

    images = np.zeros((2 * SEGMENT + 1, 1), np.float32)
    assert [s.stop - s.start for s in Inputs(images, (1.0,)).segments] == [SEGMENT, SEGMENT, 1]
    assert [s.stop - s.start for s in Inputs(images[:10], (1.0,), 4).segments] == [4, 4, 2]
