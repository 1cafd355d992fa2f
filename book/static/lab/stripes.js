// Stripes, and what each neuron of a small network answers to: chapter 16.
(self.hlnbLab ??= []).push(function stripes(lab) {
  "use strict";

  // `n` points of [−1, 1]² in diagonal stripes so wide along x₁ + x₂: {x, y}
  lab.stripes = function ({ width, seed, n }, part) {
    const draws = lab.stream(seed, `stripes/${part}`), f = Math.fround;
    const x = Float64Array.from({ length: 2 * n }, () => 2 * draws.rand() - 1);
    const y = Uint8Array.from({ length: n }, (_, i) =>
      Math.floor(f(f(x[2 * i] + x[2 * i + 1]) / f(width))) & 1);
    return { x, y };
  };
});
