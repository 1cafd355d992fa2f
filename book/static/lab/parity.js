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

  // Batches of fresh examples, epochs of `n` of them, as the package draws them online
  lab.fresh = function* ({ d, support, seed, n, batch }) {
    const order = lab.stream(seed, "order");
    for (let epoch = 0; ; epoch++) {
      const data = lab.parities({ d, support, seed, n }, epoch ? `train/${epoch}` : "train");
      const rows = order.randperm(n);
      for (let i = 0; i < n; i += batch) yield [data, rows.subarray(i, i + batch)];
    }
  };

  // How far each coordinate's weights to the hidden units have moved: root mean square
  lab.moved = function ({ w, inputs, outputs }, first) {
    const sums = new Float64Array(inputs);
    w.forEach((v, k) => (sums[k % inputs] += (v - first[k]) ** 2));
    return sums.map((sum) => Math.sqrt(sum / outputs));
  };
});

self.hlnbUi?.add("parity", {
  title: "A race for a parity: SGD against elimination",
  settings: {
    d: { label: "coordinates d", value: 20, least: 3, most: 30, step: 1, whole: true, slider: true },
    lr: { label: "step size", value: 0.1, least: 0.001, most: 10 },
    seed: { label: "seed", value: 20, least: 0, most: 9999, whole: true },
    set: { label: "set", value: "", when: () => false }, // numbers from 1, or "": three of the seed
  },
  strides: [["100 steps", 100], ["1000 steps", 1000]],
  stride: () => 5,
  pace: () => 30,
  create(view) {
    "use strict";
    const ui = self.hlnbUi, lab = {}, UNITS = 100, BATCH = 32, EVERY = 25, CAP = 20000, GOAL = 0.01;
    self.hlnbLab.forEach((part) => part(lab));
    let values, support, net, first, examples, test, rule, t = 0, seen = [], signal = [], told = null, shown = false;

    function read({ set, d, seed }) {
      if (String(set).trim() === "") return lab.support({ d, k: Math.min(3, d), seed });
      const found = [...new Set(String(set).trim().split(/[\s,.]+/).map(Number))].sort((a, b) => a - b);
      if (!found.every((i) => Number.isInteger(i) && i >= 1 && i <= d)) {
        ui.refuse(`set = ${set}: take whole numbers from 1 to d = ${d}.`);
      }
      return found.map((i) => i - 1);
    }
    const named = (coordinates) => coordinates.map((i) => i + 1).join(", ");
    function look() {
      seen.push({ t, error: net.error(test), moved: signal = lab.moved(net.layers[0], first) });
    }
    function step() {
      net.learn(...examples.next().value, rule);
      t++;
      if (t % EVERY === 0) look();
    }
    // As many coordinates as the set has, those that moved most
    const leaders = () => [...signal.keys()].sort((a, b) => signal[b] - signal[a])
      .slice(0, support.length).sort((a, b) => a - b);
    const learned = () => seen.at(-1).error <= GOAL;

    function paintBars(c, width, height) {
      if (!seen.length) return;
      const d = signal.length, most = Math.max(0.02, ...signal), axes = ui.axes(c, [0, 0, width - 8, height], {
        xlim: [0.4, d + 0.6], ylim: [0, 1.05 * most], xlabel: "coordinate", ylabel: "how far its weights have moved" });
      const open = shown || learned(), wide = Math.max(3, 0.7 * axes.width / d);
      signal.forEach((v, i) => {
        const own = open && support.includes(i);
        c.fillStyle = own ? ui.colour(4) : ui.colour(0);
        c.fillRect(axes.x(i + 1) - wide / 2, axes.y(v), wide, axes.y(0) - axes.y(v));
        if (own) axes.text(i + 1, v, "●", { fill: ui.ink(), align: "center", dx: 0, dy: -8 });
      });
    }
    function paintErrors(c, width, height) {
      if (!seen.length) return;
      const most = Math.max(500, t), axes = ui.axes(c, [0, 0, width - 8, height], { xlim: [0, most], ylim: [0, 0.6],
        xlabel: "step of SGD", ylabel: "error on fresh examples" });
      axes.line([[0, 0.5], [most, 0.5]], { stroke: ui.colour("chance"), dash: [2, 3], thick: 1 });
      axes.line(seen.map((r) => [r.t, r.error]), { stroke: ui.colour(0) });
    }
    const fold = view.stage.appendChild(ui.made("details", {}, ui.made("summary", { textContent: "Choose the secret set" })));
    const room = fold.appendChild(ui.made("div", { className: "hlnb-lab-transport" }));
    function choose() {
      fold.hidden = view.hides("set");
      room.replaceChildren(...Array.from({ length: values.d }, (_, i) => {
        const one = ui.made("button", { type: "button", textContent: i + 1, ariaPressed: String(support.includes(i)) });
        if (support.includes(i)) one.classList.add("main");
        one.addEventListener("click", async () => {
          const next = support.includes(i) ? support.filter((j) => j !== i) : [...support, i].sort((a, b) => a - b);
          if (!next.length) return view.refuse("set = nothing: take one coordinate at least.");
          await view.set("set", next.map((j) => j + 1).join("."));
          room.children[i]?.focus();
          return undefined;
        });
        return one;
      }));
    }
    const canvases = [
      ui.canvas(view.stage, { height: 200, paint: paintBars, label: "A bar for each coordinate: how far its weights have moved since the start." }),
      ui.canvas(view.stage, { height: 170, paint: paintErrors, label: "Error on fresh examples against steps; chance is one half." }),
    ];
    view.button("Gauss", () => {
      const { d, seed } = values, n = d + 10, data = lab.parities({ d, support, seed, n }, "tries");
      const begun = performance.now(), found = lab.eliminated(data, d), took = performance.now() - begun;
      told = found === null ? `Gauss: ${n} examples leave several sets.`
        : `Gauss: ${n} examples, ${ui.number(Math.max(took, 0.1), 1)} ms, and the set is ${named(found)}.`;
      shown = true;
      view.update();
    });
    return {
      async start(now) {
        const set = read(now), { d, seed, lr } = now;
        const fresh = lab.parities({ d, support: set, seed, n: 1000 }, "test");
        await lab.sliced(0);
        [values, support, test] = [now, set, fresh];
        net = lab.dense([d, UNITS, 2], lab.stream(seed, "init"));
        first = net.layers[0].w.slice();
        examples = lab.fresh({ d, support, seed, n: 50 * BATCH, batch: BATCH });
        rule = lab.sgd(lr);
        t = 0;
        seen = [];
        [told, shown] = [null, false];
        choose();
        look();
      },
      async advance(stride) {
        await lab.sliced(stride, step);
        if (!Number.isFinite(signal[0])) ui.refuse(`step size = ${values.lr}: here SGD runs away; take less.`);
        return t < CAP && !learned();
      },
      draw() { canvases.forEach(({ redraw }) => redraw()); },
      says() {
        const { error } = seen.at(-1), k = support.length, count = (t * BATCH).toLocaleString("en");
        const most = t ? ` The ${k === 1 ? "coordinate" : `${k} coordinates`} whose weights have moved most: ${named(leaders())}.` : "";
        const now = learned() ? `SGD has learned it after ${t} steps, ${count} examples: the set is ${named(support)}. Elimination needs ${values.d + 10}: press Gauss.`
          : `Step ${t}, ${count} examples: error ${ui.number(error, 2)}${error > 0.45 ? ", about that of a coin" : ""}.${most}`;
        return told ? `${now} ${told}` : now;
      },
      table: () => ({
        columns: ["step", "error", ...Array.from(signal.keys(), (i) => `moved: ${i + 1}`)],
        rows: seen.map(({ t, error, moved }) => [t, error, ...moved]),
      }),
    };
  },
});
