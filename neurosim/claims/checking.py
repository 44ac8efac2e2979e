"""Run what claims name. Claims that differ in their metric or time alone share one run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurosim.chips import Chip, Claim, load_chip, load_claims
from neurosim.chips.claims import FROM_CHIP, FROM_SHAPES
from neurosim.claims.measuring import from_chip, from_ledger, from_run, from_shapes
from neurosim.claims.verdict import FAILED, NOT_SIMULATED, Verdict, judge
from neurosim.foundation.errors import DataError, NeurosimError
from neurosim.foundation.records import Source
from neurosim.foundation.units import parse_time
from neurosim.pipeline import Run, run
from neurosim.pipeline.progress import Progress, Silent


@dataclass(frozen=True)
class Options:
    """How claims are checked.

    limit : only the first images of each data set: a preview, no verdict on the claim
    instances : chips to program in place of what a claim says; None: as it says
    seed : root of every random draw
    folder : where run files are kept, in place of those of an earlier check; None: nowhere
    threads : how to compute; no result depends on it
    """

    limit: int | None = None
    instances: int | None = None
    seed: int = 0
    folder: Path | None = None
    threads: int | None = None


@dataclass(frozen=True)
class _Entry:
    """A claim to be run, and its place among the chip's claims."""

    claim: Claim
    source: Source

    def run_key(self, options: Options) -> tuple[Any, ...]:
        """What two claims must share to be read from one run."""
        claim = self.claim
        return (
            claim.network,
            claim.dataset,
            claim.mode,
            claim.steps,
            options.instances or claim.instances,
            repr(sorted(claim.options.items())),
        )


@dataclass(frozen=True)
class _OfChip:
    """Progress of a run that says for which chip it is made."""

    shown: Progress
    chip: str

    def stage(self, text: str, total: int, done: int = 0) -> None:
        """A stage begins."""
        self.shown.stage(f"{self.chip}, {text}", total, done)

    def advance(self, images: int) -> None:
        """So many more are done."""
        self.shown.advance(images)

    def download(self, name: str, received: int, size: int | None) -> None:
        """A file is under way."""
        self.shown.download(name, received, size)


def check_claims(names: Sequence[str], options: Options, progress: Progress | None = None,
                 only_found: bool = False) -> Iterator[Verdict]:  # fmt: skip
    """The verdicts on all claims of chips, chip by chip in the order of their claims.toml.

    names : shipped names, or paths of chip.toml
    only_found : leave out figures that were not found in a source

    A claim whose data set or weights are not at hand, and one that says so itself, is "not simulated", with what is
    missing; one that cannot be run for another reason is "failed", and the others go on.
    Raises ConfigError, DataError for chips and claims files that cannot be read.
    """
    shown = progress or Silent()
    for name in names:
        chip = load_chip(name)
        claims, sources = load_claims(chip)
        entries = [_Entry(claim, sources[f"claims.{i}.published"]) for i, claim in enumerate(claims)]
        runs: dict[tuple[Any, ...], Run | NeurosimError] = {}
        for entry in entries:
            if only_found and entry.source.status != "found":
                continue
            own = _OfChip(shown, chip.name)
            own.stage(entry.claim.id, 0)
            yield _verdict(chip, entry, entries, runs, options, own)


def _verdict(chip: Chip, entry: _Entry, entries: Sequence[_Entry], runs: dict[tuple[Any, ...], Run | NeurosimError],
             options: Options, shown: Progress) -> Verdict:  # fmt: skip
    claim, source = entry.claim, entry.source
    if claim.not_simulated:
        return Verdict(chip.name, claim, source, None, NOT_SIMULATED, claim.not_simulated)
    try:
        values = _values(chip, entry, entries, runs, options, shown)
    except NeurosimError as problem:
        status = NOT_SIMULATED if isinstance(problem, DataError) else FAILED
        return Verdict(chip.name, claim, source, None, status, " ".join(str(problem).split()))
    preview = f"a preview on {options.limit} images" if options.limit is not None and claim.dataset else ""
    return judge(chip.name, claim, source, values, preview)


def _values(chip: Chip, entry: _Entry, entries: Sequence[_Entry], runs: dict[tuple[Any, ...], Run | NeurosimError],
            options: Options, shown: Progress) -> list[float]:  # fmt: skip
    """The simulated values of a claim, one per time."""
    claim = entry.claim
    if claim.metric in FROM_CHIP:
        instances = options.instances or claim.instances
        return from_chip(
            claim.metric, chip.with_options(**claim.options), _times(claim), options.seed, instances
        )
    if claim.metric in FROM_SHAPES:
        return [from_shapes(claim.metric, claim.network, chip.with_options(**claim.options))]
    if not claim.dataset:
        return [from_ledger(claim.metric, claim.network, chip.with_options(**claim.options))]
    key = entry.run_key(options)
    if key not in runs:
        sharing = [
            other.claim
            for other in entries
            if other.run_key(options) == key and not other.claim.not_simulated
        ]
        times = sorted({seconds for other in sharing for seconds in _times(other)})
        runs[key] = _run(chip, claim, times, options, f"{chip.name}-{len(runs)}", shown)
    done = runs[key]
    if isinstance(done, NeurosimError):
        raise done
    return from_run(claim.metric, done, _times(claim))


def _run(chip: Chip, claim: Claim, times: Sequence[float], options: Options, name: str,
         shown: Progress) -> Run | NeurosimError:  # fmt: skip
    """The run that a claim names, or why there is none: others that share it fail alike."""
    out = None if options.folder is None else options.folder / f"{name}.h5"
    try:
        return run(
            claim.network, chip, mode=claim.mode, inputs=claim.dataset, times=times, seed=options.seed,
            instances=options.instances or claim.instances, limit=options.limit, record=("none",),
            threads=options.threads, out=out, overwrite=True, progress=shown, steps=claim.steps, **claim.options,
        )  # fmt: skip
    except NeurosimError as problem:
        return problem


def _times(claim: Claim) -> list[float]:
    return [parse_time(text) for text in claim.times]
