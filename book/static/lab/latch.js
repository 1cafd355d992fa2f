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

self.hlnbUi?.add("latch", {
  title: "A network that latches on to a hint",
  settings: {
    right: { label: "the hint is right for", value: 95, least: 80, most: 99, step: 1, slider: true,
      shown: (v) => `${v} % of the points` },
    hint: { label: "the hint is there", value: true, live: true },
    lr: { label: "step size", value: 0.1, least: 0.001, most: 3, live: true },
    width: { label: "hidden units", value: 100, least: 1, most: 400, whole: true },
    seed: { label: "seed", value: 0, least: 0, most: 9999, whole: true },
  },
  strides: [["Step", 1], ["100 steps", 100]],
  stride: () => 20,
  create(view) {
    "use strict";
    const ui = self.hlnbUi, lab = {}, REACH = 1.5, GOAL = 0.01, CAP = 20000, EVERY = 20;
    self.hlnbLab.forEach((part) => part(lab));
    const names = ["No hint", "With a hint"], cells = lab.cells(41, REACH), c = Math.SQRT1_2;
    const far = []; // points of the square that are not near the halfspace's border
    for (let i = 0; i <= 40; i++) {
      for (let j = 0; j <= 40; j++) {
        const [s, u] = [i / 20 - 1, j / 20 - 1];
        if (Math.abs(s) >= 0.5) far.push(s * c - u * c, s * c + u * c);
      }
    }
    const away = Float64Array.from(far);
    let sides = [], sets, values, t = 0, off = null;

    const kind = (k) => sets[k && values.hint ? 1 : 0];
    function look(side) {
      const error = side.net.error(side.set.test);
      if (side.seen.at(-1)[0] === t) side.seen.pop();
      side.seen.push([t, error]);
      if (error <= GOAL) side.reached ??= t;
      else side.reached = null;
      side.busy = error > GOAL;
    }
    function step() {
      t++;
      sides.forEach((side, k) => {
        if (!side.busy) return;
        side.net.learn(side.set.train, side.rows.next().value, lab.sgd(values.lr));
        if ((t + k * EVERY / 2) % EVERY === 0) look(side); // never both at once
      });
    }
    // On what share of the square a network says what the halfspace says
    function follows({ net }) {
      const says = lab.chances(net, away);
      return says.reduce((sum, p, i) => sum + ((p > 0.5) === (away[2 * i] + away[2 * i + 1] > 0)), 0) / says.length;
    }
    const paint = (k) => function (context, width) {
      if (!sides[k]) return;
      const { net, set, seen } = sides[k], size = width - 2, box = [1, 21, size];
      context.fillStyle = ui.ink();
      context.textAlign = "left";
      context.fillText(`${k && !values.hint ? "The hint is off" : names[k]}: error ${ui.number(seen.at(-1)[1], 2)}`, 2, 9);
      if (sides[k].mapped !== seen.at(-1)) { // one that has arrived stays as it is
        sides[k].says = lab.chances(net, cells);
        sides[k].mapped = seen.at(-1);
      }
      ui.shade(context, sides[k].says, box);
      ui.marks(context, set.train, 200, box, REACH);
      if (!k || !values.hint) return;
      context.strokeStyle = ui.ink();
      context.lineWidth = 1.5;
      context.setLineDash([6, 4]);
      context.beginPath();
      context.moveTo(1, 21);
      context.lineTo(1 + size, 21 + size);
      context.stroke();
      context.setLineDash([]);
    };
    function paintErrors(context, width, height) {
      if (!sides.length) return;
      const most = Math.max(2000, t), axes = ui.axes(context, [0, 0, width - 8, height], {
        xlim: [0, most], ylim: [0.004, 1], ylog: true, xlabel: "step", ylabel: "test error" });
      axes.line([[0, GOAL], [most, GOAL]], { stroke: ui.muted(), dash: [2, 3], thick: 1 });
      axes.text(most, GOAL, "goal", { fill: ui.muted(), align: "right", dx: -4, dy: -8 });
      if (off !== null) {
        axes.line([[off, 0.004], [off, 1]], { stroke: ui.muted(), dash: [6, 4], thick: 1 });
        axes.text(off, 0.6, values.hint ? "hint on" : "hint off", { fill: ui.muted() });
      }
      sides.forEach(({ seen }, k) => axes.line(
        seen.map(([at, error]) => [at, Math.max(error, 0.004)]),
        { stroke: ui.colour(k ? 1 : 2), dash: k ? [6, 3] : [] }));
    }
    const squares = ui.made("div", { className: "columns" });
    view.stage.append(squares);
    const canvases = names.map((name, k) => ui.canvas(squares.appendChild(ui.made("div")), {
      height: (width) => width + 20, paint: paint(k),
      label: `${name}: 200 training points, discs of label 0 and triangles of label 1, on what the network says: orange 0, blue 1.`,
    }));
    canvases.push(ui.canvas(view.stage, { height: 190, paint: paintErrors,
      label: "Test errors of both networks against steps, log scale." }));

    return {
      async start(now) {
        const { seed, right, width } = now, { stream } = lab, drawn = [{}, {}];
        for (const [k, noise] of [null, 2 - right / 50].entries()) {
          for (const [name, n] of [["train", 4096], ["test", 2000]]) {
            drawn[k][name] = lab.slabs({ noise, seed, n }, name);
            await lab.sliced(0);
          }
        }
        values = now;
        sets = drawn;
        t = 0;
        off = null;
        sides = names.map((_, k) => ({
          set: kind(k), net: lab.dense([2, width, 2], stream(seed, "init")),
          rows: lab.batches(4096, 64, stream(seed, "order")), seen: [[-1, NaN]],
        }));
        sides.forEach(look);
      },
      change(key, value, now) {
        values = now;
        if (key !== "hint") return;
        off = t;
        sides[1].set = kind(1);
        look(sides[1]);
      },
      async advance(stride) {
        await lab.sliced(stride, step);
        sides.filter(({ busy, seen }) => busy && stride === 1 && seen.at(-1)[0] < t).forEach(look);
        return t < CAP && sides.some(({ busy }) => busy);
      },
      draw() { canvases.forEach(({ redraw }) => redraw()); },
      says() {
        const [left, right] = sides, tell = ({ seen, reached }) => (reached === null || reached === undefined
          ? `error ${ui.number(seen.at(-1)[1], 2)}` : `below ${GOAL} since step ${reached}`);
        const alone = `the halfspace alone has ${ui.number(1 - values.right / 100, 2)}, and away from its border the ` +
          `network says the same on ${Math.round(100 * follows(right))} % of the square`;
        return `Step ${t}. Without a hint: ${tell(left)}. ` + (values.hint
          ? `With it: ${tell(right)}; ${alone}.`
          : `Its hint switched off at step ${off}, the other has: ${tell(right)}.`);
      },
      table() {
        const steps = [...new Set(sides.flatMap(({ seen }) => seen.map(([at]) => at)))].sort((a, b) => a - b);
        const at = ({ seen }, step) => seen.findLast(([when]) => when <= step)[1];
        return { columns: ["step", ...names.map((name) => `test error: ${name.toLowerCase()}`)],
          rows: steps.map((step) => [step, ...sides.map((side) => at(side, step))]) };
      },
    };
  },
});
