"""Nothing acknowledged is lost, and how a run was cut into parts never shows."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording_samples import CONFIG, N_UNITS, hash_of, put_unit, run_sample, sample_plan

from neurosim.foundation.errors import ConfigError, DataError, FormatError, LimitError
from neurosim.recording import Plan, RunFile, RunWriter, Variable

SLOW_WRITER = """
import sys, time
sys.path.insert(0, {tests!r})
from recording_samples import *
with RunWriter.open({path!r}, sample_plan(), CONFIG, resume=True, min_seconds=0) as writer:
    print("start", writer.completed, flush=True)
    for unit in range(writer.completed, N_UNITS):
        put_unit(writer, unit)
        writer.finish_unit()
        print("unit", unit, flush=True)
        time.sleep({pause})
    writer.seal()
"""


def slow_writer(path: Path, pause: float = 30.0) -> subprocess.Popen:
    """A process that writes the sample run, a part per unit, resting after each."""
    code = SLOW_WRITER.format(tests=str(Path(__file__).parent), path=str(path), pause=pause)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


@pytest.fixture
def whole(tmp_path):
    """The hash of an uninterrupted run."""
    return hash_of(run_sample(tmp_path / "whole.h5"))


def test_part_boundaries_never_show(tmp_path, whole):
    for number, options in enumerate(
        ({"min_seconds": 0.0}, {"max_bytes": 1000}, {"batch": 1}, {"batch": 100})
    ):
        path = run_sample(tmp_path / f"{number}.h5", **options)
        assert hash_of(path) == whole
        assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(f"{number}.")) == [
            f"{number}.h5"
        ]


def test_parts_close_after_enough_work_or_data(tmp_path):
    def parts(name, **options):
        run_sample(tmp_path / name, stop=N_UNITS - 1, **options)
        return len(list((tmp_path / name).with_suffix(".parts").glob("*.h5")))

    assert parts("a.h5", min_seconds=0.0) == N_UNITS - 1
    assert parts("b.h5") == 1
    # a unit holds 21 x (5 floats + 2 bytes) + 28 floats = 574 bytes, the first one 504 more
    assert parts("c.h5", max_bytes=1300) == 2


def kill_after(path: Path, units: int) -> str:
    """Kill -9 a writer once so many units were finished; its first line of output."""
    writer = slow_writer(path, pause=0.02)
    first = writer.stdout.readline()
    for line in writer.stdout:
        if int(line.split()[1]) >= units - 1:
            break
    os.kill(writer.pid, signal.SIGKILL)
    writer.stdout.close()
    assert writer.wait() == -signal.SIGKILL
    return first


def test_kill_9_then_resume_gives_the_same_file(tmp_path, whole):
    path = tmp_path / "run.h5"
    assert kill_after(path, 2) == "start 0\n"
    assert int(kill_after(path, 4).split()[1]) >= 2
    assert not path.exists()
    run_sample(path, resume=True)
    assert hash_of(path) == whole
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("run")] == ["run.h5"]


def test_second_writer_is_refused_and_the_holder_named(tmp_path):
    path = tmp_path / "run.h5"
    writer = slow_writer(path)
    try:
        assert writer.stdout.readline() == "start 0\n"
        for options in ({}, {"resume": True}, {"overwrite": True}):
            with pytest.raises(
                LimitError, match=f"run.parts: expected no other writer, got process {writer.pid} on "
            ):
                RunWriter.open(path, sample_plan(), CONFIG, **options)
    finally:
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
    RunWriter.open(
        path, sample_plan(), CONFIG, resume=True
    ).close()  # the killed holder's lock does not block


def test_second_writer_in_the_same_process_is_refused(tmp_path):
    with (
        RunWriter.open(tmp_path / "run.h5", sample_plan(), CONFIG),
        pytest.raises(LimitError, match=f"got process {os.getpid()} on .* since 20.*; wait for it, stop it"),
    ):
        RunWriter.open(tmp_path / "run.h5", sample_plan(), CONFIG, resume=True)


def test_interrupt_keeps_the_finished_units(tmp_path, whole):
    path = tmp_path / "run.h5"

    def interrupted_run():
        with RunWriter.open(path, sample_plan(), CONFIG) as writer:
            for unit in range(N_UNITS):
                put_unit(writer, unit)
                if unit == 3:
                    raise KeyboardInterrupt
                writer.finish_unit()

    with pytest.raises(KeyboardInterrupt):
        interrupted_run()
    with RunWriter.open(path, sample_plan(), CONFIG, resume=True) as writer:
        assert writer.completed == 3
    run_sample(path, resume=True)
    assert hash_of(path) == whole


def test_interrupt_while_a_part_is_written_waits_until_it_is_whole(tmp_path, whole, monkeypatch):
    path = tmp_path / "run.h5"
    create = h5py.Group.create_dataset

    def interrupted(*args, **options):
        signal.raise_signal(signal.SIGINT)
        return create(*args, **options)

    with RunWriter.open(path, sample_plan(), CONFIG) as writer:
        put_unit(writer, 0)
        writer.finish_unit()
        monkeypatch.setattr(h5py.Group, "create_dataset", interrupted)
        with pytest.raises(KeyboardInterrupt):
            writer.flush()
        monkeypatch.undo()
        assert (tmp_path / "run.parts" / "00000000.h5").is_file()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    run_sample(path, resume=True)
    assert hash_of(path) == whole


def test_flush_in_the_middle_of_a_unit_keeps_its_values(tmp_path, whole):
    path = tmp_path / "run.h5"
    with RunWriter.open(path, sample_plan(), CONFIG) as writer:
        for unit in range(N_UNITS):
            put_unit(writer, unit)
            writer.flush()
            assert writer.completed == unit
            writer.finish_unit()
        writer.seal()
    assert hash_of(path) == whole


def damage(parts: list[Path], kind: str) -> None:
    """Damage the fourth part of six."""
    content = parts[3].read_bytes()
    if kind == "truncated":
        parts[3].write_bytes(content[: len(content) // 2])
    elif kind == "flipped":
        with h5py.File(parts[3]) as file:
            at = content.index(file["000001/values"][...].tobytes())
        parts[3].write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    elif kind == "empty":
        parts[3].write_bytes(b"")
    elif kind == "missing":
        parts[3].unlink()
    elif kind == "swapped":
        parts[3].write_bytes(parts[4].read_bytes())


@pytest.mark.parametrize("kind", ["truncated", "flipped", "empty", "missing", "swapped"])
def test_a_damaged_part_is_dropped_with_all_after_it(tmp_path, whole, kind):
    path = tmp_path / "run.h5"
    with RunWriter.open(path, sample_plan(), CONFIG, min_seconds=0) as writer:
        for unit in range(N_UNITS):
            put_unit(writer, unit)
            writer.finish_unit()
    folder = tmp_path / "run.parts"
    damage(sorted(folder.glob("*.h5")), kind)
    with RunWriter.open(path, sample_plan(), CONFIG, resume=True) as writer:
        assert writer.completed == 3
        assert len(list(folder.glob("*.h5"))) == 3
    run_sample(path, resume=True)
    assert hash_of(path) == whole


def test_a_part_damaged_after_it_was_written_is_found_when_sealing(tmp_path):
    with RunWriter.open(tmp_path / "run.h5", sample_plan(), CONFIG, min_seconds=0) as writer:
        for unit in range(N_UNITS):
            put_unit(writer, unit)
            writer.finish_unit()
        damage(sorted((tmp_path / "run.parts").glob("*.h5")), "truncated")
        with pytest.raises(DataError, match=r"00000003.h5: expected a whole file, got a truncated one"):
            writer.seal()
    assert not (tmp_path / "run.h5").exists()


def test_a_part_of_another_run_is_not_taken(tmp_path):
    run_sample(tmp_path / "run.h5", stop=2)
    run_sample(tmp_path / "other.h5", stop=2)
    (tmp_path / "run.parts/00000000.h5").write_bytes((tmp_path / "other.parts/00000000.h5").read_bytes())
    with RunWriter.open(tmp_path / "run.h5", sample_plan(), CONFIG, resume=True) as writer:
        assert writer.completed == 0


def test_changed_configuration_is_refused_with_every_difference(tmp_path):
    run_sample(tmp_path / "run.h5", stop=2)
    changed = {**CONFIG, "seed": 1, "chip": {"name": "hermes", "adc_bits": 8}, "added": True}
    del changed["times"]
    with pytest.raises(ConfigError) as caught:
        RunWriter.open(tmp_path / "run.h5", sample_plan(), changed, resume=True)
    lines = str(caught.value).splitlines()
    start = f"{tmp_path / 'run.parts'}: "
    assert lines == [
        start + "added: changed since the run began: was absent, now True",
        start + "chip.name: changed since the run began: was 'joshi_2020', now 'hermes'",
        start + "seed: changed since the run began: was 0, now 1",
        start + "times: changed since the run began: was [25.0, 3600.0], now absent",
        start + "run again as it was begun, or with --overwrite to begin anew",
    ]
    with RunWriter.open(tmp_path / "run.h5", sample_plan(), CONFIG, resume=True) as writer:
        assert writer.completed == 2


def test_changed_plan_or_version_is_refused_but_not_provenance(tmp_path, monkeypatch):
    run_sample(tmp_path / "run.h5", stop=2)
    plan = sample_plan()
    fewer = sample_plan(variables=plan.variables[:3])
    with pytest.raises(ConfigError, match="plan: changed since the run began"):
        RunWriter.open(tmp_path / "run.h5", fewer, CONFIG, resume=True)
    RunWriter.open(tmp_path / "run.h5", sample_plan(provenance={"host": "x"}), CONFIG, resume=True).close()
    monkeypatch.setattr("neurosim.__version__", "99.0")
    with pytest.raises(ConfigError, match=r"neurosim: changed since the run began: was '.*', now '99.0'"):
        RunWriter.open(tmp_path / "run.h5", plan, CONFIG, resume=True)


def test_existing_output_and_parts_are_refused_with_the_remedy(tmp_path, whole):
    path = tmp_path / "run.h5"
    run_sample(path, stop=2)
    with pytest.raises(
        ConfigError, match="got parts of an interrupted run; go on with --resume or begin anew with --ov"
    ):
        RunWriter.open(path, sample_plan(), CONFIG)
    run_sample(path, overwrite=True)
    for options in ({}, {"resume": True}):
        with pytest.raises(
            ConfigError, match="expected a new file, got one that exists; replace it with --overwrite"
        ):
            RunWriter.open(path, sample_plan(), CONFIG, **options)
        assert not path.with_suffix(".parts").exists()
    assert hash_of(run_sample(path, overwrite=True)) == whole


def test_an_interrupted_overwriting_run_is_resumed_and_replaces_the_file(tmp_path, whole):
    path = tmp_path / "run.h5"
    path.write_text("something else")
    run_sample(path, stop=2, overwrite=True)
    assert path.read_text() == "something else"
    run_sample(path, resume=True)
    assert hash_of(path) == whole


def test_a_run_killed_between_sealing_and_tidying_is_found_complete(tmp_path, whole, monkeypatch):
    path = tmp_path / "run.h5"
    monkeypatch.setattr("neurosim.recording.writer.seal_file", _seal_then_die)
    with pytest.raises(SystemExit):
        run_sample(path)
    monkeypatch.undo()
    assert path.with_suffix(".parts").is_dir()
    with pytest.raises(ConfigError, match="got a finished one, with nothing to resume"):
        RunWriter.open(path, sample_plan(), CONFIG, resume=True)
    assert not list(path.with_suffix(".parts").glob("*.h5"))
    assert hash_of(path) == whole


def _seal_then_die(*arguments):
    from neurosim.recording.sealing import seal_file

    seal_file(*arguments)
    raise SystemExit(1)


def test_files_of_others_in_the_folder_of_parts_stay(tmp_path):
    folder = tmp_path / "run.parts"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    run_sample(tmp_path / "run.h5")
    assert [p.name for p in folder.iterdir()] == ["notes.txt"]


def test_a_manifest_that_is_damaged_or_newer_is_refused(tmp_path):
    run_sample(tmp_path / "run.h5", stop=2)
    manifest = tmp_path / "run.parts/manifest.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "format": 2}))
    with pytest.raises(
        FormatError, match=r"expected format 1 or older, got format 2; needs a newer neurosim"
    ):
        RunWriter.open(tmp_path / "run.h5", sample_plan(), CONFIG, resume=True)
    manifest.write_text("{")
    with pytest.raises(
        DataError, match=r"manifest.json: expected a manifest, got .*; begin anew with --overwrite"
    ):
        RunWriter.open(tmp_path / "run.h5", sample_plan(), CONFIG, resume=True)
    run_sample(tmp_path / "run.h5", overwrite=True)


def test_a_configuration_that_is_not_plain_is_refused(tmp_path):
    with pytest.raises(
        ConfigError, match="configuration: expected text, numbers, lists and tables, got object"
    ):
        RunWriter.open(tmp_path / "run.h5", sample_plan(), {"x": object()})
    RunWriter.open(tmp_path / "run.h5", sample_plan(), {"p": Path("a"), "n": np.float64(1)}).close()


def test_sealing_needs_all_units_and_every_cell_once(tmp_path):
    plan = Plan((Variable("/x", ("n",), "float32"),), 2, {"n": 4})
    with RunWriter.open(tmp_path / "a.h5", plan, {}) as writer:
        writer.put("/x", (slice(0, 2),), [1.0, 2.0])
        writer.finish_unit()
        with pytest.raises(
            DataError, match="expected 2 finished units, got 1 of them; finish the run with --resume"
        ):
            writer.seal()
        writer.put("/x", (2,), 3.0)
        writer.finish_unit()
        with pytest.raises(
            DataError, match="/x: expected 4 cells put, got 3; every cell must be put exactly once"
        ):
            writer.seal()
        with pytest.raises(DataError, match="expected 2 units of work, got one more; seal the run"):
            writer.put("/x", (3,), 3.0)
        with pytest.raises(DataError, match="expected 2 units of work, got one more"):
            writer.finish_unit()
    with RunWriter.open(tmp_path / "b.h5", plan, {}) as writer:
        for _ in range(2):
            writer.put("/x", (slice(1, 4),), np.ones(3))
            writer.finish_unit()
        with pytest.raises(DataError, match="/x: expected 4 cells put, got 6"):
            writer.seal()
    assert not (tmp_path / "b.h5").exists()


@pytest.mark.parametrize(
    ("path", "index", "values", "message"),
    [
        ("/y", (), 1.0, r"/y: expected a variable of the plan, got another path; did you mean"),
        ("/x", (0, 0, 0), 1.0, "/x: expected at most 2 indices, got 3"),
        ("/x", (4,), [0.0] * 3, "/x: expected an index from 0 to 3, got 4"),
        ("/x", (-1,), [0.0] * 3, "/x: expected an index from 0 to 3, got -1"),
        ("/x", (slice(0, 5),), np.zeros((5, 3)), "/x: expected a slice with step 1 inside 0:4, got 0:5"),
        ("/x", (slice(0, 4, 2),), np.zeros((2, 3)), "/x: expected a slice with step 1 inside 0:4, got 0:4:2"),
        ("/x", (slice(2, 2),), np.zeros((0, 3)), "expected a slice with step 1 inside 0:4, got 2:2"),
        ("/x", (0,), np.zeros(4), r"/x: expected an array of shape \(3,\), got \(4,\)"),
        ("/x", (0,), np.zeros(3, complex), "/x: expected numbers of type float32, got complex128"),
        ("/i", (0,), np.zeros(3), "/i: expected numbers of type int8, got float64; convert them first"),
        ("/i", (0,), np.array([0, 1, 200]), "/i: expected integers that fit int8, got values from 0 to 200"),
    ],
)
def test_what_cannot_be_put_is_refused(tmp_path, path, index, values, message):
    plan = Plan(
        (Variable("/x", ("n", "m"), "float32"), Variable("/i", ("n", "m"), "int8")), 1, {"n": 4, "m": 3}
    )
    with RunWriter.open(tmp_path / "run.h5", plan, {}) as writer, pytest.raises(DataError, match=message):
        writer.put(path, index, values)


def test_what_is_put_is_copied_at_once(tmp_path):
    plan = Plan((Variable("/x", ("n",), "float32"),), 1, {"n": 4})
    values = np.ones(4, np.float32)
    with RunWriter.open(tmp_path / "run.h5", plan, {}) as writer:
        writer.put("/x", (), values)
        values[:] = 2
        writer.finish_unit()
        writer.seal()
    with RunFile.open(tmp_path / "run.h5") as run:
        assert run.read("/x").tolist() == [1.0] * 4


@st.composite
def tilings(draw):
    """A shape, cut along every axis into boxes, shuffled, and dealt out to units."""
    shape = draw(st.lists(st.integers(1, 6), min_size=0, max_size=3))
    boxes = [()]
    for length in shape:
        cuts = sorted({0, length, *draw(st.lists(st.integers(0, length), max_size=3))})
        spans = list(pairwise(cuts))
        boxes = [(*box, span) for box in boxes for span in spans]
    boxes = draw(st.permutations(boxes))
    n_units = draw(st.integers(1, 4))
    units = draw(st.lists(st.integers(0, n_units - 1), min_size=len(boxes), max_size=len(boxes)))
    flushes = draw(st.lists(st.booleans(), min_size=n_units, max_size=n_units))
    return tuple(shape), list(zip(units, boxes, strict=True)), n_units, flushes


@given(tilings())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_cutting_in_any_order_gives_the_array(tmp_path, tiling):
    shape, boxes, n_units, flushes = tiling
    values = np.arange(np.prod(shape, dtype=int), dtype=np.int32).reshape(shape)
    dims = tuple(f"d{axis}" for axis in range(len(shape)))
    plan = Plan((Variable("/x", dims, "int32"),), n_units, dict(zip(dims, shape, strict=True)))
    path = tmp_path / "run.h5"
    with RunWriter.open(path, plan, {}, overwrite=True) as writer:
        for unit in range(n_units):
            for index in (tuple(slice(*span) for span in box) for of, box in boxes if of == unit):
                writer.put("/x", index, values[index])
            writer.finish_unit()
            if flushes[unit]:
                writer.flush()
        writer.seal()
    with RunFile.open(path) as run:
        np.testing.assert_array_equal(run.read("/x"), values)


def test_recording_costs_little_beside_writing(tmp_path):
    """The puts of 10 chips x 4 times x 10,000 images; a generous bound, as machines are shared."""
    plan = Plan(
        (Variable("/logits", ("chip", "time_s", "image", "class"), "float32"),),
        40,
        {"chip": 10, "time_s": 4, "image": 10_000, "class": 10},
    )
    block = np.ones((250, 10), np.float32)
    with RunWriter.open(tmp_path / "run.h5", plan, {}, min_seconds=1e9, max_bytes=1 << 40) as writer:
        start = time.process_time()
        for unit in range(40):
            for first in range(0, 10_000, 250):
                writer.put("/logits", (*divmod(unit, 4), slice(first, first + 250)), block)
            writer.finish_unit()
        assert time.process_time() - start < 0.5
        writer.seal()
    with RunFile.open(tmp_path / "run.h5") as run:
        assert run.read("/logits").all()
