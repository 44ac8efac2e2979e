"""What a chip's paper says, what must be run to compare, and how close is close enough."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from neurosim.chips.chip import OPTIONS, Chip
from neurosim.foundation.errors import ConfigErrors, DataError, near
from neurosim.foundation.records import Record, Source, load_record
from neurosim.foundation.shipped import chips_folder
from neurosim.foundation.toml_lines import line_of, read_toml

Metric = Literal[
    "accuracy",
    "difference_to_float",
    "energy_per_inference",
    "energy_per_event",
    "latency",
    "images_per_second",
    "ops_per_second",
    "ops_per_joule",
    "ops_per_second_per_square_metre",
    "power",
    "core_ops_per_second",
    "core_ops_per_joule",
    "core_ops_per_second_per_square_metre",
    "chip_ops_per_second",
    "chip_ops_per_joule",
    "chip_ops_per_second_per_square_metre",
    "weights",
    "devices",
    "output_bits",
    "neuron_mismatch",
    "ratio",
]
# from the chip alone, or from how a network's shapes lie on it: no image is classified
FROM_CHIP = frozenset(
    {"output_bits", "neuron_mismatch"} | {m for m in get_args(Metric) if m.startswith(("core_", "chip_"))}
)
FROM_SHAPES = frozenset({"weights", "devices"})


class Claim(Record):
    """One sentence of a paper, as something to check.

    metric : accuracy and difference_to_float are fractions, and with energy_per_inference (J), latency (s),
        images_per_second, ops_per_second, ops_per_joule, ops_per_second_per_square_metre (2 operations per
        multiply-accumulate) and power (W) they need a network, a data set, times and instances to run. Without a data
        set the network is placed, not run. energy_per_event is of one synaptic event, array and neurons together.
        core_... : one product on one full core or tile; chip_... : of all tiles of [capacity] at once;
        output_bits : effective bits of random products on a full tile; neuron_mismatch : coefficient of variation
        of the rates of all neurons under one current. They need the chip alone.
        weights, devices : how many a network takes there
        ratio : so many times as fast, or as little, as something this engine does not hold: never simulated
    mode, steps : how to run; steps of a spiking run
    relation : the simulated value is to be equal to, at least or at most the published one, within
        `tolerance` (same unit)
    options : as for `Chip.with_options`
    not_simulated : why it cannot be run yet; empty when it can
    if_missed : what explains a miss that is known
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    says: str
    metric: Metric
    network: str = ""
    dataset: str = ""
    times: tuple[str, ...] = ()
    mode: Literal["rate", "spiking", "digital"] = "rate"
    steps: Annotated[int, Field(ge=1)] | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    relation: Literal["equal", "at_least", "at_most"]
    published: float
    tolerance: Annotated[float, Field(ge=0)]
    instances: Annotated[int, Field(ge=1)] = 1
    not_simulated: str = ""
    if_missed: str = ""

    @model_validator(mode="after")
    def _runnable(self) -> Claim:
        if self.metric == "ratio":
            if not self.not_simulated:
                raise ValueError("a ratio to another system cannot be run: say why in not_simulated")
            return self
        if self.metric not in FROM_CHIP and not self.network:
            raise ValueError(f"the metric {self.metric} needs a network")
        if self.metric in ("accuracy", "difference_to_float") and not (self.dataset and self.times):
            raise ValueError(f"the metric {self.metric} needs a dataset and times")
        return self

    def holds(self, simulated: float) -> bool:
        """Whether a simulated value agrees with the published one, within the tolerance."""
        # a last bit of rounding is not a disagreement
        slack = self.tolerance + 1e-12 * max(1.0, abs(self.published))
        difference = simulated - self.published
        return (self.relation == "at_most" or difference >= -slack) and (
            self.relation == "at_least" or difference <= slack
        )


class _ClaimsFile(Record):
    claims: tuple[Claim, ...]


def load_claims(chip: Chip | str) -> tuple[tuple[Claim, ...], dict[str, Source]]:
    """The claims of a chip (or of the shipped chip of that name), and the sources of their numbers.

    Raises DataError when the chip has no claims.toml, ConfigErrors (file:line: key: message, all at once)
    when it is wrong.
    """
    folder = chips_folder() / chip if isinstance(chip, str) else chip.folder
    path = (folder or Path()) / "claims.toml"
    if folder is None or not path.is_file():
        name = chip if isinstance(chip, str) else chip.name
        raise DataError(
            f"chip {name}", "a claims.toml beside its chip.toml", "none", "add one, or name another chip"
        )
    record, sources = load_record(path, _ClaimsFile)
    _check_unique(record.claims, path)
    return record.claims, sources


def _check_unique(claims: tuple[Claim, ...], path: Path) -> None:
    """Refuse two claims of one id, and options that no chip has."""
    _, lines = read_toml(path)
    problems: list[str] = []
    seen: set[str] = set()
    for number, claim in enumerate(claims):
        where = f"{path}:{line_of(lines, ('claims', number, 'id'))}: claims.{number}"
        if claim.id in seen:
            problems.append(f"{where}.id: {claim.id!r} is there twice")
        seen.add(claim.id)
        for name in claim.options:
            if name not in OPTIONS and "__" not in name:
                problems.append(f"{where}.options: unknown {name!r}; {near(name, OPTIONS)}")
    if problems:
        raise ConfigErrors(problems)
