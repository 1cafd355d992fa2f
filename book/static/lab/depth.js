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

  // Singular values of a d × d matrix, falling: its columns are turned until no two of
  // them have anything in common
  lab.singular = function (w, d) {
    const a = w.slice(), none = 1e-26 * w.reduce((sum, v) => sum + v * v, 0);
    for (let again = true, sweep = 0; again && sweep < 30; sweep++) {
      again = false;
      for (let p = 0; p < d; p++) {
        for (let q = p + 1; q < d; q++) {
          let pp = 0, qq = 0, pq = 0;
          for (let i = 0; i < d * d; i += d) {
            pp += a[i + p] ** 2;
            qq += a[i + q] ** 2;
            pq += a[i + p] * a[i + q];
          }
          if (Math.abs(pq) <= 1e-9 * Math.sqrt(pp * qq) + none) continue;
          again = true;
          const z = (qq - pp) / (2 * pq), tan = Math.sign(z || 1) / (Math.abs(z) + Math.hypot(1, z));
          const cos = 1 / Math.hypot(1, tan), sin = cos * tan;
          for (let i = 0; i < d * d; i += d) {
            [a[i + p], a[i + q]] = [cos * a[i + p] - sin * a[i + q], sin * a[i + p] + cos * a[i + q]];
          }
        }
      }
    }
    const squares = new Float64Array(d);
    a.forEach((v, i) => (squares[i % d] += v * v));
    return [...squares.map(Math.sqrt)].sort((x, y) => y - x);
  };

  // exp of the entropy of their shares
  lab.effectiveRank = function (values) {
    const sum = values.reduce((x, y) => x + y, 0), share = values.map((v) => v / sum);
    return Math.exp(-share.reduce((x, p) => x + (p > 0 ? p * Math.log(p) : 0), 0));
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

self.hlnbUi?.add("depth", {
  title: "Deep linear networks, from one layer to ten",
  settings: {
    depth: { label: "layers", value: 3, least: 1, most: 10, step: 1, whole: true, slider: true },
    size: { label: "entries start at", value: 0.001, least: 1e-6, most: 1 },
    s: { label: "five values start at", value: "0.05 0.1 0.2 0.3 0.4", live: true },
    seed: { label: "seed", value: 20, least: 0, most: 9999, whole: true },
  },
  strides: [["10 steps", 10], ["100 steps", 100]],
  stride: () => 5,
  pace: () => 40,
  create(view) {
    "use strict";
    const ui = self.hlnbUi, lab = {}, D = 30, STEPS = 4000, EVERY = 10, FIT = 0.003, FRAMES = 100;
    self.hlnbLab.forEach((part) => part(lab));
    let values, s, problem, rank, factors, w, lr, t = 0, frame = 0, seen = [], chosen = 4, touched = 0;

    function read(text) {
      const found = String(text).trim().split(/[\s;]+/).map(Number);
      if (found.length !== 5 || !found.every((v) => v >= 0.001 && v < 1)) {
        ui.refuse(`five values = ${text}: take five numbers from 0.001 to below 1.`);
      }
      return found;
    }
    const end = (part) => {
      const time = lab.timeTo(Math.max(...s), 1, values.depth);
      return s.map((v) => lab.grown(v, part * time, values.depth));
    };
    // Root mean square of the errors on seen entries, or on the others
    function error(on) {
      let sum = 0, count = 0;
      w.forEach((v, i) => {
        if (problem.seen[i] !== on) return;
        sum += (v - problem.target[i]) ** 2;
        count++;
      });
      return Math.sqrt(sum / count);
    }
    function look() {
      w = lab.product(factors, D);
      const values = lab.singular(w, D);
      seen.push({ t, fit: error(1), holes: error(0), top: values.slice(0, 5), rank: lab.effectiveRank(values) });
    }
    function paintGrowth(c, width, height) {
      if (!s) return;
      const axes = ui.axes(c, [0, 0, width - 8, height], { xlim: [-0.02, 1], ylim: [0.01, 1.2], ylog: true,
        xlabel: "share of the time until the largest is 1", ylabel: `five singular values, ${values.depth === 1 ? "one layer" : `${values.depth} layers`}` });
      const part = Math.min(1, frame / FRAMES), parts = Array.from({ length: 61 }, (_, i) => i / 60);
      const ways = parts.map((p) => [p, end(p)]);
      s.forEach((v, k) => {
        const line = ways.map(([p, now]) => [p, now[k]]), look = { stroke: ui.colour(k) };
        axes.line(line, { ...look, alpha: 0.3, thick: 1 });
        axes.line([...line.filter(([p]) => p < part), [part, end(part)[k]]], look);
        axes.dot(part, end(part)[k], { fill: ui.colour(k), size: 5 });
        c.strokeStyle = ui.ink();
        c.lineWidth = k === chosen ? 3 : 1.5;
        c.beginPath();
        c.arc(axes.x(0), axes.y(v), 7, 0, 2 * Math.PI);
        c.stroke();
      });
      growth.scale = axes;
    }
    function paintMatrices(c, width) {
      if (!w) return;
      const gap = 10, size = (width - 2 * gap - 2) / 3, shade = (v) => 0.5 + Math.max(-0.5, Math.min(0.5, v / 5));
      const parts = [["seen", problem.target.map((v, i) => (problem.seen[i] ? shade(v) : NaN))],
        ["the network's", w.map(shade)], ["the matrix itself", problem.target.map(shade)]];
      parts.forEach(([name, entries], j) => {
        c.fillStyle = ui.ink();
        c.textAlign = "left";
        c.fillText(name, 1 + j * (size + gap), 9);
        ui.shade(c, entries, [1 + j * (size + gap), 20, size], "entries");
      });
    }
    function paintErrors(c, width, height) {
      if (!seen.length) return;
      const axes = ui.axes(c, [0, 0, width - 8, height], { xlim: [0, Math.max(500, t)], ylim: [0.002, 3], ylog: true,
        xlabel: "step", ylabel: "error: in the holes (orange), where seen (blue)" });
      axes.line(seen.map((r) => [r.t, Math.max(r.fit, 1e-4)]), { stroke: ui.colour(0), dash: [6, 3] });
      axes.line(seen.map((r) => [r.t, r.holes]), { stroke: ui.colour(4) });
    }
    function paintTop(c, width, height) {
      if (!seen.length) return;
      const axes = ui.axes(c, [0, 0, width - 8, height], { xlim: [0, Math.max(500, t)], ylim: [0, 30],
        xlabel: "step", ylabel: "its five largest singular values" });
      [0, 1, 2, 3, 4].forEach((k) => axes.line(seen.map((r) => [r.t, r.top[k]]), { stroke: ui.colour(4 - k) }));
    }
    const put = (k, value) => {
      const next = s.map((v, i) => (i === k ? Number(Math.max(0.01, Math.min(0.95, value)).toPrecision(2)) : v));
      chosen = k;
      frame = 0;
      view.set("s", next.join(" "));
      view.play();
    };
    const growth = ui.canvas(view.stage, { height: 230, paint: paintGrowth, label: "Five singular values against time, log scale." });
    ui.drag(growth.element, {
      label: "Five singular values. Drag where one starts; or left and right choose one, up and down move it.",
      moved(x, y) {
        const at = (v) => Math.abs(growth.scale.y(v) - y), now = performance.now();
        if (now - touched > 400) chosen = s.reduce((best, v, k) => (at(v) < at(s[best]) ? k : best), 0);
        touched = now;
        const { top, height } = growth.scale; // the axis runs from 0.01 to 1.2
        put(chosen, 0.01 * 120 ** (1 - (y - top) / height));
      },
      nudged(dx, dy, large) {
        if (dx) chosen = (chosen + dx + 5) % 5;
        if (dy) put(chosen, s[chosen] * (large ? 1.5 : 1.1) ** dy);
        growth.redraw();
      },
    });
    const canvases = [growth, ui.canvas(view.stage, { height: (width) => (width - 22) / 3 + 22, paint: paintMatrices,
      label: "The entries that were seen, the network's matrix, and the matrix itself, red above 0 and blue below." })];
    const both = view.stage.appendChild(ui.made("div", { className: "columns" }));
    const words = ["Error of the network's matrix against steps, log scale.", "Its five largest singular values against steps."];
    canvases.push(...[paintErrors, paintTop].map((paint, k) =>
      ui.canvas(both.appendChild(ui.made("div")), { height: 180, paint, label: words[k] })));

    return {
      start(now) {
        s = read(now.s);
        values = now;
        const { depth, size, seed } = now, stiff = (n) => n * 25 ** (2 - 2 / n);
        problem = lab.completion({ d: D, rank: 2, share: 0.4, seed });
        rank = lab.effectiveRank(lab.singular(problem.target, D));
        factors = lab.smallStart({ d: D, depth, size, seed });
        lr = 0.005 * Math.min(1, 2 * stiff(3) / stiff(depth)); // deeper ones need smaller steps
        t = frame = 0;
        seen = [];
        look();
      },
      change(key, value, now) {
        s = read(value);
        values = now;
      },
      async advance(stride) {
        frame++;
        if (seen.at(-1).fit <= FIT || t >= STEPS) return frame < FRAMES;
        await lab.sliced(stride, () => {
          lab.completed(problem, factors, lr);
          t++;
        });
        look();
        const { fit } = seen.at(-1);
        if (!Number.isFinite(fit)) ui.refuse(`entries start at = ${values.size}: here descent runs away; take less.`);
        return (fit > FIT && t < STEPS) || frame < FRAMES;
      },
      draw() { canvases.forEach(({ redraw }) => redraw()); },
      says() {
        const now = seen.at(-1), last = end(1), low = s.indexOf(Math.min(...s)), two = (x) => ui.number(x, 2);
        return `${values.depth === 1 ? "One layer" : `${values.depth} layers`}, ${t} steps: error ${two(now.fit)} where ` +
          `entries were seen, ${two(now.holes)} in the holes; effective rank ${two(now.rank)} (the matrix itself: ` +
          `${two(rank)}). Of the five values the smallest grows from ${s[low]} to ${two(last[low])} while the largest grows to 1.`;
      },
      table: () => ({
        columns: ["step", "error where seen", "error in the holes", "effective rank", ...[1, 2, 3, 4, 5].map((k) => `σ${k}`)],
        rows: seen.map((r) => [r.t, r.fit, r.holes, r.rank, ...r.top]),
      }),
    };
  },
});
