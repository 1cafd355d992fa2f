// Descent on linear regression with a step size by hand: chapter 18.
(self.hlnbLab ??= []).push(function step(lab) {
  "use strict";
  const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);

  // `n` examples in `d` dimensions and their targets, of
  // `hlnb.studies.linear_regression`: {x (its rows), y, beta}
  lab.regression = function ({ n, d, seed, noise }) {
    const drawn = (of, count) => lab.stream(seed, `linear regression: ${of}`).randn(count);
    const flat = drawn(`inputs ${n} ${d}`, n * d), error = drawn(`noise ${n} ${d}`, n);
    const x = Array.from({ length: n }, (_, i) => flat.subarray(i * d, (i + 1) * d));
    const toward = drawn(`beta ${d}`, d), beta = toward.map((v) => v / Math.hypot(...toward));
    return { x, y: x.map((row, i) => dot(row, beta) + noise * error[i]), beta };
  };

  // w after a step of size `lr` along −Xᵀ(Xw − y)
  lab.regressed = function ({ x, y }, w, lr) {
    const off = x.map((row, i) => dot(row, w) - y[i]);
    return w.map((v, j) => v - lr * x.reduce((sum, row, i) => sum + row[j] * off[i], 0));
  };
});
