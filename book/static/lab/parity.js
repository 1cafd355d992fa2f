// A race for a parity, elimination against SGD: chapter 11.
(self.hlnbLab ??= []).push(function parity(lab) {
  "use strict";

  // `k` of `d` coordinates, ascending: the support of a seed
  lab.support = ({ d, k, seed }) =>
    Array.from(lab.stream(seed, "support").randperm(d).subarray(0, k)).sort((a, b) => a - b);

  // `n` points of {−1, 1}^d of the stream `name`, with the parity of `support`: {x, y}
  lab.parities = function ({ d, support, seed, n }, name) {
    const draws = lab.stream(seed, name);
    const x = Float64Array.from({ length: n * d }, () => 1 - 2 * draws.randint(2));
    const y = Uint8Array.from({ length: n }, (_, r) =>
      support.reduce((sum, i) => sum + (x[r * d + i] < 0), 0) & 1);
    return { x, y };
  };

  // The set that `n` examples leave possible, by elimination modulo 2; null: several
  lab.eliminated = function ({ x, y }, d) {
    const rows = Array.from(y, (label, r) => { // bit i: x_i is −1; bit d: the label
      let bits = label ? 1n << BigInt(d) : 0n;
      for (let i = 0; i < d; i++) if (x[r * d + i] < 0) bits |= 1n << BigInt(i);
      return bits;
    });
    for (let i = 0; i < d; i++) {
      const bit = 1n << BigInt(i), pivot = rows.findIndex((row, r) => r >= i && row & bit);
      if (pivot < 0) return null;
      [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
      rows.forEach((row, r) => {
        if (r !== i && row & bit) rows[r] ^= rows[i];
      });
    }
    return Array.from({ length: d }, (_, i) => i).filter((i) => rows[i] >> BigInt(d));
  };
});
