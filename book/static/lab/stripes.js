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

  // Logistic regression, fitted to convergence at this penalty: w₁, w₂ and b
  function fitted({ x, y }, penalty) {
    let line = [0, 0, 0];
    for (let again = 0; again < 30; again++) {
      const g = [line[0] / penalty, line[1] / penalty, 0];
      const h = [[1 / penalty, 0, 0], [0, 1 / penalty, 0], [0, 0, 0]];
      for (let r = 0; r < y.length; r++) {
        const row = [x[2 * r], x[2 * r + 1], 1];
        const p = 1 / (1 + Math.exp(-row.reduce((sum, v, i) => sum + v * line[i], 0)));
        for (let i = 0; i < 3; i++) {
          g[i] += (p - y[r]) * row[i];
          for (let j = 0; j < 3; j++) h[i][j] += p * (1 - p) * row[i] * row[j];
        }
      }
      for (let i = 0; i < 3; i++) { // Newton's step, by elimination
        for (let k = 0; k < 3; k++) {
          if (k === i) continue;
          const part = h[k][i] / h[i][i];
          for (let j = 0; j < 3; j++) h[k][j] -= part * h[i][j];
          g[k] -= part * g[i];
        }
      }
      const step = g.map((v, i) => v / h[i][i]);
      line = line.map((v, i) => v - step[i]);
      if (Math.hypot(...step) < 1e-9 * Math.hypot(1, ...line)) break;
    }
    return line;
  }

  // The share of points on which a line w₁x₁ + w₂x₂ + b > 0 errs
  lab.lineError = ([w1, w2, b], { x, y }) =>
    y.reduce((sum, label, r) => sum + (label !== Number(w1 * x[2 * r] + w2 * x[2 * r + 1] + b > 0)), 0) / y.length;

  // The linear classifier of `train`; `validation` chooses the penalty
  lab.linear = function (train, validation) {
    const tried = [0.01, 1, 100].map((penalty) => fitted(train, penalty));
    const errors = tried.map((line) => lab.lineError(line, validation));
    return tried[errors.indexOf(Math.min(...errors))];
  };

  // Share of the first layer's weight within 15 degrees of across the stripes
  lab.across = function ({ w }) {
    let close = 0, all = 0;
    for (let i = 0; i < w.length; i += 2) {
      const length = Math.hypot(w[i], w[i + 1]);
      all += length;
      if (Math.abs(w[i] + w[i + 1]) >= Math.SQRT2 * length * Math.cos(Math.PI / 12)) close += length;
    }
    return close / all;
  };
});

self.hlnbUi?.add("stripes", {
  title: "Stripes, and what each neuron answers to",
  settings: {
    width: { label: "stripes are wide", value: 0.5, least: 0.25, most: 4, step: 0.05, slider: true },
    units: { label: "units of each layer", value: 8, least: 1, most: 16, whole: true },
    lr: { label: "step size", value: 0.01, least: 0.0001, most: 1, live: true },
    line: { label: "best straight line", value: true, live: true },
    seed: { label: "seed", value: 0, least: 0, most: 9999, whole: true },
  },
  strides: [["Step", 1], ["100 steps", 100]],
  stride: () => 4,
  create(view) {
    "use strict";
    const ui = self.hlnbUi, lab = {}, SIDE = 40, STEPS = 2000, EVERY = 8;
    self.hlnbLab.forEach((part) => part(lab));
    const cells = lab.cells(SIDE, 1), rows = Int32Array.from({ length: 1000 }, (_, i) => i);
    let values, sets, net, rule, line, before, t = 0, seen = [], maps = [];

    function look() {
      seen.push([t, net.error(sets.test)]);
      const spread = (unit) => {
        let [low, high] = [Infinity, -Infinity];
        for (const v of unit) [low, high] = [Math.min(low, v), Math.max(high, v)];
        return unit.map((v) => (high > low ? (v - low) / (high - low) : 0.5));
      };
      const outputs = net.forward(cells).map((a) => a.slice());
      const last = outputs.pop(), n = SIDE * SIDE;
      const units = outputs.map((a) => Array.from({ length: values.units }, (_, u) =>
        spread(Float64Array.from({ length: n }, (_, r) => a[r * values.units + u]))));
      const chances = Float64Array.from({ length: n }, (_, r) => 1 / (1 + Math.exp(last[2 * r] - last[2 * r + 1])));
      maps = [...units, chances];
    }
    function step() {
      net.learn(sets.train, rows, rule);
      t++;
      if (t % EVERY === 0) look();
    }
    function paintData(c, width) {
      if (!sets) return;
      const size = width - 2, box = [1, 21, size];
      c.fillStyle = ui.ink();
      c.textAlign = "left";
      c.fillText(`step ${t}: error ${ui.number(seen.at(-1)[1], 2)}${values.line ? `, straight line ${ui.number(line.error, 2)}` : ""}`, 2, 9);
      ui.shade(c, maps[2], box);
      ui.marks(c, sets.train, 500, box, 1, 2);
      if (!values.line) return;
      const [w1, w2, b] = line.is, at = (x, y) => [1 + size * (x + 1) / 2, 21 + size * (1 - y) / 2];
      const far = Math.hypot(w1, w2), [x0, y0] = [-b * w1 / far ** 2, -b * w2 / far ** 2];
      c.save();
      c.beginPath();
      c.rect(...box, size);
      c.clip();
      c.beginPath();
      c.moveTo(...at(x0 + 4 * w2 / far, y0 - 4 * w1 / far));
      c.lineTo(...at(x0 - 4 * w2 / far, y0 + 4 * w1 / far));
      c.strokeStyle = ui.ink();
      c.lineWidth = 2.5;
      c.setLineDash([6, 4]);
      c.stroke();
      c.restore();
    }
    const columns = () => (values && values.units > 8 ? 8 : 4);
    const high = (width) => {
      const each = width / columns(), lines = values ? Math.ceil(values.units / columns()) : 2;
      return Math.round(2 * (20 + lines * each));
    };
    function paintUnits(c, width) {
      if (!sets) return;
      const each = width / columns();
      let top = 0;
      [0, 1].forEach((layer) => {
        c.fillStyle = ui.ink();
        c.textAlign = "left";
        c.fillText(layer ? "layer 2" : "layer 1", 2, top + 9);
        top += 20;
        maps[layer].forEach((unit, u) => ui.shade(c, unit,
          [1 + u % columns() * each, top + Math.floor(u / columns()) * each, each - 4], "units"));
        top += Math.ceil(values.units / columns()) * each;
      });
    }
    function paintErrors(c, width, height) {
      if (!sets) return;
      const axes = ui.axes(c, [0, 0, width - 8, height], { xlim: [0, Math.max(500, t)], ylim: [0, 0.55],
        xlabel: "step", ylabel: "error on fresh points" });
      axes.line(seen, { stroke: ui.colour(0) });
      if (!values.line) return;
      axes.line([[0, line.error], [Math.max(500, t), line.error]], { dash: [6, 4] });
      axes.text(Math.max(500, t), line.error, "straight line", { align: "right", dx: -4, dy: line.error > 0.1 ? 10 : -10 });
    }
    const parts = view.stage.appendChild(ui.made("div", { className: "columns" }));
    const label = "What each unit of two layers answers over the square: blue its lowest value, red its highest.";
    const canvases = [
      ui.canvas(parts.appendChild(ui.made("div")), { height: (width) => width + 22, paint: paintData,
        label: "The points in stripes, discs of label 0 and triangles of label 1, on what the network says: orange 0, blue 1." }),
      ui.canvas(parts.appendChild(ui.made("div")), { height: high, paint: paintUnits, label }),
      ui.canvas(view.stage, { height: 180, paint: paintErrors, label: "Error on fresh points against steps." }),
    ];
    return {
      async start(now) {
        const { width, units, seed, lr } = now, drawn = {};
        for (const [part, n] of [["train", 1000], ["validation", 500], ["test", 2000]]) {
          drawn[part] = lab.stripes({ width, seed, n }, part);
        }
        await lab.sliced(0);
        const is = lab.linear(drawn.train, drawn.validation);
        await lab.sliced(0);
        values = now;
        sets = drawn;
        line = { is, error: lab.lineError(is, sets.test) };
        net = lab.dense([2, units, units, 2], lab.stream(seed, "init"));
        rule = lab.adam(lr);
        before = lab.across(net.layers[0]);
        t = 0;
        seen = [];
        look();
      },
      change(key, value, now) {
        values = now;
        if (key === "lr") rule = lab.adam(value);
      },
      async advance(stride) {
        await lab.sliced(stride, step);
        if (seen.at(-1)[0] < t && stride < EVERY) look();
        return t < STEPS;
      },
      draw() { canvases.forEach(({ redraw }) => redraw()); },
      says() {
        const share = (x) => `${ui.number(100 * x, 2)} %`;
        return `Step ${t}: the network errs on ${share(seen.at(-1)[1])} of fresh points` +
          `${values.line ? `, the best straight line on ${share(line.error)}` : ""}. ${share(lab.across(net.layers[0]))} of the first ` +
          `layer's weight points across the stripes, within 15 degrees; before training it was ${share(before)}.`;
      },
      table: () => ({ columns: ["step", "error on fresh points"], rows: seen }),
    };
  },
});
