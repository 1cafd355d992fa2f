// The report's five toy problems: `hlnb.data.patterns`, without noise.
(self.hlnbLab ??= []).push(function problems(lab) {
  "use strict";
  const { stream } = lab;
  const PATTERNS = { 1: 2, 2: 2, 3: 2, 4: 10, 5: 4 }; // k, by problem
  const LISTED = 1000; // up to this many distinct inputs, all are tested
  const TESTED = 1024; // rows of a test batch that is sampled

  // Stops with one sentence: what is wrong, what to do
  lab.refuse = function (sentence) {
    throw Object.assign(new Error(sentence), { name: "HlnbError" });
  };

  // Classes of scenes: patterns that occur together, weight in the class, gap or null
  function classes(number, gap) {
    const scene = (patterns, weight = 1, apart = null) => ({ patterns, weight, gap: apart });
    const pair = (...patterns) => scene(patterns, 0.5, gap);
    const either = [scene([0], 0.5), scene([1], 0.5)];
    const five = (first) => [0, 1, 2, 3, 4].map((j) => scene([first + j], 0.2));
    return {
      1: [[scene([0])], [scene([1])]],
      2: [[scene([0, 1], 0.5), scene([], 0.5)], either],
      3: [[scene([0, 1])], either, [scene([0, 0])], [scene([1, 1])]],
      4: [five(0), five(5)],
      5: [[pair(0, 1), pair(2, 3)], [pair(0, 2), pair(1, 3)]],
    }[number];
  }

  // k patterns, no two equal or each other's negation
  function drawPatterns(k, T, scale, seed) {
    const draws = stream(seed, "patterns"), found = [];
    while (found.length < k) {
      const fresh = Array.from({ length: T }, () => 2 * draws.randint(2) - 1);
      const dot = (old) => old.reduce((sum, v, t) => sum + v * fresh[t], 0);
      if (!found.some((old) => Math.abs(dot(old)) === T)) found.push(fresh);
    }
    return found.map((pattern) => Float32Array.from(pattern, (v) => Math.fround(scale) * v));
  }

  // The `m` places of the largest numbers, largest first; of equal ones the first
  function largest(numbers, m) {
    const places = [];
    while (places.length < m) {
      let best = -1;
      numbers.forEach((v, i) => {
        if (!places.includes(i) && (best < 0 || v > numbers[best])) best = i;
      });
      places.push(best);
    }
    return places;
  }

  class Problem {
    constructor({ problem, d, T, scale, seed }) {
      const k = PATTERNS[problem];
      if (k > 2 ** (T - 1)) {
        lab.refuse(`There are not k = ${k} patterns of length T = ${T} that differ in ` +
          "more than their sign: take 1 ≤ k ≤ 2^(T-1).");
      }
      this.classes = classes(problem, T);
      const needed = Math.max(...this.classes.flat().map(
        ({ patterns: { length }, gap }) => length * T + (length - 1) * (gap ?? 0)
      ));
      if (d < needed) {
        lab.refuse(`A row of d = ${d} pixels is too small for its patterns: they need ` +
          `${needed} pixels; raise d or lower T or gap.`);
      }
      Object.assign(this, { d, T, seed });
      this.patterns = drawPatterns(k, T, scale, seed);
    }

    // Number of start positions to choose from, and how many are chosen
    slots({ patterns: { length: m }, gap }) {
      if (gap !== null) return [this.d - m * this.T - (m - 1) * gap + 1, 1];
      return [m ? this.d - m * (this.T - 1) : 1, m];
    }

    // Writes a scene's patterns into a blank row
    draw(row, { patterns, gap }, chosen) {
      patterns.forEach((pattern, j) => {
        const start = gap !== null ? chosen[0] + j * (this.T + gap)
          : chosen[j] + chosen.filter((q) => q < chosen[j]).length * (this.T - 1);
        row.set(this.patterns[pattern], start);
      });
    }

    // `n` labelled rows: {x, y, n}
    sample(n, name) {
      const draws = stream(this.seed, name), { d } = this;
      const x = new Float32Array(n * d);
      const y = Int32Array.from({ length: n }, () => draws.randint(this.classes.length));
      const pick = Float32Array.from({ length: n }, () => draws.rand());
      for (let i = 0; i < n; i++) {
        const scenes = this.classes[y[i]], slots = Array.from({ length: d }, () => draws.rand());
        let below = 0;
        const scene = scenes.find(({ weight }) => pick[i] < Math.fround(below += weight));
        const chosen = scene ?? scenes.at(-1), [free, m] = this.slots(chosen);
        this.draw(x.subarray(i * d, i * d + d), chosen, largest(slots.slice(0, free), m));
      }
      return { x, y, n };
    }

    // Every distinct row once, with its probability: {x, y, n, weight}; null if too many
    distinct() {
      const rows = [], { d } = this;
      for (const [c, scenes] of this.classes.entries()) {
        for (const scene of scenes) {
          const [free, m] = this.slots(scene), [one, two] = scene.patterns;
          if (free ** m > 3 * LISTED) return null;
          const slots = Array.from({ length: free }, (_, q) => q);
          let placed = [[]];
          for (let j = 0; j < m; j++) {
            placed = placed.flatMap((chosen) =>
              slots.filter((q) => !chosen.includes(q)).map((q) => [...chosen, q]));
          }
          if (m === 2 && one === two) placed = placed.filter(([p, q]) => p < q);
          const weight = scene.weight / this.classes.length / placed.length;
          rows.push(...placed.map((chosen) => ({ c, scene, chosen, weight })));
        }
      }
      if (rows.length > LISTED) return null;
      const x = new Float32Array(rows.length * d);
      rows.forEach(({ scene, chosen }, i) =>
        this.draw(x.subarray(i * d, i * d + d), scene, chosen));
      const y = Int32Array.from(rows, ({ c }) => c);
      return { x, y, n: rows.length, weight: Float32Array.from(rows, (row) => row.weight) };
    }

    // The batches of a run, {train, test}; test.seen: which rows are training rows
    split(n) {
      const train = this.sample(n, "train");
      const test = this.distinct() ?? this.sample(TESTED, "test");
      const key = ({ x }, i) => x.subarray(i * this.d, (i + 1) * this.d).join();
      const known = new Set(Array.from(train.y, (_, i) => key(train, i)));
      test.seen = Array.from(test.y, (_, i) => known.has(key(test, i)));
      return { train, test };
    }
  }

  // The toy problem of these settings
  lab.toyProblem = (settings) => new Problem(settings);
});
