"""Images as spikes: rates, independence, keys, and what is refused."""

import numpy as np
import pytest
from scipy import stats

from neurosim.foundation.errors import ConfigError
from neurosim.foundation.streams import stream
from neurosim.inputs.encoding import check_encoding, encode, levels

KEY = stream(3, "encoder")


def test_deterministic_counts_are_the_integer_parts():
    x = np.array([[0.0, 0.1, 0.25, 0.5, 0.999, 1.0, 1.7, -0.5]])
    train = encode(x, "deterministic", 40, KEY)
    assert train.shape == (1, 40, 8)
    np.testing.assert_array_equal(train[0, :, 2].nonzero()[0], np.arange(3, 40, 4))
    np.testing.assert_array_equal(train.sum(axis=1)[0], [0, 4, 10, 20, 39, 40, 40, 0])


def test_a_grey_level_of_255_is_exact_over_many_steps():
    x = np.arange(256)[None] / np.float32(255)
    train = encode(x, "deterministic", 255, KEY)
    assert np.abs(train.sum(axis=1)[0] - np.arange(256)).max() <= 1  # steps of 2^-24


@pytest.mark.parametrize(("encoding", "p"), [("bernoulli", 0.2), ("poisson", 1 - np.exp(-0.2))])
def test_random_codes_have_their_probability(encoding, p):
    x = np.full((50, 10, 20), 0.2, np.float32)
    train = encode(x, encoding, 20, KEY)
    assert train.shape == (50, 20, 10, 20)
    n = train.size
    assert stats.binomtest(int(train.sum()), n, p).pvalue > 1e-6
    assert stats.binomtest(int(train.sum()), n, p * 1.05).pvalue < 1e-6  # the test can fail
    counts = train.sum(axis=1).ravel()  # of 20 steps: binomial
    expected = stats.binom.pmf(np.arange(21), 20, p) * counts.size
    kept = expected > 5
    seen = np.bincount(counts, minlength=21)[kept]
    assert stats.chisquare(seen, expected[kept] * seen.sum() / expected[kept].sum()).pvalue > 1e-6


def test_draws_depend_on_image_step_and_key_alone():
    x = np.random.default_rng(0).random((6, 30)).astype(np.float32)
    together = encode(x, "bernoulli", 12, KEY, first_image=4)
    apart = np.concatenate([encode(x[k : k + 2], "bernoulli", 12, KEY, first_image=4 + k) for k in (0, 2, 4)])
    np.testing.assert_array_equal(together, apart)
    np.testing.assert_array_equal(together[:, :5], encode(x, "bernoulli", 5, KEY, first_image=4))
    assert not np.array_equal(together, encode(x, "bernoulli", 12, stream(4, "encoder"), first_image=4))
    same = np.repeat(x[:1], 2, axis=0)
    pair = encode(same, "bernoulli", 12, KEY)
    assert not np.array_equal(pair[0], pair[1])


def test_levels_of_more_than_one():
    assert levels(np.array([2.0]), "deterministic")[0] == 1 << 24
    assert levels(np.array([2.0]), "poisson")[0] == round((1 - np.exp(-2)) * (1 << 24))
    assert levels(np.array([-1.0]), "poisson")[0] == 0


def test_what_is_refused():
    x = np.zeros((1, 3), np.float32)
    with pytest.raises(
        ConfigError, match="encoding: expected one of deterministic, .*did you mean 'poisson'"
    ):
        encode(x, "poissonian", 3, KEY)
    with pytest.raises(ConfigError, match="unknown|one of"):
        check_encoding("rate")
    with pytest.raises(ConfigError, match="got 'direct'; it makes no spikes"):
        encode(x, "direct", 3, KEY)
    with pytest.raises(ConfigError, match="steps: expected at least 1, got 0; give --steps 100"):
        encode(x, "bernoulli", 0, KEY)
