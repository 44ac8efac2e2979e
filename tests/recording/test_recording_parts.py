"""Nothing acknowledged is lost, and how a run was cut into parts never shows."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from recording_samples import CONFIG, N_UNITS, hash_of, put_unit, run_sample, sample_plan

from neurosim.foundation.errors import ConfigError, DataError, FormatError, LimitError
from neurosim.recording import RunWriter

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
