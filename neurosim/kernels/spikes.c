/* Products of spikes and integer weights, for lists of spikes as Brian2 keeps them.
 *
 * A spike list holds flat indices (image * n + neuron) in ascending order, repeats allowed, and their number in
 * its last element, `list[capacity]`. Sums are integers, so their order does not matter: the Numba functions in
 * spikes.py give the same bits.
 *
 * Two narrow weights lie in one lane twice as wide. Adding up whole lanes, and apart from that their upper halves,
 * gives both sums without widening anything:
 *     total = sum (lower + 2^half upper)  (mod 2^(2 half)),    upper = sum (lane >> half)
 *     lower = total - 2^half upper
 * Lower halves are stored with an offset of 2^(half-1), so that they are not negative and never borrow from
 * the upper one; that offset comes off once per added row.
 * Rows are padded with zeros to whole vectors of 64 bytes.
 *
 * Every exported function takes its arguments as one array of 64-bit words (addresses and whole numbers), in the order
 * of its comment, so that a step's calls can be chained: `chain` makes many in one.
 */
#include <stdint.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))
/* of a vector register: eight of them hold the sums of a wide block */
#if defined(__AVX512BW__)
#define BYTES 64
#elif defined(__AVX2__)
#define BYTES 32
#else
#define BYTES 16
#endif

typedef int16_t lanes16 __attribute__((vector_size(BYTES)));
typedef int16_t lanes16u __attribute__((vector_size(BYTES), aligned(1)));
typedef int32_t lanes32 __attribute__((vector_size(BYTES)));
typedef int32_t lanes32u __attribute__((vector_size(BYTES), aligned(1)));

/* out[0..columns) += the sum of the listed rows, over NV vectors of columns; at most CHUNK rows at a time */
#define ROWS(NAME, NV, WEIGHT, LANE, LANES, LANESU, UNSIGNED, HALF)                                      \
    INLINE void NAME(const int32_t *list, long count, const WEIGHT *w, long ld, int32_t *out, long columns) { \
        enum { N = BYTES / sizeof(LANE) };                                                               \
        LANES total[NV], upper[NV];                                                                      \
        LANE t[NV * N], u[NV * N];                                                                       \
        int32_t sums[2 * NV * N];                                                                        \
        memset(total, 0, sizeof total);                                                                  \
        memset(upper, 0, sizeof upper);                                                                  \
        for (long q = 0; q < count; q++) {                                                               \
            const LANESU *row = (const LANESU *)(w + (long)list[q] * ld);                                \
            _Pragma("GCC unroll 8") for (int k = 0; k < NV; k++) {                                       \
                LANES x = (LANES)row[k];                                                                 \
                total[k] += x;                                                                           \
                upper[k] += x >> HALF;                                                                   \
            }                                                                                            \
        }                                                                                                \
        memcpy(t, total, sizeof t);                                                                      \
        memcpy(u, upper, sizeof u);                                                                      \
        UNSIGNED offset = (UNSIGNED)((UNSIGNED)count << (HALF - 1));                                     \
        for (int j = 0; j < NV * N; j++) {                                                               \
            sums[2 * j] = (LANE)((UNSIGNED)((UNSIGNED)t[j] - ((UNSIGNED)u[j] << HALF)) - offset);        \
            sums[2 * j + 1] = u[j];                                                                      \
        }                                                                                                \
        for (long j = 0; j < columns; j++) out[j] += sums[j];                                            \
    }

ROWS(rows8_wide, 4, int8_t, int16_t, lanes16, lanes16u, uint16_t, 8)
ROWS(rows8_one, 1, int8_t, int16_t, lanes16, lanes16u, uint16_t, 8)
ROWS(rows16_wide, 4, int16_t, int32_t, lanes32, lanes32u, uint32_t, 16)
ROWS(rows16_one, 1, int16_t, int32_t, lanes32, lanes32u, uint32_t, 16)

INLINE long least(long a, long b) { return a < b ? a : b; }

/* out[0..m) = the sum of the listed rows; `w` points at the row of index 0 */
#define SUM(NAME, WEIGHT, WIDE, ONE, CHUNK)                                                              \
    INLINE void NAME(const int32_t *list, long count, const WEIGHT *w, long ld, int32_t *out, long m) {   \
        enum { ONE_COLUMNS = BYTES / sizeof(WEIGHT), WIDE_COLUMNS = 4 * ONE_COLUMNS };                   \
        memset(out, 0, m * sizeof *out);                                                                 \
        for (long done = 0; done < count; done += CHUNK) {                                               \
            long now = least(CHUNK, count - done), j = 0;                                                \
            for (; j + 3 * ONE_COLUMNS < m; j += WIDE_COLUMNS)                                           \
                WIDE(list + done, now, w + j, ld, out + j, least(WIDE_COLUMNS, m - j));                  \
            for (; j < m; j += ONE_COLUMNS)                                                              \
                ONE(list + done, now, w + j, ld, out + j, least(ONE_COLUMNS, m - j));                    \
        }                                                                                                \
    }

SUM(sum8, int8_t, rows8_wide, rows8_one, 256L) /* 256 x 127 is the most that 16 bits hold */
SUM(sum16, int16_t, rows16_wide, rows16_one, 65536L)

INLINE void sum32(const int32_t *list, long count, const int32_t *w, long ld, int64_t *out, long m) {
    memset(out, 0, m * sizeof *out);
    for (long q = 0; q < count; q++) {
        const int32_t *row = w + (long)list[q] * ld;
        for (long j = 0; j < m; j++) out[j] += row[j];
    }
}

#define AT(TYPE, k) ((TYPE *)(uintptr_t)a[k])

/* functions, their argument arrays, how many */
void chain(const int64_t *a) {
    const int64_t *functions = AT(const int64_t, 0), *arguments = AT(const int64_t, 1);
    for (long k = 0; k < a[2]; k++)
        ((void (*)(const int64_t *))(uintptr_t)functions[k])((const int64_t *)(uintptr_t)arguments[k]);
}

/* function, its arguments, how often */
void repeat(const int64_t *a) {
    for (long k = 0; k < a[2]; k++) ((void (*)(const int64_t *))(uintptr_t)a[0])(AT(const int64_t, 1));
}

/* list, capacity, images, n, edges (tiles + 1), tiles, w, ld, m, out
 * out (tiles, images, m) = sums over the rows of each tile */
#define DENSE(NAME, WEIGHT, SUM_T, SUM)                                                                  \
    void NAME(const int64_t *a) {                                                                        \
        const int32_t *list = AT(const int32_t, 0);                                                      \
        long count = list[a[1]], images = a[2], n = a[3], tiles = a[5], ld = a[7], m = a[8], q = 0;       \
        const int64_t *edges = AT(const int64_t, 4);                                                     \
        for (long b = 0; b < images; b++) {                                                              \
            const WEIGHT *own = AT(const WEIGHT, 6) - b * n * ld;                                        \
            for (long tile = 0; tile < tiles; tile++) {                                                  \
                long start = q, end = b * n + edges[tile + 1];                                           \
                while (q < count && list[q] < end) q++;                                                  \
                SUM(list + start, q - start, own, ld, AT(SUM_T, 9) + (tile * images + b) * m, m);         \
            }                                                                                            \
        }                                                                                                \
    }

DENSE(dense8, int8_t, int32_t, sum8)
DENSE(dense16, int16_t, int32_t, sum16)
DENSE(dense32, int32_t, int64_t, sum32)

/* flat indices first + j of the m flags that are set, written to `list` */
INLINE long pack(const uint8_t *flags, long m, int32_t first, int32_t *list) {
    long k = 0, j = 0;
    for (; j + 8 <= m; j += 8) {
        uint64_t eight;
        memcpy(&eight, flags + j, 8);
        if (!eight) continue;
        for (int u = 0; u < 8; u++) {
            list[k] = first + (int32_t)(j + u);
            k += flags[j + u];
        }
    }
    for (; j < m; j++)
        if (flags[j]) list[k++] = first + (int32_t)j;
    return k;
}

/* AVX-512 compresses spike lists in registers, a third faster than by way of flags */
#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__BMI2__)
#define COMPRESSES
INLINE long put(int32_t *list, __m512i indices, __mmask16 which) {
    int count = __builtin_popcount(which);
    _mm512_mask_storeu_epi32(list, (__mmask16)_bzhi_u32(0xFFFF, count), _mm512_maskz_compress_epi32(which, indices));
    return count;
}
INLINE __m512i upwards(int32_t first) {
    const __m512i sixteen = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    return _mm512_add_epi32(_mm512_set1_epi32(first), sixteen);
}
INLINE __mmask8 fire_eight(long strict, const double *x, const double *scale, const double *bias,
                           const double *threshold, double *v) {
    __m512d limit = _mm512_loadu_pd(threshold), input = _mm512_mul_pd(_mm512_loadu_pd(x), _mm512_loadu_pd(scale));
    __m512d next = _mm512_add_pd(_mm512_loadu_pd(v), _mm512_add_pd(input, _mm512_loadu_pd(bias)));
    __mmask8 fires = strict ? _mm512_cmp_pd_mask(next, limit, _CMP_GT_OQ) : _mm512_cmp_pd_mask(next, limit, _CMP_GE_OQ);
    _mm512_storeu_pd(v, _mm512_mask_sub_pd(next, fires, next, limit));
    return fires;
}
#endif

/* integrate-and-fire with reset by subtraction: v += scale * x + bias; a spike where v reaches the threshold
 * (strict: passes it); the flat indices first + j of those that spike go to `list`, and their number is returned */
INLINE long fire(long m, long strict, const double *restrict x, const double *restrict scale,
                 const double *restrict bias, const double *restrict threshold, double *restrict v,
                 uint8_t *restrict flags, int32_t first, int32_t *restrict list) {
    long k = 0, done = 0;
#if defined(COMPRESSES)
    for (; done + 16 <= m; done += 16) {
        unsigned low = fire_eight(strict, x + done, scale + done, bias + done, threshold + done, v + done);
        unsigned high = fire_eight(strict, x + done + 8, scale + done + 8, bias + done + 8, threshold + done + 8, v + done + 8);
        k += put(list + k, upwards(first + (int32_t)done), (__mmask16)(low | high << 8));
    }
#endif
    for (long j = done; j < m; j++) {
        double next = v[j] + (x[j] * scale[j] + bias[j]);
        uint8_t fires = strict ? next > threshold[j] : next >= threshold[j];
        v[j] = next - (fires ? threshold[j] : 0.0);
        flags[j] = fires;
    }
    return k + pack(flags + done, m - done, first + (int32_t)done, list + k);
}

/* list, capacity, images, n, w, ld, m, scale, bias, threshold (m), strict, v (images, m), spikes (images * m + 1),
 * sums, x, flags (m, scratch)
 * a dense layer and its neurons */
#define FUSED(NAME, WEIGHT, SUM_T, SUM)                                                                  \
    void NAME(const int64_t *a) {                                                                        \
        const int32_t *list = AT(const int32_t, 0);                                                      \
        long count = list[a[1]], images = a[2], n = a[3], ld = a[5], m = a[6], q = 0, sent = 0;           \
        const double *scale = AT(const double, 7), *bias = AT(const double, 8), *threshold = AT(const double, 9); \
        int32_t *spikes = AT(int32_t, 12);                                                               \
        SUM_T *sums = AT(SUM_T, 13);                                                                     \
        double *x = AT(double, 14);                                                                      \
        uint8_t *flags = AT(uint8_t, 15);                                                                \
        for (long b = 0; b < images; b++) {                                                              \
            long start = q, end = (b + 1) * n;                                                           \
            double *v = AT(double, 11) + b * m;                                                          \
            while (q < count && list[q] < end) q++;                                                      \
            SUM(list + start, q - start, AT(const WEIGHT, 4) - b * n * ld, ld, sums, m);                 \
            for (long j = 0; j < m; j++) x[j] = sums[j];                                                 \
            sent += fire(m, a[10], x, scale, bias, threshold, v, flags, (int32_t)(b * m), spikes + sent); \
        }                                                                                                \
        spikes[images * m] = (int32_t)sent;                                                              \
    }

FUSED(fused8, int8_t, int32_t, sum8)
FUSED(fused16, int16_t, int32_t, sum16)
FUSED(fused32, int32_t, int64_t, sum32)

/* target[0..8) += row[0..8); spelt out for AVX2, where compilers widen badly or not at all */
#if defined(__AVX2__)
INLINE void add8(int32_t *target, const int8_t *row) {
    __m256i sum = _mm256_loadu_si256((const __m256i *)target);
    sum = _mm256_add_epi32(sum, _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)row)));
    _mm256_storeu_si256((__m256i *)target, sum);
}
INLINE void add16(int32_t *target, const int16_t *row) {
    __m256i sum = _mm256_loadu_si256((const __m256i *)target);
    sum = _mm256_add_epi32(sum, _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)row)));
    _mm256_storeu_si256((__m256i *)target, sum);
}
INLINE void add32(int64_t *target, const int32_t *row) {
    for (int half = 0; half < 8; half += 4) {
        __m256i sum = _mm256_loadu_si256((const __m256i *)(target + half));
        sum = _mm256_add_epi64(sum, _mm256_cvtepi32_epi64(_mm_loadu_si128((const __m128i *)(row + half))));
        _mm256_storeu_si256((__m256i *)(target + half), sum);
    }
}
#else
#define ADD(NAME, SUM_T, WEIGHT)                                                                         \
    INLINE void NAME(SUM_T *restrict target, const WEIGHT *restrict row) {                               \
        for (int u = 0; u < 8; u++) target[u] += row[u];                                                 \
    }
ADD(add8, int32_t, int8_t)
ADD(add16, int32_t, int16_t)
ADD(add32, int64_t, int32_t)
#endif

/* sums at slots[e] += row rows[e], for e in start..end; `ld` columns, a multiple of 8 */
#define SPREAD(NAME, SUM_T, WEIGHT, ADD8)                                                                \
    INLINE void NAME(long start, long end, const int64_t *slots, const int32_t *rows, const WEIGHT *w, long ld, \
                     SUM_T *sums) {                                                                      \
        for (long e = start; e < end; e++) {                                                             \
            SUM_T *target = sums + slots[e];                                                             \
            const WEIGHT *row = w + rows[e] * ld;                                                        \
            for (long c = 0; c < ld; c += 8) ADD8(target + c, row + c);                                  \
        }                                                                                                \
    }

SPREAD(spread8, int32_t, int8_t, add8)
SPREAD(spread16, int32_t, int16_t, add16)
SPREAD(spread32, int64_t, int32_t, add32)

/* list, capacity, n, first (n + 1), slots, rows, w, ld, block, out, elements of out
 * products along a table of connections; out (tiles, images, block) */
#define TABLE(NAME, WEIGHT, SUM_T, SPREAD_AT)                                                            \
    void NAME(const int64_t *a) {                                                                        \
        const int32_t *list = AT(const int32_t, 0), *rows = AT(const int32_t, 5);                         \
        long count = list[a[1]], n = a[2], ld = a[7], block = a[8], b = 0;                                \
        const int64_t *first = AT(const int64_t, 3), *slots = AT(const int64_t, 4);                       \
        const WEIGHT *w = AT(const WEIGHT, 6);                                                           \
        memset(AT(SUM_T, 9), 0, a[10] * sizeof(SUM_T));                                                  \
        for (long q = 0; q < count; q++) {                                                               \
            while (list[q] >= (b + 1) * n) b++;                                                          \
            long j = list[q] - b * n;                                                                    \
            SPREAD_AT(first[j], first[j + 1], slots, rows, w, ld, AT(SUM_T, 9) + b * block);              \
        }                                                                                                \
    }

TABLE(table8, int8_t, int32_t, spread8)
TABLE(table16, int16_t, int32_t, spread16)
TABLE(table32, int32_t, int64_t, spread32)

/* list, capacity, images, n, first, slots, rows, w, ld, block, m, place (m), scale, bias, threshold (m), strict,
 * v (images, m), spikes (images * m + 1), sums (block), x, flags (m, scratch)
 * a convolution and its neurons; output j is the sum at place[j] */
#define FUSED_TABLE(NAME, WEIGHT, SUM_T, SPREAD_AT)                                                      \
    void NAME(const int64_t *a) {                                                                        \
        const int32_t *list = AT(const int32_t, 0), *rows = AT(const int32_t, 6), *place = AT(const int32_t, 11); \
        long count = list[a[1]], images = a[2], n = a[3], ld = a[8], m = a[10], q = 0, sent = 0;          \
        const int64_t *first = AT(const int64_t, 4), *slots = AT(const int64_t, 5);                       \
        const WEIGHT *w = AT(const WEIGHT, 7);                                                           \
        const double *scale = AT(const double, 12), *bias = AT(const double, 13), *threshold = AT(const double, 14); \
        int32_t *spikes = AT(int32_t, 17);                                                               \
        SUM_T *sums = AT(SUM_T, 18);                                                                     \
        double *x = AT(double, 19);                                                                      \
        uint8_t *flags = AT(uint8_t, 20);                                                                \
        for (long b = 0; b < images; b++) {                                                              \
            double *v = AT(double, 16) + b * m;                                                          \
            memset(sums, 0, a[9] * sizeof *sums);                                                        \
            for (; q < count && list[q] < (b + 1) * n; q++) {                                            \
                long j = list[q] - b * n;                                                                \
                SPREAD_AT(first[j], first[j + 1], slots, rows, w, ld, sums);                              \
            }                                                                                            \
            for (long j = 0; j < m; j++) x[j] = sums[place[j]];                                          \
            sent += fire(m, a[15], x, scale, bias, threshold, v, flags, (int32_t)(b * m), spikes + sent); \
        }                                                                                                \
        spikes[images * m] = (int32_t)sent;                                                              \
    }

FUSED_TABLE(fused_table8, int8_t, int32_t, spread8)
FUSED_TABLE(fused_table16, int16_t, int32_t, spread16)
FUSED_TABLE(fused_table32, int32_t, int64_t, spread32)

/* active (a list), capacity, level, charge (of each in the list), spikes, full
 * one step of a deterministic rate code: charge += level, a spike where it reaches full, which is taken off */
void encode(const int64_t *a) {
    const int32_t *active = AT(const int32_t, 0), *level = AT(const int32_t, 2);
    int32_t *charge = AT(int32_t, 3), *spikes = AT(int32_t, 4), full = (int32_t)a[5];
    long sent = 0, count = active[a[1]], q = 0;
#if defined(COMPRESSES)
    const __m512i top = _mm512_set1_epi32(full);
    for (; q + 16 <= count; q += 16) {
        __m512i after = _mm512_add_epi32(_mm512_loadu_si512(charge + q), _mm512_loadu_si512(level + q));
        __mmask16 fires = _mm512_cmpge_epi32_mask(after, top);
        _mm512_storeu_si512(charge + q, _mm512_mask_sub_epi32(after, fires, after, top));
        sent += put(spikes + sent, _mm512_loadu_si512(active + q), fires);
    }
#endif
    for (; q < count; q++) {
        int32_t after = charge[q] + level[q], fires = after >= full;
        charge[q] = after - (fires ? full : 0);
        spikes[sent] = active[q];
        sent += fires;
    }
    spikes[a[1]] = (int32_t)sent;
}

/* list, capacity, images, n, first (n + 1), windows, taps (windows, k), k, counts (images, n), flags (m), m, out
 * max pooling of spikes: a window passes those of its neuron with most spikes so far, of equals the first */
void winners(const int64_t *a) {
    const int32_t *list = AT(const int32_t, 0), *windows = AT(const int32_t, 5), *taps = AT(const int32_t, 6);
    long count = list[a[1]], images = a[2], n = a[3], k = a[7], m = a[10], q = 0, sent = 0;
    const int64_t *first = AT(const int64_t, 4);
    int32_t *out = AT(int32_t, 11);
    uint8_t *flags = AT(uint8_t, 9);
    for (long b = 0; b < images; b++) {
        int32_t *own = AT(int32_t, 8) + b * n;
        long start = q;
        for (; q < count && list[q] < (b + 1) * n; q++) own[list[q] - b * n]++;
        if (q == start) continue;
        for (long s = start; s < q; s++) {
            int32_t j = list[s] - (int32_t)(b * n);
            for (long e = first[j]; e < first[j + 1]; e++) {
                const int32_t *window = taps + windows[e] * k;
                int32_t most = own[j];
                long t = 0;
                for (; window[t] != j; t++)
                    if (window[t] >= 0 && own[window[t]] >= most) break;
                if (window[t] != j) continue;
                for (t++; t < k; t++)
                    if (window[t] >= 0 && own[window[t]] > most) break;
                if (t == k) flags[windows[e]] = 1;
            }
        }
        sent += pack(flags, m, (int32_t)(b * m), out + sent);
        memset(flags, 0, m);
    }
    out[images * m] = (int32_t)sent;
}

/* list, capacity, images, n, history (steps, images), clock (1): history[clock] = spikes of each image */
void tally(const int64_t *a) {
    const int32_t *list = AT(const int32_t, 0);
    long count = list[a[1]], images = a[2], n = a[3], q = 0;
    double *row = AT(double, 4) + AT(const int64_t, 5)[0] * images;
    for (long b = 0; b < images; b++) {
        long start = q;
        while (q < count && list[q] < (b + 1) * n) q++;
        row[b] = (double)(q - start);
    }
}

/* list, capacity, images, n, first (n + 1), slots, siemens_of (n), arrivals (images, tiles * vectors), tiles, vectors,
 * clock (1), arrived, reads, driven, siemens (steps, images)
 * where spikes arrive, and by image what they drive: spikes at rows, tiles read, vectors with a read, conductance */
void arrive(const int64_t *a) {
    const int32_t *list = AT(const int32_t, 0);
    long count = list[a[1]], images = a[2], n = a[3], tiles = a[8], vectors = a[9], q = 0;
    const int64_t *first = AT(const int64_t, 4), *slots = AT(const int64_t, 5);
    const double *siemens_of = AT(const double, 6);
    long row = AT(const int64_t, 10)[0] * images;
    for (long b = 0; b < images; b++) {
        int32_t *arrivals = AT(int32_t, 7) + b * tiles * vectors;
        double siemens = 0;
        long arrived = 0, reads = 0, driven = 0;
        memset(arrivals, 0, tiles * vectors * sizeof *arrivals);
        for (; q < count && list[q] < (b + 1) * n; q++) {
            long j = list[q] - b * n;
            siemens += siemens_of[j];
            for (long e = first[j]; e < first[j + 1]; e++) arrivals[slots[e]]++;
        }
        for (long vector = 0; vector < vectors; vector++) {
            long before = reads;
            for (long tile = 0; tile < tiles; tile++) {
                arrived += arrivals[tile * vectors + vector];
                reads += arrivals[tile * vectors + vector] > 0;
            }
            driven += reads > before;
        }
        AT(double, 11)[row + b] = (double)arrived;
        AT(double, 12)[row + b] = (double)reads;
        AT(double, 13)[row + b] = (double)driven;
        AT(double, 14)[row + b] = siemens;
    }
}

/* list, capacity, counts, elements of counts, history (steps, elements), clock (1)
 * counts[index] += 1 for every spike; history[clock] = counts; clock += 1 */
void note(const int64_t *a) {
    const int32_t *list = AT(const int32_t, 0);
    float *counts = AT(float, 2);
    int64_t *clock = AT(int64_t, 5);
    for (long q = 0; q < list[a[1]]; q++) counts[list[q]] += 1;
    memcpy(AT(float, 4) + clock[0] * a[3], counts, a[3] * sizeof *counts);
    clock[0]++;
}
