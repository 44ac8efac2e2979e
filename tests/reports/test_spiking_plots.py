"""Pictures and figures of runs in steps: drawn for every kind of run, and showing what the file holds."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from stepped_runs import IMAGES, POPULATIONS, STEPS, described, segment_of, steps_of, write
from test_plots import _svg_texts, size_of

import neurosim.reports.stepwise as pieces
from neurosim.foundation.errors import DataError
from neurosim.recording import RunFile
from neurosim.reports import Stepwise, accuracy_by_step, plot_all, plot_raster, plot_steps, plot_traces
from neurosim.reports.trains import trains


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("whole") / "run.h5")


def test_accuracy_after_every_step(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = described(())
    wanted = segment_of(run, 0, 0, slice(0, IMAGES))
    right = (wanted.step_scores.argmax(axis=2) == run.labels[:, None]).mean(axis=0)
    for cells in (1, 1 << 24):
        monkeypatch.setattr(pieces, "_CELLS", cells)
        with RunFile.open(whole) as file:
            found = accuracy_by_step(file)
        np.testing.assert_allclose(found.mean, right[None], rtol=1e-12)
        assert (found.steps, found.step_s, found.times_s) == (STEPS, None, (25.0,))


def test_accuracy_of_several_chips_and_times_with_a_length_of_step(tmp_path: Path) -> None:
    path = write(
        tmp_path / "run.h5", ("outputs",), instances=2, times_s=(25.0, 60.0), steps=steps_of(step_s=1e-4)
    )
    with RunFile.open(path) as file:
        found = accuracy_by_step(file)
        predictions, labels = file.read("/outputs/predictions"), file.read("/outputs/labels")
    assert found.per_chip.shape == (2, 2, STEPS)
    np.testing.assert_allclose(found.per_chip[..., -1], (predictions == labels).mean(axis=2))
    assert found.step_s == pytest.approx(1e-4)


def test_when_the_accuracy_has_settled() -> None:
    def settled(*accuracy: float) -> int:
        return Stepwise(np.array([[accuracy]]), (25.0,), None).settled()

    assert settled(0.1, 0.9, 0.5, 0.899, 0.9) == 4
    assert settled(0.9, 0.9, 0.9) == 1
    assert settled(0.9, 0.1) == 2


def test_pictures_of_a_run_in_steps(whole: Path, tmp_path: Path) -> None:
    with RunFile.open(whole) as file:
        paths = plot_all(file, tmp_path)
    assert {"steps.png", "raster.png", "traces.png"} <= {path.name for path in paths}
    assert all(min(size_of(path)) > 300 for path in paths)


def test_only_what_was_recorded_is_drawn(tmp_path: Path) -> None:
    path = write(tmp_path / "run.h5", ("none",))
    with RunFile.open(path) as file:
        paths = plot_all(file, tmp_path / "p")
        assert not {"steps.png", "raster.png", "traces.png"} & {path.name for path in paths}
        with pytest.raises(
            DataError, match="expected a run with /outputs/step_scores, got none; run with spikes"
        ):
            plot_steps(file, tmp_path / "x.png")
        with pytest.raises(
            DataError, match="expected recorded spikes, got none; run again with --record outputs,spi"
        ):
            plot_raster(file, tmp_path / "x.png")
        with pytest.raises(
            DataError, match="expected recorded membranes, got none; run again with --record outputs,"
        ):
            plot_traces(file, tmp_path / "x.png")


def test_pictures_of_steps_say_what_they_show(whole: Path, tmp_path: Path) -> None:
    texts = {}
    with RunFile.open(whole) as file:
        texts["steps"] = _svg_texts(plot_steps(file, tmp_path / "steps.svg"))
        texts["raster"] = _svg_texts(plot_raster(file, tmp_path / "raster.svg", 5))
        texts["traces"] = _svg_texts(plot_traces(file, tmp_path / "traces.svg", 5))
        given = int(file.read("/outputs/predictions")[0, 0, 5])
        counted = {t.population: len(t.of_image(5)) for t in trains(file)}
    assert {"float network", "25 s after programming", "steps done", "dense1", "dense2"} <= texts["steps"]
    title = f"digits_mlp on joshi_2020, image 5: class 5, taken for {given}"
    assert title in texts["raster"] & texts["traces"]
    assert {f"{n} spikes" for n in counted.values()} | set(POPULATIONS) <= texts["raster"]
    assert {"neuron 3", "neuron 7", "membrane"} <= texts["traces"]


def test_an_image_that_is_not_there(whole: Path, tmp_path: Path) -> None:
    with RunFile.open(whole) as file:
        for draw in (plot_raster, plot_traces):
            with pytest.raises(
                DataError, match="expected an image from 0 to 11, got 12; choose another image"
            ):
                draw(file, tmp_path / "x.png", IMAGES)


def test_silent_saturated_and_many_populations_are_drawn(tmp_path: Path) -> None:
    many = {"input": 64, "dense1": 20, "dense2": 10} | {f"more{k}": 1 for k in range(12)}
    path = write(
        tmp_path / "run.h5", steps=steps_of(populations=many, traced={f"more{k}": (0,) for k in range(12)})
    )
    with RunFile.open(path) as file:
        texts = _svg_texts(plot_raster(file, tmp_path / "raster.svg", IMAGES - 1))
        assert {"input", "more5", "more11"} <= texts
        assert "more8" not in texts
        assert size_of(plot_traces(file, tmp_path / "traces.png"))[1] > 1000
    with h5py.File(path, "r+") as file:
        stamps, ids = file["spikes/dense2/timestamps"], file["spikes/dense2/node_ids"]
        stamps[...], ids[...] = 0, np.arange(len(ids)) % 10  # all at once
        file["traces/more0/membrane"][...] = 0
    with RunFile.open(path) as file:
        plot_raster(file, tmp_path / "same.png")
        plot_traces(file, tmp_path / "flat.png")


def test_scores_with_other_axes_are_refused(whole: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "run.h5", ("outputs",))
    with h5py.File(path, "r+") as file:
        del file["outputs/step_scores"]
        file["outputs/step_scores"] = np.zeros((2, 2))
    with (
        RunFile.open(path) as file,
        pytest.raises(DataError, match="expected dimensions chip, time, image, step, cl"),
    ):
        accuracy_by_step(file)
