"""Brian2's objects with NumPy code whatever the target: networks so small that compiling them would take longer."""

from __future__ import annotations

from typing import Any

from neurosim.engines.spiking.brian import brian


def interpreted() -> dict[str, Any]:
    """The argument that Brian2's groups, synapses, monitors and operations take for it."""
    brian()
    from brian2.codegen.runtime.numpy_rt import NumpyCodeObject

    return {"codeobj_class": NumpyCodeObject}
