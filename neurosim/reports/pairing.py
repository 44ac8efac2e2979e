"""Two runs image by image and chip by chip: who was right where, and whether they share their devices."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np

from neurosim.recording import RunFile
from neurosim.reports.accuracy import LEVEL

STATES = "/states/"


@dataclass(frozen=True)
class Pairing:
    """Images that two runs classified, chip by chip.

    both, only_first, only_second, neither : int64 (chips,), images right in both runs, in one, in none
    p_value : McNemar's exact test on the first chip: how likely so uneven a split of the images that only one
        run has right would be if both were equally good
    difference : mean over chips of the second run's accuracy less the first's
    half_width : of the difference's 95 % interval, Student's t over pairs of chips; None for one chip
    """

    both: np.ndarray
    only_first: np.ndarray
    only_second: np.ndarray
    neither: np.ndarray
    p_value: float
    difference: float
    half_width: float | None

    @property
    def chips(self) -> int:
        """Pairs of chips."""
        return len(self.both)


def pair(first: np.ndarray, second: np.ndarray) -> Pairing:
    """From bool (chips, images) of each run, whether an image was right; chips beyond the fewer are left out."""
    from scipy import stats

    chips = min(len(first), len(second))
    a, b = first[:chips], second[:chips]
    both, only_a, only_b, neither = (
        np.asarray((x & y).sum(axis=1)) for x, y in ((a, b), (a, ~b), (~a, b), (~a, ~b))
    )
    gains = b.mean(axis=1) - a.mean(axis=1)
    half = None
    if chips > 1:
        spread = float(np.std(gains, ddof=1)) / math.sqrt(chips)
        half = float(stats.t.ppf((1 + LEVEL) / 2, chips - 1)) * spread
    p_value = mcnemar(int(only_a[0]), int(only_b[0]))
    return Pairing(both, only_a, only_b, neither, p_value, float(gains.mean()), half)


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p value of McNemar's test (Psychometrika 12, 153, 1947): binomial with one half, on the
    images that one run alone has right. 1 where there is none."""
    from scipy import stats

    discordant = only_first + only_second
    return float(stats.binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0


def state_digests(run: RunFile) -> dict[str, str]:
    """Hashes of the recorded devices of the first recorded chip at the first recorded time.

    "programmed" : of what a device keeps for life, where the technology has it; "aged" : of the conductances at
    that time, frozen noise included. Empty when no devices were recorded.
    """
    hashes = {"programmed": hashlib.blake2b(digest_size=8), "aged": hashlib.blake2b(digest_size=8)}
    found: set[str] = set()
    for path in run.paths:
        name = path.rpartition("/")[2]
        dims = run.dims(path)
        if not path.startswith(STATES) or not dims or dims[0] != "state_chip":
            continue
        kind = "aged" if "state_time" in dims else "programmed"
        index = (0, 0) if kind == "aged" else (0,)
        hashes[kind].update(f"{path} {name}".encode())
        hashes[kind].update(np.ascontiguousarray(run.read(path, index)).tobytes())
        found.add(kind)
    return {kind: hashes[kind].hexdigest() for kind in sorted(found)}


def device_sentence(first: dict[str, str], second: dict[str, str], same_seed: bool) -> str:
    """What two runs' devices have in common, in words."""
    if not first or not second:
        seeds = "the same seed" if same_seed else "different seeds"
        return f"devices not recorded in both runs; {seeds}"
    if first.get("aged") == second.get("aged"):
        return f"the same sampled devices, frozen noise included (state hash {first['aged']})"
    if first.get("programmed") and first.get("programmed") == second.get("programmed"):
        return f"the same programmed devices (state hash {first['programmed']}), read at other times"
    return "different devices"
