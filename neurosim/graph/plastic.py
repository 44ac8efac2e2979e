"""Networks that learn on the chip: a winner-take-all layer, and what its synapses learn by.

The network is after P. Diehl and M. Cook, "Unsupervised learning of digit recognition using spike-timing-dependent
plasticity", Front. Comput. Neurosci. 9, 99 (2015): leaky neurons whose thresholds rise with every spike and
inhibit each other. The rule is after D. Querlioz et al., IEEE Trans. Nanotechnol. 12, 288 (2013): a neuron's spike
strengthens the inputs that spiked within a window before it and weakens all others.
"""

from __future__ import annotations

from typing import Annotated, Literal, NoReturn

from pydantic import Field, model_validator

from neurosim.foundation.errors import ConfigError
from neurosim.foundation.records import Record
from neurosim.graph.layer import Array, Count, LayerParams, Shape
from neurosim.graph.weighted import FullyConnected

Positive = Annotated[float, Field(gt=0)]
Natural = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class WinnerTakeAll(FullyConnected):
    """Leaky neurons of which one at most spikes in a step; each stands for one of `classes` once it has learned.

    tau dv/dt = -v; an input spike adds weight_max (G+ - G-) / range to v, range being that of the device's
    pulses. In every step the neuron that exceeds its threshold, `threshold` + theta, the most spikes: its v is held
    at zero for `refractory_s`, `inhibition` is taken off all others, not below `floor`. While it learns a spike
    adds theta_step to theta, which decays with theta_tau_s of presented time.

    All potentials are in the unit of `threshold`. There are no weights to load: `Learning` says how they come.
    """

    kind: Literal["winner_take_all"] = "winner_take_all"
    has_bias: bool = Field(default=False, alias="bias")
    classes: Count
    dt_s: Positive
    tau_s: Positive
    threshold: Positive = 1.0
    weight_max: Positive
    theta_step: Natural
    theta_tau_s: Positive
    inhibition: Natural
    floor: Annotated[float, Field(le=0)]
    refractory_s: Natural = 0.0

    @model_validator(mode="after")
    def _resolved(self) -> WinnerTakeAll:
        if self.has_bias:
            raise ValueError("bias: neurons that take all have none; leave it out")
        if self.dt_s > self.tau_s / 2:
            raise ValueError(
                f"dt: {self.dt_s:g} s is too long for tau {self.tau_s:g} s; {self.tau_s / 10:g} s would do"
            )
        return self

    @property
    def refractory_steps(self) -> int:
        """Steps after a spike in which the membrane is held."""
        return round(self.refractory_s / self.dt_s)

    def output_shape(self, *shapes: Shape) -> Shape:
        """(classes,) from (features,)."""
        self._one(shapes, (1,), "(features,)")
        return (self.classes,)

    def parameter_shapes(self, *shapes: Shape) -> dict[str, Shape]:  # noqa: ARG002
        """None: the weights are learned on the chip."""
        return {}

    def matrices(self, params: LayerParams) -> Array:  # noqa: ARG002
        """ConfigError: there are no weights before the chip has learned them."""
        self._refuse()

    def forward(self, params: LayerParams, *xs: Array) -> Array:  # noqa: ARG002
        """ConfigError: there is no float network."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise ConfigError(f"layer {self.name!r}", "the engine of networks that learn on the chip",
                          "one that needs weights", "run it with --mode spiking")  # fmt: skip


class Learning(Record):
    """How a winner-take-all layer learns, and what is shown to it.

    steps : steps of dt for which an image is shown, beginning at rest
    input_probability : of a spike per step, of an input at full intensity
    window_steps : an input counts as recent when it spiked in the neuron's step or the window_steps - 1 before
    potentiation, depression : mean change of (G+ - G-) / range at a spike, of recent and of other synapses; pulses
        are given at random, so seldom that the mean comes out whatever the size of the device's steps
    initial_plus, initial_minus : range of the uniform initial conductances, as shares of the device's range
    refresh_high, refresh_low : a pair whose devices only go up is refreshed when its larger device has passed the
        first and its smaller one the second share of the range: both are read and RESET, and the larger is written
        anew, by at most rewrite_pulses SET pulses, to within rewrite_tolerance of the range below the difference
    epochs, images : passes over the training images, and how many of them (all, if not given)
    label_images : training images shown after learning, by the responses to which neurons are given their classes
    snapshots : numbers of presentations after which conductances are recorded, beside the beginning and the end
    """

    steps: Count
    input_probability: Annotated[float, Field(gt=0, le=1)]
    window_steps: Count
    potentiation: Fraction
    depression: Fraction
    initial_plus: tuple[Fraction, Fraction]
    initial_minus: tuple[Fraction, Fraction]
    refresh_high: Fraction
    refresh_low: Fraction
    rewrite_pulses: Count
    rewrite_tolerance: Fraction
    epochs: Count = 1
    images: Count | None = None
    label_images: Count
    snapshots: tuple[Count, ...] = ()

    @model_validator(mode="after")
    def _ordered(self) -> Learning:
        for name in ("initial_plus", "initial_minus"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name}: from the lower to the higher, not {low:g} to {high:g}")
        if self.refresh_low > self.refresh_high:
            raise ValueError("refresh_low must not be above refresh_high")
        return self
