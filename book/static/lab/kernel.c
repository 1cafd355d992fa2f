// The loops over windows of descent.js for 32-bit numbers, 20 filters and 100 units.
// They read and write the same arrays; build_kernel.py makes kernel.js of this file.
#include <wasm_simd128.h>

typedef float lanes __attribute__((vector_size(16)));

enum { C = 20 / 4, U = 100 / 4, BLOCK = 5 }; // vectors; a block stays in registers

#define EXPORT(name) __attribute__((export_name(#name)))
#define EACH(i, n) for (int i = 0; i < (n); i++)

static int least(int a, int b) { return a < b ? a : b; }

// NaN stays NaN
static lanes relu(lanes h) { return wasm_f32x4_pmax(h, (lanes){0}); }

// An odd one of two windows is taken twice: it is written, not added

EXPORT(filter)
void filter(int n, int size, const float *x, const int *row, const int *source,
            const lanes *filters, const lanes *shift, const lanes *blank, lanes *active,
            lanes *extra, lanes *sums) {
  for (int j = 0; j < n; j += 2) {
    int k = least(j + 1, n - 1);
    lanes g[C], h[C];
    EACH(c, C) g[c] = h[c] = shift[c];
    EACH(t, size) {
      float one = x[source[j] + t], other = x[source[k] + t];
      EACH(c, C) {
        g[c] += one * filters[t * C + c];
        h[c] += other * filters[t * C + c];
      }
    }
    EACH(c, C) active[j * C + c] = relu(g[c]);
    EACH(c, C) active[k * C + c] = relu(h[c]);
  }
  EACH(j, n) EACH(c, C) {
    extra[j * C + c] = active[j * C + c] - blank[c];
    sums[row[j] * C + c] += extra[j * C + c];
  }
}

EXPORT(spread)
void spread(int n, const int *row, const int *at, const float *extra,
            const lanes *weights, lanes *out) {
  for (int j = 0, k; j < n; j = k + 1) {
    k = j + 1 < n && at[j + 1] == at[j] ? j + 1 : j;
    for (int b = 0; b < U; b += BLOCK) {
      const lanes *here = weights + at[j] * 4 * C * U + b;
      lanes *y = out + row[j] * U + b, *z = out + row[k] * U + b, g[BLOCK], h[BLOCK];
      EACH(i, BLOCK) g[i] = y[i], h[i] = z[i];
      EACH(c, 4 * C) {
        float one = extra[j * 4 * C + c], other = extra[k * 4 * C + c];
        EACH(i, BLOCK) {
          g[i] += one * here[c * U + i];
          h[i] += other * here[c * U + i];
        }
      }
      EACH(i, BLOCK) y[i] = g[i], z[i] = h[i];
    }
  }
}

EXPORT(pull)
void pull(int n, const int *row, const int *at, const lanes *slope, const lanes *weights,
          float *down) {
  for (int j = 0, k; j < n; j = k + 1) {
    k = j + 1 < n && at[j + 1] == at[j] ? j + 1 : j;
    const lanes *d = slope + row[j] * U, *e = slope + row[k] * U;
    for (int c = 0; c < 4 * C; c += 4) {
      const lanes *here = weights + (at[j] * 4 * C + c) * U;
      lanes g[4] = {0}, h[4] = {0};
      EACH(i, U) EACH(q, 4) {
        g[q] += d[i] * here[q * U + i];
        h[q] += e[i] * here[q * U + i];
      }
      EACH(q, 4) {
        down[j * 4 * C + c + q] = (g[q][0] + g[q][1]) + (g[q][2] + g[q][3]);
        down[k * 4 * C + c + q] = (h[q][0] + h[q][1]) + (h[q][2] + h[q][3]);
      }
    }
  }
}

EXPORT(push)
void push(int n, const int *row, const int *at, const float *extra, const lanes *step,
          lanes *weights) {
  for (int first = 0, end; first < n; first = end) {
    for (end = first + 1; end < n && at[end] == at[first];) end++;
    for (int c = 0; c < 4 * C; c += 2) for (int b = 0; b < U; b += BLOCK) {
      lanes *v = weights + (at[first] * 4 * C + c) * U + b, *w = v + U;
      lanes g[BLOCK], h[BLOCK];
      EACH(i, BLOCK) g[i] = v[i], h[i] = w[i];
      for (int j = first; j < end; j++) {
        const lanes *d = step + row[j] * U + b;
        float one = extra[j * 4 * C + c], other = extra[j * 4 * C + c + 1];
        EACH(i, BLOCK) {
          g[i] += one * d[i];
          h[i] += other * d[i];
        }
      }
      EACH(i, BLOCK) v[i] = g[i], w[i] = h[i];
    }
  }
}

EXPORT(gather)
void gather(int n, int size, const float *x, const int *row, const int *source,
            const lanes *active, const lanes *back, lanes *down, lanes *blanks,
            lanes *moved, lanes *slope) {
  EACH(j, n) EACH(c, C) {
    lanes g = down[j * C + c] + back[row[j] * C + c];
    blanks[c] -= g;
    down[j * C + c] = wasm_v128_andnot(g, active[j * C + c] <= 0);
    moved[c] += down[j * C + c];
  }
  for (int t = 0; t < size; t += 2) {
    int s = least(t + 1, size - 1);
    lanes g[C], h[C];
    EACH(c, C) g[c] = slope[t * C + c], h[c] = slope[s * C + c];
    EACH(j, n) {
      float one = x[source[j] + t], other = x[source[j] + s];
      EACH(c, C) {
        g[c] += one * down[j * C + c];
        h[c] += other * down[j * C + c];
      }
    }
    EACH(c, C) slope[t * C + c] = g[c];
    EACH(c, C) slope[s * C + c] = h[c];
  }
}
