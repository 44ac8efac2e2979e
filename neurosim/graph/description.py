"""What network.toml and measured.toml may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from neurosim.foundation.records import Record
from neurosim.graph.binary import Binarise, Fire, TernaryConv2d, TernaryDense, TernaryWindows, Votes
from neurosim.graph.boosting import Boosting, Comparator, PairVotes
from neurosim.graph.elementwise import Add, BatchNorm, BiasInput, Flatten, RectifiedTanh, ReLU, Softmax
from neurosim.graph.first_spike import FirstSpikeDense, FirstSpikeEncoder, FirstSpikeScores
from neurosim.graph.layer import Count
from neurosim.graph.plastic import Learning, WinnerTakeAll
from neurosim.graph.pooling import AvgPool, GlobalAvgPool, MaxPool
from neurosim.graph.weighted import Conv2d, Dense

AnyLayer = Annotated[
    Dense
    | Conv2d
    | BatchNorm
    | ReLU
    | RectifiedTanh
    | BiasInput
    | MaxPool
    | AvgPool
    | GlobalAvgPool
    | Flatten
    | Add
    | Softmax
    | FirstSpikeEncoder
    | FirstSpikeDense
    | FirstSpikeScores
    | TernaryDense
    | TernaryWindows
    | TernaryConv2d
    | Binarise
    | Fire
    | Votes
    | Comparator
    | PairVotes
    | WinnerTakeAll,
    Field(discriminator="kind"),
]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Natural = Annotated[int, Field(ge=0)]


Coding = Literal["rate", "first_spike", "ticks", "plastic"]
"""What the numbers between layers mean: rates; the time of one spike per neuron; spikes in ticks of a network made
for neurosynaptic cores; spikes of a network that learns on the chip."""


def _one_to_three(shape: tuple[int, ...]) -> tuple[int, ...]:
    if not 1 <= len(shape) <= 3:
        raise ValueError(f"a shape has one to three axes, this one has {len(shape)}")
    return shape


class InputSpec(Record):
    """What the network takes: images of a data set, cut to `crop` (height, width) about their centre, laid
    out as `shape`: (channels, height, width), or (features,) when flattened."""

    dataset: str
    shape: Annotated[tuple[Count, ...], AfterValidator(_one_to_three)]
    crop: tuple[Count, Count] | None = None


class Recipe(Record):
    """How the weights are trained.

    The learning rate rises linearly over `warmup_epochs`, then stays, or falls to zero along half a cosine.
    Images are shifted by up to `shift_pixels` each way and mirrored with `flip`. Noise-aware training: from
    epoch `clean_epochs` on, Gaussian noise of `weight_noise` x max|W| is added to every matrix in the forward
    pass only, and weights are clipped at `clip_sigma` standard deviations of their matrix after each step.
    In the last `frozen_norm_epochs` batch norms use their stored statistics: those of a batch would undo part
    of the noise, which no batch will do on the chip.
    For neurons that spike once: each starts with weights that sum to `initial_sum` on average; the cost grows
    by `silence_penalty` for every unit by which the sum of a neuron's weights misses its threshold; and the
    gradient is shortened to a norm of `gradient_norm`.
    For ternary weights: how they come from hidden ones (`ternary`), the half-width of the derivative of a spike in
    deviations of its sum, the scale from votes to logits, and the strength with which probabilities of synapses
    are pulled to 0 and 1, growing from zero over the epochs.
    For weights of -1 and 1: how they come from hidden ones (`binary`); derivative and scale as for ternary weights.
    """

    optimiser: Literal["adam", "sgd"]
    learning_rate: Positive
    momentum: Fraction = 0.9  # sgd only
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0
    epochs: Count
    batch: Count
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    label_smoothing: Fraction = 0.0
    shift_pixels: Natural = 0
    flip: bool = False
    clean_epochs: Natural = 0
    weight_noise: Annotated[float, Field(ge=0)] = 0.0
    clip_sigma: Positive | None = None
    frozen_norm_epochs: Natural = 0
    initial_sum: float = 0.0
    silence_penalty: Annotated[float, Field(ge=0)] = 0.0
    gradient_norm: Positive | None = None
    ternary: Literal["straight_through", "probability_biased"] | None = None
    binary: Literal["straight_through"] | None = None
    surrogate_width: Positive = 1.0
    vote_scale: Positive = 1.0
    polarisation: Annotated[float, Field(ge=0)] = 0.0
    seed: int = 0

    @model_validator(mode="after")
    def _one_alphabet(self) -> Recipe:
        if self.ternary is not None and self.binary is not None:
            raise ValueError("weights are ternary or binary: give one of the two")
        if self.binary is not None and (self.weight_noise or self.clip_sigma is not None):
            raise ValueError(
                "weights of -1 and 1 are trained without weight_noise and clip_sigma: leave them out"
            )
        return self


class Description(Record):
    """A network file: name, input, layers in order (the last one is the output), and perhaps a recipe.

    training_time_s : of the whole recipe on one core, for people who think of starting it
    """

    name: str
    title: str = ""
    input: InputSpec
    layers: tuple[AnyLayer, ...]
    coding: Coding = "rate"
    training: Recipe | None = None
    training_time_s: Positive | None = None
    learning: Learning | None = None
    boosting: Boosting | None = None

    @model_validator(mode="after")
    def _some_layer(self) -> Description:
        if not self.layers:
            raise ValueError("layers: at least one [[layers]] table is needed")
        return self

    @model_validator(mode="after")
    def _learns(self) -> Description:
        plastic = [layer for layer in self.layers if isinstance(layer, WinnerTakeAll)]
        if (self.coding == "plastic") != bool(plastic) or (plastic and len(self.layers) > 1):
            raise ValueError(
                'coding = "plastic" goes with one layer, of kind "winner_take_all", and only with it'
            )
        if (self.coding == "plastic") != (self.learning is not None):
            raise ValueError('a [learning] table goes with coding = "plastic": give both, or neither')
        return self


class Measured(Record):
    """What training wrote beside the weights: the accuracy of the plain float forward on the test images,
    and the SHA-256 of the weights file it belongs to."""

    network: str
    dataset: str
    split: str
    n_test: Count
    float_accuracy: Annotated[float, Field(ge=0, le=1)]
    checksum: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    seed: int
    epochs: Count
    n_train: Count
    torch_version: str
