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
 */
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define BYTES 64

typedef int16_t lanes16 __attribute__((vector_size(BYTES)));
typedef int16_t lanes16u __attribute__((vector_size(BYTES), aligned(1)));
typedef int32_t lanes32 __attribute__((vector_size(BYTES)));
typedef int32_t lanes32u __attribute__((vector_size(BYTES), aligned(1)));
typedef int32_t int32x8 __attribute__((vector_size(32), aligned(4)));
typedef int16_t int16x8 __attribute__((vector_size(16), aligned(2)));
typedef int8_t int8x8 __attribute__((vector_size(8), aligned(1)));
typedef int64_t int64x8 __attribute__((vector_size(64), aligned(8)));

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

/* out (tiles, images, m) = sums over the rows of each tile; edges (tiles + 1) */
#define DENSE(NAME, WEIGHT, SUM_T, SUM)                                                                  \
    void NAME(const int32_t *list, long capacity, long images, long n, const int64_t *edges, long tiles,  \
              const WEIGHT *w, long ld, long m, SUM_T *out) {                                             \
        long q = 0, count = list[capacity];                                                              \
        for (long b = 0; b < images; b++) {                                                              \
            const WEIGHT *own = w - b * n * ld;                                                          \
            for (long tile = 0; tile < tiles; tile++) {                                                  \
                long start = q, end = b * n + edges[tile + 1];                                           \
                while (q < count && list[q] < end) q++;                                                  \
                SUM(list + start, q - start, own, ld, out + (tile * images + b) * m, m);                 \
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

/* The whole layer: product, integrate-and-fire neurons with reset by subtraction, spike list of the population.
 * v (images, m) += scale * sum + bias; spikes where v >= threshold (strict: v >); list of capacity images * m.
 * `sums` and `flags` are scratch of m elements. */
#define FUSED(NAME, WEIGHT, SUM_T, SUM)                                                                  \
    void NAME(const int32_t *list, long capacity, long images, long n, const WEIGHT *w, long ld, long m,  \
              double scale, const double *bias, const double *threshold, long strict, double *v,          \
              int32_t *spikes, SUM_T *sums, uint8_t *flags) {                                             \
        long q = 0, count = list[capacity], sent = 0;                                                    \
        for (long b = 0; b < images; b++) {                                                              \
            long start = q, end = (b + 1) * n;                                                           \
            double *own = v + b * m;                                                                     \
            while (q < count && list[q] < end) q++;                                                      \
            SUM(list + start, q - start, w - b * n * ld, ld, sums, m);                                   \
            if (strict)                                                                                  \
                for (long j = 0; j < m; j++) {                                                           \
                    double next = own[j] + (sums[j] * scale + bias[j]);                                  \
                    uint8_t fires = next > threshold[j];                                                 \
                    own[j] = next - (fires ? threshold[j] : 0.0);                                        \
                    flags[j] = fires;                                                                    \
                }                                                                                        \
            else                                                                                         \
                for (long j = 0; j < m; j++) {                                                           \
                    double next = own[j] + (sums[j] * scale + bias[j]);                                  \
                    uint8_t fires = next >= threshold[j];                                                \
                    own[j] = next - (fires ? threshold[j] : 0.0);                                        \
                    flags[j] = fires;                                                                    \
                }                                                                                        \
            sent += pack(flags, m, (int32_t)(b * m), spikes + sent);                                     \
        }                                                                                                \
        spikes[images * m] = (int32_t)sent;                                                              \
    }

FUSED(fused8, int8_t, int32_t, sum8)
FUSED(fused16, int16_t, int32_t, sum16)
FUSED(fused32, int32_t, int64_t, sum32)

/* Products along a table: neuron j drives row rows[e] of the sums at offset slots[e], for e in first[j]..first[j+1].
 * out (tiles, images, block): the slots of one image and tile lie together, `ld` columns each (a multiple of 8). */
#define TABLE(NAME, WEIGHT, NARROW8, SUM_T, WIDE8)                                                       \
    void NAME(const int32_t *list, long capacity, long images, long n, const int64_t *first,              \
              const int64_t *slots, const int32_t *rows, const WEIGHT *w, long ld, long block, SUM_T *out) {\
        long count = list[capacity], b = 0;                                                              \
        (void)images;                                                                                    \
        for (long q = 0; q < count; q++) {                                                               \
            while (list[q] >= (b + 1) * n) b++;                                                          \
            long j = list[q] - b * n;                                                                    \
            for (long e = first[j]; e < first[j + 1]; e++) {                                             \
                SUM_T *target = out + b * block + slots[e];                                              \
                const WEIGHT *row = w + rows[e] * ld;                                                    \
                for (long c = 0; c < ld; c += 8)                                                         \
                    *(WIDE8 *)(target + c) += __builtin_convertvector(*(const NARROW8 *)(row + c), WIDE8); \
            }                                                                                            \
        }                                                                                                \
    }

typedef int32_t int32x8n __attribute__((vector_size(32), aligned(4)));
TABLE(table8, int8_t, int8x8, int32_t, int32x8)
TABLE(table16, int16_t, int16x8, int32_t, int32x8)
TABLE(table32, int32_t, int32x8n, int64_t, int64x8)
