"""The wheel's check itself: it passes a right wheel and names what is wrong with others."""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("check_wheel", Path(__file__).with_name("check_wheel.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
check_wheel = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(check_wheel)

SHIPPED = {
    "networks/a/network.toml": b"a = 1",
    "networks/a/weights.safetensors": b"\0\1",
    "datasets/d.toml": b"d",
}
RIGHT = {
    "neurosim/__init__.py": b"",
    "neurosim/py.typed": b"",
    "neurosim/kernels/spikes.c": b"",
    "neurosim/chips/c/chip.toml": b"c",
    "neurosim_memristive-0.1.0.dist-info/METADATA": b"",
    "neurosim_memristive-0.1.0.dist-info/licenses/LICENSE": b"",
} | {f"neurosim/_shipped/{name}": data for name, data in SHIPPED.items()}


@pytest.fixture
def problems(tmp_path):
    """The problems of a wheel with these files, against a checkout that is right."""
    checkout = tmp_path / "checkout"
    for name, data in (SHIPPED | {"neurosim/chips/c/chip.toml": b"c"}).items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_bytes(data)

    def find(files: dict[str, bytes]) -> list[str]:
        with zipfile.ZipFile(tmp_path / "w.whl", "w") as packed:
            for name, data in files.items():
                packed.writestr(name, data)
        return check_wheel.content_problems(tmp_path / "w.whl", checkout)

    return find


def test_a_right_wheel(problems):
    assert problems(RIGHT) == []


@pytest.mark.parametrize(
    ("extra", "lacking", "expected"),
    [
        ({"tests/test_x.py": b""}, "", "top level holds more than neurosim: tests"),
        ({"networks/a/network.toml": b""}, "", "top level holds more than neurosim: networks"),
        ({}, "neurosim/py.typed", "neurosim/py.typed is missing"),
        ({}, "neurosim_memristive-0.1.0.dist-info/licenses/LICENSE", "the licence is missing"),
        ({}, "neurosim/chips/c/chip.toml", "neurosim/chips/c/chip.toml is missing or differs"),
        ({}, "neurosim/_shipped/datasets/d.toml", "neurosim/_shipped/datasets/d.toml is not in the wheel"),
        ({"neurosim/_shipped/datasets/d.toml": b"old"}, "", "datasets/d.toml differs from the checkout's"),
        ({"neurosim/_shipped/datasets/e.toml": b"e"}, "", "datasets/e.toml is not in the checkout"),
        ({"neurosim/_shipped/networks/a/x.py": b""}, "", "networks/a/x.py is no data file"),
        ({"neurosim/__pycache__/x.pyc": b""}, "", "neurosim/__pycache__/x.pyc does not belong there"),
    ],
)
def test_wrong_wheels(problems, extra, lacking, expected):
    files = {name: data for name, data in RIGHT.items() if name != lacking} | extra
    assert any(expected in problem for problem in problems(files))


def test_the_checkout_does_not_pass_for_an_installed_wheel(project_root, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(project_root))
    found = check_wheel.working_problems(project_root, tmp_path)
    assert len(found) == 1
    assert "not from the installed wheel" in found[0]
