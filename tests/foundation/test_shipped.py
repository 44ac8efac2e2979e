"""Shipped files: found in a checkout and in an installed package, by name and by path."""

from __future__ import annotations

from pathlib import Path

import pytest

import neurosim
from neurosim.foundation.errors import ConfigError
from neurosim.foundation.shipped import chips_folder, find_description, shipped_folder, shipped_names


def test_the_checkout_is_preferred(project_root):
    assert shipped_folder("datasets") == project_root / "datasets"
    assert shipped_folder("networks") in (
        project_root / "networks",
        project_root / "neurosim/_shipped/networks",
    )
    assert chips_folder() == project_root / "neurosim" / "chips"


def test_an_installed_package_uses_its_own_copy(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "neurosim"
    (tmp_path / "site-packages" / "datasets").mkdir(parents=True)  # somebody else's folder
    monkeypatch.setattr(neurosim, "__file__", str(package / "__init__.py"))
    assert shipped_folder("datasets") == package / "_shipped" / "datasets"
    assert chips_folder() == package / "chips"


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two descriptions in folders of their own and two single files."""
    for name in ("hermes", "joshi_2020"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "chip.toml").write_text("format = 1\n")
    for name in ("mnist", "digits"):
        (tmp_path / f"{name}.toml").write_text("format = 1\n")
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_names(folder):
    assert shipped_names(folder, "chip.toml") == ["hermes", "joshi_2020"]
    assert shipped_names(folder, "") == ["digits", "mnist"]
    assert shipped_names(folder / "none", "chip.toml") == []


def test_by_name_and_by_path(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("mine")
    (elsewhere / "chip.toml").write_text("format = 1\n")
    assert find_description("chip", "hermes", folder, "chip.toml") == folder / "hermes" / "chip.toml"
    assert find_description("data set", "mnist", folder, "") == folder / "mnist.toml"
    assert find_description("chip", str(elsewhere), folder, "chip.toml") == elsewhere / "chip.toml"
    toml = str(elsewhere / "chip.toml")
    assert find_description("chip", toml, folder, "chip.toml") == elsewhere / "chip.toml"
    assert find_description("data set", toml, folder, "") == elsewhere / "chip.toml"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("herms", "chip: expected a known name or a path, got 'herms'; did you mean 'hermes'"),
        ("empty", "got 'empty'; known: hermes, joshi_2020"),
        ("/no/such/chip.toml", "got '/no/such/chip.toml'; nothing lies there: check the path"),
        ("./nothing", "got './nothing'; nothing lies there"),
        ("chip.toml", "got 'chip.toml'; nothing lies there"),
        ("/usr/lib", "got '/usr/lib'; a folder without chip.toml lies there"),
        ("", "got ''; known"),
        ("../mnist.toml", "got '../mnist.toml'"),
    ],
)
def test_unknown_names(folder, name, message):
    with pytest.raises(ConfigError, match=message):
        find_description("chip", name, folder, "chip.toml")


def test_importing_the_package_is_light():
    import subprocess
    import sys

    code = (
        "import neurosim, sys;"
        "print(len([m for m in sys.modules if m.split('.')[0] in"
        " ('numpy', 'scipy', 'numba', 'h5py', 'torch', 'sklearn', 'matplotlib', 'pydantic', 'pooch')]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


def test_unknown_public_names():
    with pytest.raises(AttributeError, match="module 'neurosim' has no attribute 'nonsense'"):
        neurosim.nonsense  # noqa: B018
