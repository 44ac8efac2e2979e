"""A disk that is full or closed: what was recorded stays readable, nothing half-made is left behind."""

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from recording_samples import CONFIG, N_UNITS, hash_of, put_unit, run_sample, sample_plan

from neurosim.foundation.errors import ConfigError, LimitError
from neurosim.recording import RunWriter, save_arrays
from neurosim.recording.durable import storage_errors

# a limit on the size of files makes every write beyond it fail, as on a full disk
LIMITED_RUN = """
import sys, resource
sys.path.insert(0, {tests!r})
from recording_samples import *
from neurosim.foundation.errors import LimitError
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    run_sample(Path({path!r}), min_seconds={min_seconds})
except LimitError as problem:
    print(problem)
"""


def limited_run(path: Path, limit: int, min_seconds: float) -> str:
    """The message of a run that may not write files of more than `limit` bytes."""
    code = LIMITED_RUN.format(
        tests=str(Path(__file__).parent), path=str(path), limit=limit, min_seconds=min_seconds
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("room", [0.05, 0.9, 0.99])
def test_full_disk_keeps_every_part(tmp_path, room):
    whole = run_sample(tmp_path / "whole.h5")
    path = tmp_path / "run.h5"
    limit = int(room * whole.stat().st_size)
    parts = [f"{number:08d}.h5" for number in range(N_UNITS)]
    if room > 0.1:
        message = limited_run(path, limit, 0.0)
        assert re.search(
            r"run.h5: expected room for 0.00\d+ MB, got a full disk or quota; what was recorded", message
        )
        assert names(tmp_path / "run.parts") == [*parts, "lock", "manifest.json"]
    else:
        message = limited_run(path, limit, 0.0)
        assert re.search(r"run.parts/00000000.h5: expected room for .* MB, got a full disk or quota", message)
        assert names(tmp_path / "run.parts") == ["lock", "manifest.json"]
    assert not path.exists()
    assert hash_of(run_sample(path, resume=True)) == hash_of(whole)


def test_full_disk_while_a_part_is_synced(tmp_path, monkeypatch):
    path = tmp_path / "run.h5"
    whole = hash_of(run_sample(tmp_path / "whole.h5"))

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with RunWriter.open(path, sample_plan(), CONFIG, min_seconds=0) as writer:
        put_unit(writer, 0)
        writer.finish_unit()
        put_unit(writer, 1)
        monkeypatch.setattr("neurosim.recording.drafting.os.fsync", full)
        with pytest.raises(
            LimitError, match=r"00000001.h5: expected room for .* MB, got a full disk or quota; what was"
        ):
            writer.finish_unit()
        monkeypatch.undo()
        assert writer.completed == 1
        assert names(tmp_path / "run.parts") == ["00000000.h5", "lock", "manifest.json"]
        writer.flush()  # room was made
        assert writer.completed == 2
    assert hash_of(run_sample(path, resume=True)) == whole


def test_other_errors_of_the_file_system_are_told(tmp_path, monkeypatch):
    def broken(_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with RunWriter.open(tmp_path / "run.h5", sample_plan(), CONFIG) as writer:
        put_unit(writer, 0)
        writer.finish_unit()
        monkeypatch.setattr("neurosim.recording.drafting.os.fsync", broken)
        with pytest.raises(
            LimitError, match=r"got OSError: \[Errno 5\] Input/output error; what was recorded before"
        ):
            writer.flush()


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOENT])
def test_a_place_that_refuses_is_not_called_full(tmp_path, number):
    with (
        pytest.raises(LimitError, match=rf"x: expected a place that can be written, got {os.strerror(number)}; "
                                        "check the path and its permissions"),
        storage_errors(tmp_path / "x", 0, tmp_path / "none"),
    ):  # fmt: skip
        raise OSError(number, os.strerror(number))
    with (
        pytest.raises(LimitError, match="x: expected room, got a full disk or quota"),
        storage_errors(tmp_path / "x", 0, tmp_path / "none"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_full_disk_before_the_run_begins(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("neurosim.recording.durable.os.fsync", full)
    with pytest.raises(LimitError, match=r"manifest.json: expected room for .* MB, got a full disk"):
        RunWriter.open(tmp_path / "run.h5", sample_plan(), CONFIG)
    monkeypatch.undo()
    run_sample(tmp_path / "run.h5")  # what was left does not hinder a new start


def test_disk_error_leaves_an_older_file_as_it_was(tmp_path, monkeypatch):
    path = save_arrays(tmp_path / "chip.h5", {"a": 1}, "chip")
    before = path.read_bytes()
    monkeypatch.setattr("neurosim.recording.drafting.os.fsync", lambda _: os.fstat(-1))
    with pytest.raises(LimitError, match=r"chip.h5: expected room"):
        save_arrays(path, {"a": 2}, "chip")
    assert path.read_bytes() == before
    assert names(tmp_path) == ["chip.h5"]


def test_unwritable_paths_are_refused_before_any_work(tmp_path, monkeypatch):
    plan = sample_plan()
    with pytest.raises(
        ConfigError, match=r"run.h5: expected an existing folder, got none at .*nowhere; make the folder"
    ):
        RunWriter.open(tmp_path / "nowhere" / "run.h5", plan, CONFIG)
    with pytest.raises(
        ConfigError, match="expected a file name, got a folder; name a file in it, such as run.h5"
    ):
        RunWriter.open(tmp_path, plan, CONFIG)
    (tmp_path / "run.parts").write_text("")
    with pytest.raises(
        ConfigError, match=r"run.parts: expected a folder for the parts of the run, got a file"
    ):
        RunWriter.open(tmp_path / "run.h5", plan, CONFIG)
    monkeypatch.setattr("neurosim.recording.durable.os.access", lambda *_: False)
    with pytest.raises(
        ConfigError, match="expected a folder that can be written to, got .*; choose another --out"
    ):
        RunWriter.open(tmp_path / "other.h5", plan, CONFIG)
    assert names(tmp_path) == ["run.parts"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="expected a folder that can be written to"):
        RunWriter.open(tmp_path / "run.h5", sample_plan(), CONFIG)
    tmp_path.chmod(0o700)
