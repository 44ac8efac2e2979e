"""Runs that are stopped, and closed pipes: what is finished is safe, and resuming leads to the same file."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Verb, one_line

Program = Callable[..., subprocess.Popen[str]]
WORK = ("run", "--times", "25 s", "--times", "1 day", "--times", "1 year", "--threads", 1)
LONG = (*WORK, "--instances", 60)  # 180 units of work: slowed down, nine seconds on the fastest machine
PATIENCE_S = 120


def wait_for(condition: Callable[[], Any], process: subprocess.Popen[str]) -> None:
    """Until the condition holds; the process must not have ended."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


def is_writing(folder: Path, process: subprocess.Popen[str]) -> Callable[[], bool]:
    """Whether the process is the one that records."""
    lock = folder / "run.parts" / "lock"
    return lambda: lock.is_file() and f"process {process.pid} " in lock.read_text()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, err


@pytest.mark.slow
def test_a_run_killed_and_stopped_ends_like_one_that_was_not(
    program: Program, verb: Verb, tmp_path: Path
) -> None:
    whole = program(*LONG, "--out", "whole.h5")
    parts = tmp_path / "run.parts"

    killed = program(*LONG, "--out", "run.h5", slow=True)
    wait_for(lambda: list(parts.glob("0*.h5")), killed)
    killed.send_signal(signal.SIGSTOP)  # so that it does not end before the second has tried
    second = verb(*LONG, "--out", tmp_path / "run.h5", "--resume")
    assert second.exit_code == 1
    assert f"expected no other writer, got process {killed.pid} on " in one_line(second.stderr)
    killed.kill()
    assert ended(killed)[0] == -signal.SIGKILL
    assert not (tmp_path / "run.h5").exists()

    again = verb(*LONG, "--out", tmp_path / "run.h5")
    assert again.exit_code == 2
    assert "go on with --resume or begin anew with --overwrite" in one_line(again.stderr)
    other = verb(*LONG, "--out", tmp_path / "run.h5", "--resume", "--seed", 1)
    assert other.exit_code == 2
    assert re.search(r"seed.* 0.* 1", other.stderr)

    for number, exit_code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        stopped = program(*LONG, "--out", "run.h5", "--resume", slow=True)
        wait_for(is_writing(tmp_path, stopped), stopped)
        time.sleep(0.1)  # some units in work, not yet in a part
        stopped.send_signal(number)
        code, out, err = ended(stopped)
        assert (code, out) == (exit_code, "")
        assert (
            one_line(err)
            == "stopped; what was finished is safe in run.parts: go on with --resume, all else the same"
        )
        assert not (tmp_path / "run.h5").exists()

    code, out, err = ended(program(*LONG, "--out", "run.h5", "--resume"))
    assert (code, err) == (0, "")
    assert "digits_mlp on joshi_2020" in out
    assert not parts.exists()
    assert ended(whole)[0] == 0
    hashes = {verb("inspect", tmp_path / name, "--hash").stdout for name in ("run.h5", "whole.h5")}
    assert len(hashes) == 1


def test_a_stopped_run_without_a_file_says_that_nothing_is_kept(program: Program, tmp_path: Path) -> None:
    process = program(*LONG, "--save-chips", "chips", slow=True)
    wait_for(lambda: list(tmp_path.glob("chips/*.h5")), process)
    process.send_signal(signal.SIGINT)
    code, out, err = ended(process)
    assert (code, out) == (130, "")
    assert one_line(err) == "stopped; nothing is kept without --out FILE"


def no_file_over(size: int) -> Callable[[], None]:
    """For the child process: every file it writes may have so many bytes, as on a disk that fills up."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_full_disk_is_one_line_and_can_be_resumed(program: Program, verb: Verb, tmp_path: Path) -> None:
    verb("run", "--limit", 5)  # compiled code is in its cache before files may not grow
    arguments = ("run", "--out", "run.h5", "--record", "outputs,states")
    code, out, err = ended(program(*arguments, preexec_fn=no_file_over(20_000)))
    assert (code, out) == (1, "")
    assert "got a full disk or quota; what was recorded before is safe" in one_line(err)
    assert ended(program(*arguments, "--resume"))[0] == 0


def test_a_closed_pipe_is_no_error(program: Program) -> None:
    process = program("chips", "joshi_2020")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("joshi_2020")
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(PATIENCE_S) in (0, 1, 128 + signal.SIGPIPE)


def test_a_signal_lost_in_a_callback_of_compiled_code_still_stops_the_run(
    verb: Verb, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import ctypes

    from neurosim.engines.layout import FileRecorder

    put = FileRecorder.put

    def put_and_lose(recorder: FileRecorder, segment: Any) -> None:
        # what Python raises in here it reports and drops, as when numba is loading a kernel
        ctypes.CFUNCTYPE(None)(lambda: os.kill(os.getpid(), number))()
        put(recorder, segment)

    monkeypatch.setattr(FileRecorder, "put", put_and_lose)
    for number, exit_code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        got = verb("run", "--instances", 3, "--out", tmp_path / f"{number}.h5")
        assert got.exit_code == exit_code
        assert "go on with --resume" in one_line(got.stderr)
        assert (tmp_path / f"{number}.parts").is_dir()


def test_a_terminated_program_leaves_no_handler_behind(verb: Verb) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert verb("chips").exit_code == 0
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_in_any_verb_ends_it(verb: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(number: int) -> Callable[..., None]:
        return lambda *_: os.kill(os.getpid(), number)

    for number, exit_code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        monkeypatch.setattr("neurosim.chips.chip_names", send(number))
        got = verb("chips")
        assert (got.exit_code, got.stdout, got.stderr) == (exit_code, "", "")
