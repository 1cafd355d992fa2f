// SGD on the toy network with the blank windows left out, as `hlnb.training.fast.rows`
// says why: sums over positions l split into what every W_l = V_l + C does to the blank
// windows' activations h0, and what V_l adds in windows that are not blank.
(self.hlnbLab ??= []).push(function descent(lab) {
  "use strict";
  const CHANNELS = 20, UNITS = 100, BATCH = 64; // filters; hidden units; rows of a step
  Object.assign(lab, { CHANNELS, UNITS, BATCH });

  // The loops over windows for numbers of any kind; window j is of row[j], begins at
  // position at[j] and at pixel source[j]. kernel.c has them for 32-bit numbers.
  const plain = {
    // active_j = (shift + Σ_t x_t filter_t)₊, extra_j = active_j - blank,
    // sums_row += extra_j; NaN stays NaN
    filter(n, size, x, row, source, filters, shift, blank, active, extra, sums) {
      for (let j = 0; j < n; j++) {
        const h = j * CHANNELS;
        for (let c = 0; c < CHANNELS; c++) active[h + c] = shift[c];
        for (let t = 0; t < size; t++) {
          const pixel = x[source[j] + t], f = t * CHANNELS;
          if (pixel === 0) continue;
          for (let c = 0; c < CHANNELS; c++) active[h + c] += pixel * filters[f + c];
        }
        for (let c = 0, s = row[j] * CHANNELS; c < CHANNELS; c++) {
          if (active[h + c] < 0) active[h + c] = 0;
          extra[h + c] = active[h + c] - blank[c];
          sums[s + c] += extra[h + c];
        }
      }
    },
    // out_row += extra_j V_at
    spread(n, row, at, extra, weights, out, units) {
      for (let j = 0; j < n; j++) {
        for (let c = 0; c < CHANNELS; c++) {
          const e = extra[j * CHANNELS + c], w = (at[j] * CHANNELS + c) * units;
          if (e === 0) continue;
          for (let i = 0, y = row[j] * units; i < units; i++) out[y + i] += e * weights[w + i];
        }
      }
    },
    // down_j = V_at slope_row
    pull(n, row, at, slope, weights, down, units) {
      for (let j = 0; j < n; j++) {
        for (let c = 0; c < CHANNELS; c++) {
          const w = (at[j] * CHANNELS + c) * units, d = row[j] * units;
          let sum = 0;
          for (let i = 0; i < units; i++) sum += weights[w + i] * slope[d + i];
          down[j * CHANNELS + c] = sum;
        }
      }
    },
    // V_at += extra_j step_row
    push(n, row, at, extra, step, weights, units) {
      for (let j = 0; j < n; j++) {
        for (let c = 0; c < CHANNELS; c++) {
          const e = extra[j * CHANNELS + c], w = (at[j] * CHANNELS + c) * units;
          if (e === 0) continue;
          for (let i = 0, d = row[j] * units; i < units; i++) weights[w + i] += e * step[d + i];
        }
      }
    },
    // down_j += back_row, blanks -= down_j; of those that are active, moved += down_j,
    // slope_t += x_t down_j
    gather(n, size, x, row, source, active, back, down, blanks, moved, slope) {
      for (let j = 0; j < n; j++) {
        for (let c = 0, b = row[j] * CHANNELS, h = j * CHANNELS; c < CHANNELS; c++) {
          const g = down[h + c] + back[b + c];
          blanks[c] -= g;
          down[h + c] = active[h + c] <= 0 ? 0 : g;
          moved[c] += down[h + c];
        }
        for (let t = 0; t < size; t++) {
          const pixel = x[source[j] + t], f = t * CHANNELS;
          if (pixel === 0) continue;
          for (let c = 0; c < CHANNELS; c++) slope[f + c] += pixel * down[j * CHANNELS + c];
        }
      }
    },
  };

  function instance() {
    const wasm = Uint8Array.from(atob(lab.kernel.wasm), (c) => c.charCodeAt(0));
    return new WebAssembly.Instance(new WebAssembly.Module(wasm));
  }

  // Whether the kernel runs here: not in an old browser, nor where a policy forbids it
  lab.kernelRuns = function () {
    try {
      return Boolean(instance());
    } catch {
      return false;
    }
  };

  // The kernel's loops, the memory that they work on, and where it is free
  function compiled(bytes) {
    const { exports } = instance();
    const loops = Object.keys(plain).map((name) => [
      name, (...given) => exports[name](...given.map((one) => one.byteOffset ?? one)),
    ]);
    exports.memory.grow((bytes >> 16) + 1);
    return [Object.fromEntries(loops), exports.memory.buffer, exports.__heap_base.value];
  }

  // Where the windows of `size` pixels are not blank: row i has at[first[i]] to
  // at[first[i + 1] - 1]
  function windowsOf({ x, n }, d, size) {
    const first = new Int32Array(n + 1), at = [], positions = d - size + 1;
    for (let i = 0; i < n; i++) {
      let done = 0; // windows before this position are
      for (let p = 0; p < d; p++) {
        if (x[i * d + p] === 0) continue;
        for (let l = Math.max(done, p - size + 1); l < Math.min(p + 1, positions); l++) {
          at.push(l);
        }
        done = Math.min(p + 1, positions);
      }
      first[i + 1] = at.length;
    }
    return { first, at: Int32Array.from(at) };
  }

  // A row of scores as softmax less the one of the label, times `share`, into `slope`;
  // the cross-entropy
  function crossEntropy(scores, slope, from, classes, label, share) {
    let high = -Infinity, total = 0;
    for (let k = from; k < from + classes; k++) high = Math.max(high, scores[k]);
    for (let k = from; k < from + classes; k++) total += Math.exp(scores[k] - high);
    for (let k = from; k < from + classes; k++) {
      slope[k] = (share * Math.exp(scores[k] - high)) / total;
    }
    slope[from + label] -= share;
    return Math.log(total) + high - scores[from + label];
  }

  class Descent {
    // `params`: torch's, by name; `batches`: {train, test}
    constructor(params, batches, { d, T, dtype }) {
      const L = d - T + 1, K = params["readout.bias"].length, N = BATCH * L;
      const real = {
        filters: T * CHANNELS, shift: CHANNELS, readout: K * UNITS, readoutBias: K,
        hidden: (L + 2) * CHANNELS * UNITS, hiddenBias: UNITS, // V; C; Σ_l W_l
        head: (L + 2) * CHANNELS * K, headBias: K,
        active: N * CHANNELS, extra: N * CHANNELS, down: N * CHANNELS,
        sums: BATCH * CHANNELS, back: BATCH * CHANNELS, scores: BATCH * K, delta: BATCH * K,
        out: BATCH * UNITS, slope: BATCH * UNITS, step: BATCH * UNITS, every: UNITS,
        blank: CHANNELS, blanks: CHANNELS, moved: CHANNELS, byFilter: T * CHANNELS,
        train: batches.train.x.length, test: batches.test.x.length,
      };
      const whole = { row: N, at: N, source: N, each: BATCH, common: BATCH, total: BATCH };
      const Real = dtype === "float64" ? Float64Array : Float32Array;
      this.place([...Object.entries(real).map(([name, n]) => [name, n, Real]),
        ...Object.entries(whole).map(([name, n]) => [name, n, Int32Array])], Real);
      Object.assign(this, { params, batches, L, K, T, d });
      this.windows = {};
      for (const on of ["train", "test"]) {
        this.windows[on] = windowsOf(batches[on], d, T);
        this[on].set(batches[on].x);
      }
      this.each.forEach((_, r) => (this.each[r] = r));
      this.common.fill(L);
      this.total.fill(L + 1);
      this.count = new Int32Array(L + 1);
      this.load();
    }

    // Gives each array its place in one memory
    place(arrays, Real) {
      const aligned = (bytes) => (bytes + 15) & ~15;
      const bytes = arrays.reduce((sum, [, n, Kind]) =>
        sum + aligned(n * Kind.BYTES_PER_ELEMENT), 0);
      const [loops, memory, base] = Real === Float32Array ? compiled(bytes)
        : [plain, new ArrayBuffer(bytes), 0];
      let top = aligned(base);
      for (const [name, n, Kind] of arrays) {
        this[name] = new Kind(memory, top, n);
        top += aligned(n * Kind.BYTES_PER_ELEMENT);
      }
      this.loops = loops;
    }

    // Puts torch's parameters where the loops want them: weights input after input
    load() {
      const { params } = this;
      const turn = (to, from, n) => {
        const m = from.length / n;
        for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) to[j * n + i] = from[i * m + j];
      };
      turn(this.filters, params["conv.weight"], CHANNELS);
      turn(this.hidden, params["hidden.weight"], UNITS);
      turn(this.head, params["conv_head.weight"], this.K);
      this.readout.set(params["readout.weight"]);
      for (const [to, name] of [["shift", "conv"], ["hiddenBias", "hidden"],
        ["readoutBias", "readout"], ["headBias", "conv_head"]]) {
        this[to].set(params[`${name}.bias`]);
      }
      this.settle(false);
      this.settle(true);
    }

    // The layer above the filters: [weights, bias, units, loops]
    above(head) {
      return head ? [this.head, this.headBias, this.K, plain]
        : [this.hidden, this.hiddenBias, UNITS, this.loops];
    }

    // Adds C to every V, and sums W anew
    settle(head) {
      const [weights, , units] = this.above(head), size = CHANNELS * units;
      const own = this.L * size, total = own + size;
      weights.fill(0, total);
      for (let l = 0; l < own; l += size) for (let i = 0; i < size; i++) {
        weights[l + i] += weights[own + i];
        weights[total + i] += weights[l + i];
      }
      weights.fill(0, own, total);
    }

    // The windows of these rows, sorted by position; their number
    sort(on, rows) {
      const { first, at: found } = this.windows[on], { count, row, at, source } = this;
      count.fill(0);
      for (const i of rows) for (let k = first[i]; k < first[i + 1]; k++) count[found[k] + 1]++;
      for (let l = 0; l < this.L; l++) count[l + 1] += count[l];
      const n = count[this.L];
      for (let r = 0; r < rows.length; r++) {
        for (let k = first[rows[r]]; k < first[rows[r] + 1]; k++) {
          const j = count[found[k]]++;
          row[j] = r;
          at[j] = found[k];
          source[j] = rows[r] * this.d + found[k];
        }
      }
      return n;
    }

    // Scores of these rows of a batch (at most BATCH), through the head or the readout
    forward(on, rows, head) {
      const { row, at, source, filters, shift, active, extra, blank, sums, out } = this;
      const { K, readout, readoutBias, scores } = this;
      const [weights, bias, units, loops] = this.above(head), n = rows.length;
      const N = (this.N = this.sort(on, rows));
      for (let c = 0; c < CHANNELS; c++) blank[c] = shift[c] < 0 ? 0 : shift[c];
      sums.fill(0);
      this.loops.filter(
        N, this.T, this[on], row, source, filters, shift, blank, active, extra, sums
      );
      out.set(bias);
      loops.spread(1, this.each, this.total, blank, weights, out, units);
      for (let r = 1; r < n; r++) out.copyWithin(r * units, 0, units);
      loops.spread(N, row, at, extra, weights, out, units);
      loops.spread(n, this.each, this.common, sums, weights, out, units);
      if (head) {
        scores.set(out.subarray(0, n * units));
        return;
      }
      for (let i = 0; i < n * UNITS; i++) if (out[i] < 0) out[i] = 0;
      for (let r = 0; r < n; r++) for (let k = 0; k < K; k++) {
        let score = readoutBias[k], other = 0; // two sums at a time
        for (let i = 0, a = r * UNITS, w = k * UNITS; i < UNITS; i += 2) {
          score += out[a + i] * readout[w + i];
          other += out[a + i + 1] * readout[w + i + 1];
        }
        scores[r * K + k] = score + other;
      }
    }

    // One step on the mean loss of these training rows
    descend(rows, { learns, head }, lr) {
      const { K, delta, scores, out, slope, readout, readoutBias } = this;
      const n = rows.length, { y } = this.batches.train;
      this.forward("train", rows, head);
      rows.forEach((i, r) => crossEntropy(scores, delta, r * K, K, y[i], 1 / n));
      if (head) slope.set(delta.subarray(0, n * K));
      else {
        for (let r = 0; r < n; r++) for (let i = 0; i < UNITS; i++) {
          let sum = 0;
          if (!(out[r * UNITS + i] <= 0)) {
            for (let k = 0; k < K; k++) sum += delta[r * K + k] * readout[k * UNITS + i];
          }
          slope[r * UNITS + i] = sum;
        }
        if (learns.includes("readout")) {
          for (let r = 0; r < n; r++) for (let k = 0; k < K; k++) {
            const step = lr * delta[r * K + k];
            readoutBias[k] -= step;
            for (let i = 0; i < UNITS; i++) {
              readout[k * UNITS + i] -= step * out[r * UNITS + i];
            }
          }
        }
      }
      const conv = learns.includes("conv"), [weights, bias, units, loops] = this.above(head);
      const { row, at, N, each, common, total, extra, blank, sums, every, step } = this;
      every.fill(0);
      for (let i = 0; i < n * units; i++) every[i % units] += slope[i];
      if (conv) this.descendFilters(n, weights, units, loops, lr);
      if (!learns.includes(head ? "conv_head" : "hidden")) return;
      for (let i = 0; i < n * units; i++) step[i] = -lr * slope[i];
      loops.push(N, row, at, extra, step, weights, units);
      loops.push(n, each, total, sums, step, weights, units);
      for (let i = 0; i < units; i++) {
        every[i] *= -lr;
        bias[i] += every[i];
      }
      loops.push(1, each, common, blank, every, weights, units);
      for (let c = 0; c < CHANNELS; c++) blank[c] *= this.L;
      loops.push(1, each, total, blank, every, weights, units);
    }

    // The step of the filters, before the weights above them change
    descendFilters(n, weights, units, loops, lr) {
      const { row, at, N, each, common, total, active, down, back, blank, blanks } = this;
      const { train, source, slope, every, moved, byFilter, filters, shift } = this;
      loops.pull(N, row, at, slope, weights, down, units);
      loops.pull(n, each, common, slope, weights, back, units);
      loops.pull(1, each, total, every, weights, blanks, units);
      moved.fill(0);
      byFilter.fill(0);
      this.loops.gather(
        N, this.T, train, row, source, active, back, down, blanks, moved, byFilter
      );
      for (let c = 0; c < CHANNELS; c++) {
        shift[c] -= lr * (moved[c] + (blank[c] <= 0 ? 0 : blanks[c]));
      }
      for (let i = 0; i < filters.length; i++) filters[i] -= lr * byFilter[i];
    }

    // The loss of each row of a batch, and whether its largest score is another's
    evaluate(on, head) {
      const { n, y } = this.batches[on], { K, scores, delta } = this;
      const losses = new Float64Array(n), wrong = new Uint8Array(n);
      for (let from = 0; from < n; from += BATCH) {
        const size = Math.min(BATCH, n - from);
        this.forward(on, Int32Array.from({ length: size }, (_, i) => from + i), head);
        for (let r = 0; r < size; r++) {
          const row = r * K, label = y[from + r];
          let best = 0, sum = 0;
          for (let k = 0; k < K; k++) {
            if (scores[row + k] > scores[row + best]) best = k;
            sum += scores[row + k];
          }
          losses[from + r] = crossEntropy(scores, delta, row, K, label, 1);
          wrong[from + r] = best !== label || !Number.isFinite(sum);
        }
      }
      return { losses, wrong };
    }

    // The filters as torch has them, one after the other
    filtersNow() {
      return Float32Array.from(this.filters, (_, i) =>
        this.filters[(i % this.T) * CHANNELS + Math.floor(i / this.T)]);
    }

    // Whether all parameters are finite
    finite() {
      const all = [this.filters, this.shift, this.hidden, this.hiddenBias, this.readout,
        this.readoutBias, this.head, this.headBias];
      return all.every((values) => values.every(Number.isFinite));
    }
  }

  lab.Descent = Descent;
});
