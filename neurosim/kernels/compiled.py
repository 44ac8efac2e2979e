"""C kernels: compiled on first use into the user's cache, keyed by source, compiler and processor.

Where there is no compiler, or it fails, `library` gives None and the Numba twin of each kernel runs instead.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

COMPILED_VARIABLE = "NEUROSIM_COMPILED"  # of the environment: "0" keeps to Numba
CACHE_VARIABLE = "NEUROSIM_CACHE"
# no contraction: a fused multiply-add rounds once where the Numba twin rounds twice; arrays of numbers are read as
# vectors of them, which strict aliasing forbids
FLAGS = (
    "-O3",
    "-march=native",
    "-ffp-contract=off",
    "-fno-strict-aliasing",
    "-std=gnu11",
    "-shared",
    "-fPIC",
)
TIMEOUT_S = 120.0


@cache
def library(name: str) -> ctypes.CDLL | None:
    """The shared library of `kernels/NAME.c`; None where it cannot be had.

    Calls release Python's global lock. Two processes that compile at once do the same work twice, and each
    puts its whole file in place atomically.
    """
    compiler = c_compiler()
    if os.environ.get(COMPILED_VARIABLE, "1") == "0" or compiler is None:
        return None
    source = Path(__file__).with_name(f"{name}.c").read_bytes()
    key = hashlib.blake2b(source, digest_size=12)
    for part in (*FLAGS, _version(compiler), platform.machine(), _processor()):
        key.update(b"\0" + part.encode())
    built = _cache_folder() / f"{name}-{key.hexdigest()}.so"
    try:
        if not built.is_file():
            _compile(compiler, source, built)
        return ctypes.CDLL(str(built))
    except (OSError, subprocess.SubprocessError):
        return None


def description(name: str) -> str:
    """What runs the kernels of `NAME.c`, for the run file: "C (gcc ...)" or "Numba"."""
    if library(name) is None:
        return "Numba"
    return f"C ({_version(c_compiler() or '')})"


def c_compiler() -> str | None:
    """Path of a compiler that takes GCC's vector extensions: CC, else gcc, clang or cc; None without one."""
    named = os.environ.get("CC", "").split()
    for candidate in (*named[:1], "gcc", "clang", "cc"):
        if found := shutil.which(candidate):
            return found
    return None


@cache
def _version(compiler: str) -> str:
    try:
        answer = subprocess.run([compiler, "--version"], capture_output=True, text=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return compiler
    return (answer.stdout.splitlines() or [compiler])[0]


def _processor() -> str:
    """What -march=native depends on, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())


def _cache_folder() -> Path:
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser() / "kernels"
    import pooch

    return Path(pooch.os_cache("neurosim")) / "kernels"


def _compile(compiler: str, source: bytes, built: Path) -> None:
    built.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=built.parent) as folder:
        text, made = Path(folder) / "kernel.c", Path(folder) / "kernel.so"
        text.write_bytes(source)
        command = [compiler, *FLAGS, "-o", str(made), str(text)]
        subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT_S)
        made.replace(built)
