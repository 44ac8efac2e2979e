"""Numbers of the winner-take-all network and of its learning rule, as `plastic` takes them.

Numba's cache of a kernel looks at the kernel's own file alone: with fields of another order or meaning, plastic.py has
to change too.
"""

from __future__ import annotations

from typing import NamedTuple


class Neurons(NamedTuple):
    """The neurons of the network, in steps and thresholds.

    decay : factor of the membrane per step; theta_decay : of the adaptive threshold per presentation
    theta_step : what a spike adds to its neuron's threshold while it learns
    inhibition : taken off the others' membranes at a spike, not below `floor`
    refractory : steps after a spike in which the membrane is held at zero
    """

    decay: float
    theta_step: float
    theta_decay: float
    inhibition: float
    floor: float
    refractory: int


class Rule(NamedTuple):
    """The learning rule.

    window : steps in which an input spike counts as recent, that of the neuron's spike included
    potentiate, depress : probabilities of a pulse, as 2^32 of them
    both_ways : pulses on both devices of a pair, one up, one down; else a SET on the one that grows
    refresh_high, refresh_low : a pair is refreshed when its larger device is at or above the first and its smaller
        one at or above the second, siemens
    tolerance : how far below its target a re-written device may stay, siemens; tries : most SET pulses for that
    scale : membrane step per siemens of G+ - G-
    """

    window: int
    potentiate: int
    depress: int
    both_ways: bool
    refresh_high: float
    refresh_low: float
    tolerance: float
    tries: int
    scale: float
