"""Images as spikes: how an input of the range 0..1 becomes spikes in steps.

| encoding | a spike of an input x in a step |
|---|---|
| deterministic | where an accumulator that gains x per step reaches 1, which is then taken off |
| bernoulli | with probability x |
| poisson | where a Poisson process of rate x per step has at least one event: with probability 1 - exp(-x) |
| direct | none: x itself, a current in every step |
| events | as given: (images, steps, *shape) |

Inputs below 0 never spike, those above 1 count as 1 (poisson: as they are), so there is at most one spike per input
and step. x has steps of 2^-24. Random spikes are a hash of the stream, the image's index in the data set, the step
and the input.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from neurosim.foundation.errors import ConfigError, near
from neurosim.foundation.streams import Stream
from neurosim.kernels import spikes as kernel
from neurosim.kernels.spike_loops import encode_random
from neurosim.kernels.spikes import FULL, Call

Encoding = Literal["deterministic", "bernoulli", "poisson", "direct", "events"]
ENCODINGS: tuple[Encoding, ...] = ("deterministic", "bernoulli", "poisson", "direct", "events")
SPIKING: tuple[Encoding, ...] = ("deterministic", "bernoulli", "poisson")


def check_encoding(encoding: str) -> Encoding:
    """The encoding itself; ConfigError, with near names, for an unknown one."""
    for known in ENCODINGS:
        if encoding == known:
            return known
    raise ConfigError("encoding", f"one of {', '.join(ENCODINGS)}", repr(encoding), near(encoding, ENCODINGS))


def levels(x: np.ndarray, encoding: Encoding) -> np.ndarray:
    """What each input gains per step (deterministic), or the probability of its spike: int32, FULL being 1."""
    clipped = np.maximum(x.astype(np.float64), 0)
    share = -np.expm1(-clipped) if encoding == "poisson" else np.minimum(clipped, 1)
    return np.asarray(np.rint(share * FULL), np.int32)


class Encoder:
    """Gives the spikes of a block of images, step after step.

    images, inputs : of a block
    stream : names the random draws
    spikes : the step's spike list, int32 (images * inputs + 1,): flat indices, and their number last
    advance : makes the next step's list
    """

    def __init__(self, images: int, inputs: int, encoding: Encoding, stream: Stream) -> None:
        self.encoding, self.inputs = encoding, inputs
        self.active, self.spikes = (np.zeros(images * inputs + 1, np.int32) for _ in range(2))
        self.level, self.charge = (np.zeros(images * inputs, np.int32) for _ in range(2))
        word0, word1 = stream.words()
        self._words = np.uint64(word0), np.uint64(word1)
        self._first_image, self._step = 0, 0
        deterministic = encoding == "deterministic"
        self.advance: Call = (
            kernel.encode(self.active, self.level, self.charge, self.spikes) if deterministic else self._draw
        )

    def load(self, x: np.ndarray, first_image: int) -> None:
        """Begin with other images: (images, inputs), in units of the largest input; `first_image` is the data-set
        index of the first of them."""
        flat = levels(x, self.encoding).ravel()
        active = np.flatnonzero(flat)
        self.active[: active.size], self.active[-1] = active, active.size
        self.level[: active.size] = flat[active]
        self.charge.fill(0)
        self._first_image, self._step = first_image, 0

    def _draw(self) -> None:
        encode_random(
            self.active, self.level, self.inputs, self._first_image, *self._words, self._step, self.spikes
        )
        self._step += 1


def encode(x: np.ndarray, encoding: str, steps: int, stream: Stream, first_image: int = 0) -> np.ndarray:
    """Spikes uint8 (images, steps, *shape) of inputs (images, *shape).

    Raises ConfigError for an unknown encoding, or one that makes no spikes, and for steps < 1.
    """
    known = check_encoding(encoding)
    if known not in SPIKING:
        raise ConfigError("encoding", f"one of {', '.join(SPIKING)}", repr(encoding), "it makes no spikes")
    check_steps(steps)
    n = int(np.prod(x.shape[1:]))
    encoder = Encoder(len(x), n, known, stream)
    encoder.load(x.reshape(len(x), n), first_image)
    train = np.zeros((len(x), steps, n), np.uint8)
    for step in range(steps):
        encoder.advance()
        image, place = np.divmod(encoder.spikes[: encoder.spikes[-1]], n)
        train[image, step, place] = 1
    return train.reshape(len(x), steps, *x.shape[1:])


def check_steps(steps: int) -> None:
    """Raises ConfigError for fewer than one step."""
    if steps < 1:
        raise ConfigError("steps", "at least 1", str(steps), "give --steps 100")
