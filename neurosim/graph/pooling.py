"""Layers that shrink an image: largest or mean value of windows, or of the whole image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import model_validator

from neurosim.graph.layer import Array, Layer, LayerParams, Margins, Shape, Sizes, padded, windows


class Pool(Layer):
    """Windows of `kernel` pixels, `stride` apart (default: side by side), over a padded image."""

    kernel: Sizes
    stride: Sizes | None = None
    padding: Margins = (0, 0)

    @model_validator(mode="after")
    def _margin_within_kernel(self) -> Pool:
        if any(2 * p > k for p, k in zip(self.padding, self.kernel, strict=True)):
            raise ValueError(f"padding must be at most half the kernel ({self.padding} for {self.kernel})")
        return self

    @property
    def steps(self) -> Shape:
        """The stride, which is the kernel unless stated."""
        return self.stride or self.kernel

    def output_shape(self, *shapes: Shape) -> Shape:
        """(C, grid of windows) from (C, H, W)."""
        shape = self._one(shapes, (3,), "(channels, height, width)")
        return (shape[0], *windows(shape, self.kernel, self.steps, self.padding, self.name))

    def _taps(self, x: Array, margin: float) -> Iterator[Array]:
        """For each place in the window, the value there in every window: views (N, C, height, width)."""
        _, height, width = self.output_shape(x.shape[1:])
        x = padded(x, self.padding, margin)
        (down, right) = self.steps
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                yield x[:, :, i : i + down * (height - 1) + 1 : down, j : j + right * (width - 1) + 1 : right]

    def _sums(self, x: Array) -> Array:
        taps = self._taps(x, 0)
        out = next(taps).copy()
        for tap in taps:
            out += tap
        return out


class MaxPool(Pool):
    """The largest value of each window; the margin never wins."""

    kind: Literal["max_pool"] = "max_pool"

    def forward(self, params: LayerParams, *xs: Array) -> Array:  # noqa: ARG002
        """(N, C, H, W) to (N, C, grid)."""
        taps = self._taps(xs[0], -np.inf)
        out = next(taps).copy()
        for tap in taps:
            np.maximum(out, tap, out=out)
        return out


class SumPool(Pool):
    """The sum of each window; of spikes, how many there are. A layer of spiking networks only."""

    kind: Literal["sum_pool"] = "sum_pool"

    def forward(self, params: LayerParams, *xs: Array) -> Array:  # noqa: ARG002
        """(N, C, H, W) to (N, C, grid)."""
        return self._sums(xs[0])


class AvgPool(Pool):
    """The mean of each window; the margin counts as zeros."""

    kind: Literal["avg_pool"] = "avg_pool"

    def forward(self, params: LayerParams, *xs: Array) -> Array:  # noqa: ARG002
        """(N, C, H, W) to (N, C, grid)."""
        return self._sums(xs[0]) / np.float32(self.kernel[0] * self.kernel[1])


class GlobalAvgPool(Layer):
    """The mean of each channel."""

    kind: Literal["global_avg_pool"] = "global_avg_pool"

    def output_shape(self, *shapes: Shape) -> Shape:
        """(C,) from (C, H, W)."""
        return (self._one(shapes, (3,), "(channels, height, width)")[0],)

    def forward(self, params: LayerParams, *xs: Array) -> Array:  # noqa: ARG002
        """(N, C, H, W) to (N, C)."""
        return np.asarray(xs[0].mean(axis=(2, 3), dtype=np.float32))
