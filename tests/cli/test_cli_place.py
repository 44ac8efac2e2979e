"""neurosim place and the networks that need it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from conftest import Verb, one_line, widest

from neurosim.chips import load_chip
from neurosim.pipeline.placing import Wishes, place_shapes

CAPACITY = '\n[capacity]\ntiles = {value = 40, source = "made up", status = "assumed"}\n'


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """joshi_2020 with 40 tiles a chip."""
    path = tmp_path / "small.toml"
    path.write_text(load_chip("joshi_2020").text + CAPACITY)
    return path


def test_place_prints_the_figures_of_the_placed_network(verb: Verb) -> None:
    got = verb("place", "resnet18", "--chip", "isaac", "--replicate")
    assert (got.exit_code, got.stderr) == (0, "")
    assert widest(got.stdout) <= 80
    placed = place_shapes("resnet18", "isaac", Wishes(replicate=True))
    rows = {re.split(r"\s{2,}", line)[0]: line for line in got.stdout.splitlines()}
    for layer in placed.layers():
        assert f" {layer.tiles:,} " in rows[layer.name]
        assert f" {layer.copies:,} " in rows[layer.name]
    assert f"{placed.tiles:,}" in rows["tiles"]
    assert f"{placed.ops_per_second / 1e12:.3g}" in rows["TOP/s"]
    assert "41.3" in rows["TOP/s"]
    assert f"{placed.ops_per_joule / 1e12:.3g}" in rows["TOP/s/W"]
    share = f"{100 * placed.ops_per_second / placed.peak.ops_per_second:.1f} %"
    assert all(share in rows[name] for name in ("TOP/s", "TOP/s/W", "TOP/s/mm2"))
    assert "Expected, assumed: no data were run." in got.stdout


def test_assumptions_are_said_where_they_matter(verb: Verb) -> None:
    told = "Mean conductance 0.3 of the devices' range, input activity 0.06"
    assert told in " ".join(verb("place", "mnist_lenet", "--mean-conductance", 0.3).stdout.split())
    assert (
        "The array's energy is a published figure" in verb("place", "mnist_lenet", "--chip", "isaac").stdout
    )


def test_rounds_and_their_price_are_shown(verb: Verb, small: Path) -> None:
    got = verb("place", "resnet18", "--chip", small, "--multiplex", "--batch", 10)
    assert got.exit_code == 0
    text = " ".join(got.stdout.split())
    assert "Beside it, programming: 1.87 mJ (2,335,782 devices programmed)." in text
    assert "Without the time of programming 2,335,782 devices an image anew" in text
    assert re.search(r"rounds +2 ", got.stdout)


def test_chips_are_shown(verb: Verb, small: Path) -> None:
    got = verb("place", "resnet18", "--chip", small)
    assert re.search(r"chips +2 +of 40 tiles each; 92.5 % of them are occupied", got.stdout)
    assert "Without links: no figure per byte sent over a link between chips." in got.stdout
    assert "Without the time of links between chips" in got.stdout


def test_a_chip_without_a_circuit_is_placed_on(verb: Verb) -> None:
    got = verb("place", "resnet18", "--chip", "rram_pairs")
    assert got.exit_code == 0
    assert "none: rram_pairs has no circuit, so nothing is timed or priced" in got.stdout


def test_json_and_the_file_hold_the_same(verb: Verb, tmp_path: Path) -> None:
    path = tmp_path / "place.json"
    got = verb("place", "mnist_lenet", "--json", "--out", path)
    assert got.exit_code == 0
    assert json.loads(got.stdout) == json.loads(path.read_text())
    assert json.loads(got.stdout)["weights"] == 61_470
    again = verb("place", "mnist_lenet", "--out", path)
    assert again.exit_code == 2
    assert "expected a file that is not there yet" in one_line(again.stderr)
    assert verb("place", "mnist_lenet", "--out", path, "--overwrite").exit_code == 0


def test_a_processor_is_placed_on(verb: Verb) -> None:
    got = verb("place", "alexnet", "--chip", "v100")
    assert (got.exit_code, got.stderr) == (0, "")
    assert widest(got.stdout) <= 80
    assert "alexnet on v100, from its shapes alone" in got.stdout
    content = json.loads(verb("place", "alexnet", "--chip", "v100", "--json").stdout)
    assert content["macs"] == sum(layer["macs"] for layer in content["layers"]) == 724_406_816
    assert content["ops_per_second"] == pytest.approx(2 * content["macs"] / content["interval_s"])
    assert content["ops_per_second"] < content["peak_ops_per_second"]


@pytest.mark.parametrize("wish", [("--replicate",), ("--chips", 2), ("--multiplex",), ("--batch", 2)])
def test_a_processor_has_no_tiles(verb: Verb, wish: tuple[object, ...]) -> None:
    got = verb("place", "alexnet", "--chip", "v100", *wish)
    assert got.exit_code == 2
    assert f"{wish[0]}: expected a chip of crossbars, got v100, a digital processor" in one_line(got.stderr)


def test_networks_of_shapes_are_listed_as_such(verb: Verb) -> None:
    got = verb("networks")
    rows = {line.split()[0]: line for line in got.stdout.splitlines() if line.strip()}
    assert "shapes only" in rows["resnet50"]
    assert "25.5 M" in rows["resnet50"]
    assert "not trained" in rows["cifar_resnet32"]
    assert "Shapes only, without weights: neurosim place vgg19" in verb("networks", "vgg19").stdout
    assert (
        "neurosim train cifar_resnet32 (about 19 h on one core)" in verb("networks", "cifar_resnet32").stdout
    )


def test_a_network_of_shapes_is_not_run(verb: Verb) -> None:
    got = verb("run", "vgg19")
    assert got.exit_code == 1
    assert "only its shapes are known: `neurosim place vgg19` needs none" in one_line(got.stderr)


def test_help_teaches(verb: Verb) -> None:
    got = verb("place", "--help")
    assert got.exit_code == 0
    assert "neurosim place resnet50 --chip isaac --chips 4 --replicate" in " ".join(got.stdout.split())
    assert widest(got.stdout) <= 80
