"""The first place where two runs part, found at every depth of record, and what cannot be compared refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from stepped_runs import IMAGES, POPULATIONS, STEPS, segment_of, steps_of, write

import neurosim.reports.trains as train_pieces
from neurosim.engines.engine import Segment, Spikes
from neurosim.foundation.errors import ConfigError, DataError
from neurosim.recording import RunFile
from neurosim.reports import Divergence, find_divergence

STEPWISE = ("spikes per step", "synaptic_events per step", "membranes of dense2", "scores per step")
PER_IMAGE = (
    "array_siemens per image",
    "spikes per image",
    "synaptic_events per image",
    "scores",
    "predictions",
)


def compare(left: Path, right: Path) -> Divergence:
    with RunFile.open(left) as a, RunFile.open(right) as b:
        return find_divergence(a, b)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("whole") / "run.h5")


def flip(population: str, image: int, step: int, neuron: int) -> Callable[[int, int, Segment], Segment]:
    """Take a spike away, or add it where there was none."""

    def alter(chip: int, time: int, segment: Segment) -> Segment:
        if not segment.where.start <= image < segment.where.stop or (chip, time) != (0, 0):
            return segment
        s = segment.spikes[population]
        rows = set(zip(s.image.tolist(), s.step.tolist(), s.neuron.tolist(), strict=True)) ^ {
            (image, step, neuron)
        }
        columns = np.array(sorted(rows), np.int64).reshape(-1, 3).T
        return replace(segment, spikes={**segment.spikes, population: Spikes(*columns)})

    return alter


def test_equal_runs_are_equal_in_every_record(whole: Path, tmp_path: Path) -> None:
    found = compare(whole, write(tmp_path / "b.h5", cut=3))
    assert found == Divergence((), ("spikes", *STEPWISE, *PER_IMAGE), 1, (25.0,), IMAGES, STEPS, None)


@pytest.fixture(scope="module")
def altered(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int, int, int], Path]:
    """Runs that differ in one spike, by population, image, step and neuron."""
    draw, made = np.random.Generator(np.random.Philox(3)), {}
    folder = tmp_path_factory.mktemp("altered")
    for name, neurons in POPULATIONS.items():
        for end in (0, 1, None):
            image, step = (
                ((IMAGES - 1) * end, (STEPS - 1) * end) if end is not None else draw.integers((IMAGES, STEPS))
            )
            at = (name, int(image), int(step), int(draw.integers(neurons)))
            made[at] = write(folder / f"{len(made)}.h5", ("spikes",), alter=flip(*at))
    return made


@pytest.mark.parametrize("piece", [1, 3, 50, 1 << 20])
def test_the_first_spike_is_found_in_pieces_of_any_size(
    whole: Path, altered: dict[Any, Path], monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(train_pieces, "PIECE", piece)
    for (name, image, step, neuron), path in altered.items():
        found = compare(whole, path)
        parting = found.parting
        assert parting is not None
        assert (parting.what, parting.image, parting.step) == ("spikes", image, step)
        assert parting.place == f"neuron {neuron} of {name}"
        assert {parting.left, parting.right} == {"a spike", "no spike"}
        mirrored = compare(path, whole).parting
        assert mirrored is not None
        assert (mirrored.left, mirrored.right) == (parting.right, parting.left)
        assert found.compared == ("spikes",)
    assert compare(whole, whole).parting is None


def test_earlier_images_then_steps_then_depth_then_neurons_come_first(whole: Path, tmp_path: Path) -> None:
    def several(*ats: tuple[str, int, int, int]) -> Callable[[int, int, Segment], Segment]:
        def alter(chip: int, time: int, segment: Segment) -> Segment:
            for at in ats:
                segment = flip(*at)(chip, time, segment)
            return segment

        return alter

    cases = [
        ([("input", 4, 2, 1), ("dense2", 3, 7, 9)], "neuron 9 of dense2"),
        ([("input", 4, 3, 1), ("dense2", 4, 2, 9)], "neuron 9 of dense2"),
        ([("dense2", 4, 2, 0), ("dense1", 4, 2, 9)], "neuron 9 of dense1"),
        ([("dense1", 4, 2, 11), ("dense1", 4, 2, 9)], "neuron 9 of dense1"),
    ]
    for number, (ats, place) in enumerate(cases):
        parting = compare(whole, write(tmp_path / f"{number}.h5", alter=several(*ats))).parting
        assert parting is not None
        assert parting.place == place


def test_a_population_that_falls_silent(whole: Path, tmp_path: Path) -> None:
    def silent(chip: int, time: int, segment: Segment) -> Segment:
        nothing = np.zeros(0, np.int64)
        return replace(segment, spikes={**segment.spikes, "dense2": Spikes(nothing, nothing, nothing)})

    path = write(tmp_path / "silent.h5", alter=silent)
    first = segment_of_all().spikes["dense2"]
    for left, right in ((whole, path), (path, whole)):
        parting = compare(left, right).parting
        assert parting is not None
        assert (parting.image, parting.step) == (first.image[0], first.step[0])
        assert parting.place == f"neuron {first.neuron[0]} of dense2"
    assert compare(path, path).parting is None


def segment_of_all() -> Segment:
    from stepped_runs import described

    return segment_of(described(()), 0, 0, slice(0, IMAGES))


def test_coarser_records_are_compared_where_spikes_are_missing(tmp_path: Path) -> None:
    def raised(
        field: str, at: tuple[int, ...], by: float, name: str = ""
    ) -> Callable[[int, int, Segment], Segment]:
        def alter(chip: int, time: int, segment: Segment) -> Segment:
            if not segment.where.start <= at[0] < segment.where.stop:
                return segment
            inside = (at[0] - segment.where.start, *at[1:])
            value: Any = getattr(segment, field)
            array = np.array(value[name] if name else value)
            # counts have their layer first
            array[(inside[2], *inside[:2]) if "counts" in field else inside] += by
            return replace(segment, **{field: {**value, name: array} if name else array})

        return alter

    record = ("outputs", "traces")
    plain = write(tmp_path / "plain.h5", record)
    cases = [
        (raised("step_counts", (6, 4, 1), 3, "spikes"), "spikes per step", 6, 4, "layer 'dense2'"),
        (raised("traces", (2, 6, 1), 0.5, "dense2"), "membranes of dense2", 2, 6, "neuron '7'"),
        (raised("step_scores", (7, 5, 8), 2), "scores per step", 7, 5, "class '8'"),
        (raised("scores", (3, 8), 0.5), "scores", 3, None, "class '8'"),
    ]
    for number, (alter, what, image, step, place) in enumerate(cases):
        found = compare(plain, write(tmp_path / f"{number}.h5", record, alter=alter))
        parting = found.parting
        assert parting is not None
        assert (parting.what, parting.image, parting.step, parting.place) == (what, image, step, place)
        assert found.compared[-1] == what
        assert round(float(parting.right) - float(parting.left), 3) in (3, 2, 0.5)
    few = [write(tmp_path / f"few{k}.h5", ("none",), alter=raised("scores", (9, 2), k)) for k in (0.0, 90.0)]
    parting = compare(*few).parting
    assert parting is not None
    assert (parting.what, parting.image, parting.step, parting.place) == ("predictions", 9, None, "")
    assert parting.right == "2"


def test_membranes_of_other_neurons_are_not_compared(whole: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.h5", steps=steps_of(traced={"dense2": (1, 7)}))
    found = compare(whole, other)
    assert found.parting is None
    assert "membranes of dense2" not in found.compared


def test_not_a_number_equals_itself(tmp_path: Path) -> None:
    def unknown(chip: int, time: int, segment: Segment) -> Segment:
        return replace(segment, scores=np.full_like(segment.scores, np.nan))

    paths = [write(tmp_path / f"{k}.h5", ("outputs",), alter=unknown) for k in range(2)]
    assert compare(*paths).parting is None


def test_chips_and_times_are_matched(tmp_path: Path) -> None:
    left = write(tmp_path / "a.h5", instances=2, times_s=(25.0, 60.0))

    def alter(chip: int, time: int, segment: Segment) -> Segment:
        return flip("dense1", 5, 1, 2)(0, 0, segment) if (chip, time) == (1, 1) else segment

    found = compare(left, write(tmp_path / "b.h5", instances=2, times_s=(25.0, 60.0), alter=alter))
    assert found.parting is not None
    assert (found.parting.chip, found.parting.time_s, found.parting.image) == (1, 60.0, 5)
    # the first time of one is the second of the other
    late = write(tmp_path / "c.h5", times_s=(60.0, 90.0))
    assert compare(left, late).times_s == (60.0,)
    apart = write(tmp_path / "d.h5", times_s=(90.0,))
    with pytest.raises(
        ConfigError, match=r"d.h5: times: expected a time that both runs have, got \(25.0, 60.0\) and"
    ):
        compare(left, apart)


def test_images_and_steps_that_only_one_has_are_left_out(whole: Path, tmp_path: Path) -> None:
    fewer = compare(whole, write(tmp_path / "fewer.h5", images=7))
    assert (fewer.images, fewer.parting) == (7, None)
    assert {d.name for d in fewer.differences} == {"images"}
    # the altered image is beyond those
    altered = write(tmp_path / "altered.h5", alter=flip("input", 9, 0, 0))
    assert compare(altered, write(tmp_path / "again.h5", images=7)).parting is None
    longer = write(tmp_path / "longer.h5", steps=steps_of(count=STEPS + 4))
    found = compare(whole, longer)
    assert found.steps == STEPS
    assert "scores" not in found.compared
    assert {d.name for d in found.differences} == {"steps"}


def test_descriptions_that_differ_are_listed(whole: Path, tmp_path: Path) -> None:
    from stepped_runs import described

    from neurosim.chips import load_chip

    other = load_chip("joshi_2020").with_options(drift_compensation="none")
    attributes = {"seed": 7, "encoding": "poisson", "times": np.array([1.0, 2.0])}
    found = compare(whole, write(tmp_path / "b.h5", attributes=attributes, chip=other))
    shown = {d.name: (d.left, d.right) for d in found.differences}
    assert shown["seed"] == ("0", "7")
    assert shown["encoding"] == ("absent", "poisson")
    assert shown["times"] == ("absent", "1.0, 2.0")
    assert shown["chip_toml"] == ("0 lines of its own", "3 lines of its own")
    assert len(shown) == 4
    assert found.parting is None
    assert described(()).network is not None


def test_runs_that_cannot_be_compared_are_refused(whole: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "inputs.h5", attributes={"inputs": "mnist/test"})
    with pytest.raises(
        ConfigError, match=r"inputs.h5: inputs: expected '', got 'mnist/test'; compare runs on"
    ):
        compare(whole, other)
    labelled = write(tmp_path / "labels.h5", labels=np.ones(IMAGES, int))
    with pytest.raises(
        ConfigError, match=r"labels: expected the labels of the first run, got others; compare runs on"
    ):
        compare(whole, labelled)
    fewer = write(tmp_path / "fewer.h5", steps=steps_of(populations={**POPULATIONS, "dense1": 21}))
    with pytest.raises(
        ConfigError,
        match=r"fewer.h5: spikes: expected the same populations, got dense1 \(20\), .*dense1 \(21\)",
    ):
        compare(whole, fewer)
    names = write(tmp_path / "names.h5", ("outputs",), class_names=[f"c{k}" for k in range(10)])
    with pytest.raises(ConfigError, match=r"step_scores: expected the same axes in both runs, got .*'c0'"):
        compare(whole, names)


def _no_meaning(file: h5py.File) -> None:
    del file["spikes/dense1"].attrs["depth"]


def _no_step(file: h5py.File) -> None:
    file["spikes/dense1"].attrs["step_ms"] = 0.0


def _backwards(file: h5py.File) -> None:
    file["spikes/dense1/timestamps"][5] = 0.0


def _foreign_neuron(file: h5py.File) -> None:
    file["spikes/dense1/node_ids"][5] = 99


def _not_finite(file: h5py.File) -> None:
    file["spikes/dense1/timestamps"][5] = np.nan


def _no_images(file: h5py.File) -> None:
    file.move("image", "picture")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            _no_meaning,
            "/spikes/dense1: expected what its time stamps mean: .*, got KeyError 'depth'; record the run",
        ),
        (_no_step, "/spikes/dense1: expected what its time stamps mean: .*, got numbers that cannot be"),
        (
            _backwards,
            "spikes of dense1: expected spikes of 20 neurons in the order of time, got others; make the file",
        ),
        (_foreign_neuron, "spikes of dense1: expected spikes of 20 neurons in the order of time"),
        (_not_finite, "spikes of dense1: expected spikes of 20 neurons in the order of time"),
        (_no_images, "/image: expected a dimension of this name, got none; compare files of `neurosim run`"),
    ],
)
def test_files_of_a_stranger_are_data_errors(
    whole: Path, tmp_path: Path, damage: Callable[[h5py.File], None], message: str
) -> None:
    path = write(tmp_path / "hostile.h5")
    with h5py.File(path, "r+") as file:
        damage(file)
    for left, right in ((whole, path), (path, whole)):
        with pytest.raises(DataError, match=message):
            compare(left, right)


def test_runs_without_steps_are_compared_per_image(tmp_path: Path) -> None:
    def rate(name: str, **changes: Any) -> Path:
        return write(tmp_path / name, ("outputs",), steps=None, **changes)

    left, right = (write_rate(tmp_path / name, by) for name, by in (("a.h5", 0.0), ("b.h5", 0.25)))
    found = compare(left, right)
    assert (found.compared, found.steps) == (PER_IMAGE[:4], 0)
    assert found.parting is not None
    assert (found.parting.image, found.parting.step, found.parting.place) == (8, None, "class '4'")
    assert compare(left, left).parting is None
    # a rate run beside a spiking one: only the answers mean the same in both
    assert compare(left, rate("c.h5")).compared == ("predictions",)


def write_rate(path: Path, by: float) -> Path:
    """A run of the same layout without steps, image 8 altered."""
    from stepped_runs import described

    from neurosim.engines.layout import FileRecorder, plan
    from neurosim.recording import RunWriter

    stepped = described(("outputs",))
    run = replace(stepped, steps=None)
    with RunWriter.open(path, plan(run), {}) as writer:
        segment = segment_of(stepped, 0, 0, slice(0, IMAGES))
        segment.scores[8, 4] += by
        FileRecorder(run, writer, 0, 0).put(segment)
        writer.seal()
    return path
