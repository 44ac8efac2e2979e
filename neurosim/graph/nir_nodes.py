"""One NIR node as a node of a spiking network. The equations are those of NIR's specification.

J. E. Pedersen et al., Neuromorphic intermediate representation, Nature Communications 15, 8122 (2024). They are
in continuous time; a step of dt is forward Euler, tau dv/dt = (v_leak - v) + R I becoming
v += dt / tau ((v_leak - v) + R I), with I the input during the step. The integrators without a leak take a spike
as a unit impulse: v += R I, whatever dt. A spike is made when v > threshold, strictly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import ValidationError

from neurosim.foundation.errors import ConfigError, DataError, near
from neurosim.foundation.units import format_si
from neurosim.graph.elementwise import Flatten
from neurosim.graph.layer import Layer, Shape
from neurosim.graph.nir_wiring import matching, text_of, type_of
from neurosim.graph.pooling import AvgPool, SumPool
from neurosim.graph.spiking import AxonDelay, NeuronModel, Node, Operation, Population, Value
from neurosim.graph.spiking_layers import Conv1d, Merge, Scale
from neurosim.graph.weighted import Conv2d, Dense
from neurosim.graph.weights import checked_params

Reset = Literal["value", "subtract"]
MARK = "neurosim_"  # begins the names of our entries in a node's metadata
_WHOLE = 1e-3  # a delay this near to a whole number of steps, in steps, is one
_TENTH = 10  # dt of a tenth of tau: a step of Euler's rule is then off by half a per cent

# type -> kind of neurons, and NIR's parameters with their fields
NEURONS: dict[str, tuple[str, dict[str, str]]] = {
    "I": ("i", {"r": "resistance"}),
    "IF": ("if", {"r": "resistance", "v_threshold": "threshold", "v_reset": "v_reset"}),
    "LI": ("li", {"tau": "tau_s", "r": "resistance", "v_leak": "v_leak"}),
    "LIF": ("lif", {"tau": "tau_s", "r": "resistance", "v_leak": "v_leak", "v_threshold": "threshold",
                    "v_reset": "v_reset"}),
    "CubaLI": ("cuba_li", {"tau_mem": "tau_s", "tau_syn": "tau_synapse_s", "r": "resistance",
                           "v_leak": "v_leak", "w_in": "w_in"}),
    "CubaLIF": ("cuba_lif", {"tau_mem": "tau_s", "tau_syn": "tau_synapse_s", "r": "resistance",
                             "v_leak": "v_leak", "v_threshold": "threshold", "v_reset": "v_reset",
                             "w_in": "w_in"}),
    "Threshold": ("threshold", {"threshold": "threshold"}),
}  # fmt: skip
OPTIONAL = {"v_reset": 0.0, "w_in": 1.0}  # what a file may leave out, as files before NIR 1.0 do
KNOWN = (
    *NEURONS,
    "Affine",
    "Linear",
    "Scale",
    "Conv1d",
    "Conv2d",
    "SumPool2d",
    "AvgPool2d",
    "Flatten",
    "Delay",
)


def read_node(
    node: Mapping[str, Any],
    name: str,
    where: str,
    given: Shape | None,
    dt_s: float | None,
    reset: Reset | None,
) -> Node | None:
    """The node, or None when it needs the shape of its input and that is not known yet.

    where : names the node in messages
    given : shape of what leads to it, where known
    reset : what a spike does, in place of what the file says

    Raises ConfigError for an unknown type, and for a dt that is missing or does not fit; DataError for a
    parameter that is missing, not finite, or of a wrong shape.
    """
    kind = type_of(node)
    if kind not in KNOWN:
        raise ConfigError(f"{where}: type", "a node of NIR", repr(kind), near(kind, KNOWN))
    if kind in NEURONS:
        return _population(node, name, where, given, dt_s, reset)
    if kind == "Delay":
        return _delay(node, name, where, given, dt_s)
    own = _stated_shape(node, kind, where)
    if own is None and given is None:
        return None
    shape = matching(where, own, given)
    try:
        layer, params = _LAYERS[kind](node, name, where, shape)
        bound = layer.bound((), (shape,))
        held = checked_params((bound,), {f"{name}.{key}": array for key, array in params.items()}, where)
        _ = bound.own_output_shape
    except ValidationError as invalid:
        wrong = invalid.errors()[0]
        raise DataError(where, "sizes that a layer may have", f"{wrong['loc']}: {wrong['msg']}",
                        "correct the node and write the file again") from None  # fmt: skip
    return Operation(bound, held.get(name, {}))


def needs_no_input(node: Mapping[str, Any], where: str) -> Shape | None:
    """The shape of its input that a node states by itself, if it does."""
    kind = type_of(node)
    if kind in NEURONS or kind == "Delay":
        keys = NEURONS[kind][1] if kind in NEURONS else ("delay",)
        sizes = [numbers(node, key, where).shape for key in keys if node.get(key) is not None]
        return next((size for size in sizes if size), None)
    return _stated_shape(node, kind, where) if kind in KNOWN else None


def numbers(node: Mapping[str, Any], key: str, where: str) -> np.ndarray:
    """A numeric parameter; DataError when it is missing, no number or not finite."""
    if node.get(key) is None:
        raise DataError(where, f"a parameter {key!r}", ", ".join(sorted(node)), "write the node with it")
    try:
        array = np.asarray(node[key])
    except ValueError:  # lists of unequal lengths
        array = np.array("ragged")
    if array.dtype.kind not in "fiub":
        raise DataError(f"{where}: {key}", "numbers", str(array.dtype), "write the parameter as numbers")
    array = array.astype(np.float64)
    if bad := int(np.count_nonzero(~np.isfinite(array))):
        raise DataError(f"{where}: {key}", "finite numbers", f"{bad} of {array.size} NaN or infinite",
                        "correct the parameter and write the file again")  # fmt: skip
    return array


def whole_numbers(node: Mapping[str, Any], key: str, where: str) -> tuple[int, ...]:
    """A parameter that is one integer or a row of them; DataError for anything else."""
    array = np.atleast_1d(numbers(node, key, where))
    if array.ndim > 1 or not array.size or np.any(array != np.round(array)):
        raise DataError(f"{where}: {key}", "whole numbers", f"{array.tolist()}", "correct the node")
    return tuple(int(number) for number in array)


def _pair(node: Mapping[str, Any], key: str, where: str) -> tuple[int, int]:
    sizes = whole_numbers(node, key, where)
    if len(sizes) not in (1, 2):
        raise DataError(f"{where}: {key}", "one number or two", f"{list(sizes)}", "correct the node")
    return sizes[0], sizes[-1]


def _stated_shape(node: Mapping[str, Any], kind: str, where: str) -> Shape | None:
    if kind in ("Affine", "Linear"):
        return _matrix(node, where).shape[1:]
    if kind == "Scale":
        return numbers(node, "scale", where).shape or None
    if kind == "Flatten" and node.get("input_type") is not None:
        stated = node["input_type"]
        stated = stated.get("input") if isinstance(stated, Mapping) else stated
        return None if stated is None else whole_numbers({"input_type": stated}, "input_type", where)
    if kind in ("Conv1d", "Conv2d") and node.get("input_shape") is not None:
        size = whole_numbers(node, "input_shape", where)
        weight = _kernel(node, kind, where)
        return (weight.shape[1] * whole_numbers(node, "groups", where)[0], *size)
    return None


def _matrix(node: Mapping[str, Any], where: str) -> np.ndarray:
    weight = numbers(node, "weight", where)
    if weight.ndim != 2:
        raise DataError(f"{where}: weight", "a matrix (outputs, inputs)", f"shape {weight.shape}",
                        "use one node per matrix")  # fmt: skip
    return weight


def _kernel(node: Mapping[str, Any], kind: str, where: str) -> np.ndarray:
    weight, axes = numbers(node, "weight", where), 3 if kind == "Conv1d" else 4
    if weight.ndim != axes:
        raise DataError(f"{where}: weight", f"{axes} axes (outputs, inputs / groups, kernel)",
                        f"shape {weight.shape}", "correct the node and write the file again")  # fmt: skip
    return weight


Made = tuple[Layer, dict[str, np.ndarray]]


def _with_bias(weight: np.ndarray, node: Mapping[str, Any], where: str) -> tuple[bool, dict[str, np.ndarray]]:
    """Whether there is a bias, and the parameters; a bias of zeros is none."""
    bias = np.zeros(len(weight)) if node.get("bias") is None else np.atleast_1d(numbers(node, "bias", where))
    if bias.shape != weight.shape[:1]:
        raise DataError(f"{where}: bias", f"shape {weight.shape[:1]}", f"{bias.shape}",
                        "one bias per output; correct the node")  # fmt: skip
    return bool(bias.any()), {"weight": weight} | ({"bias": bias} if bias.any() else {})


def _dense(node: Mapping[str, Any], name: str, where: str, shape: Shape) -> Made:  # noqa: ARG001
    has_bias, params = _with_bias(_matrix(node, where), node, where)
    return Dense(name=name, units=len(params["weight"]), bias=has_bias), params


def _conv(node: Mapping[str, Any], name: str, where: str, shape: Shape) -> Made:  # noqa: ARG001
    kind = type_of(node)
    has_bias, params = _with_bias(_kernel(node, kind, where), node, where)
    channels, kernel = len(params["weight"]), params["weight"].shape[2:]
    stride, dilation = (_pair(node, key, where) for key in ("stride", "dilation"))
    padding = _padding(node, where, kernel, stride, dilation)
    common: dict[str, Any] = {
        "name": name, "channels": channels, "groups": whole_numbers(node, "groups", where)[0], "bias": has_bias,
    }  # fmt: skip
    if kind == "Conv2d":
        return Conv2d(kernel=kernel, stride=stride, dilation=dilation, padding=padding, **common), params
    one = Conv1d(kernel=kernel[0], stride=stride[0], dilation=dilation[0], padding=padding[0], **common)
    return one, params


def _padding(
    node: Mapping[str, Any], where: str, kernel: Shape, stride: Shape, dilation: Shape
) -> tuple[int, int]:
    """Zeros on either side: numbers, or "valid" (none), or "same" (the output is as large as the input)."""
    stated = node.get("padding")
    if not isinstance(stated, str | bytes):
        return _pair(node, "padding", where)
    if text_of(stated) == "valid":
        return 0, 0
    if text_of(stated) != "same":
        raise DataError(
            f"{where}: padding", "numbers, 'same' or 'valid'", repr(text_of(stated)), "correct it"
        )
    spans = [d * (k - 1) for d, k in zip(dilation, kernel, strict=False)]
    if any(span % 2 for span in spans) or any(step != 1 for step in stride):
        raise DataError(f"{where}: padding 'same'", "a kernel with a middle, and stride 1",
                        f"kernel {kernel}, stride {stride}", "use an odd kernel, or pad by numbers")  # fmt: skip
    return spans[0] // 2, spans[-1] // 2


def _pool(node: Mapping[str, Any], name: str, where: str, shape: Shape) -> Made:  # noqa: ARG001
    pool = SumPool if type_of(node) == "SumPool2d" else AvgPool
    kernel, stride, padding = (_pair(node, key, where) for key in ("kernel_size", "stride", "padding"))
    return pool(name=name, kernel=kernel, stride=None if stride == kernel else stride, padding=padding), {}


def _flatten(node: Mapping[str, Any], name: str, where: str, shape: Shape) -> Made:
    first = whole_numbers(node, "start_dim", where)[0] if "start_dim" in node else 1  # NIR's defaults
    last = whole_numbers(node, "end_dim", where)[0] if "end_dim" in node else -1
    if first == 0 and last in (-1, len(shape) - 1):
        return Flatten(name=name), {}
    return Merge(name=name, first=first, last=last), {}


def _scale(node: Mapping[str, Any], name: str, where: str, shape: Shape) -> Made:
    return Scale(name=name), {"scale": np.broadcast_to(numbers(node, "scale", where), shape)}


_LAYERS = {
    "Affine": _dense, "Linear": _dense, "Conv1d": _conv, "Conv2d": _conv, "SumPool2d": _pool,
    "AvgPool2d": _pool, "Flatten": _flatten, "Scale": _scale,
}  # fmt: skip


def _population(
    node: Mapping[str, Any],
    name: str,
    where: str,
    given: Shape | None,
    dt_s: float | None,
    reset: Reset | None,
) -> Population | None:
    kind, fields = NEURONS[type_of(node)]
    arrays = {}
    for key, field in fields.items():
        missing = key in OPTIONAL and node.get(key) is None
        arrays[field] = np.asarray(OPTIONAL[key]) if missing else numbers(node, key, where)
    own = next((array.shape for array in arrays.values() if array.ndim), None)
    if own is None and given is None:
        return None
    shape = matching(where, own, given)
    for key, field in fields.items():
        if arrays[field].shape not in ((), shape) and not (key == "w_in" and arrays[field].size == 1):
            raise DataError(f"{where}: {key}", f"the population's shape {shape}", f"{arrays[field].shape}",
                            "give every parameter the shape of the population")  # fmt: skip
    values = {field: one_or_each(array.reshape(-1)[0] if array.size == 1 else array)
              for field, array in arrays.items()}  # fmt: skip
    stated = _stated(node, shape, where)
    if reset is not None and kind in ("if", "lif", "cuba_lif"):
        stated["reset"] = reset
    model = NeuronModel(**({"kind": kind, "reset": "value", "comparison": ">"} | values | stated))
    _check_times(model, where, dt_s)
    _check_threshold(model, where)
    return Population(name, shape, model)


def one_or_each(values: Any) -> Value:
    """One number where all are the same, else the read-only array."""
    array = np.array(values, dtype=np.float64)
    if array.size and np.all(array == array.flat[0]):
        return float(array.flat[0])
    array.flags.writeable = False
    return array


def _stated(node: Mapping[str, Any], shape: Shape, where: str) -> dict[str, Any]:
    """What neurosim wrote into a node's metadata, because NIR has no word for it."""
    metadata = node.get("metadata")
    if not isinstance(metadata, Mapping):
        return {}
    found: dict[str, Any] = {}
    for key in metadata:
        field = key.removeprefix(MARK)
        if field != key:
            found[field] = _entry(metadata, key, field, shape, f"{where}: metadata {key!r}")
    return found


def _entry(metadata: Mapping[str, Any], key: str, field: str, shape: Shape, where: str) -> Any:
    if field in CHOICES:
        if (word := text_of(metadata[key])) not in CHOICES[field]:
            raise DataError(where, " or ".join(CHOICES[field]), repr(word), "correct or remove it")
        return word
    if field == "refractory_steps":
        return whole_numbers(metadata, key, where)[0]
    if field not in ("bias", "v_initial", "low", "high"):
        raise DataError(where, "an entry of this version", "one that it does not know", "update neurosim")
    array = numbers(metadata, key, where)
    if array.shape not in ((), shape):
        raise DataError(where, f"one number or shape {shape}", f"{array.shape}", "correct or remove it")
    return one_or_each(array)


CHOICES = {"reset": ("value", "subtract"), "comparison": (">", ">=")}


def _check_times(model: NeuronModel, where: str, dt_s: float | None) -> None:
    for symbol, tau in (("tau", model.tau_s), ("tau_syn", model.tau_synapse_s)):
        if tau is None:
            continue
        shortest = float(np.min(tau))
        if shortest <= 0:
            raise DataError(f"{where}: {symbol}", "a time constant above zero", f"{shortest:g} s",
                            "an integrator without a leak is IF or I")  # fmt: skip
        advice = f"take {format_si(shortest / _TENTH, 's')} or less (a tenth of it)"
        if dt_s is None:
            raise ConfigError(f"{where}: time step", f"a dt for {symbol} = {format_si(shortest, 's')}", "none",
                              advice)  # fmt: skip
        if dt_s > shortest:
            raise ConfigError(
                f"{where}: time step", f"dt up to {symbol} = {format_si(shortest, 's')}",
                f"dt = {format_si(dt_s, 's')}, which is too large for it", advice,
            )  # fmt: skip


def _check_threshold(model: NeuronModel, where: str) -> None:
    if not model.spikes or model.kind == "threshold":
        return
    floor: Value = model.v_reset if model.reset == "value" else 0.0
    if np.any(np.less_equal(model.threshold, floor)):
        what = "the reset potential" if model.reset == "value" else "zero, since a spike takes it off v"
        raise DataError(f"{where}: v_threshold", f"a threshold above {what}",
                        f"{float(np.min(model.threshold)):g}", "such a neuron would spike without end")  # fmt: skip


def _delay(
    node: Mapping[str, Any], name: str, where: str, given: Shape | None, dt_s: float | None
) -> AxonDelay | None:
    delay = numbers(node, "delay", where)
    if delay.ndim == 0 and given is None:
        return None
    shape = matching(where, delay.shape or None, given)
    if np.any(delay < 0):
        raise DataError(
            f"{where}: delay", "zero or more", f"{float(delay.min()):g} s", "no spike can come early"
        )
    if dt_s is None:
        raise ConfigError(f"{where}: time step", "a dt, to count the delay in steps", "none", "say which dt")
    exact = delay / dt_s
    steps = np.round(exact)
    if np.any(worst := np.abs(exact - steps) > _WHOLE):
        wrong = float(delay[worst].flat[0]) if delay.ndim else float(delay)
        whole = wrong / max(1.0, np.ceil(wrong / dt_s))
        raise ConfigError(f"{where}: delay", f"a whole number of steps of {format_si(dt_s, 's')}",
                          format_si(wrong, "s", 6), f"dt = {format_si(whole, 's', 6)} would do")  # fmt: skip
    counts = steps.astype(np.int64)
    if np.all(counts == counts.flat[0]):
        return AxonDelay(name, shape, int(counts.flat[0]))
    counts.flags.writeable = False
    return AxonDelay(name, shape, counts)
