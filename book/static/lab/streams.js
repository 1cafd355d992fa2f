// Named streams of random numbers: `hlnb.seeding.stream`, and how torch draws from it.
(self.hlnbLab ??= []).push(function streams(lab) {
  "use strict";

  // The first 64 bits of a text's SHA-256, as two whole numbers
  function digest(text) {
    const hash = [], keys = [];
    const fraction = (x) => ((x - Math.floor(x)) * 2 ** 32) | 0;
    for (let p = 2; keys.length < 64; p++) {
      let prime = true;
      for (let q = 2; q * q <= p; q++) prime &&= p % q !== 0;
      if (!prime) continue;
      if (hash.length < 8) hash.push(fraction(Math.sqrt(p)));
      keys.push(fraction(Math.cbrt(p)));
    }
    const bytes = new TextEncoder().encode(text);
    const padded = new Uint8Array(64 * (((bytes.length + 8) >> 6) + 1));
    const view = new DataView(padded.buffer), w = new Int32Array(64);
    padded.set(bytes);
    padded[bytes.length] = 128;
    view.setUint32(padded.length - 4, 8 * bytes.length);
    const turned = (x, ...by) => by.reduce((r, k) => r ^ ((x >>> k) | (x << (32 - k))), 0);
    for (let block = 0; block < padded.length; block += 64) {
      let [a, b, c, d, e, f, g, h] = hash;
      for (let i = 0; i < 64; i++) {
        const [v, u] = [w[i - 15], w[i - 2]];
        w[i] = i < 16 ? view.getInt32(block + 4 * i)
          : w[i - 16] + (turned(v, 7, 18) ^ (v >>> 3))
            + w[i - 7] + (turned(u, 17, 19) ^ (u >>> 10));
        const t = (h + turned(e, 6, 11, 25) + ((e & f) ^ (~e & g)) + keys[i] + w[i]) | 0;
        const s = (turned(a, 2, 13, 22) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        [h, g, f, e, d, c, b, a] = [g, f, e, (d + t) | 0, c, b, a, (t + s) | 0];
      }
      [a, b, c, d, e, f, g, h].forEach((x, i) => (hash[i] = (hash[i] + x) | 0));
    }
    return [hash[0] >>> 0, hash[1] >>> 0];
  }

  // torch's generator on the CPU, the Mersenne Twister
  class Stream {
    constructor(seed) {
      this.state = new Uint32Array(624);
      this.state[0] = seed;
      this.used = 624;
      for (let i = 1; i < 624; i++) {
        const before = this.state[i - 1] ^ (this.state[i - 1] >>> 30);
        this.state[i] = Math.imul(1812433253, before) + i;
      }
    }

    // 32 random bits
    next() {
      const s = this.state;
      if (this.used === 624) {
        for (let k = 0; k < 624; k++) {
          const y = (s[k] & 0x80000000) | (s[(k + 1) % 624] & 0x7fffffff);
          s[k] = s[(k + 397) % 624] ^ (y >>> 1) ^ (y & 1 && 0x9908b0df);
        }
        this.used = 0;
      }
      let y = s[this.used++];
      y ^= y >>> 11;
      y ^= (y << 7) & 0x9d2c5680;
      y ^= (y << 15) & 0xefc60000;
      return (y ^ (y >>> 18)) >>> 0;
    }

    // A number of `torch.rand`
    rand() {
      return (this.next() & 0xffffff) / 2 ** 24;
    }

    // A number of `torch.randint(n, …)` for n below 2^28: beyond, torch takes 64 bits
    randint(n) {
      return this.next() % n;
    }

    // A number between 0 and 1 of 53 bits, as torch draws for 64
    double() {
      return ((this.next() & 0x1fffff) * 2 ** 32 + this.next()) / 2 ** 53;
    }

    // A number of `Tensor.exponential_()`
    exponential() {
      return -Math.log1p(-this.double());
    }

    // `n` numbers of `torch.randn` in 64 bits; torch draws 16 and more in another way
    randn(n) {
      const pair = (u, v) => { // u makes the length, v the angle
        const length = Math.sqrt(-2 * Math.log1p(-u)), angle = 2 * Math.PI * v;
        return [length * Math.cos(angle), length * Math.sin(angle)];
      };
      const found = new Float64Array(n);
      if (n < 16) {
        for (let i = 0; i < n; i++) {
          if (this.spare === undefined) {
            const angle = this.double();
            [found[i], this.spare] = pair(this.double(), angle);
          } else {
            found[i] = this.spare;
            this.spare = undefined;
          }
        }
        return found;
      }
      const turn = (start) => {
        for (let j = start; j < start + 8; j++) {
          [found[j], found[j + 8]] = pair(found[j], found[j + 8]);
        }
      };
      const fill = (start, end) => {
        for (let i = start; i < end; i++) found[i] = this.double();
      };
      fill(0, n);
      for (let i = 0; i + 16 <= n; i += 16) turn(i);
      if (n % 16) {
        fill(n - 16, n);
        turn(n - 16);
      }
      return found;
    }

    // `torch.randperm(n)`
    randperm(n) {
      const order = Int32Array.from({ length: n }, (_, i) => i);
      for (let i = 0; i < n - 1; i++) {
        const k = i + this.randint(n - i);
        [order[i], order[k]] = [order[k], order[i]];
      }
      return order;
    }
  }

  // The stream of a seed and a name, and of nothing else
  lab.stream = function (seed, name) {
    const [high, low] = digest(`${seed}/${name}`); // torch takes 63 bits, keeps 32
    return new Stream((high << 31) | (low >>> 1));
  };
});
