"""The PCM statistics written a second time, from the published formulas, in microsiemens and float64.

Nothing here is taken from neurosim: these are the yardsticks that sampled devices and whole layers are held
against. Source: Joshi et al. 2020 and Nandakumar et al. 2019, as published with aihwkit (pcm.py).
"""

from __future__ import annotations

import numpy as np
from scipy import integrate, stats

G_MAX = 25.0
T0_S = 20.0
T_READ_S = 250e-9

# x, sigma_prog uS, mu_nu, sigma_nu, Q_s, (t/t0)^-mu at 1 h / 1 d / 1 y, sigma_read/g at 1 h / 1 d
ORACLE = [
    (1.00, 1.0554, 0.0490, 0.0080, 0.00880, (0.7751, 0.6635, 0.4969), (0.0419, 0.0448)),
    (0.50, 0.9527, 0.0490, 0.0080, 0.01381, (0.7751, 0.6635, 0.4969), (0.0658, 0.0702)),
    (0.25, 0.6814, 0.0490, 0.0114, 0.02167, (0.7751, 0.6635, 0.4969), (0.1032, 0.1102)),
    (0.10, 0.4482, 0.0601, 0.0229, 0.03931, (0.7317, 0.6047, 0.4242), (0.1873, 0.2000)),
]
TIMES_S = {"1 h": 3600.0, "1 day": 86400.0, "1 year": 365 * 86400.0}


def sigma_programming_us(x):
    return np.maximum(0.26348 + 1.9650 * x - 1.1731 * x * x, 0)


def mu_nu(x):
    return np.clip(-0.0155 * np.log(np.maximum(x, 1e-7)) + 0.0244, 0.049, 0.1)


def sigma_nu(x):
    return np.clip(-0.0125 * np.log(np.maximum(x, 1e-7)) - 0.0059, 0.008, 0.045)


def q_s(x_programmed):
    return np.minimum(0.0088 / np.maximum(np.maximum(x_programmed, 0) ** 0.65, 1e-3), 0.2)


def programmed_moments_us(target_us):
    """Mean and variance of max(N(target, sigma), 0): the censored normal distribution."""
    s = sigma_programming_us(target_us / G_MAX)
    a = target_us / s
    mean = target_us * stats.norm.cdf(a) + s * stats.norm.pdf(a)
    second = (target_us**2 + s**2) * stats.norm.cdf(a) + target_us * s * stats.norm.pdf(a)
    return mean, second - mean**2


def drift_factor_moments(x, t_s):
    """Mean and second moment of ((t + t0) / t0)^-|nu|, nu ~ N(mu, sigma), by quadrature."""
    log_time = np.log((t_s + T0_S) / T0_S)
    mu, sigma = float(mu_nu(x)), float(sigma_nu(x))

    def moment(order):
        def density(nu):
            return np.exp(-order * abs(nu) * log_time) * stats.norm.pdf(nu, mu, sigma)

        return integrate.quad(density, mu - 10 * sigma, mu + 10 * sigma, points=[0.0], limit=200)[0]

    return moment(1), moment(2)


def noise_log(t_s):
    return np.log((t_s + T0_S + T_READ_S) / (2 * T_READ_S))


def device_moments_us(x, t_s, t_chip_s, points=4001):
    """Mean and variance of what one read sees of a device programmed to x, t after programming (uS, uS^2).

    Programming (a normal clamped at 0) times drift (|nu| normal) times frozen 1/f noise (clamped at 0),
    plus the part of the noise that every read draws anew; integrated over the programmed conductance.
    """
    sigma = float(sigma_programming_us(x))
    target = x * G_MAX
    log_frozen = np.log((t_s + T0_S + T_READ_S) / (2 * t_chip_s))
    log_read = np.log(t_chip_s / T_READ_S)
    g = np.linspace(max(target - 9 * sigma, 1e-9), target + 9 * sigma, points)
    density = stats.norm.pdf(g, target, sigma)
    q = q_s(g / G_MAX)
    a = q * np.sqrt(log_frozen)
    one = stats.norm.cdf(1 / a) + a * stats.norm.pdf(1 / a)
    two = (1 + a * a) * stats.norm.cdf(1 / a) + a * stats.norm.pdf(1 / a)
    d1, d2 = drift_factor_moments(x, t_s)
    mean = integrate.simpson(density * g * one, x=g) * d1
    second = integrate.simpson(density * g * g * (two + q * q * log_read), x=g) * d2
    return mean, second - mean**2
