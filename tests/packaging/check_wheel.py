"""Check a built wheel: what is in it, and that it works installed, away from the checkout.

Usage: python check_wheel.py WHEEL CHECKOUT, with the Python of an environment that has the wheel installed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

NEEDED = ("neurosim/__init__.py", "neurosim/py.typed", "neurosim/kernels/spikes.c")
SHIPPED = ("networks", "datasets")
SUFFIXES = (".toml", ".safetensors")
COMMANDS = {
    ("run", "--help"): "--chip",
    ("networks",): "digits_mlp",
    ("chips",): "joshi_2020",
    ("datasets",): "fashion_mnist",
    ("run",): "joshi_2020",
    ("run", "--mode", "spiking", "--steps", "20"): "20 steps",
}
LIMIT_S = 180


def content_problems(wheel: Path, checkout: Path) -> list[str]:
    """What is wrong with a wheel's content; empty when nothing is."""
    with zipfile.ZipFile(wheel) as packed:
        files = {name: packed.read(name) for name in packed.namelist() if not name.endswith("/")}
    problems = []
    top = {name.split("/")[0] for name in files}
    others = sorted(name for name in top if name != "neurosim" and not name.endswith(".dist-info"))
    if others:
        problems.append(f"top level holds more than neurosim: {', '.join(others)}")
    problems += [f"{name} is missing" for name in NEEDED if name not in files]
    problems += [f"{name} does not belong there" for name in files if name.endswith((".pyc", ".pt", ".h5"))]
    if not any(name.endswith("/licenses/LICENSE") for name in files):
        problems.append("the licence is missing")
    for chip in sorted((checkout / "neurosim" / "chips").glob("*/*")):
        name = chip.relative_to(checkout).as_posix()
        if chip.is_file() and chip.suffix != ".pyc" and files.get(name) != chip.read_bytes():
            problems.append(f"{name} is missing or differs")
    return problems + [problem for kind in SHIPPED for problem in _shipped_problems(files, checkout, kind)]


def _shipped_problems(files: dict[str, bytes], checkout: Path, kind: str) -> list[str]:
    prefix = f"neurosim/_shipped/{kind}/"
    packed = {name.removeprefix(prefix): data for name, data in files.items() if name.startswith(prefix)}
    folder = checkout / kind
    own = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    problems = [f"{prefix}{name} is not in the wheel" for name in sorted(set(own) - set(packed))]
    problems += [f"{prefix}{name} is not in the checkout" for name in sorted(set(packed) - set(own))]
    problems += [
        f"{prefix}{name} differs from the checkout's"
        for name in sorted(set(own) & set(packed))
        if own[name].read_bytes() != packed[name]
    ]
    problems += [f"{prefix}{name} is no data file" for name in sorted(packed) if not name.endswith(SUFFIXES)]
    return problems if own else [f"{folder} is empty"]


def working_problems(checkout: Path, folder: Path) -> list[str]:
    """What is wrong with the package installed beside this Python, used from another folder."""
    where = _run([sys.executable, "-c", "import neurosim; print(neurosim.__file__)"], folder)
    if where.returncode or checkout.resolve() in Path(where.stdout.strip()).resolve().parents:
        return [
            f"neurosim was imported from {where.stdout.strip() or where.stderr}, not from the installed wheel"
        ]
    problems = []
    for words, expected in COMMANDS.items():
        done = _run([str(Path(sys.executable).parent / "neurosim"), *words], folder)
        if done.returncode or expected not in done.stdout:
            verdict = "shows" if expected in done.stdout else "lacks"
            problems.append(
                f"`neurosim {' '.join(words)}` ended with {done.returncode} and {verdict} {expected}:\n"
                f"{done.stdout}{done.stderr}"
            )
    return problems


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def main(arguments: list[str]) -> int:
    """Print every problem; 0 when there is none."""
    wheel, checkout = Path(arguments[0]), Path(arguments[1])
    problems = content_problems(wheel, checkout)
    with tempfile.TemporaryDirectory() as folder:
        problems += working_problems(checkout, Path(folder))
    for problem in problems:
        print(f"wheel: {problem}", file=sys.stderr)
    if not problems:
        print(f"{wheel.name}: content and commands are right")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
