"""Sweeps in this process: figures, resuming, failures, refusals. Nothing here needs Dask."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sweep_samples import SMALL

import neurosim as ns
from neurosim.foundation.errors import ConfigError, ConfigErrors, LimitError
from neurosim.recording import RunFile
from neurosim.sweep import estimating, read_sweep, read_table, run_sweep
from neurosim.sweep.crew import OwnProcess
from neurosim.sweep.journal import Journal
from neurosim.sweep.points import Outcome, point_of, run_point
from neurosim.sweep.running import Unwatched

# ruff: noqa: ARG002  (a watch takes more than it looks at)

Write = Callable[..., Path]


class Noted(Unwatched):
    """What a sweep tells while it runs."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.counts: list[tuple[int, int]] = []

    def finished(self, sweep: Any, outcome: Outcome, done: int, failed: int) -> None:
        self.outcomes.append(outcome)
        self.counts.append((done, failed))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished sweep."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "s.toml").write_text(SMALL)
    run_sweep(folder / "s.toml", folder / "out", workers=0)
    return folder


def test_a_row_per_point_and_time_in_the_order_of_the_grid(small: Path) -> None:
    table = read_table(small / "out" / "table.csv")
    assert table["point"] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert table["adc.bits"] == [3, 3, 3, 3, 8, 8, 8, 8]
    assert table["seed"] == [0, 0, 1, 1, 0, 0, 1, 1]
    assert table["time_s"] == [25.0, 31536000.0] * 4
    assert set(table["status"]) == {"done"}
    assert set(table["chips"]) == {2}


def test_figures_are_those_of_the_run(small: Path) -> None:
    table = read_table(small / "out" / "table.csv")
    run = ns.run(
        "digits_mlp", "joshi_2020", limit=20, instances=2, times=["25 s", "1 year"], seed=1, **{"adc.bits": 8}
    )
    for row, time_ in ((6, 0), (7, 1)):
        assert table["accuracy"][row] == run.accuracy.mean[time_]
        assert table["accuracy_low"][row] == run.accuracy.low[time_]
        assert table["accuracy_worst_chip"][row] == run.accuracy.per_chip[:, time_].min()
        assert table["energy_joules"][row] == run.summary.joules[time_]
        assert table["latency_s"][row] == run.costs.times.image_s
        assert table["ops_per_joule"][row] == run.costs.ops / run.summary.joules[time_]
        assert table["adc_saturation"][row] == run.summary.saturation["ADC"][time_].max()
    with RunFile.open(small / "out" / table["file"][6]) as file:
        assert file.content_hash() == table["content_sha256"][6]
        assert file.attributes()["seed"] == 1


def test_the_same_again_bit_for_bit_in_both_formats(small: Path, tmp_path: Path) -> None:
    (tmp_path / "again.toml").write_text(SMALL)
    again = run_sweep(tmp_path / "again.toml", tmp_path / "o", workers=0)
    assert again.table.read_bytes() == (small / "out" / "table.csv").read_bytes()
    as_parquet = run_sweep(tmp_path / "again.toml", tmp_path / "o", workers=0, resume=True, table="parquet")
    assert as_parquet.table.name == "table.parquet"
    assert read_table(as_parquet.table) == read_table(again.table)
    first = as_parquet.table.read_bytes()
    run_sweep(tmp_path / "again.toml", tmp_path / "o", workers=0, resume=True, table="parquet")
    assert as_parquet.table.read_bytes() == first


def test_analog_and_digital_chips_in_one_sweep(write: Write, tmp_path: Path) -> None:
    path = write(run='limit = 5\ntimes = ["1 day", "25 s"]', grid='chip = ["joshi_2020", "eyeriss"]')
    table = read_table(run_sweep(path, tmp_path / "o", workers=0).table)
    assert table["chip"] == ["joshi_2020", "joshi_2020", "eyeriss"]  # a processor does not age: one row
    assert table["mode"] == ["rate", "rate", "digital"]
    assert table["time_s"] == [25.0, 86400.0, 25.0]
    assert set(table["status"]) == {"done"}


def test_of_a_digital_processor_one_is_run_whatever_the_number_of_chips(write: Write, tmp_path: Path) -> None:
    path = write(
        run="limit = 5",
        grid='chip = ["eyeriss", "joshi_2020"]',
        rest='[monte_carlo]\nchips = 3\ntimes = ["25 s", "1 day"]',
    )
    table = read_table(run_sweep(path, tmp_path / "o", workers=0).table)
    assert table["chip"] == ["eyeriss", "joshi_2020", "joshi_2020"]
    assert table["chips"] == [1, 3, 3]
    assert table["time_s"] == [25.0, 25.0, 86400.0]
    assert set(table["status"]) == {"done"}


def test_a_point_that_fails_is_recorded_and_the_others_go_on(write: Write, tmp_path: Path) -> None:
    path = write(grid='inputs = ["digits/test", "bad.npz"]', run="limit = 5")
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    noted = Noted()
    done = run_sweep(path, tmp_path / "o", workers=0, watch=noted)
    assert (done.points, done.failed) == (2, 1)
    assert noted.counts == [(1, 0), (1, 1)]
    table = read_table(done.table)
    assert table["status"] == ["done", "failed"]
    assert "bad.npz" in table["error"][1]
    assert table["accuracy"][1] is None
    assert table["time_s"] == [25.0, 25.0]
    # a resumed sweep tries it again, and only it
    noted = Noted()
    run_sweep(path, tmp_path / "o", workers=0, watch=noted, resume=True)
    assert [outcome.point for outcome in noted.outcomes] == [1]


def test_an_error_that_nobody_foresaw_is_recorded_too(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **options: Any) -> None:
        raise ZeroDivisionError(f"in {tmp_path}/o/points")

    monkeypatch.setattr("neurosim.pipeline.run", broken)
    done = run_sweep(write(grid="limit = [5, 6]"), tmp_path / "o", workers=0)
    assert read_table(done.table)["error"] == ["internal error: ZeroDivisionError: in points"] * 2


def stopped_after(points: int) -> Any:
    class Stop(Unwatched):
        def finished(self, sweep: Any, outcome: Outcome, done: int, failed: int) -> None:
            if done == points:
                raise KeyboardInterrupt

    return Stop()


def test_an_interrupted_sweep_resumes_to_the_same_bits(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(SMALL)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(path, tmp_path / "o", workers=0, watch=stopped_after(2))
    assert not (tmp_path / "o" / "table.csv").exists()
    with pytest.raises(
        ConfigError, match=r"expected a new folder, got one that holds a sweep; go on with --resume"
    ):
        run_sweep(path, tmp_path / "o", workers=0)
    # a line that was cut short, a run file whose line was never written, tries of a worker that was stopped
    with (tmp_path / "o" / "journal.jsonl").open("ab") as file:
        file.write(b'{"point": 2, "status": "do')
    third = point_of(read_sweep(path), 2)
    run_point(tmp_path / "o", third)
    (tmp_path / "o" / "points" / "000003.tries").write_bytes(b"...")
    noted = Noted()
    done = run_sweep(path, tmp_path / "o", workers=0, resume=True, watch=noted)
    assert [outcome.point for outcome in noted.outcomes] == [2, 3]
    assert done.table.read_bytes() == (small / "out" / "table.csv").read_bytes()
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == [
        "journal.jsonl", "points", "sweep.json", "table.csv", "timings.csv",
    ]  # fmt: skip


def test_another_sweep_is_not_resumed(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(SMALL.replace("limit = 20", "limit = 21").replace("[3, 8]", "[3, 8, 9]"))
    with pytest.raises(ConfigErrors) as raised:
        run_sweep(path, small / "out", workers=0, resume=True)
    told = "\n".join(raised.value.lines)
    assert "axes.adc.bits: changed since the sweep began: was [3, 8], now [3, 8, 9]" in told
    assert "run.limit: changed since the sweep began: was 20, now 21" in told


def test_a_point_whose_workers_died_three_times_is_given_up(write: Write, tmp_path: Path) -> None:
    point = point_of(read_sweep(write(grid="limit = [5]")), 0)
    (tmp_path / "points").mkdir()
    tries = tmp_path / "points" / "000000.tries"
    tries.write_bytes(b"..")
    assert run_point(tmp_path, point).status == "done"
    assert not tries.exists()
    tries.write_bytes(b"...")
    outcome = run_point(tmp_path, point)
    assert (outcome.status, outcome.tries) == ("failed", 3)
    assert outcome.error == "its worker died while computing it, 3 times; it was not tried again"


def test_many_points_want_consent_and_tell_what_they_would_take(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(grid="limit = {from = 5, to = 1004, step = 1}\nseed = {from = 1, to = 1000, step = 1}")
    with pytest.raises(LimitError, match=r"at most 10,000 points without --yes, got 1,000,000 points: about .* with 2 "
                       r"workers and \d+ GB of run files \(a point takes .*\); give --yes"):  # fmt: skip
        run_sweep(path, tmp_path / "o", workers=2)
    assert not (tmp_path / "o").exists()
    monkeypatch.setattr(estimating, "MANY", 3)
    (tmp_path / "s.toml").write_text(SMALL)
    assert run_sweep(tmp_path / "s.toml", tmp_path / "o", workers=0, yes=True).points == 4


def test_an_estimate_is_points_times_seconds_over_workers() -> None:
    made = estimating.Estimate(1_000_000, 4, 0.5, 100_000)
    assert made.seconds == 125_000
    assert str(made) == "about 35 h with 4 workers and 100 GB of run files (a point takes 0.5 s)"
    assert str(estimating.Estimate(100, 0, 0.5, 10**7)).startswith("about 50 s in this process and 1 GB")


def test_a_first_point_that_fails_is_told_instead(write: Write, tmp_path: Path) -> None:
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    path = write(
        run='inputs = "bad.npz"', grid='"device.g_max_siemens" = {from = 5e-6, to = 1e-5, count = 20000}'
    )
    with pytest.raises(ConfigError, match="point 0: expected one that runs, got .*bad.npz"):
        run_sweep(path, tmp_path / "o", workers=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": -1}, "workers: expected 0 to 1000, got -1"),
        ({"workers": 1, "scheduler": "tcp://h:1"}, "scheduler: expected it or workers, got both"),
        ({"table": "xlsx"}, "table: expected csv or parquet, got 'xlsx'"),
        ({"out": "a/b/c"}, "expected an existing folder to make it in"),
        ({"out": "s.toml"}, "expected a folder, got a file"),
        ({"out": "full"}, "expected a new or an empty folder, got one with other files"),
    ],
)
def test_arguments_that_are_refused(
    write: Write, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    out = tmp_path / options.pop("out", "o")
    with pytest.raises(ConfigError, match=message):
        run_sweep(write(grid="limit = [5]"), out, **{"workers": 0, **options})


@pytest.mark.parametrize(
    ("package", "options"), [("distributed", {"workers": 1}), ("pyarrow", {"table": "parquet"})]
)
def test_what_is_not_installed_is_named_with_its_command(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, options: dict[str, Any]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(
        ConfigError, match=rf'the package {package}, got none; install it: pip install "neurosim'
    ):
        run_sweep(write(grid="limit = [5]"), tmp_path / "o", **{"workers": 0, **options})


def test_one_writer(small: Path) -> None:
    from neurosim.recording.lock import WriterLock

    lock = WriterLock(small / "out" / "lock")
    try:
        with pytest.raises(LimitError, match="expected no other writer"):
            run_sweep(small / "s.toml", small / "out", workers=0, resume=True)
    finally:
        lock.remove()
        lock.release()


def test_workers_of_another_version_or_without_the_folder_are_refused(write: Write, tmp_path: Path) -> None:
    from neurosim.sweep.points import run_batch

    point = point_of(read_sweep(write(grid="limit = [5]")), 0)
    with pytest.raises(ConfigError, match="expected neurosim 0.0, as where the sweep was started"):
        run_batch(str(tmp_path), "0.0", [point])
    with pytest.raises(ConfigError, match="give an --out on a file system that all workers share"):
        run_batch(str(tmp_path), ns.__version__, [point])


def test_journal_keeps_the_last_line_of_a_point(tmp_path: Path) -> None:
    with Journal(tmp_path, 4) as journal:
        journal.append([Outcome(2, "failed", "x"), Outcome(0, "done", rows=({"accuracy": 0.5},))])
        journal.append([Outcome(2, "done")])
        journal.append([Outcome(3, "failed", "y")])
        assert (journal.done, journal.failed, list(journal.missing())) == (2, 1, [1, 3])
    with Journal(tmp_path, 4) as journal:
        assert (journal.done, journal.failed, list(journal.missing())) == (2, 1, [1, 3])
        assert journal.outcome(0) == Outcome(0, "done", rows=({"accuracy": 0.5},))
        assert journal.outcome(2) == Outcome(2, "done")
        assert journal.outcome(1) is None
    assert len((tmp_path / "journal.jsonl").read_text().splitlines()) == 4


def test_the_manifest_says_what_was_swept(small: Path) -> None:
    content = json.loads((small / "out" / "sweep.json").read_text())
    assert content["sweep_toml"] == SMALL
    assert content["neurosim"] == ns.__version__
    assert content["points"] == 4
    assert content["identity"]["axes"]["adc.bits"] == [3, 8]
    assert len(content["identity"]["files"]["chip"]["joshi_2020"]) == 64


def test_batches_last_half_a_second_and_leave_work_for_all(
    write: Write, tmp_path: Path, monkeypatch: Any
) -> None:
    from neurosim.sweep import crew, running

    class Fast(OwnProcess):
        size = 2
        sizes: list[int] = []  # noqa: RUF012

        def next(self, timeout_s: float) -> Any:
            batch = self._batches.pop(0)
            self.sizes.append(len(batch.points))
            return crew.Finished(batch, tuple(Outcome(p.number, "done", seconds=0.01) for p in batch.points))

    sweep = read_sweep(write(grid='"limit" = {from = 1, to = 1000, step = 1}'))
    fast = Fast(tmp_path)
    with Journal(tmp_path, sweep.points) as journal:
        running._hand_out(sweep, fast, journal, Unwatched())
        assert journal.done == 1000
    assert max(fast.sizes) == 50  # half a second of work
    assert fast.sizes[:4] == [1, 1, 1, 1] or fast.sizes[0] == 1  # until it is known how long a point takes
    assert fast.sizes[-1] == 1
    assert sum(fast.sizes) == 1000
