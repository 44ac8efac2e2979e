"""Pricing run files: the run's own chip, another table, one chip or time of many."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from neurosim.chips import load_chip
from neurosim.costs import price, price_run, price_stored, stored_run
from neurosim.foundation.counts import Counts, LayerGeometry
from neurosim.foundation.errors import ConfigErrors, DataError, FormatError
from neurosim.recording import Coordinate, Plan, RunFile, RunWriter, Static, Variable

LAYERS = (
    LayerGeometry("a", 6, 3, 1, 1, 1, 1, 2, (6,), (3,), 18),
    LayerGeometry("b", 3, 2, 1, 1, 1, 1, 2, (3,), (2,), 6),
)
SIEMENS = np.arange(1, 17, dtype=np.float32).reshape(2, 2, 2, 2) * 1e-4  # chip, time, layer, image


def write(
    path: Path, geometry: str | None = None, chip: str | None = None, dims: str = "chip time layer image"
) -> Path:
    names = [layer.name for layer in LAYERS]
    static = {
        "/description/chip_toml": Static(load_chip("joshi_2020").toml if chip is None else chip),
        "/description/geometry": Static(geometry or json.dumps([asdict(layer) for layer in LAYERS])),
        "/counts/inference/adc_conversions": Static(np.array([3, 2]), ("layer",)),
        "/counts/programming/device_programs": Static(np.array([36, 12]), ("layer",)),
        "/counts/calibration/adc_conversions": Static(np.array([48, 32]), ("layer",)),
    }
    axes = tuple(dims.split())
    plan = Plan(
        variables=(Variable("/counts/inference/array_siemens", axes, "float32", "S"),),
        n_units=1,
        sizes={"chip": 2, "time": 2, "image": 2, "other": 2},
        coordinates={"layer": Coordinate(names)},
        static=static,
    )
    order = [("chip", "time", "layer", "image").index(name) for name in axes if name != "other"]
    with RunWriter.open(path, plan, {}) as writer:
        values = SIEMENS.transpose(order) if len(order) == 4 else SIEMENS
        writer.put("/counts/inference/array_siemens", (slice(None),) * 4, values)
        writer.finish_unit()
        writer.seal()
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write(tmp_path / "run.h5")


def expected(siemens: np.ndarray) -> Counts:
    """Counts for siemens (layer, image)."""
    counts = Counts(("a", "b"), 2)
    for layer, number in (("a", 3), ("b", 2)):
        counts.set("adc_conversions", layer, number)
    counts.varying["array_siemens"] = siemens.astype(float)
    return counts


def test_mean_over_chips_and_times(run: Path) -> None:
    direct = price(expected(SIEMENS.mean(axis=(0, 1))), LAYERS, load_chip("joshi_2020"))
    stored = price_run(run)
    assert stored.total == pytest.approx(direct.total, rel=1e-6)
    assert stored.per_image == pytest.approx(direct.per_image, rel=1e-6)
    assert stored.by_layer() == pytest.approx(direct.by_layer(), rel=1e-6)
    assert sum(row.joules for row in stored.programming) == pytest.approx(48 * 800e-12)
    assert len(stored.calibration) == 2


def test_one_chip_and_one_time(run: Path) -> None:
    direct = price(expected(SIEMENS[1, 0]), LAYERS, load_chip("joshi_2020"))
    assert price_run(run, chip=1, time=0).per_image == pytest.approx(direct.per_image, rel=1e-6)
    assert price_run(run, chip=0, time=0).total < price_run(run, chip=0, time=1).total


def test_axes_in_another_order(tmp_path: Path, run: Path) -> None:
    turned = write(tmp_path / "turned.h5", dims="image layer time chip")
    assert price_run(turned).per_image == pytest.approx(price_run(run).per_image, rel=1e-6)
    assert price_run(turned, chip=1).per_image == pytest.approx(price_run(run, chip=1).per_image, rel=1e-6)


def test_another_table_of_prices(run: Path, tmp_path: Path) -> None:
    dear = load_chip("joshi_2020").with_options(prices__adc__energy_joules=1e-9)
    before, after = price_run(run), price_run(run, dear)
    assert after.by_component()["ADC"] == pytest.approx(5e-9)
    assert after.by_component()["array"] == before.by_component()["array"]
    (tmp_path / "chip.toml").write_text(dear.toml)
    assert price_run(run, tmp_path / "chip.toml").total == after.total
    assert price_run(run, "hermes").label == load_chip("hermes").label


def test_arrays_read_once_may_be_priced_often(run: Path) -> None:
    with RunFile.open(run) as file:
        stored = stored_run(file)
    assert price_stored(stored).total == price_run(run).total
    assert stored.geometries == LAYERS


def test_files_that_cannot_be_priced(tmp_path: Path, run: Path) -> None:
    with pytest.raises(
        FormatError, match=r"expected a JSON list of layer geometries, got 0\.rows: .*integer"
    ):
        price_run(write(tmp_path / "1.h5", geometry=json.dumps([asdict(LAYERS[0]) | {"rows": "many"}])))
    with pytest.raises(
        FormatError, match=r"expected a JSON list of layer geometries, got text: Invalid JSON"
    ):
        price_run(write(tmp_path / "2.h5", geometry="not json"))
    with pytest.raises(ConfigErrors, match=r"3\.h5: /description/chip_toml:1: "):
        price_run(write(tmp_path / "3.h5", chip="format = 1"))
    with pytest.raises(DataError, match=r"expected dimensions chip, time, layer, image, got"):
        price_run(write(tmp_path / "4.h5", dims="chip time layer other"))
    with pytest.raises(DataError):
        price_run(tmp_path / "absent.h5")
    with pytest.raises(ConfigErrors, match=r"missing"):
        price_run(run, _bad_prices(tmp_path))


def _bad_prices(tmp_path: Path) -> Path:
    (tmp_path / "bad.toml").write_text('format = 1\nname = "bad"\n')
    return tmp_path / "bad.toml"
