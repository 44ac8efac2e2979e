"""Brian2 as this engine uses it: imported late and quietly, with its code generation chosen once and on record.

Everything is runtime mode on explicit `Network` objects; nothing in Brian2 draws random numbers of its own.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from neurosim.foundation.errors import ConfigError, near

TARGETS = ("cython", "numpy")
TARGET_VARIABLE = (
    "NEUROSIM_BRIAN_TARGET"  # of the environment: one of TARGETS, for those who want the other one
)

# with delays of at least one step, this order gives the tick's semantics: arrivals, then dynamics, then thresholds;
# Brian2's default order lets a hard reset wipe the input of its own step
SCHEDULE = ("start", "synapses", "groups", "thresholds", "resets", "end")


@cache
def brian() -> Any:
    """The module `brian2`, ready for use. Raises ConfigError for an unknown target in NEUROSIM_BRIAN_TARGET.

    The first call must come from the main thread: Brian2's import sets a signal handler.
    """
    ctrl_c = signal.getsignal(signal.SIGINT)
    hook = sys.excepthook
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import warns of pyparsing's deprecations
        import brian2
    sys.excepthook = hook  # Brian2's would ask users to report every error, ours too, to its authors
    signal.signal(signal.SIGINT, ctrl_c)  # its import takes the signal for itself
    brian2.prefs.codegen.target = target()
    brian2.prefs.logging.file_log = False
    brian2.prefs.logging.save_script = False
    logging.getLogger("brian2").setLevel(logging.ERROR)
    return brian2


@contextmanager
def quiet() -> Iterator[None]:
    """Within it Brian2's use of deprecated functions of pyparsing, in every equation it reads, gives no warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@cache
def target() -> str:
    """The code generation in use: "cython" where a C++ compiler is found, else "numpy"."""
    wanted = os.environ.get(TARGET_VARIABLE)
    if wanted is None:
        return "cython" if compiler() else "numpy"
    if wanted not in TARGETS:
        raise ConfigError(
            TARGET_VARIABLE, f"one of {', '.join(TARGETS)}", repr(wanted), near(wanted, TARGETS)
        )
    return wanted


def compiler() -> str | None:
    """Path of the C compiler with which Python extensions can be built here; None where something is missing."""
    named = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    header = Path(sysconfig.get_paths()["include"]) / "Python.h"
    found = shutil.which(named) or shutil.which("cc") or shutil.which("gcc")
    return found if header.is_file() else None


def semantics() -> dict[str, str]:
    """What a run file says of the simulator: version, code generation, order within a step."""
    module = brian()
    return {"brian2": module.__version__, "brian2_target": target(), "schedule": " ".join(SCHEDULE)}
