// A run: settings, the toy network's initial parameters, schedules, records.
(self.hlnbLab ??= []).push(function training(lab) {
  "use strict";
  const { refuse, stream, toyProblem, Descent, CHANNELS, UNITS, BATCH } = lab;
  const WHOLE = { // the least and the most of each
    problem: [1, 5], d: [1, 1024], T: [1, 64], n: [1, 8192],
    seed: [0, Number.MAX_SAFE_INTEGER], epochs: [1, 10000], // of each phase
  };
  const DEFAULTS = {
    problem: 1, d: 100, T: 16, scale: 1, n: 1024, seed: 0, lr: 0.1,
    schedule: "simultaneous", epochs: 100, dtype: "float32",
  };
  const alone = (layer) => [`only ${layer}`, [[layer]]];
  const SCHEDULES = { // which layers learn, phase after phase
    simultaneous: [["conv", "hidden", "readout"]],
    "layer-wise": [["conv"], ["hidden"], ["readout"]],
    greedy: [["conv", "conv_head"], ["hidden", "readout"]],
    ...Object.fromEntries(["conv", "hidden", "readout"].map(alone)),
  };
  const CHOICES = { schedule: Object.keys(SCHEDULES), dtype: ["float32", "float64"] };
  const ROUNDING = 1e-6; // relative, as in `hlnb.metrics.times`

  // The settings, those that are absent by default; refuses what cannot be trained.
  // Where the kernel does not run, numbers are of 64 bits: plain loops are faster so.
  function checked(given) {
    const settings = { ...DEFAULTS, ...given };
    for (const [name, value] of Object.entries(settings)) {
      if (!(name in DEFAULTS)) {
        refuse(`There is no setting ${name}: take ${Object.keys(DEFAULTS).join(", ")}.`);
      } else if (name in CHOICES && !CHOICES[name].includes(value)) {
        refuse(`${name} = ${value}: take ${CHOICES[name].join(", ")}.`);
      } else if (name in WHOLE) {
        const [least, most] = WHOLE[name];
        if (!Number.isInteger(value) || value < least || value > most) {
          refuse(`${name} = ${value}: take a whole number from ${least} to ${most}.`);
        }
      } else if (!(name in CHOICES) && !(Number.isFinite(value) && value > 0)) {
        refuse(`${name} = ${value}: take a finite number above 0.`);
      }
    }
    if (!lab.kernelRuns()) settings.dtype = "float64";
    return settings;
  }

  // The toy network's parameters as torch draws them, by name
  function initial(classes, { d, T, seed }) {
    const draws = stream(seed, "init"), flat = (d - T + 1) * CHANNELS;
    const layers = [["conv", CHANNELS, T], ["hidden", UNITS, flat],
      ["readout", classes, UNITS], ["conv_head", classes, flat]];
    return Object.fromEntries(layers.flatMap(([name, outputs, inputs]) => {
      const bound = Math.fround(1 / Math.sqrt(inputs));
      const draw = (n) => Float32Array.from({ length: n }, () => (2 * draws.rand() - 1) * bound);
      return [[`${name}.weight`, draw(outputs * inputs)], [`${name}.bias`, draw(outputs)]];
    }));
  }

  // The mean of values by weights, of the rows that count; NaN of none
  function mean(values, weight, counts = () => true) {
    let sum = 0, all = 0;
    values.forEach((value, i) => {
      if (!counts(i)) return;
      const w = weight ? weight[i] : 1;
      sum += w * value;
      all += w;
    });
    return sum / all;
  }

  class Training {
    constructor(given) {
      this.settings = checked(given);
      const { n, epochs, schedule } = this.settings;
      this.problem = toyProblem(this.settings);
      this.batches = this.problem.split(n);
      this.params = initial(this.problem.classes.length, this.settings);
      this.phases = SCHEDULES[schedule].map((learns) =>
        ({ learns, head: learns.includes("conv_head") })); // which exit the scores take
      this.epochs = epochs * this.phases.length;
      this.descent = new Descent(this.params, this.batches, this.settings);
      this.rewind();
    }

    // Back to the initial parameters and the first order of the rows
    rewind() {
      this.order = stream(this.settings.seed, "order");
      this.descent.load();
      this.done = this.next = this.phase = 0; // epochs; rows of the next; which learns
      this.record = { finite: true };
      this.look();
    }

    // Trains on one batch of rows, in the order drawn for this epoch; its record
    step() {
      this.descend();
      return this.look();
    }

    // Trains to the end of this epoch; its record
    epoch() {
      do this.descend(); while (this.next > 0);
      return this.look();
    }

    descend() {
      if (this.over) refuse("The training is over: rewind it, or take more epochs.");
      const { n, lr, epochs } = this.settings, { next } = this;
      if (next === 0) this.rows = this.order.randperm(n);
      this.phase = Math.floor(this.done / epochs);
      const phase = this.phases[this.phase];
      this.descent.descend(this.rows.subarray(next, next + BATCH), phase, lr);
      this.next = next + BATCH < n ? next + BATCH : 0;
      if (this.next > 0) return;
      this.descent.settle(phase.head);
      this.done++;
    }

    // Whether all epochs are trained, or a parameter is not finite
    get over() {
      return this.done === this.epochs || !this.record.finite;
    }

    // The record of now: loss on training rows; errors on these, on test rows, and on
    // those of them that were seen in training and that were not; filters
    look() {
      const { batches: { test }, descent, phase } = this, { head } = this.phases[phase];
      const on = { train: descent.evaluate("train", head), test: descent.evaluate("test", head) };
      this.record = {
        epoch: this.done + this.next / this.settings.n, phase, finite: descent.finite(), loss: mean(on.train.losses),
        error: {
          train: mean(on.train.wrong), test: mean(on.test.wrong, test.weight),
          seen: mean(on.test.wrong, test.weight, (i) => test.seen[i]),
          unseen: mean(on.test.wrong, test.weight, (i) => !test.seen[i]),
        },
        filters: descent.filtersNow(),
      };
      return this.record;
    }
  }

  // A run with these settings, at its start
  lab.training = (settings) => new Training(settings);

  // The first of `epochs` whose error is at most the threshold; Infinity without one
  lab.firstHit = function (epochs, errors, threshold = 0.1) {
    const hit = errors.findIndex((error) => error <= threshold * (1 + ROUNDING));
    return hit < 0 ? Infinity : epochs[hit];
  };
});
