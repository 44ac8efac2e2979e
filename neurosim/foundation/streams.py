"""Random streams: a stateless key from one root seed.

A stream is named by the root seed and a path of strings and numbers. The path never holds an engine, a
batch or a worker, so no result depends on them. The same path always gives the same draws; a stream holds
no state that a draw could change.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from numbers import Integral

import numpy as np

Part = str | int | float


def _encode(part: Part) -> bytes:
    if isinstance(part, str):
        body = b"s" + part.encode()
    elif isinstance(part, Integral):  # NumPy's integers as well: 3 is 3, whatever counted it
        body = b"i" + str(int(part)).encode()
    else:
        body = b"f" + float(part).hex().encode()
    return len(body).to_bytes(4, "little") + body


@dataclass(frozen=True)
class Stream:
    """A frozen 128-bit key, made from a root seed and a path.

    Parameters
    ----------
    root : the run's root seed, any integer; 0 is a seed like any other
    path : strings, integers and floats that name what the draws are for
    """

    root: int
    path: tuple[Part, ...] = field(default=())

    def child(self, *key: Part) -> Stream:
        """The stream named by this path followed by `key`."""
        return Stream(self.root, (*self.path, *key))

    @property
    def key(self) -> bytes:
        """The 16 bytes of the key (BLAKE2b of the encoded path)."""
        digest = hashlib.blake2b(digest_size=16, person=b"neurosim")
        for part in (self.root, *self.path):
            digest.update(_encode(part))
        return digest.digest()

    def words(self) -> tuple[int, int]:
        """The key as two unsigned 64-bit integers, for the counter-based kernels."""
        key = self.key
        return int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")

    def generator(self) -> np.random.Generator:
        """A fresh NumPy generator at the start of this stream (Philox, keyed)."""
        return np.random.Generator(np.random.Philox(key=int.from_bytes(self.key, "little")))


def stream(root: int, *key: Part) -> Stream:
    """The stream of a root seed and a path: `stream(0, "chip", 3)`."""
    return Stream(int(root), key)
