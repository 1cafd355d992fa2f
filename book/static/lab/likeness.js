// Do the filters look like the patterns? `hlnb.metrics.likeness`.
(self.hlnbLab ??= []).push(function likeness(lab) {
  "use strict";
  const length = (v) => Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));

  // cos(w_j, F_k) of every filter j with every pattern k: an array for each filter.
  // `filters`: one after the other
  lab.cosines = function (filters, patterns) {
    const T = patterns[0].length;
    return Array.from({ length: filters.length / T }, (_, j) => {
      const filter = filters.subarray(j * T, (j + 1) * T);
      return patterns.map((pattern) =>
        filter.reduce((sum, x, t) => sum + x * pattern[t], 0) / (length(filter) * length(pattern)));
    });
  };

  // mean_j max_k |cos(w_j, F_k)|
  lab.maxCosine = function (filters, patterns) {
    const best = lab.cosines(filters, patterns).map((row) => Math.max(...row.map(Math.abs)));
    return best.reduce((sum, x) => sum + x, 0) / best.length;
  };
});
