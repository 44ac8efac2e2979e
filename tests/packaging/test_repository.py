"""The repository's shell: what the README, the version and the checks say of each other."""

from __future__ import annotations

import re
import subprocess
import tomllib

import pytest

import neurosim


@pytest.fixture
def read(project_root):
    """The text of a file of the repository."""
    return lambda name: (project_root / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("mark", ["run", "test"])
def test_the_readme_has_the_commands_that_the_checks_run(read, mark):
    found = re.findall(rf"<!-- setup:{mark} -->\s*```bash\n(.+?)\n```", read("README.md"), re.DOTALL)
    assert len(found) == 1
    assert found[0].startswith("pip install -e ")
    assert found[0].endswith({"run": "neurosim run", "test": "python -m pytest"}[mark])
    assert f"run_readme {mark}" in read(".ci/run")


def test_the_checks_are_a_valid_script(project_root):
    path = project_root / ".ci" / "run"
    assert path.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(path)], check=True)


def test_versions_agree(read):
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert neurosim.__version__ == version
    assert re.search(rf"^version: {re.escape(version)}$", read("CITATION.cff"), re.MULTILINE)


def test_the_licence_is_stated_alike(read):
    assert tomllib.loads(read("pyproject.toml"))["project"]["license"] == "MIT"
    assert read("LICENSE").startswith("MIT License")
    assert "license: MIT" in read("CITATION.cff")


def test_the_changelog_has_what_is_not_released_yet(read):
    assert re.search(r"^## \[Unreleased\]$", read("CHANGELOG.md"), re.MULTILINE)


def test_constraints_allow_what_the_package_needs(read):
    needs = tomllib.loads(read("pyproject.toml"))["project"]["dependencies"]
    assert "numpy<2.4" in read("constraints.txt")
    assert any(need.startswith("numpy") and need.endswith("<2.4") for need in needs)
