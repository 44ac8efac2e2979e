"""One BLAS thread where bits are promised: products split over threads may round in another way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


@cache
def _controller() -> Any:
    # finding the libraries takes milliseconds, so it is done once
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Within it, and in threads started within it, each matrix product runs on one thread."""
    with _controller().limit(limits=1, user_api="blas"):
        yield
