"""Where the shipped networks and dataset cards lie: in a checkout, or inside the installed wheel."""

from __future__ import annotations

from pathlib import Path

import neurosim
from neurosim.foundation.errors import ConfigError, near


def shipped_folder(kind: str) -> Path:
    """The folder `networks` or `datasets`; the checkout's own is preferred to a copy in a wheel."""
    package = Path(neurosim.__file__).resolve().parent
    checkout = package.parent / kind
    if (package.parent / "pyproject.toml").is_file() and checkout.is_dir():
        return checkout
    return package / "_shipped" / kind


def chips_folder() -> Path:
    """The folder with one folder per published chip."""
    return Path(neurosim.__file__).resolve().parent / "chips"


def find_description(kind: str, name: str, folder: Path, file_in_folder: str) -> Path:
    """The TOML file for a name shipped with the package, or for a path the user gives.

    Parameters
    ----------
    kind : what is looked for, for the message ("chip", "network", "data set")
    name : a shipped name, a TOML file, or a folder that holds `file_in_folder`
    folder : where the shipped ones lie
    file_in_folder : "chip.toml", or "" when each is a single NAME.toml

    Raises ConfigError, with the nearest known names, when there is none.
    """
    known = shipped_names(folder, file_in_folder)
    if name in known:
        return folder / name / file_in_folder if file_in_folder else folder / f"{name}.toml"
    path = Path(name)
    if file_in_folder and (path / file_in_folder).is_file():
        return path / file_in_folder
    if path.suffix == ".toml" and path.is_file():
        return path
    remedy = near(name, known)
    if path.suffix == ".toml" or "/" in name:  # meant as a path: a list of names would not help
        there = f"a folder without {file_in_folder}" if file_in_folder and path.is_dir() else "nothing"
        remedy = f"{there} lies there: check the path"
    raise ConfigError(kind, "a known name or a path", repr(name), remedy)


def shipped_names(folder: Path, file_in_folder: str) -> list[str]:
    """Names found in a folder of descriptions, sorted."""
    pattern = f"*/{file_in_folder}" if file_in_folder else "*.toml"
    return sorted(p.parent.name if file_in_folder else p.stem for p in folder.glob(pattern))
