// Two sets in the plane, and a network that latches on to a hint: chapter 17.
(self.hlnbLab ??= []).push(function latch(lab) {
  "use strict";
  const { stream } = lab, f = Math.fround;
  const MARGIN = 0.1; // half of the gap between pieces
  const SHARES = { // of a coordinate's pieces, for labels 0 and 1
    1: [[1], [1]],
    2: [[1, 0], [0, 1]],
    5: [[1 / 8, 0, 3 / 4, 0, 1 / 8], [0, 1 / 2, 0, 1 / 2, 0]],
  };

  // `n` points of the stream `name`: {s (coordinates), x (the same, turned by 45
  // degrees), y}. Coordinate 2 has five slabs. Coordinate 1 is linear, and in the gap
  // for a share `noise` of points; or noise, where that is null.
  lab.slabs = function ({ noise, seed, n }, name) {
    const draws = stream(seed, name), rand = () => Float32Array.from({ length: n }, () => draws.rand());
    const y = Uint8Array.from({ length: n }, () => draws.randint(2));
    const coordinate = function (k) {
      const width = (2 - 2 * MARGIN * (k - 1)) / k;
      const piece = Array.from(y, (label) => {
        let best = 0, most = -1;
        SHARES[k][label].forEach((share, j) => {
          const q = f(share / f(draws.exponential()));
          if (q > most) [best, most] = [j, q];
        });
        return best;
      });
      const s = rand().map((u, i) =>
        f((piece[i] - (k - 1) / 2) * f(width + 2 * MARGIN)) + f(f(width) * f(u - 0.5)));
      if (k === 2 && noise) {
        const unsaid = rand(), within = rand();
        s.forEach((_, i) => {
          if (unsaid[i] < f(noise)) s[i] = f(MARGIN) * f(2 * within[i] - 1);
        });
      }
      return s;
    };
    const s = [noise === null ? 1 : 2, 5].map(coordinate), x = new Float64Array(2 * n);
    const c = f(Math.SQRT1_2);
    for (let i = 0; i < n; i++) {
      x[2 * i] = f(f(s[0][i] * c) - f(s[1][i] * c));
      x[2 * i + 1] = f(f(s[0][i] * c) + f(s[1][i] * c));
    }
    return { s, x, y };
  };
});
