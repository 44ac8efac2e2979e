"""neurosim: put a neural network on a simulated neuromorphic chip and learn what it would do there."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from neurosim.graph import Network
    from neurosim.pipeline import run
    from neurosim.reports.comparison import compare

__all__ = ["Network", "__version__", "compare", "run"]

_HOMES = {"compare": "neurosim.reports.comparison", "run": "neurosim.pipeline", "Network": "neurosim.graph"}


def __getattr__(name: str) -> Any:
    """Load a public name from its room on first use, so that importing neurosim stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'neurosim' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
