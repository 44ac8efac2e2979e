"""Spikes come back as they were put, in SONATA's form, however the run was cut into parts."""

import os
import signal
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_samples import hash_of
from spike_samples import NEURONS, UNITS, all_spikes, run_spikes, spike_plan, spikes_of

import neurosim.recording.streams as streams
from neurosim.foundation.errors import ConfigError, DataError, FormatError
from neurosim.recording import Coordinate, Plan, RunFile, RunWriter, SpikeStream, Static, Variable

STORED = Path(__file__).parent / "stored_files"


@pytest.fixture
def sealed(tmp_path):
    return run_spikes(tmp_path / "run.h5")


def test_spikes_come_back_whole_and_in_pieces(sealed):
    with RunFile.open(sealed) as run:
        assert run.populations == ("hidden", "input", "silent")
        for population in NEURONS:
            times, ids = run.spikes(population)
            assert (times.dtype, ids.dtype) == (np.float64, np.uint64)
            for read, put in zip((times, ids), all_spikes(population), strict=True):
                np.testing.assert_array_equal(read, put)
            pieces = list(run.spike_pieces(population, 7))
            assert all(len(a) == len(b) <= 7 for a, b in pieces)
            for column, whole in enumerate((times, ids)):
                joined = [piece[column] for piece in pieces]
                np.testing.assert_array_equal(np.concatenate(joined) if joined else np.zeros(0), whole)
        assert len(run.spikes("silent")[0]) == 0
        assert run.attributes("/spikes/hidden") == {"neurons": 300, "sorting": 2, "step_ms": 0.5}
        assert run.sizes["/spikes/silent/spike"] == 0
        assert {"/spikes/silent/node_ids", "/spikes/input/timestamps"} <= {entry.path for entry in run.tree()}
        assert run.dims("/spikes/hidden/node_ids") == ("spike",)
        with pytest.raises(DataError, match=r"spikes of hiden: expected a population of this file.*'hidden'"):
            run.spikes("hiden")


def test_the_form_is_that_of_sonata(sealed):
    with h5py.File(sealed) as file:
        assert list(file["spikes"]) == ["hidden", "input", "silent"]
        for population, group in file["spikes"].items():
            assert set(group) == {"timestamps", "node_ids", "spike"}
            times, ids = group["timestamps"], group["node_ids"]
            assert (times.dtype, ids.dtype) == (np.dtype("f8"), np.dtype("u8"))
            assert times.shape == ids.shape == (len(all_spikes(population)[0]),)
            assert times.attrs["units"] == "ms"
            assert ids.attrs["sorting"] == "by_time"
            sorting = h5py.h5a.open(group.id, b"sorting")
            assert h5py.check_enum_dtype(sorting.dtype) == {"none": 0, "by_id": 1, "by_time": 2}
            assert (sorting.get_type().get_size(), int(group.attrs["sorting"])) == (4, 2)
            for dataset in (times, ids):
                assert dataset.fletcher32
                assert dataset.compression is None
                assert dataset.chunks[0] <= 1 << 16
                assert dataset.dims[0][0] == group["spike"]


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_a_stranger_reads_spikes_and_silence_with_xarray(sealed, engine):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("netCDF4" if engine == "netcdf4" else engine)
    with xarray.open_datatree(sealed, engine=engine) as tree:
        assert tree["/spikes/input/node_ids"].dims == ("spike",)
        np.testing.assert_array_equal(tree["/spikes/input/timestamps"].values, all_spikes("input")[0])
        assert tree["/spikes/input/timestamps"].attrs["units"] == "ms"
        assert tree["/spikes/silent/timestamps"].shape == (0,)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The hash of an uninterrupted run."""
    return hash_of(run_spikes(tmp_path_factory.mktemp("whole") / "run.h5"))


@settings(max_examples=8)
@given(most=st.integers(1, 100), max_bytes=st.integers(1, 4000), stops=st.sets(st.integers(1, UNITS - 1)))
def test_where_parts_begin_and_end_never_shows(whole, most, max_bytes, stops):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.h5"
        for stop in (*sorted(stops), UNITS):
            run_spikes(path, stop, most, max_bytes=max_bytes, resume=True)
        assert hash_of(path) == whole


def test_another_spike_another_hash(sealed, tmp_path):
    before = hash_of(sealed)
    with h5py.File(sealed, "r+") as file:
        file["spikes/hidden/node_ids"][5] += 1
    assert hash_of(sealed) != before


SLOW_WRITER = """
import sys, time
sys.path.insert(0, {tests!r})
from spike_samples import *
with RunWriter.open(Path({path!r}), spike_plan(), {{"seed": 0}}, resume=True, min_seconds=0) as writer:
    print("start", writer.completed, flush=True)
    for unit in range(writer.completed, UNITS):
        put_spikes(writer, unit, 9)
        print("unit", unit, flush=True)
        time.sleep({pause})
        writer.finish_unit()
    writer.seal()
"""


def kill_in_unit(path: Path, unit: int) -> str:
    """Kill -9 a writer after it has appended this unit's spikes, before it has ended the unit; its first line."""
    code = SLOW_WRITER.format(tests=str(Path(__file__).parent), path=str(path), pause=0.05)
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    first = writer.stdout.readline()
    for line in writer.stdout:
        if line == f"unit {unit}\n":
            break
    os.kill(writer.pid, signal.SIGKILL)
    writer.stdout.close()
    assert writer.wait() == -signal.SIGKILL
    return first


def test_kill_9_between_spikes_then_resume_gives_the_same_file(tmp_path, sealed):
    path = tmp_path / "killed.h5"
    assert kill_in_unit(path, 2) == "start 0\n"
    assert kill_in_unit(path, 4) == "start 2\n"
    run_spikes(path, resume=True)
    assert hash_of(path) == hash_of(sealed)


@pytest.mark.parametrize("kind", ["flipped", "shorter", "foreign"])
def test_a_part_whose_spikes_are_damaged_is_dropped(tmp_path, sealed, kind):
    path = run_spikes(tmp_path / "again.h5", UNITS - 1, min_seconds=0)
    part = tmp_path / "again.parts" / "00000002.h5"
    if kind == "flipped":
        content = part.read_bytes()
        at = content.index(spikes_of(2, "hidden")[0].tobytes())
        part.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    with h5py.File(part, "r+") as file:
        group = next(g for g in file["spikes"].values() if g.attrs["population"] == "hidden")
        if kind == "shorter":
            del group["node_ids"]
            group["node_ids"] = np.zeros(3, np.uint16)
        elif kind == "foreign":
            group.attrs["population"] = "other"
    with RunWriter.open(path, spike_plan(), {"seed": 0}, resume=True) as writer:
        assert writer.completed == 2
    assert hash_of(run_spikes(path, resume=True)) == hash_of(sealed)


@pytest.mark.parametrize(
    ("population", "times", "ids", "message"),
    [
        (
            "hiden",
            [0.0],
            [0],
            "spikes of hiden: expected a population of the plan, got another one; did you mean",
        ),
        (
            "hidden",
            [0.0, 1.0],
            [0],
            r"expected one time stamp and one node id per spike, got shapes \(2,\) and \(1,\)",
        ),
        ("hidden", [[0.0]], [[0]], "expected one time stamp and one node id per spike"),
        (
            "hidden",
            [0.0],
            [300],
            "expected node ids from 0 to 299, got int64 from 300 to 300; count its neurons from 0",
        ),
        ("hidden", [0.0], [-1], "expected node ids from 0 to 299, got int64 from -1 to -1"),
        ("hidden", [0.0], [1.5], "expected node ids from 0 to 299, got float64"),
        ("hidden", [np.nan], [0], "expected finite time stamps, got NaN or infinity"),
        (
            "hidden",
            [2.0, 1.0],
            [0, 0],
            "expected spikes in the order of time, got one before its forerunner; sort",
        ),
        ("hidden", [0.5], [0], "expected spikes in the order of time"),
    ],
)
def test_what_is_no_spike_is_refused(tmp_path, population, times, ids, message):
    with RunWriter.open(tmp_path / "run.h5", spike_plan(), {}) as writer:
        writer.append("hidden", [1.0], [0])
        with pytest.raises(DataError, match=message):
            writer.append(population, times, ids)
        writer.append("hidden", [1.0], [299])
        writer.append("hidden", [], [])


def test_spikes_need_a_stream_and_a_unit_of_work(tmp_path):
    plan = Plan((), 1, {"n": 1})
    with (
        RunWriter.open(tmp_path / "run.h5", plan, {}) as writer,
        pytest.raises(
            DataError, match="spikes of x: expected a population of the plan.*; plan a stream for it"
        ),
    ):
        writer.append("x", [0.0], [0])
    with RunWriter.open(tmp_path / "more.h5", spike_plan(n_units=1, variables=()), {}) as writer:
        writer.finish_unit()
        with pytest.raises(
            DataError, match="spikes of hidden: expected 1 units of work, got one more; seal the run"
        ):
            writer.append("hidden", [0.0], [0])


def test_a_resumed_run_that_turns_back_in_time_is_not_sealed(tmp_path):
    path, plan = tmp_path / "run.h5", spike_plan(variables=(), n_units=2)
    for stamp in (40.0, 39.5):
        with RunWriter.open(path, plan, {}, resume=True) as writer:
            writer.append("hidden", [stamp], [1])
            writer.finish_unit()
            writer.flush()
    with (
        RunWriter.open(path, plan, {}, resume=True) as writer,
        pytest.raises(
            DataError, match="spikes of hidden: expected units in the order of time, got 39.5 ms after 40"
        ),
    ):
        writer.seal()
    assert not path.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"streams": (SpikeStream("a/b", 1),)}, "population 'a/b': expected a name without slashes"),
        (
            {"streams": (SpikeStream("a", 1), SpikeStream("a", 1))},
            "population 'a': expected each population once",
        ),
        (
            {"streams": (SpikeStream("a", 0),)},
            "population 'a': expected at least one neuron, got 0; leave out empty",
        ),
        (
            {"streams": (SpikeStream("a", 1, {"sorting": 0}),)},
            "population 'a': expected attributes of other names",
        ),
        ({"streams": (SpikeStream("a", 1, {"x": 1j}),)}, "population 'a': attribute x: expected text"),
        ({"sizes": {"image": UNITS, "spike": 3}}, "dimension spike: expected a name that no population uses"),
        (
            {"static": {"/spikes/a/x": Static(1)}},
            "/spikes/a/x: expected a path outside /spikes.*use Plan.streams",
        ),
        (
            {"coordinates": {"hidden": Coordinate(np.arange(2))}},
            "/spikes/hidden: expected a name unlike the dimensions above it, got 'hidden'; rename one",
        ),
    ],
)
def test_streams_that_cannot_be_stored_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        spike_plan(**changes)


def test_streams_belong_to_what_a_run_is_resumed_under(tmp_path):
    run_spikes(tmp_path / "run.h5", 2)
    fewer = spike_plan(streams=spike_plan().streams[:2])
    with pytest.raises(ConfigError, match="plan: changed since the run began"):
        RunWriter.open(tmp_path / "run.h5", fewer, {"seed": 0}, resume=True)


def test_no_population_is_ever_held_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "PIECE", 20_000)
    plan = Plan((Variable("/x", (), "int8", fill=0),), 20, streams=(SpikeStream("a", 10),))
    unit = 50_000
    with RunWriter.open(tmp_path / "run.h5", plan, {}, min_seconds=0) as writer:
        for number in range(20):
            writer.append("a", np.arange(unit) + number * unit, np.zeros(unit, int))
            writer.finish_unit()
        tracemalloc.start()
        writer.seal()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 0.15 * 20 * unit * 16  # bytes of all its spikes
    with RunFile.open(tmp_path / "run.h5") as run:
        np.testing.assert_array_equal(run.spikes("a")[0], np.arange(20 * unit))


def _unequal(group):
    del group["node_ids"]
    group["node_ids"] = np.zeros(3, "u8")


def _text(group):
    del group["node_ids"]
    group["node_ids"] = ["x"] * len(group["timestamps"])


@pytest.mark.parametrize("damage", [_unequal, _text])
def test_spikes_of_a_stranger_must_be_spikes(sealed, damage):
    with h5py.File(sealed, "r+") as file:
        damage(file["spikes/hidden"])
    with RunFile.open(sealed) as run:
        for read in (run.spikes, lambda name: list(run.spike_pieces(name))):
            with pytest.raises(
                DataError, match="spikes of hidden: expected one time stamp and one node id per spike"
            ):
                read("hidden")


def test_an_attribute_of_a_stranger_must_be_plain(sealed):
    with h5py.File(sealed, "r+") as file:
        file["spikes/hidden"].attrs["sorting"] = file["spikes"].ref
    with pytest.raises(FormatError, match="/spikes/hidden@sorting: expected numbers or text, got references"):
        RunFile.open(sealed)


@pytest.mark.parametrize("path", sorted(STORED.glob("spiking_format_*.h5")), ids=lambda path: path.stem)
def test_every_format_of_spiking_runs_ever_released_is_readable(path):
    import nir

    with RunFile.open(path) as run:
        assert run.content_hash() == path.with_suffix(".hash").read_text().strip()
        assert run.populations == ("dense1", "dense2", "input")
        times, ids = run.spikes("dense1")
        told = run.attributes("/spikes/dense1")
        assert len(times) == len(ids) == run.read("/counts/steps/spikes")[0, 0, 0].sum()
        assert (told["steps"], told["step_ms"], told["neurons"]) == (8, 1.0, 20)
        assert times.max() < 4 * 8
        assert run.read("/outputs/step_scores").shape == (1, 1, 4, 8, 10)
        assert (run.units("/step"), run.units("/spikes/input/timestamps")) == ("s", "ms")
    assert "lif" in nir.read(path).nodes


def test_the_present_format_has_a_stored_spiking_file():
    from neurosim.recording import FORMAT

    assert (STORED / f"spiking_format_{FORMAT}.h5").is_file()
