"""A plain NumPy twin of the tick kernel, written from the equations, and random networks of cores."""

from __future__ import annotations

import numpy as np

from neurosim.graph.core_network import CoreNetwork, CoreNeurons

MASK32, MASK64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
LOW, HIGH = -(2**19), 2**19 - 1


def mix32(z: np.ndarray) -> np.ndarray:
    """Wellons' lowbias32, in 64 bits, cut to 32 after every product."""
    z = z.astype(np.uint64) & np.uint64(MASK32)
    z = ((z ^ (z >> np.uint64(16))) * np.uint64(0x7FEB352D)) & np.uint64(MASK32)
    z = ((z ^ (z >> np.uint64(15))) * np.uint64(0x846CA68B)) & np.uint64(MASK32)
    return z ^ (z >> np.uint64(16))


def mix64(z: int) -> int:
    """SplitMix64's finaliser, on Python's integers."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK64
    return z ^ (z >> 31)


def bits(words: tuple[int, int], image: int, tick: int, neuron: np.ndarray, purpose: int) -> np.ndarray:
    """32 random bits of neurons (numbered through all cores) for a purpose."""
    z = mix64((words[0] + image * 0x9E3779B97F4A7C15) & MASK64)
    key = mix64(((z ^ words[1]) + tick * 0xD1B54A32D192ED03) & MASK64)
    place = (
        np.asarray(neuron, np.uint64) * np.uint64(258) + np.uint64(purpose + (key & MASK32))
    ) & np.uint64(MASK32)
    return mix32(mix32(place) ^ np.uint64(key >> 32))


def drawn(weight: np.ndarray, random: np.ndarray) -> np.ndarray:
    """F(s, rho) sgn(s), rho on 1..256."""
    rho = (random >> np.uint64(24)).astype(np.int64) + 1
    return np.where(np.abs(weight) >= rho, np.sign(weight), 0)


def after_tick(
    n: CoreNeurons, v: np.ndarray, synapses: np.ndarray, leak_bits: np.ndarray, eta_bits: np.ndarray
):
    """One tick of the written equations: V and who fired, from the synapse sum. All arrays (cores, neurons)."""
    v = np.clip(v + synapses, LOW, HIGH)
    step = np.where(n.stochastic_leak == 1, drawn(n.leak, leak_bits), n.leak)
    direction = np.where(n.leak_reversal == 1, np.sign(v), 1)
    leaked = v + direction * step
    crossed = (n.leak_reversal == 1) & (np.sign(leaked) == -np.sign(v))
    v = np.clip(np.where(crossed, 0, leaked), LOW, HIGH)
    eta = (eta_bits >> np.uint64(14)).astype(np.int64) & (2**n.threshold_bits - 1)
    alpha, beta, gamma, kappa = n.threshold, n.floor, n.reset_mode, n.floor_mode
    fires = v >= alpha + eta
    falls = ~fires & (v < -(beta * kappa + (beta + eta) * (1 - kappa)))
    fired = np.select([gamma == 0, gamma == 1], [n.reset_value, v - (alpha + eta)], v)
    fallen = np.select([kappa == 1, gamma == 0, gamma == 1], [-beta, -n.reset_value, v + (beta + eta)], v)
    return np.where(fires, fired, np.where(falls, fallen, v)), fires


class Twin:
    """A network of cores in plain NumPy, one image."""

    def __init__(self, network: CoreNetwork, words: tuple[int, int], image: int = 0) -> None:
        self.network, self.words, self.image = network, words, image
        self.v = network.neurons.v_initial.astype(np.int64).copy()
        self.arriving: dict[int, set[tuple[int, int]]] = {}
        kinds = network.axon_types[:, :, None, None]
        at = lambda a: np.take_along_axis(a[:, None], kinds, axis=3)[..., 0]  # noqa: E731
        self.weight, self.is_drawn = at(network.neurons.weights), at(network.neurons.stochastic_synapse)
        self.number = np.arange(self.v.size).reshape(self.v.shape)
        self.events = 0

    def tick(self, tick: int, axons: np.ndarray) -> np.ndarray:
        """Integrate what arrives; returns who fired, bool (cores, neurons)."""
        net, n = self.network, self.network.neurons
        coming = self.arriving.pop(tick, set()) | {divmod(int(a), net.axons) for a in axons}
        sums = np.zeros(self.v.shape, np.int64)
        for core, axon in coming:
            here = net.connections[core, axon]
            value = self.weight[core, axon]
            if self.is_drawn[core, axon].any():
                random = bits(self.words, self.image, tick, self.number[core], axon)
                value = np.where(self.is_drawn[core, axon] == 1, drawn(value, random), value)
            sums[core] += np.where(here, value, 0)
            self.events += int(here.sum())
        leak = bits(self.words, self.image, tick, self.number, 256)
        eta = bits(self.words, self.image, tick, self.number, 257)
        self.v, fires = after_tick(n, self.v, sums, leak, eta)
        for core, neuron in np.argwhere(fires & (n.target_core >= 0)):
            when = tick + int(n.delay[core, neuron])
            target = (int(n.target_core[core, neuron]), int(n.target_axon[core, neuron]))
            self.arriving.setdefault(when, set()).add(target)
        return fires


def random_network(
    seed: int, cores: int, axons: int = 256, neurons: int = 256, *, random: bool = True
) -> CoreNetwork:
    """Cores with everything a core can do; with `random` a tenth of the neurons draw numbers."""
    r = np.random.default_rng(seed)
    shape, wide = (cores, neurons), (cores, neurons, 4)
    some = lambda *size: (r.random(size) < 0.1).astype(np.int64) * random  # noqa: E731
    signs = np.array([1, -1, 1, -1])
    kappa = r.integers(0, 2, shape)
    values = {
        "weights": r.integers(1, 6, wide) * signs,
        "stochastic_synapse": some(*wide),
        "leak": r.integers(-2, 5, shape),
        "stochastic_leak": some(*shape),
        "leak_reversal": some(*shape),
        "threshold": r.integers(60, 160, shape),
        "threshold_bits": some(*shape) * r.integers(1, 7, shape),
        "floor": r.integers(20, 80, shape),
        "reset_value": r.integers(-10, 10, shape),
        "reset_mode": r.choice([0, 0, 0, 1, 1, 2], shape),
        "floor_mode": kappa,
        "v_initial": r.integers(0, 60, shape),
        "target_core": r.integers(-1, cores, shape),
        "target_axon": r.integers(0, axons, shape),
        "delay": r.integers(1, 16, shape),
    }
    side = int(np.ceil(np.sqrt(cores)))
    places = np.stack([np.arange(cores) % side, np.arange(cores) // side], axis=1)
    types, wired = r.integers(0, 4, (cores, axons)), r.random((cores, axons, neurons)) < 0.5
    return CoreNetwork(
        f"random {seed}", places, types, wired, CoreNeurons.filled(cores, neurons, **values), 0
    )
