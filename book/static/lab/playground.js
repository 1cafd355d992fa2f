// The playground: two trainings of one of the report's toy problems, side by side.
(function () {
  "use strict";
  const ui = self.hlnbUi, { made, number, colour, dashes } = ui;
  const TRAININGS = { // `hlnb.words.training_in_words`
    simultaneous: "all layers together", "layer-wise": "layer by layer",
    greedy: "greedy, with readouts of their own", "only conv": "filters alone",
    "only hidden": "hidden layer alone", "only readout": "readout alone",
  };
  const SHORT = { ...TRAININGS, simultaneous: "together", greedy: "greedy" }; // on curves
  const LAYERS = { conv: "filters", hidden: "hidden layer", readout: "readout",
    conv_head: "own readout" };
  const PROBLEMS = ["1: one pattern or the other", "2: both or neither",
    "3: four classes, two patterns", "4: ten patterns, two classes", "5: which patterns follow"];
  const SCALES = { unit: "of length 1", half: "entries ±1/2", one: "entries ±1" };
  const MANY = 12, PACE = 90, LOW = 0.1; // seeds; milliseconds of an epoch; a low error
  const PIXEL = 11; // height of a filter's strip
  const first = (words) => words[0].toUpperCase() + words.slice(1);
  const whole = (least, most) => ({ least, most, whole: true });

  const settings = {
    problem: { label: "Problem", value: "4", choices: PROBLEMS.map((words, i) => [`${i + 1}`, words]) },
    scale: { label: "Patterns", value: "unit", choices: Object.entries(SCALES) },
    training: { label: "Train", value: "simultaneous", choices: Object.entries(TRAININGS) },
    other: { label: "beside", value: "layer-wise",
      choices: [...Object.entries(TRAININGS), ["none", "nothing"]] },
    rate: { label: "Learning rate", value: 0.5, least: 1e-4, most: 100 },
    epochs: { label: "Epochs of a phase", value: 60, ...whole(1, 1000) },
    n: { label: "Training rows n", value: 1024, ...whole(1, 8192) },
    d: { label: "Pixels d", value: 100, ...whole(16, 1024) },
    seed: { label: "Seed", value: 0, ...whole(0, 1e6) },
  };

  // The engine's settings of one training
  function asked({ problem, scale, rate, epochs, n, d, seed }, schedule) {
    const T = 16, size = { unit: T ** -0.5, half: 0.5, one: 1 }[scale];
    return { problem: Number(problem), d, T, scale: size, n, seed, lr: rate, epochs, schedule };
  }

  // A training in a worker. Answers come one at a time, each to the message before it
  class Run {
    constructor(lab, schedule) {
      Object.assign(this, { lab, schedule });
      this.worker = lab.start();
      this.worker.onmessage = ({ data }) => {
        if (data.type === "refused") {
          this.asked = null;
          this.failed(Object.assign(new Error(data.sentence), { name: "HlnbError" }));
        } else if (data.type === "ready") {
          Object.assign(this, data, { records: [], over: false });
          this.keep(data.record);
          this.done();
        } else if (data.type === "record") this.keep(data.record);
        else {
          this.over = data.over;
          this.done();
        }
      };
    }

    // With the largest |cosine| of each filter with a pattern, and their mean
    keep(record) {
      const { cosines, maxCosine } = this.lab, { filters } = record;
      record.best = cosines(filters, this.patterns).map((row) => Math.max(...row.map(Math.abs)));
      record.alike = maxCosine(filters, this.patterns);
      this.records.push(record);
    }

    tell(message) {
      return new Promise((done, failed) => {
        Object.assign(this, { done, failed });
        this.worker.postMessage(message);
      });
    }

    // At its start; the same settings lead back to the same weights
    begin(wanted) {
      const text = JSON.stringify(wanted), again = text === this.asked;
      this.asked = text;
      return this.tell(again ? { type: "rewind" } : { type: "init", settings: wanted });
    }

    get now() {
      return this.records[this.records.length - 1];
    }

    // Error on what tells most: rows that were not seen, or test rows where all were
    error(record) {
      return Number.isNaN(record.error.unseen) ? record.error.test : record.error.unseen;
    }

    get hit() {
      return this.lab.firstHit(this.records.map((r) => r.epoch), this.records.map((r) => this.error(r)), LOW);
    }
  }

  // The lines of Python that train the same
  function python(values, schedule) {
    const { problem, d, scale, lr, epochs, n, seed } = asked(values, schedule);
    const plan = { simultaneous: "simultaneous(net", "layer-wise": "layerwise(net", greedy: "greedy(net" }[schedule]
      ?? `only(net, "${schedule.slice(5)}"`;
    return `from hlnb import Error, Loss, Run, toy_network, toy_problem, train
from hlnb.schedules import ${plan.split("(")[0]}

problem = toy_problem(${problem}, d=${d}, T=16, scale=${scale})
net = toy_network(d=${d}, T=16, n_classes=problem.n_classes)
plan = ${plan}, epochs=${epochs})
measures = {"loss": Loss("train"), "train": Error("train"), "test": Error("test")}
run = Run(seed=${seed}, lr=${lr})
trace = train(problem, net, plan, run, measures=measures, n_train=${n})
print(trace.epochs, trace.values)`;
  }

  // The chapter that trains the same, where one does
  function command({ scale, training, other, rate, epochs, n, d, seed }) {
    const shown = [training, other].every((t) => ["simultaneous", "layer-wise", "greedy", "none"].includes(t));
    if (scale !== "unit" || !shown) return "";
    return `hlnb run 00 -p d ${d} -p n_train ${n} -p first_seed ${seed} -p seeds 1 ` +
      `-p lrs ${rate} -p epochs ${epochs} --show`;
  }

  function create(view) {
    const lab = {}, { stage, foot } = view;
    self.hlnbLab.forEach((part) => part(lab));
    const top = stage.appendChild(made("div"));
    const below = stage.appendChild(made("div", { className: "columns" }));
    const pairs = stage.appendChild(made("div", { className: "columns" }));
    let runs = [], many = null;
    const ready = () => runs.length > 0 && runs.every((run) => run.records);

    // Curves over epochs of both runs, and of the other seeds

    const lines = () => runs.map((run, i) => ({ run, stroke: colour(run.schedule),
      dash: dashes(run.schedule), others: many?.curves[i] ?? [] }));
    const last = () => Math.max(...runs.map((run) => run.epochs));
    function chart(parent, height, title, label, limits, paint, value) {
      const box = parent.appendChild(made("div"));
      let on; // the axes that stand there
      return ui.canvas(box, { height, label, paint(c, width, height) {
        if (!ready()) return;
        on = ui.axes(c, [0, 0, width, height],
          { xlim: [0, last()], xlabel: "epoch", ylabel: title, ...limits() });
        paint(on, c);
      }, value(x) { // in the epoch under the pointer
        if (!on || !ready() || x < on.left || x > on.left + on.width) return "";
        const epoch = Math.round((last() * (x - on.left)) / on.width);
        const said = runs.flatMap((run) => {
          const record = run.records.find((r) => r.epoch === epoch);
          return record ? [`${SHORT[run.schedule]}: ${value(run, record)}`] : [];
        });
        return said.length ? [`Epoch ${epoch}`, ...said].join("\n") : "";
      } });
    }
    const of = (run, value) => run.records.map((record) => [record.epoch, value(record)]);
    const highest = () => {
      const all = runs.flatMap((run) => run.records.map((r) => Math.max(run.error(r), r.error.train)));
      return Math.min(1, Math.max(0.5, Math.ceil(10 * Math.max(...all)) / 10) + 0.1);
    };
    const errors = chart(top, 250, "error: unseen rows (thick), training rows (thin)",
      "Error of both trainings by epoch; the table has the numbers.",
      () => ({ ylim: [0, highest()] }), (on) => {
        on.line([[0, LOW], [last(), LOW]], { stroke: colour("chance"), dash: dashes("chance"), thick: 1 });
        lines().forEach(({ run, stroke, dash, others }, i) => {
          phases(on, run, stroke, on.top + 8 + 16 * i);
          for (const curve of others) on.line(curve, { stroke, thick: 1, alpha: 0.35 });
          on.line(of(run, (r) => r.error.train), { stroke, thick: 1 });
          on.line(of(run, (r) => run.error(r)), { stroke, dash, thick: 3 });
          on.dot(run.now.epoch, run.error(run.now), { fill: stroke });
        });
        lines().forEach(({ run, stroke }) => name(on, run, stroke));
      }, (run, r) => `${number(run.error(r), 2)}, training rows ${number(r.error.train, 2)}`);
    // Which layer learns when, of a run that has phases
    function phases(on, run, fill, y) {
      if (run.phases.length < 2) return;
      const size = run.epochs / run.phases.length;
      run.phases.forEach(({ learns }, p) => {
        if (p) on.line([[p * size, 0], [p * size, 9]], { stroke: fill, dash: [1, 3], thick: 1 });
        on.words(on.x(p * size) + 5, y, LAYERS[learns[0]], fill);
      });
    }
    // A run's name beside its last point, away from the other's
    function name(on, run, fill) {
      const mine = run.error(run.now), other = runs.find((one) => one !== run);
      const above = !other || mine > other.error(other.now) || (run === runs[0] && mine === other.error(other.now));
      const right = on.x(run.now.epoch) > on.left + 0.65 * on.width;
      on.text(run.now.epoch, mine, SHORT[run.schedule], { fill, align: right ? "right" : "left",
        dx: right ? -8 : 8, dy: above || on.y(mine) > on.top + on.height - 20 ? -11 : 11 });
    }
    const cosines = chart(below, 200, "filters' largest |cosine| with a pattern",
      "How the filters of both trainings resemble the patterns, by epoch.",
      () => ({ ylim: [0, 1] }), (on) => {
        for (const { run, stroke, dash } of lines()) {
          for (let j = 0; j < 20; j++) on.line(of(run, (r) => r.best[j]), { stroke, thick: 1, alpha: 0.2 });
          on.line(of(run, (r) => r.alike), { stroke, dash, thick: 3 });
        }
      }, (run, r) => `${number(r.alike, 2)} on average`);
    const losses = chart(below, 200, "loss on training rows",
      "Loss of both trainings on the training rows, by epoch.",
      () => {
        const all = runs.flatMap((run) => run.records.map((r) => r.loss)).filter((v) => v > 0 && v < 1e9);
        const [low, high] = [Math.min(0.1, ...all), Math.max(1, ...all)].map(Math.log10);
        return { ylim: [10 ** Math.max(-7, Math.floor(low)), 10 ** Math.ceil(high)], ylog: true };
      }, (on) => {
        for (const { run, stroke, dash } of lines()) on.line(of(run, (r) => r.loss), { stroke, dash });
      }, (run, r) => number(r.loss));

    // Each run's layers, filters and patterns

    const cards = [0, 1].map((i) => {
      const title = made("strong"), chips = made("p", { className: "chips" });
      const box = pairs.appendChild(made("div", {}, title, chips));
      const { redraw, element } = ui.canvas(box, { height: 20 * PIXEL + 22, label: "Filters",
        paint: (c, width) => ready() && runs[i] && strips(runs[i], c, width),
        value: (x, y, width) => (ready() && runs[i] ? weight(runs[i], x, y, width) : "") });
      return { box, title, chips, redraw, element };
    });
    // Where strips stand: width of a pixel, left ends of nearest patterns and of bars
    function places(T, width) {
      const wide = Math.floor(Math.min(PIXEL, (width - 90) / (2 * T))), right = T * wide + 12;
      return { wide, right, bars: right + T * wide + 14 };
    }
    const nearest = (row) => row.reduce((best, v, i) => (Math.abs(v) > Math.abs(row[best]) ? i : best), 0);
    // The number under the pointer
    function weight({ patterns, now: { filters } }, x, y, width) {
      const T = patterns[0].length, { wide, right, bars } = places(T, width), j = Math.floor((y - 20) / PIXEL);
      const row = lab.cosines(filters, patterns)[j];
      if (!row) return "";
      const k = nearest(row), t = Math.floor((x < right ? x : x - right) / wide);
      if (x >= bars) return `filter ${j + 1}, pattern ${k + 1}: cosine ${number(row[k])}`;
      if (t < 0 || t >= T) return "";
      return x < right ? `filter ${j + 1}, weight ${t + 1}: ${number(filters[j * T + t])}`
        : `pattern ${k + 1}, pixel ${t + 1}: ${number(patterns[k][t])}`;
    }
    function strips(run, c, width) {
      const { patterns, now: { filters } } = run, T = patterns[0].length;
      const { wide, right, bars } = places(T, width), all = lab.cosines(filters, patterns), room = width - bars - 4;
      const strip = (values, x, y) => {
        const size = values.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-12);
        values.forEach((v, t) => {
          c.fillStyle = ui.diverging(v / size);
          c.fillRect(x + t * wide, y, wide, PIXEL - 2);
        });
      };
      c.fillStyle = ui.muted();
      c.textAlign = "left";
      c.fillText("filter", 0, 9);
      c.fillText(width < 300 ? "pattern" : "nearest pattern", right, 9);
      c.fillText("|cosine|", bars, 9);
      all.forEach((row, j) => {
        const k = nearest(row), y = 20 + j * PIXEL;
        strip(filters.subarray(j * T, (j + 1) * T), 0, y);
        strip(patterns[k], right, y);
        c.fillStyle = ui.grid();
        c.fillRect(bars, y, room, PIXEL - 2);
        c.fillStyle = colour(run.schedule);
        c.fillRect(bars, y, room * Math.min(1, Math.abs(row[k])), PIXEL - 2);
      });
    }
    const learning = (run) => run.phases[run.now.phase].learns;
    function describe(run, { title, chips, element }) {
      title.textContent = first(TRAININGS[run.schedule]);
      title.style.borderBottom = `3px solid ${colour(run.schedule)}`;
      const ever = new Set(run.phases.flatMap((phase) => phase.learns));
      const shown = ["conv", ...(ever.has("conv_head") ? ["conv_head"] : []), "hidden", "readout"];
      const over = run.over || run.now.epoch === run.epochs;
      chips.replaceChildren(over ? "Over: " : "Learns now: ", ...shown.map((layer) => {
        const learns = !over && learning(run).includes(layer);
        return made("span", { className: learns ? "chip on" : "chip",
          textContent: (learns ? "▶ " : "") + LAYERS[layer] });
      }));
      element.setAttribute("aria-label", `The twenty filters beside the nearest of ` +
        `${run.patterns.length} patterns; largest |cosine| ${number(run.now.alike, 2)} on average.`);
    }

    // Words

    const plain = ({ schedule }) => TRAININGS[schedule].split(",")[0];
    const rows = (run) => (Number.isNaN(run.now.error.unseen)
      ? "test rows (training has seen each)" : "unseen rows");
    function story(run) {
      const name = first(plain(run)), { hit, now } = run;
      const error = number(run.error(now), 2);
      if (!now.finite) return `${name}: the numbers left all bounds in epoch ${number(now.epoch)}; take a smaller rate.`;
      if (now.epoch === 0) return `${name}: error ${error} on ${rows(run)}, untrained.`;
      if (!run.over) {
        const learns = learning(run).map((layer) => LAYERS[layer]);
        const now = learns.length > 2 ? "" : `; ${learns.join(" and ")} ${learns[0] === "filters" || learns[1] ? "learn" : "learns"} now`;
        return `${name}: error ${error} on ${rows(run)}${now}.`;
      }
      const when = hit < Infinity ? `came to an error of ${LOW} after ${number(hit)} epochs`
        : `did not come to an error of ${LOW} in ${run.epochs} epochs`;
      return `${name} ${when}; at the end it is ${error} on ${rows(run)}, and the filters' largest ` +
        `cosines are ${number(run.now.alike, 2)} on average (untrained ${number(run.records[0].alike, 2)}).`;
    }
    function says() {
      const epoch = Math.max(...runs.map((run) => run.now.epoch));
      const over = runs.every((run) => run.over);
      const start = epoch === 0 ? "The same data and the same weights. "
        : over ? "" : `Epoch ${number(epoch)}. `;
      return start + runs.map(story).join(" ") + (over ? span() : "");
    }

    // Many seeds

    const more = view.button(`${MANY} seeds`, () => (many?.on ? stopMany() : askMany()), foot);
    const progress = made("progress", { max: 1, value: 0, hidden: true });
    foot.querySelector("details").before(more, progress);
    progress.setAttribute("aria-label", "Seeds trained");
    function span() {
      if (!many?.curves.some((curves) => curves.length)) return "";
      const each = runs.map((run, i) => {
        const ends = many.curves[i].map((curve) => lab.firstHit(...turned(curve), LOW));
        const low = ends.filter((epoch) => epoch < Infinity).length;
        return `${plain(run)} ${low} of ${ends.length}`;
      });
      return ` Of the next seeds, these came to an error of ${LOW}: ${each.join("; ")}.`;
    }
    const turned = (curve) => [curve.map(([epoch]) => epoch), curve.map(([, error]) => error)];
    function endMany() {
      many?.workers.forEach(({ worker }) => worker.terminate());
      if (many) many.on = false;
      more.textContent = `${MANY} seeds`;
      progress.hidden = true;
    }
    function stopMany() {
      endMany();
      view.update();
    }
    async function askMany() {
      if (!ready()) return;
      endMany();
      const values = view.values(), mine = many = { on: true, curves: runs.map(() => []), workers: [] };
      more.textContent = "Stop";
      progress.value = 0;
      progress.hidden = false;
      await Promise.all(runs.map(async ({ schedule }, i) => {
        const run = new Run(lab, schedule);
        mine.workers.push(run);
        for (let s = 1; s <= MANY && mine === many && mine.on; s++) {
          await run.begin(asked({ ...values, seed: values.seed + s }, schedule));
          await run.tell({ type: "run", epochs: run.epochs });
          mine.curves[i].push(run.records.map((r) => [r.epoch, run.error(r)]));
          progress.value = mine.curves.reduce((sum, c) => sum + c.length, 0) / (MANY * runs.length);
          errors.redraw();
        }
      }));
      if (mine === many && mine.on) stopMany();
    }

    // The same in Python
    const code = made("pre", { tabIndex: 0 }), line = made("pre", { tabIndex: 0 });
    const same = made("details", {}, made("summary", { textContent: "The same in Python" }), line, code);
    same.addEventListener("toggle", write);
    foot.append(same);
    function write() {
      const values = view.values(), shown = command(values);
      line.hidden = !shown;
      line.textContent = shown;
      code.textContent = python(values, values.training);
    }

    return {
      async start(values) {
        endMany();
        many = null;
        const wanted = [values.training, values.other].filter((t) => t !== "none");
        if (runs.map((run) => run.schedule).join() !== wanted.join()) {
          runs.forEach(({ worker }) => worker.terminate());
          runs = wanted.map((schedule) => new Run(lab, schedule));
        }
        await Promise.all(runs.map((run) => run.begin(asked(values, run.schedule))));
        write();
        cards[1].box.hidden = runs.length < 2;
      },
      async advance(stride) {
        const message = stride === "step" ? { type: "step" } : { type: "run", epochs: 1 };
        await Promise.all(runs.filter((run) => !run.over).map((run) => run.tell(message)));
        return runs.some((run) => !run.over);
      },
      draw() {
        for (const { redraw } of [errors, cosines, losses]) redraw();
        runs.forEach((run, i) => {
          describe(run, cards[i]);
          cards[i].redraw();
        });
      },
      says,
      table() {
        const columns = ["training", "seed", "epoch", "loss", "error on training rows",
          "error on test rows", "error on unseen rows", "mean largest |cosine|"];
        const { seed } = view.values();
        const own = runs.flatMap((run) => run.records.map(({ epoch, loss, error, alike }) =>
          [run.schedule, seed, epoch, loss, error.train, error.test, error.unseen, alike]));
        const others = runs.flatMap((run, i) => (many?.curves[i] ?? []).flatMap((curve, s) =>
          curve.map(([epoch, error]) => [run.schedule, seed + s + 1, epoch, "", "", "", error, ""])));
        return { columns, rows: [...own, ...others] };
      },
      stopped: endMany,
      close() {
        endMany();
        runs.forEach(({ worker }) => worker.terminate());
      },
      command: () => command(view.values()),
      python: () => python(view.values(), view.values().training),
    };
  }

  ui.add("playground", {
    title: "Train two networks side by side",
    settings, strides: [["Step", "step"], ["Epoch", "epoch"]], stride: () => "epoch",
    pace: () => PACE, create,
  });
})();
