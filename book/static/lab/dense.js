// Small networks of dense layers in 64 bits: `hlnb.models.networks.mlp`, its initial
// parameters, and steps of SGD and Adam on the mean cross-entropy.
(self.hlnbLab ??= []).push(function dense(lab) {
  "use strict";

  // What changes parameters, a list of arrays, by their gradients
  lab.sgd = (lr) => function (params, grads) {
    params.forEach((p, k) => {
      for (let i = 0; i < p.length; i++) p[i] -= lr * grads[k][i];
    });
  };

  // The same by Adam, with torch's moments
  lab.adam = function (lr) {
    const zeros = (arrays) => arrays.map(({ length }) => new Float64Array(length));
    let first = null, second = null, t = 0;
    return function (params, grads) {
      first ??= zeros(params);
      second ??= zeros(params);
      t++;
      const step = lr / (1 - 0.9 ** t), root = Math.sqrt(1 - 0.999 ** t);
      params.forEach((p, k) => {
        const g = grads[k], m = first[k], v = second[k];
        for (let i = 0; i < p.length; i++) {
          m[i] += 0.1 * (g[i] - m[i]);
          v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
          p[i] -= step * m[i] / (Math.sqrt(v[i]) / root + 1e-8);
        }
      });
    };
  };

  class Dense {
    // `sizes`: inputs, units of each ReLU layer, classes
    constructor(sizes) {
      this.layers = sizes.slice(1).map((outputs, k) => {
        const inputs = sizes[k], flat = () => new Float64Array(outputs * inputs);
        const one = () => new Float64Array(outputs);
        return { inputs, outputs, w: flat(), b: one(), gw: flat(), gb: one() };
      });
      this.params = this.layers.flatMap(({ w, b }) => [w, b]);
      this.grads = this.layers.flatMap(({ gw, gb }) => [gw, gb]);
      this.room = 0;
    }

    // Initial parameters from a stream, as torch draws them in 32 bits
    draw(draws) {
      for (const { w, b, inputs } of this.layers) {
        const bound = Math.fround(1 / Math.sqrt(inputs));
        for (const p of [w, b]) {
          for (let i = 0; i < p.length; i++) {
            p[i] = Math.fround((2 * draws.rand() - 1) * bound);
          }
        }
      }
      return this;
    }

    // The outputs of every layer for `n` rows, kept until the next call
    forward(x, n = x.length / this.layers[0].inputs) {
      if (this.room < n) {
        for (const layer of this.layers) {
          layer.a = new Float64Array(n * layer.outputs);
          layer.ga = new Float64Array(n * layer.outputs);
        }
        this.room = n;
      }
      const last = this.layers.at(-1);
      let below = x;
      for (const layer of this.layers) {
        const { inputs, outputs, w, b, a } = layer;
        for (let r = 0, at = 0; r < n; r++) {
          const from = r * inputs;
          for (let o = 0, k = 0; o < outputs; o++, at++) {
            let sum = b[o];
            for (let i = 0; i < inputs; i++) sum += w[k++] * below[from + i];
            a[at] = layer === last || sum > 0 ? sum : 0;
          }
        }
        below = a;
      }
      return this.layers.map(({ a, outputs }) => a.subarray(0, n * outputs));
    }

    // Gradients of the mean cross-entropy of these rows; that mean
    backward(x, y) {
      const n = y.length, { layers } = this;
      this.forward(x, n);
      const top = layers.at(-1), c = top.outputs;
      let loss = 0;
      for (let r = 0; r < n; r++) {
        let most = -Infinity, sum = 0;
        for (let o = 0; o < c; o++) most = Math.max(most, top.a[r * c + o]);
        for (let o = 0; o < c; o++) sum += Math.exp(top.a[r * c + o] - most);
        loss += most + Math.log(sum) - top.a[r * c + y[r]];
        for (let o = 0; o < c; o++) {
          const p = Math.exp(top.a[r * c + o] - most) / sum;
          top.ga[r * c + o] = (p - (o === y[r])) / n;
        }
      }
      for (let l = layers.length - 1; l >= 0; l--) {
        const { inputs, outputs, w, ga, gw, gb } = layers[l];
        const below = l ? layers[l - 1] : null, from = l ? below.a : x;
        gw.fill(0);
        gb.fill(0);
        below?.ga.fill(0, 0, n * inputs);
        for (let r = 0; r < n; r++) {
          for (let o = 0; o < outputs; o++) {
            const g = ga[r * outputs + o];
            if (g === 0) continue; // a unit that is off
            gb[o] += g;
            for (let i = 0, k = o * inputs, j = r * inputs; i < inputs; i++, k++, j++) {
              gw[k] += g * from[j];
              if (below && from[j] > 0) below.ga[j] += g * w[k];
            }
          }
        }
      }
      return loss / n;
    }

    // A step by `rule` on some rows of a batch {x, y}; their mean loss before it
    learn({ x, y }, rows, rule) {
      const d = this.layers[0].inputs, some = new Float64Array(rows.length * d);
      rows.forEach((row, r) => some.set(x.subarray(row * d, (row + 1) * d), r * d));
      const loss = this.backward(some, Array.from(rows, (row) => y[row]));
      rule(this.params, this.grads);
      return loss;
    }

    // The share of rows for which another class scores highest
    error({ x, y }) {
      const scores = this.forward(x, y.length).at(-1), c = scores.length / y.length;
      let wrong = 0;
      for (let r = 0; r < y.length; r++) {
        let said = 0;
        for (let o = 1; o < c; o++) if (scores[r * c + o] > scores[r * c + said]) said = o;
        wrong += said !== y[r];
      }
      return wrong / y.length;
    }
  }

  // A network with its parameters drawn from a stream
  lab.dense = (sizes, draws) => new Dense(sizes).draw(draws);

  // Calls `act` so many times, in slices between which the page answers and draws
  lab.sliced = async function (count, act) {
    const pause = () => new Promise((done) => setTimeout(done));
    for (let since = performance.now(), i = 0; i < count; i++) {
      act();
      if (performance.now() - since < 8) continue;
      await pause();
      since = performance.now();
    }
    await pause();
  };

  // Rows of a training set in batches, each epoch in a new order
  lab.batches = function* (n, size, order) {
    for (;;) {
      const rows = order.randperm(n);
      for (let i = 0; i < n; i += size) yield rows.subarray(i, i + size);
    }
  };
});
