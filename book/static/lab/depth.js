// Deep linear networks, from one layer to ten: chapter 19.
(self.hlnbLab ??= []).push(function depth(lab) {
  "use strict";

  // Product of two d × d matrices, row by row; either may be taken transposed
  function times(a, b, d, { first = false, second = false } = {}) {
    const found = new Float64Array(d * d);
    for (let i = 0; i < d; i++) {
      for (let k = 0; k < d; k++) {
        const v = first ? a[k * d + i] : a[i * d + k];
        if (v === 0) continue;
        if (second) for (let j = 0; j < d; j++) found[i * d + j] += v * b[j * d + k];
        else for (let j = 0; j < d; j++) found[i * d + j] += v * b[k * d + j];
      }
    }
    return found;
  }

  // A d × d matrix of this rank, a share of it seen: {target, seen}
  lab.completion = function ({ d, rank, share, seed }) {
    const draws = lab.stream(seed, `deep linear completion ${d} ${rank}`);
    const left = draws.randn(d * rank), right = draws.randn(rank * d);
    const target = new Float64Array(d * d), seen = new Uint8Array(d * d);
    for (let i = 0; i < d; i++) {
      for (let k = 0; k < rank; k++) {
        for (let j = 0; j < d; j++) target[i * d + j] += left[i * rank + k] * right[k * d + j];
      }
    }
    const size = Math.sqrt(target.reduce((sum, v) => sum + v * v, 0) / (d * d));
    draws.randperm(d * d).subarray(0, Math.round(share * d * d)).forEach((at) => (seen[at] = 1));
    return { d, target: target.map((v) => v / size), seen };
  };

  // Normal factors, the first of them A₁; entries of their product have size `size`
  lab.smallStart = function ({ d, depth, size, seed }) {
    const spread = (size / d ** ((depth - 1) / 2)) ** (1 / depth);
    const flat = lab.stream(seed, `deep linear start ${d} ${depth}`).randn(depth * d * d);
    const scaled = flat.map((v) => spread * v);
    return Array.from({ length: depth }, (_, j) => scaled.subarray(j * d * d, (j + 1) * d * d));
  };

  // Their product
  lab.product = ([first, ...rest], d) =>
    rest.reduce((w, factor) => times(factor, w, d), first.slice());

  // A step of descent on half of the squared error on seen entries; changes the factors
  lab.completed = function ({ d, target, seen }, factors, lr) {
    const below = [];
    factors.forEach((factor, j) => below.push(j ? times(factor, below[j - 1], d) : factor));
    let above = below.at(-1).map((w, i) => (seen[i] ? w - target[i] : 0));
    for (let j = factors.length - 1; j >= 0; j--) {
      const grad = j ? times(above, below[j - 1], d, { second: true }) : above;
      const next = j ? times(factors[j], above, d, { first: true }) : null;
      for (let i = 0; i < d * d; i++) factors[j][i] -= lr * grad[i];
      above = next;
    }
  };

  // A singular value after `time` of σ̇ = N σ^(2 − 2/N)
  lab.grown = function (s, time, depth) {
    if (depth === 2) return s * Math.exp(2 * time);
    return (s ** (2 / depth - 1) + (2 - depth) * time) ** (depth / (2 - depth));
  };

  // When it has grown from `s` to `end`
  lab.timeTo = (s, end, depth) => depth === 2 ? Math.log(end / s) / 2
    : (end ** (2 / depth - 1) - s ** (2 / depth - 1)) / (2 - depth);
});
