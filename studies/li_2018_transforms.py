"""Signals and images on the array of li_2018: cosine spectra, compression, convolution, and how precise they are.

    python studies/li_2018_transforms.py --png pictures

Li et al. (Nat. Electron. 1, 52, 2018) computed discrete cosine transforms and convolutions on 128 x 64 HfO2 memristors
with an output precision of 5 to 8 bits, depending on the size of the array. The same here, on devices with the spread
that its chip.toml gives: the spectrum of a sum of two tones, the two-dimensional transform of every 8 x 8 block of a
photograph (that of a temple, which scikit-learn brings along), of which the largest coefficients are kept, and
convolution by five 3 x 3 filters. Pictures are put together again in software, as in the paper.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurosim.chips import Chip, load_chip
from neurosim.foundation.errors import DataError
from neurosim.pipeline.matrix import program_matrix

BLOCK = 8  # pixels on a side, as JPEG has them
FILTERS = {
    "blur": [[1, 2, 1], [2, 4, 2], [1, 2, 1]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "Sobel across": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "Sobel down": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "Laplace": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
}


def cosine_matrix(n: int) -> np.ndarray:
    """The orthonormal discrete cosine transform, type II, as (samples, frequencies): x @ matrix is the spectrum."""
    k, i = np.meshgrid(np.arange(n), np.arange(n))
    matrix = np.sqrt(2 / n) * np.cos(np.pi * (2 * i + 1) * k / (2 * n))
    matrix[:, 0] /= math.sqrt(2)
    return np.asarray(matrix)


def effective_bits(read: np.ndarray, exact: np.ndarray) -> float:
    """Bits of an ideal quantiser over the range of `exact` whose error spreads like that of `read`, gain taken off."""
    gain = float((read * exact).sum() / (read * read).sum())
    return math.log2(float(np.ptp(exact)) / (math.sqrt(12) * float(np.std(gain * read - exact))))


@dataclass(frozen=True)
class Product:
    """A matrix product on one chip beside the exact one, both (vectors, columns)."""

    read: np.ndarray
    exact: np.ndarray

    @property
    def bits(self) -> float:
        """Effective bits of the outputs."""
        return effective_bits(self.read, self.exact)


def on_chip(matrix: np.ndarray, x: np.ndarray, chip: Chip, seed: int) -> Product:
    """x @ matrix on a chip that is calibrated on the first vectors, each of them shown once."""
    x32 = x.astype(np.float32)
    array = program_matrix(matrix.astype(np.float32), chip, x32[:500], seed)
    return Product(array.product(x32, 25.0).astype(np.float64), x @ matrix)


def precision(chip: Chip, sizes: list[int], seeds: int) -> list[tuple[int, float, float]]:
    """(size, mean and standard deviation over chips of the effective bits) of transforms of random signals."""
    rows = []
    for n in sizes:
        signals = np.random.default_rng(n).uniform(-1, 1, (500, n))
        bits = [on_chip(cosine_matrix(n), signals, chip, seed).bits for seed in range(seeds)]
        rows.append((n, float(np.mean(bits)), float(np.std(bits))))
    return rows


def spectrum(chip: Chip, seed: int) -> tuple[Product, np.ndarray]:
    """The transform of two tones of 64 samples on one chip, calibrated on such signals; and the signal."""
    n = 64
    tones = np.random.default_rng(0).uniform(1, 30, (200, 2))
    time = np.arange(n) + 0.5
    signals = sum(np.cos(np.pi * tones[:, [k]] * time / n) / 2 for k in (0, 1))
    signals[0] = (np.cos(np.pi * 5 * time / n) + np.cos(np.pi * 21 * time / n)) / 2
    whole = on_chip(cosine_matrix(n), signals, chip, seed)
    return Product(whole.read[:1], whole.exact[:1]), signals[0]


def photograph(pixels: int) -> np.ndarray:
    """The middle of a photograph in grey, (pixels, pixels), from 0 to 1. DataError where it cannot be decoded."""
    try:
        from sklearn.datasets import load_sample_image

        image = load_sample_image("china.jpg").mean(axis=2) / 255
    except (ImportError, OSError) as problem:
        raise DataError(
            "photograph", "scikit-learn's china.jpg", str(problem), "install scikit-learn and pillow"
        ) from None
    top, left = (side // 2 - pixels // 2 for side in image.shape)
    return np.asarray(image[top : top + pixels, left : left + pixels])


def compress(image: np.ndarray, chip: Chip, seed: int, kept: float) -> tuple[Product, np.ndarray, np.ndarray]:
    """Blocks through the two-dimensional transform, the largest share `kept` of coefficients put together again.

    Returns the product, the picture from the chip's coefficients, and that from exact ones.
    """
    one = cosine_matrix(BLOCK)
    both = np.kron(one, one)  # a block of 64 pixels in one product with 64 x 64 coefficients
    side = len(image) // BLOCK
    blocks = image.reshape(side, BLOCK, side, BLOCK).swapaxes(1, 2).reshape(-1, BLOCK * BLOCK)
    # half grey is taken off first, as in JPEG, and added at the end
    product = on_chip(both, blocks - 0.5, chip, seed)
    pictures = []
    for coefficients in (product.read, product.exact):
        floor = np.quantile(np.abs(coefficients), 1 - kept)
        back = np.where(np.abs(coefficients) >= floor, coefficients, 0) @ both.T + 0.5
        pictures.append(back.reshape(side, side, BLOCK, BLOCK).swapaxes(1, 2).reshape(image.shape).clip(0, 1))
    return product, pictures[0], pictures[1]


def convolve(image: np.ndarray, chip: Chip, seed: int) -> Product:
    """Every 3 x 3 neighbourhood against all filters at once: nine rows, a column per filter."""
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3)).reshape(-1, 9)
    matrix = np.array([np.ravel(f) / np.abs(f).sum() for f in FILTERS.values()]).T
    return on_chip(matrix, windows, chip, seed)


def psnr_db(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal to noise ratio of two pictures with values from 0 to 1."""
    return float(-10 * np.log10(np.mean((a - b) ** 2)))


def draw(
    folder: Path, chip: Chip, image: np.ndarray, kept: float, rows: list[tuple[int, float, float]]
) -> Path:
    """One figure: precision against size, a spectrum, the photograph before and after, one filter."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(11, 7), layout="constrained")
    sizes, means, spreads = zip(*rows, strict=True)
    axes[0, 0].errorbar(sizes, means, spreads, marker="o", capsize=3)
    axes[0, 0].axhspan(5, 8, alpha=0.15)
    axes[0, 0].set(xscale="log", xticks=sizes, xticklabels=sizes, xlabel="transform's size", ylabel="effective bits",
                   title="precision (band: published)")  # fmt: skip
    axes[0, 0].minorticks_off()
    tone, _ = spectrum(chip, 0)
    axes[0, 1].plot(tone.exact[0], label="exact")
    axes[0, 1].plot(tone.read[0], "o", markersize=3, label="chip")
    axes[0, 1].set(xlabel="frequency", title="spectrum of two tones")
    axes[0, 1].legend(frameon=False)
    _, ours, exact = compress(image, chip, 0, kept)
    filtered = convolve(image, chip, 0).read[:, list(FILTERS).index("Sobel across")]
    side = len(image) - 2
    pictures = {
        "photograph": image, f"chip, {100 * kept:.0f} % of coefficients": ours,
        f"exact, {100 * kept:.0f} % of coefficients": exact, "Sobel across, chip": filtered.reshape(side, side),
    }  # fmt: skip
    for axis, (name, picture) in zip(
        (axes[0, 2], axes[1, 0], axes[1, 1], axes[1, 2]), pictures.items(), strict=True
    ):
        axis.imshow(picture, cmap="gray")
        axis.set(title=name, xticks=[], yticks=[])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "li_2018_transforms.png"
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chip", default="li_2018")
    parser.add_argument("--chips", type=int, default=10, help="programmed chips")
    parser.add_argument("--sizes", type=int, nargs="+", default=[4, 8, 16, 32, 64])
    parser.add_argument("--pixels", type=int, default=256)
    parser.add_argument("--kept", type=float, default=0.1, help="share of the coefficients kept")
    parser.add_argument("--wire-ohms", type=float, default=None, help="resistance of a segment of wire")
    parser.add_argument("--png", type=Path, default=None, help="folder for the picture")
    given = parser.parse_args()
    chip = load_chip(given.chip)
    if given.wire_ohms is not None:
        chip = chip.with_options(wires__row_ohms=given.wire_ohms, wires__column_ohms=given.wire_ohms)
    print(f"{'size':>5} {'bits':>6} {'+-':>5}   (published: 5 to 8, depending on the size)")
    rows = precision(chip, given.sizes, given.chips)
    for n, mean, spread in rows:
        print(f"{n:5d} {mean:6.2f} {spread:5.2f}")
    tone, _ = spectrum(chip, 0)
    print(
        f"two tones: largest error {np.abs(tone.read - tone.exact).max() / np.ptp(tone.exact):.1%} of the range"
    )
    image = photograph(given.pixels)
    product, ours, exact = compress(image, chip, 0, given.kept)
    print(f"photograph, {given.kept:.0%} of the coefficients: {psnr_db(ours, image):.1f} dB from the chip, "
          f"{psnr_db(exact, image):.1f} dB exact ({product.bits:.2f} bits)")  # fmt: skip
    print(f"convolution, {len(FILTERS)} filters: {convolve(image, chip, 0).bits:.2f} bits")
    if given.png is not None:
        print(draw(given.png, chip, image, given.kept, rows))


if __name__ == "__main__":
    main()
