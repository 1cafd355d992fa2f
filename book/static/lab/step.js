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

self.hlnbUi?.add("step", {
  title: "Descent with a step size by hand",
  settings: {
    rate: { label: "step size η · λ₁", value: 1.5, least: 0, most: 2.1, step: 0.01, slider: true, live: true },
    w1: { label: "start: w₁", value: -0.2, least: -2, most: 2, live: true },
    w2: { label: "w₂", value: 1.7, least: -2, most: 2, live: true },
    seed: { label: "seed", value: 2, least: 0, most: 9999, whole: true },
  },
  pace: () => 180,
  create(view) {
    "use strict";
    const ui = self.hlnbUi, lab = {}, STEPS = 60, REACH = 2.2, GONE = 1e-3;
    self.hlnbLab.forEach((part) => part(lab));
    const names = ["Two examples", "One example"];
    let sides = [], values, t = 0;

    // The greater eigenvalue of XᵀX, the other, and the direction of the first
    function spectrum(x) {
      const sum = (i, j) => x.reduce((s, row) => s + row[i] * row[j], 0);
      const [a, b, c] = [sum(0, 0), sum(0, 1), sum(1, 1)], half = Math.hypot((a - c) / 2, b);
      const first = (a + c) / 2 + half, angle = Math.atan2(first - a, b);
      const second = x.length > 1 ? (a + c) / 2 - half : 0; // zero but for rounding
      return { values: [first, second], along: [Math.cos(angle), Math.sin(angle)] };
    }
    function trace() {
      for (const side of sides) {
        const { problem, modes: { values: [first], along: [c, s] }, solution } = side;
        const path = [[values.w1, values.w2]], off = path[0].map((w, i) => w - solution[i]);
        while (path.length <= STEPS) path.push([...lab.regressed(problem, path.at(-1), values.rate / first)]);
        const left = problem.x.length > 1 ? 0 : s * off[0] - c * off[1]; // along the line
        side.stays = left;
        side.end = [solution[0] + left * s, solution[1] - left * c];
        side.path = path;
        side.error = path.map((w) => Math.hypot(w[0] - side.end[0], w[1] - side.end[1]));
        const arrived = side.error.findIndex((e) => e <= GONE * side.error[0]);
        side.arrived = arrived < 0 ? Infinity : arrived;
      }
    }
    const far = () => Math.min(STEPS, Math.max(...sides.map(({ arrived }) => arrived)));

    function paintPlane(k) {
      return function (c, width, height) {
        if (!sides[k]) return;
        const { modes: { values: [first, second], along: [a, b] }, solution, path, end } = sides[k];
        const scale = Math.min(width, height - 20) / 2 / REACH;
        const x = (w) => width / 2 + scale * w, y = (w) => 20 + (height - 20) / 2 - scale * w;
        c.fillStyle = ui.ink();
        c.textAlign = "left";
        const words = [1 - values.rate, 1 - values.rate * second / first].map((f) => ui.number(f, 2));
        c.fillText(`${names[k]}: factors ${words.join(" and ")}`, 2, 9);
        c.save();
        c.beginPath();
        c.rect(0, 20, width, height - 20);
        c.clip();
        c.strokeStyle = ui.muted();
        c.globalAlpha = 0.5;
        c.lineWidth = 1;
        for (let level = 1; level <= 7; level++) { // lines of equal loss
          c.beginPath();
          if (second) {
            c.ellipse(x(solution[0]), y(solution[1]), level * scale * 0.45,
              level * scale * 0.45 * Math.sqrt(first / second), -Math.atan2(b, a), 0, 2 * Math.PI);
          } else {
            for (const side of [-1, 1]) {
              const [p, q] = [0, 1].map((i) => solution[i] + side * level * 0.45 * [a, b][i]);
              c.moveTo(x(p + 9 * b), y(q - 9 * a));
              c.lineTo(x(p - 9 * b), y(q + 9 * a));
            }
          }
          c.stroke();
        }
        c.globalAlpha = 1;
        const [p, q] = solution;
        const label = ([u, v], words) => {
          c.fillStyle = ui.ink();
          c.fillText(words, x(u) + 11, y(v) - 9);
        };
        c.fillStyle = ui.muted();
        c.fillRect(x(0) - 2, y(0) - 2, 4, 4);
        label([0, 0], "0");
        if (!second) { // all solutions
          c.strokeStyle = ui.colour("only conv");
          c.lineWidth = 2;
          c.beginPath();
          c.moveTo(x(p + 9 * b), y(q - 9 * a));
          c.lineTo(x(p - 9 * b), y(q + 9 * a));
          c.stroke();
        }
        const line = (points, alpha, thick) => {
          c.globalAlpha = alpha;
          c.strokeStyle = ui.colour(k ? 4 : 0);
          c.lineWidth = thick;
          c.beginPath();
          points.forEach(([u, v]) => c.lineTo(x(u), y(v)));
          c.stroke();
          c.globalAlpha = 1;
        };
        const dot = ([u, v], size, fill) => {
          c.beginPath();
          c.arc(x(u), y(v), size, 0, 2 * Math.PI);
          if (fill) { c.fillStyle = fill; c.fill(); } else c.stroke();
        };
        line(path.slice(0, far() + 1), 0.3, 1);
        const gone = path.slice(0, t + 1);
        line(gone, 1, 2);
        gone.forEach((w) => dot(w, 2.5, ui.colour(k ? 4 : 0)));
        dot(end, 4, ui.colour("only conv"));
        dot(gone.at(-1), 6, ui.colour(k ? 4 : 0));
        c.strokeStyle = ui.ink();
        c.lineWidth = 2;
        dot(path[0], 9); // what is dragged
        label(path[0], "start");
        if (second) return c.restore();
        c.fillStyle = ui.colour("only conv");
        c.fillRect(x(p) - 5, y(q) - 5, 10, 10);
        label(solution, "shortest");
        c.restore();
      };
    }
    function paintErrors(c, width, height) {
      if (!sides.length) return;
      const axes = ui.axes(c, [0, 0, width - 8, height], { xlim: [0, STEPS], ylim: [5e-4, 5], ylog: true,
        xlabel: "step", ylabel: "distance left, as a share of the first" });
      axes.line([[0, GONE], [STEPS, GONE]], { stroke: ui.muted(), dash: [2, 3], thick: 1 });
      sides.forEach(({ error }, k) => {
        const points = error.map((e, i) => [i, Math.max(e / error[0], 1e-9)]);
        const look = { stroke: ui.colour(k ? 4 : 0), dash: k ? [6, 3] : [] };
        axes.line(points, { ...look, alpha: 0.3, thick: 1 });
        axes.line(points.slice(0, t + 1), look);
      });
    }
    const planes = ui.made("div", { className: "columns" });
    view.stage.append(planes);
    const canvases = names.map((name, k) => {
      const room = planes.appendChild(ui.made("div"));
      const one = ui.canvas(room, { height: (w) => Math.min(w, 340) + 20, paint: paintPlane(k), label: name });
      const put = (w1, w2) => {
        const inside = (w) => Math.round(100 * Math.max(-2, Math.min(2, w))) / 100;
        view.set("w1", inside(w1));
        view.set("w2", inside(w2));
        view.play();
      };
      ui.drag(one.element, {
        label: `${name}: the plane of w₁ and w₂. Drag the start, or move it with the arrow keys.`,
        moved(px, py) {
          const { clientWidth: wide, clientHeight: high } = one.element;
          const scale = Math.min(wide, high - 20) / 2 / REACH;
          put((px - wide / 2) / scale, (20 + (high - 20) / 2 - py) / scale);
        },
        nudged(dx, dy, large) {
          const by = large ? 0.5 : 0.1;
          put(values.w1 + by * dx, values.w2 + by * dy);
        },
      });
      return one;
    });
    canvases.push(ui.canvas(view.stage, { height: 190, paint: paintErrors,
      label: "The distance from the end of each descent, against steps, log scale." }));

    const ends = ({ arrived }, k) => {
      const { rate } = values, what = ["with two examples", "with one"][k];
      if (arrived < Infinity) return `${arrived} ${what}`;
      return `${what} ${rate > 2 ? "it runs away" : rate === 2 ? "it swings for ever" : `more than ${STEPS}`}`;
    };
    return {
      start(now) {
        values = now;
        const { x, y, beta } = lab.regression({ n: 2, d: 2, seed: now.seed, noise: 0 });
        sides = [2, 1].map((n) => {
          const problem = { x: x.slice(0, n), y: y.slice(0, n) }, size = x[0][0] ** 2 + x[0][1] ** 2;
          const shortest = [...x[0]].map((v) => v * y[0] / size);
          return { problem, modes: spectrum(problem.x), solution: n > 1 ? [...beta] : shortest };
        });
        t = 0;
        trace();
      },
      change(key, value, now) {
        values = now;
        if (key !== "rate") t = 0;
        trace();
        t = Math.min(t, far());
      },
      advance(stride) {
        t = Math.min(t + stride, far());
        return t < far();
      },
      draw() { canvases.forEach(({ redraw }) => redraw()); },
      says() {
        const now = `Step ${t} at η · λ₁ = ${ui.number(values.rate)}:`;
        if (t < far()) {
          const left = sides.map(({ error }) => ui.number(error[t] / error[0], 2));
          return `${now} a share of ${left[0]} of the distance is left with two examples, ${left[1]} with one.`;
        }
        const stays = ui.number(Math.abs(sides[1].stays), 2);
        return `${now} steps until a thousandth of the distance is left: ${sides.map(ends).join(", ")}. ` +
          `One example has a line of solutions (green); the start is ${stays} along it from the ` +
          "shortest solution, and so is every step.";
      },
      table: () => ({
        columns: ["step", ...names.flatMap((n) => ["w₁", "w₂", "distance"].map((what) => `${n}: ${what}`))],
        rows: sides[0].path.slice(0, t + 1).map((_, i) =>
          [i, ...sides.flatMap(({ path, error }) => [...path[i], error[i]])]),
      }),
    };
  },
});
