"""Converters with errors in every path that reads a crossbar: rates, one image, single rows, a saved chip."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from test_rate_engine import digits

from neurosim.chips import load_chip
from neurosim.circuits.converters import Site, adc_of_columns, calibrate
from neurosim.circuits.crossbar import Converters, Crossbar, Tally
from neurosim.circuits.parameters import CellParameters, ConverterParameters, ReadParameters
from neurosim.circuits.row_reads import read_rows
from neurosim.devices import make_device
from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.engines.inference import OneImage, RateEngine
from neurosim.engines.inference.rate import forward_block
from neurosim.foundation.errors import ConfigError
from neurosim.foundation.streams import stream
from neurosim.graph import load_network
from neurosim.placement import place
from neurosim.programming import calibrate_network, load_chip_state, program, save_chip

SEARCH = {"adc__kind": "sar"}
KINDS = [
    {"adc__kind": "ramp", "adc__comparator_noise": 0.7},
    {"adc__kind": "sar", "adc__capacitor_mismatch": 0.1},
    {"adc__kind": "sar", "adc__capacitor_mismatch": 0.1, "adc__comparator_noise": 0.7},
    {"adc__kind": "table", "adc__bits": 6, "adc__dnl": (0.5, -0.5) * 31},
    {"adc__kind": "sar", "adc__range": "maximum", "subtraction": "digital", "array__columns": 20},
    {"read__sensing": "voltage", "adc__kind": "sar", "adc__comparator_noise": 0.5},
    {"read__sensing": "voltage", "subtraction": "digital", "adc__range": "maximum", "array__columns": 20},
]


def built(instance=0, **options):
    network = load_network("digits_mlp")
    chip = load_chip("joshi_2020").with_options(read_noise="none", array__rows=40, **options)
    calibration = calibrate_network(network, digits()[:100])
    return program(network, chip, place(network, chip, calibration.signed), calibration, 0, instance)


def scores(chip, batch=2500, threads=1):
    recorder = MemoryRecorder()
    RateEngine().run(
        chip, Inputs(digits()[:300], (3600.0,)), recorder, lambda n: None, Settings(batch, threads)
    )
    return recorder.scores(0)


@pytest.mark.parametrize("options", KINDS)
def test_errors_reach_the_scores_and_depend_on_the_chip_alone(options, tmp_path):
    chip = built(**options)
    found = scores(chip)
    np.testing.assert_array_equal(scores(chip, batch=250, threads=2), found)
    np.testing.assert_array_equal(scores(built(**options)), found)
    plain = {
        k: v for k, v in options.items() if k in ("subtraction", "array__columns", "adc__range", "adc__bits")
    }
    if options.keys() - plain.keys() != {"adc__kind"}:
        assert (scores(built(**plain)) != found).mean() > 0.5
    loaded = load_chip_state(save_chip(chip, tmp_path / "chip.h5"))
    np.testing.assert_array_equal(scores(loaded), found)


def test_a_search_without_errors_is_the_uniform_chip():
    np.testing.assert_array_equal(scores(built(**SEARCH)), scores(built()))
    ramp = {"adc__kind": "ramp"}
    np.testing.assert_array_equal(scores(built(**ramp)), scores(built()))


def test_voltages_of_the_largest_range_need_fewer_bits():
    """Columns that conduct little use the whole range too."""
    reference = scores(built(adc__bits=16))

    def miss(**options):
        return np.abs(scores(built(adc__range="maximum", adc__bits=6, **options)) - reference).mean()

    assert miss(read__sensing="voltage") < 0.5 * miss()


def test_a_floating_column_does_not_feel_what_all_its_cells_lose():
    """It shows the mean of its rows' voltages, weighted by the conductances of now."""
    x = digits()[:50, :40].astype(np.float32)

    def year(**options):
        crossbar = built(drift_compensation="none", **options).layers["dense1"].crossbars[0]
        fresh, old = crossbar.age_to(0.0, 1e-6), crossbar.age_to(3.2e7, 1e-6)
        a, b = x @ fresh.d[0], x @ old.d[0]
        return fresh, old, float((a * b).sum() / (a * a).sum())

    assert year()[2] < 0.8  # currents fall with the conductances
    fresh, old, kept = year(read__sensing="voltage")
    assert kept == pytest.approx(1, abs=0.05)
    plus, minus = old.g_siemens[:, 0, :40]
    volts = x @ (plus - minus) / (plus + minus).sum(axis=0)
    total = fresh.g_siemens[:, 0, :40].sum(axis=(0, 1)) / old.crossbar.device.parameters.g_max_siemens
    np.testing.assert_allclose(x @ old.d[0], volts * total, rtol=1e-4, atol=1e-5)


def test_noise_of_a_floating_column_is_scaled_with_its_currents():
    crossbar = built(read__sensing="voltage").layers["dense1"].crossbars[0]
    crossbar = replace(crossbar, read=crossbar.read.model_copy(update={"noise": "independent"}))
    held = replace(crossbar, read=crossbar.read.model_copy(update={"sensing": "current"}))
    floats, still = crossbar.age_to(3600.0, 1e-6), held.age_to(3600.0, 1e-6)
    gain = (floats.d[0] * still.d[0]).sum(axis=0) / (still.d[0] ** 2).sum(axis=0)
    assert gain.min() > 1.05
    np.testing.assert_allclose(floats.s2[0], still.s2[0] * gain**2, rtol=1e-3)


def test_voltages_of_slices_are_refused():
    slices = {"cell__weight_bits": 4, "cell__slices": 2, "cell__bits_per_cell": 2, "cell__kind": "offset"}
    with pytest.raises(ConfigError, match="cells without slices"):
        built(read__sensing="voltage", **slices)


def test_every_adc_of_a_chip_and_every_chip_has_its_own_capacitors():
    one, two = (built(n, **KINDS[1]).layers["dense1"].converters[0].adcs for n in (0, 1))
    assert len(one) == 2  # row tiles
    assert (one[0].weights != one[1].weights).any()
    assert (one[0].weights != two[0].weights).any()
    assert len(np.unique(one[0].weights[-1])) == 8  # the ADCs of a tile, which share its 32 columns


def test_one_image_takes_the_block_path():
    aged = built(**KINDS[2]).age_to(3600.0)
    one = OneImage(aged)
    assert not one.fused
    assert OneImage(built().age_to(3600.0)).fused
    x = digits()[:5]
    blocks = [
        forward_block(aged, x[i : i + 1], i, {name: Tally(1) for name in aged.layers})[0] for i in range(5)
    ]
    np.testing.assert_array_equal([one.scores(image, i) for i, image in enumerate(x)], blocks)


def row_converters(aged, noise, **parameters):
    own = ConverterParameters(bits=6, comparator_noise=noise, **parameters)
    dac = calibrate(np.ones(1), ConverterParameters(bits=8), False, "dac")
    where = Site(stream(0, "adc"), 1.0, adc_of_columns((aged.columns,), 4))
    most = np.array([0.7 * max(np.abs(d).max() for d in aged.d)])
    return Converters(dac, (calibrate(most, own, True, "adc", where),) * len(aged.d))


def test_single_rows_are_converted_with_the_errors():
    chip = load_chip("joshi_2020")
    weights = np.random.default_rng(0).normal(0, 1, (30, 12)).astype(np.float32)
    read = ReadParameters(v_read_volts=0.3, t_read_s=250e-9, noise="none")
    bar = Crossbar.program(
        weights, make_device(chip.device), CellParameters(), read, (20, 10), stream(0, "x")
    )
    aged = bar.age_to(1000.0, 1e-6)

    def rows(first, images, **parameters):
        return read_rows(aged, row_converters(aged, **parameters), 1.0, first, images, stream(0, "noise"))

    plain, search = rows(0, 4, noise=0.0), rows(0, 4, noise=0.0, kind="sar")
    np.testing.assert_array_equal(search.weights, plain.weights)
    np.testing.assert_array_equal(search.saturated, plain.saturated)
    assert plain.saturated.sum() > 0
    noisy = rows(5, 4, noise=2.0, kind="sar")
    assert noisy.weights.shape == (4, 30, 12)
    assert (noisy.weights[0] != noisy.weights[1]).any()
    np.testing.assert_array_equal(rows(7, 1, noise=2.0, kind="sar").weights[0], noisy.weights[2])
    assert len(np.unique(noisy.weights[:, 0] - plain.weights[:, 0])) > 5


def test_slices_and_phases_meet_the_same_converters():
    """The fused kernel of uniform converters against any converter, code by code: whole numbers, so equal bits."""

    def sliced(**options):
        network, chip = load_network("digits_mlp"), load_chip("isaac").with_options(**options)
        calibration = calibrate_network(network, digits()[:100])
        placed = place(network, chip, calibration.signed)
        return program(network, chip, placed, calibration, 0).age_to(0.0)

    def found(**options):
        aged = sliced(**options)
        return forward_block(aged, digits()[:40], 0, {name: Tally(40) for name in aged.layers})

    plain = found()
    np.testing.assert_array_equal(found(**SEARCH), plain)
    assert (found(adc__kind="sar", adc__capacitor_mismatch=0.1) != plain).any()
    assert (found(adc__comparator_noise=1.0) != plain).any()
