"""A crossbar read around its matrix product: encode the inputs, add the noise, convert.

Random numbers are a hash of a counter (integer mixer of Wellons, "lowbias32"; finaliser of Steele's
SplitMix64), turned normal by Box and Muller, so that the noise of an element depends on its key, image, read
and place alone: no order of evaluation, batch or thread can change it. Uniforms have 24 bits, so |z| < 5.9.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_U32 = np.uint32
_F32 = np.float32


@njit(inline="always")
def _mix(z):  # type: ignore[no-untyped-def]
    # numba promotes uint32 arithmetic to uint64: cast after every operation or the high bits leak back in
    z = _U32(_U32(z ^ _U32(z >> _U32(16))) * _U32(0x7FEB352D))
    z = _U32(_U32(z ^ _U32(z >> _U32(15))) * _U32(0x846CA68B))
    return _U32(z ^ _U32(z >> _U32(16)))


@njit(inline="always")
def _mix64(z):  # type: ignore[no-untyped-def]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(inline="always")
def _image_key(word0, word1, image, read):  # type: ignore[no-untyped-def]
    z = _mix64(np.uint64(word0) + np.uint64(image) * np.uint64(0x9E3779B97F4A7C15))
    return _mix64((z ^ np.uint64(word1)) + np.uint64(read) * np.uint64(0xD1B54A32D192ED03))


@njit(inline="always")
def _radius(bits):  # type: ignore[no-untyped-def]
    """sqrt(-2 ln u) for u = (top 24 bits + 1/2) / 2^24; the logarithm by a polynomial (Cephes logf)."""
    u = (_F32(np.int32(bits >> _U32(8))) + _F32(0.5)) * _F32(1.0 / 16777216.0)
    raw = np.int32(_F32(u).view(np.int32))
    exponent = _F32((raw >> np.int32(23)) - np.int32(127))
    m = np.int32((raw & np.int32(0x7FFFFF)) | np.int32(0x3F800000)).view(np.float32)
    large = m > _F32(1.41421356)
    m = m * _F32(0.5) if large else m
    exponent = exponent + (_F32(1) if large else _F32(0))
    t = m - _F32(1)
    p = _F32(7.0376836292e-2)
    p = p * t - _F32(1.1514610310e-1)
    p = p * t + _F32(1.1676998740e-1)
    p = p * t - _F32(1.2420140846e-1)
    p = p * t + _F32(1.4249322787e-1)
    p = p * t - _F32(1.6668057665e-1)
    p = p * t + _F32(2.0000714765e-1)
    p = p * t - _F32(2.4999993993e-1)
    p = p * t + _F32(3.3333331174e-1)
    log = t + (p * t * t * t - _F32(0.5) * t * t) + exponent * _F32(0.69314718056)
    return np.sqrt(max(_F32(-2) * log, _F32(0)))


@njit(inline="always")
def _cos_sin(bits):  # type: ignore[no-untyped-def]
    """cos and sin of pi v, v in [-1, 1): Taylor series of both in the half where |angle| <= pi/2."""
    v = _F32(np.int32(bits)) * _F32(1.0 / 2147483648.0)
    a = abs(v)
    far = a > _F32(0.5)
    w = (_F32(1) - a) if far else a
    q = w * w
    s = _F32(0.08214588661) - q * _F32(0.00737043094)
    s = _F32(-0.59926452932) + q * s
    s = _F32(2.55016403988) + q * s
    s = _F32(-5.16771278005) + q * s
    s = w * (_F32(3.14159265359) + q * s)
    c = _F32(0.23533063036) - q * (_F32(0.02580689139) - q * _F32(0.00192957431))
    c = _F32(-1.33526276885) + q * c
    c = _F32(4.05871212642) + q * c
    c = _F32(-4.93480220054) + q * c
    c = _F32(1) + q * c
    return (-c if far else c), (-s if v < _F32(0) else s)


@njit(fastmath=True, nogil=True, cache=True)
def fill_normals(out, word0, word1):  # type: ignore[no-untyped-def]
    """Fill a flat float32 array with standard normals of the key (word0, word1)."""
    key = _image_key(word0, word1, np.uint64(0), np.uint64(0))
    k1, k2 = _U32(key), _U32(key >> np.uint64(32))
    half = (out.size + 1) // 2
    first, second = out[:half], out[half:]  # two arrays, or the compiler fears overlap and does not vectorise
    for i in range(out.size - half):
        a = _mix(_U32(_mix(_U32(_U32(i) + k1)) ^ k2))
        b = _mix(_U32(a ^ _U32(0x68BC21EB)))
        r = _radius(a)
        c, s = _cos_sin(b)
        first[i] = r * c
        second[i] = r * s
    if out.size % 2:
        i = half - 1
        a = _mix(_U32(_mix(_U32(_U32(i) + k1)) ^ k2))
        c, s = _cos_sin(_mix(_U32(a ^ _U32(0x68BC21EB))))
        first[i] = _radius(a) * c


@njit(fastmath=True, nogil=True, cache=True)
def add_normals(y, v, images, first_image, word0, word1, read):  # type: ignore[no-untyped-def]
    """y += sqrt(v) z, in place.

    y, v : float32 (images, n); v is a variance. z is a hash of (word0, word1, first_image + row, read, place).
    """
    n = y.shape[1]
    half = (n + 1) // 2
    for row in range(images):
        key = _image_key(word0, word1, np.uint64(first_image + row), np.uint64(read))
        k1, k2 = _U32(key), _U32(key >> np.uint64(32))
        ya, yb, va, vb = y[row, :half], y[row, half:], v[row, :half], v[row, half:]
        for i in range(n - half):
            a = _mix(_U32(_mix(_U32(_U32(i) + k1)) ^ k2))
            b = _mix(_U32(a ^ _U32(0x68BC21EB)))
            r = _radius(a)
            c, s = _cos_sin(b)
            ya[i] += np.sqrt(va[i]) * r * c
            yb[i] += np.sqrt(vb[i]) * r * s
        if n % 2:
            i = half - 1
            a = _mix(_U32(_mix(_U32(_U32(i) + k1)) ^ k2))
            c, s = _cos_sin(_mix(_U32(a ^ _U32(0x68BC21EB))))
            ya[i] += np.sqrt(va[i]) * _radius(a) * c


@njit(fastmath=True, nogil=True, cache=True)
def convert(y, lsb, low, high, out, saturated):  # type: ignore[no-untyped-def]
    """out += lsb * clip(round(y / lsb), low, high); counts the clipped values of each row.

    y, out : float32 (images, n); saturated : float64 (images,), added to.
    """
    inverse = _F32(1) / lsb
    lower, upper = _F32(low), _F32(high)
    for row in range(y.shape[0]):
        source, target = y[row], out[row]
        clipped = np.int32(0)
        for i in range(y.shape[1]):
            code = np.floor(source[i] * inverse + _F32(0.5))
            clipped += np.int32(code < lower) + np.int32(code > upper)
            target[i] += min(max(code, lower), upper) * lsb
        saturated[row] += clipped


@njit(fastmath=True, nogil=True, cache=True)
def encode(x, lsb, low, high, by_amplitude, row_siemens, per_image, xq, x2, siemens, saturated):  # type: ignore[no-untyped-def]
    """The DAC: xq = lsb * clip(round(x / lsb), low, high), its square, and what the array will draw.

    x, xq, x2 : float32 (vectors, rows), `per_image` consecutive vectors belong to one image
    siemens : float64 (images,), gains sum_i duty_i row_siemens_i with duty = (x/x_max)^2 for amplitudes,
        |x|/x_max for pulse widths
    saturated : float64 (images,), gains the number of clipped inputs
    lsb = 0 passes the inputs on as they are, high then being the full scale.
    """
    lower, upper = _F32(low), _F32(high)
    full = upper * (lsb if lsb > _F32(0) else _F32(1))
    inverse = _F32(1) / lsb if lsb > _F32(0) else _F32(0)
    for row in range(x.shape[0]):
        source, quantised, square = x[row], xq[row], x2[row]
        clipped = np.int32(0)
        drawn = _F32(0)
        if lsb > _F32(0):
            for i in range(x.shape[1]):
                code = np.floor(source[i] * inverse + _F32(0.5))
                clipped += np.int32(code < lower) + np.int32(code > upper)
                quantised[i] = min(max(code, lower), upper) * lsb
        else:
            for i in range(x.shape[1]):
                quantised[i] = source[i]
        if by_amplitude:
            for i in range(x.shape[1]):
                square[i] = quantised[i] * quantised[i]
                drawn += square[i] * row_siemens[i]
            drawn /= full * full
        else:
            for i in range(x.shape[1]):
                square[i] = quantised[i] * quantised[i]
                drawn += abs(quantised[i]) * row_siemens[i]
            drawn /= full
        siemens[row // per_image] += drawn
        saturated[row // per_image] += clipped


@njit(fastmath=True, nogil=True, cache=True)
def event_product(x, d, y):  # type: ignore[no-untyped-def]
    """y = x d, visiting only the rows that an input drives; overwrites y.

    x : float32 (vectors, rows); d : float32 (rows, columns), C-contiguous; y : float32 (vectors, columns)
    Eight rows are added in one pass, so that y is loaded and stored once for eight products.
    """
    driven = np.empty(x.shape[1] + 1, np.int64)
    for row in range(x.shape[0]):
        source, target = x[row], y[row]
        count = 0
        for i in range(x.shape[1]):
            driven[count] = i  # without a branch: overwritten unless this row is driven
            count += 1 if source[i] != _F32(0) else 0
        target[:] = _F32(0)
        k = 0
        while k + 8 <= count:
            p, q, r, s = driven[k], driven[k + 1], driven[k + 2], driven[k + 3]
            t, u, v, w = driven[k + 4], driven[k + 5], driven[k + 6], driven[k + 7]
            xp, xq, xr, xs = source[p], source[q], source[r], source[s]
            xt, xu, xv, xw = source[t], source[u], source[v], source[w]
            dp, dq, dr, ds, dt, du, dv, dw = d[p], d[q], d[r], d[s], d[t], d[u], d[v], d[w]
            for j in range(y.shape[1]):
                near = xp * dp[j] + xq * dq[j] + xr * dr[j] + xs * ds[j]
                target[j] += near + xt * dt[j] + xu * du[j] + xv * dv[j] + xw * dw[j]
            k += 8
        while k < count:
            xp, dp = source[driven[k]], d[driven[k]]
            for j in range(y.shape[1]):
                target[j] += xp * dp[j]
            k += 1


@njit(inline="always")
def _add_row(x, row, target):  # type: ignore[no-untyped-def]
    for j in range(target.size):
        target[j] += x * row[j]


@njit(fastmath=True, nogil=True, cache=True)
def read_one(x, d, s2, edges, dac, adcs, word0, word1, image, scale, bias, relu, work, out):  # type: ignore[no-untyped-def]
    """A whole dense layer for one input vector: encode, multiply, add noise, convert, scale, add bias, ReLU.

    x : float32 (rows,); d, s2 : float32 (rows, columns), s2 empty for no noise; edges : tile borders (tiles + 1,)
    dac : (lsb, low, high); adcs : one such row per row tile; lsb = 0 neither rounds nor clips
    work : float32 (2, columns), scratch; out : float32 (columns,), overwritten
    """
    columns = out.size
    noisy = s2.shape[0] > 0
    y, v = work[0], work[1]
    out[:] = _F32(0)
    inverse = _F32(1) / dac[0] if dac[0] > _F32(0) else _F32(0)
    half = (columns + 1) // 2
    for tile in range(edges.size - 1):
        y[:] = _F32(0)
        v[:] = _F32(0)
        for i in range(edges[tile], edges[tile + 1]):
            value = x[i]
            if value != _F32(0):
                if dac[0] > _F32(0):
                    value = min(max(np.floor(value * inverse + _F32(0.5)), dac[1]), dac[2]) * dac[0]
                _add_row(value, d[i], y)
                if noisy:
                    _add_row(value * value, s2[i], v)
        if noisy:
            key = _image_key(word0, word1, np.uint64(image), np.uint64(tile))
            k1, k2 = _U32(key), _U32(key >> np.uint64(32))
            for i in range(half):
                a = _mix(_U32(_mix(_U32(_U32(i) + k1)) ^ k2))
                c, s = _cos_sin(_mix(_U32(a ^ _U32(0x68BC21EB))))
                r = _radius(a)
                y[i] += np.sqrt(v[i]) * r * c
                if half + i < columns:
                    y[half + i] += np.sqrt(v[half + i]) * r * s
        lsb = adcs[tile, 0]
        if lsb > _F32(0):
            for j in range(columns):
                out[j] += min(max(np.floor(y[j] / lsb + _F32(0.5)), adcs[tile, 1]), adcs[tile, 2]) * lsb
        else:
            for j in range(columns):
                out[j] += y[j]
    for j in range(columns):
        value = out[j] * scale + bias[j]
        out[j] = max(value, _F32(0)) if relu else value
