// What all demonstrations of the lab share: controls, transport, address, words,
// numbers, drawing. README.md says how a demonstration is written.
self.hlnbUi = (function () {
  "use strict";
  const demos = {}, PAUSED = 2500; // milliseconds between two sentences of a live line
  const SHOWN = 24; // rows of a table
  const COLOURS = { // `hlnb.figures.style.STYLES`: one colour, one meaning
    simultaneous: ["#0072B2", []], "layer-wise": ["#D55E00", [6, 3]],
    "only conv": ["#009E73", [2, 3]], "only hidden": ["#AA4499", [7, 3, 2, 3]],
    "only readout": ["#8C6D00", [7, 2, 2, 2, 2, 2]], greedy: ["#225522", [6, 2, 2, 2]],
    chance: ["#666666", [2, 3]],
  };
  const PARTS = ["#0072B2", "#E69F00", "#009E73", "#AA4499", "#D55E00"]; // PART_COLOURS
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const dark = () => document.documentElement.dataset.theme === "dark" // or in JupyterLab
    || document.body.dataset.jpThemeLight === "false";
  const inDeck = () => Boolean(document.querySelector(".reveal"));

  // An element with properties and children
  function made(name, properties = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (key in element) element[key] = value;
      else element.setAttribute(key, value);
    }
    element.append(...children);
    return element;
  }

  // Stops with one sentence: what is wrong, what to do
  function refuse(sentence) {
    throw Object.assign(new Error(sentence), { name: "HlnbError" });
  }

  // A number in words: three digits, no trailing zeros
  function number(x, digits = 3) {
    if (!Number.isFinite(x)) return Number.isNaN(x) ? "none" : x < 0 ? "−∞" : "∞";
    const size = Math.abs(x), small = size !== 0 && (size < 1e-3 || size >= 1e6);
    const text = small ? x.toExponential(digits - 1).replace("e+", "e")
      : String(Number(x.toPrecision(digits)));
    return text.replace("-", "−");
  }

  // Colours of now, in light or in dark

  function lighter(hex) {
    if (!dark()) return hex;
    const part = (i) => Math.round(0.45 * parseInt(hex.slice(i, i + 2), 16) + 0.55 * 235);
    return `rgb(${part(1)}, ${part(3)}, ${part(5)})`;
  }
  const ink = () => (dark() ? "#e6e8eb" : "#1b1f24");
  const muted = () => (dark() ? "#a8b0b9" : "#57606a");
  const grid = () => (dark() ? "#3a434d" : "#dddddd");
  const paper = () => (dark() ? "#14181e" : "#ffffff");
  // Of a kind of training, or of part i
  function colour(what) {
    const hex = typeof what === "number" ? PARTS[what % PARTS.length]
      : (COLOURS[what] ?? COLOURS.simultaneous)[0];
    return lighter(hex);
  }
  const dashes = (what) => (COLOURS[what] ?? COLOURS.simultaneous)[1];
  // Red for 1, blue for -1, paper for 0
  function diverging(value) {
    const v = Math.max(-1, Math.min(1, value || 0)), size = Math.abs(v);
    const end = v > 0 ? [178, 24, 43] : [33, 102, 172], from = dark() ? [38, 44, 52] : [247, 247, 247];
    const far = dark() ? end.map((c) => Math.round(0.75 * c + 60)) : end;
    return `rgb(${from.map((c, i) => Math.round(c + (far[i] - c) * size)).join()})`;
  }

  // A canvas as wide as its parent and `height` high (or a function of the width);
  // paint(context, width, height) draws it, in CSS pixels, when redraw() is called, and
  // when its width or the theme changes. `label`: its words for a screen reader.
  // value(x, y, width), if given: words for what is under the pointer, or "".
  function canvas(parent, { height = 200, label, paint, value }) {
    const element = made("canvas", { className: "hlnb-lab-canvas", role: "img" });
    element.setAttribute("aria-label", label);
    parent.append(element);
    function redraw() {
      const width = element.clientWidth;
      if (!width) return;
      const high = typeof height === "function" ? Math.round(height(width)) : height;
      const ratio = Math.max(1, devicePixelRatio || 1);
      const sizes = [Math.round(width * ratio), Math.round(high * ratio)];
      element.style.height = `${high}px`;
      if (element.width !== sizes[0]) element.width = sizes[0];
      if (element.height !== sizes[1]) element.height = sizes[1];
      const context = element.getContext("2d");
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, width, high);
      context.font = `${inDeck() ? 15 : 13}px system-ui, sans-serif`;
      context.textBaseline = "middle";
      paint(context, width, high);
    }
    let drawn = 0; // width; a new height is no reason to draw again
    new ResizeObserver(() => {
      if (element.clientWidth === drawn) return;
      drawn = element.clientWidth;
      requestAnimationFrame(redraw);
    }).observe(element);
    const theme = new MutationObserver(redraw);
    theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    theme.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
    if (value) pointed(element, value);
    return { element, redraw };
  }

  // A note beside the pointer, or a finger, while it is on an element
  function pointed(element, value) {
    const note = made("div", { className: "hlnb-lab-value", hidden: true });
    element.after(note);
    element.parentElement.style.position = "relative";
    function move({ clientX, clientY }) {
      const box = element.getBoundingClientRect(), width = element.clientWidth;
      const scale = box.width / width || 1; // a slide is scaled
      const x = (clientX - box.left) / scale, y = (clientY - box.top) / scale;
      const words = value(x, y, width);
      note.hidden = !words;
      if (!words) return;
      note.textContent = words;
      const left = x > width / 2 ? x - note.offsetWidth - 12 : x + 14;
      note.style.left = `${element.offsetLeft + Math.max(0, Math.min(left, width - note.offsetWidth))}px`;
      note.style.top = `${element.offsetTop + y + 14}px`;
    }
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerdown", move);
    for (const end of ["pointerleave", "pointercancel"]) {
      element.addEventListener(end, () => (note.hidden = true));
    }
  }

  function ticks([low, high], log, most = 5) {
    if (log) {
      const found = [];
      for (let p = Math.ceil(Math.log10(low) - 1e-9); p <= Math.log10(high) + 1e-9; p++) found.push(10 ** p);
      const every = Math.ceil(found.length / most);
      return found.filter((_, i) => i % every === 0);
    }
    const raw = (high - low) / most, unit = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * unit).find((s) => s >= raw), found = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) found.push(i * step);
    return found.map((v) => Number(v.toPrecision(12)));
  }

  // Axes in a context: {x(v), y(v), line(points, look), dot(x, y, look), text(x, y, words)};
  // `box`: [left, top, width, height] with room for labels; xlim, ylim, xlog, ylog, xlabel, ylabel
  function axes(c, box, { xlim, ylim, xlog, ylog, xlabel = "", ylabel = "" }) {
    const left = box[0] + 46, top = box[1] + (ylabel ? 30 : 8);
    const width = box[2] - 56, height = box[3] - (top - box[1]) - (xlabel ? 42 : 24);
    const scale = (lim, log, from, size) => {
      const [a, b] = log ? lim.map(Math.log10) : lim;
      return (v) => from + (size * ((log ? Math.log10(Math.max(v, 1e-300)) : v) - a)) / (b - a || 1);
    };
    const x = scale(xlim, xlog, left, width), y = scale(ylim, ylog, top + height, -height);
    c.lineWidth = 1;
    c.strokeStyle = grid();
    c.fillStyle = muted();
    c.beginPath();
    c.textAlign = "right";
    for (const v of ticks(ylim, ylog)) {
      c.moveTo(left, y(v));
      c.lineTo(left + width, y(v));
      c.fillText(number(v), left - 6, y(v));
    }
    c.textAlign = "center";
    for (const v of ticks(xlim, xlog, width < 300 ? 4 : 6)) {
      c.moveTo(x(v), top);
      c.lineTo(x(v), top + height);
      c.fillText(number(v), x(v), top + height + 13);
    }
    c.stroke();
    c.fillStyle = ink();
    c.fillText(xlabel, left + width / 2, top + height + 32);
    c.textAlign = "left";
    c.fillText(ylabel, box[0] + 4, box[1] + 10);
    const written = (words, across, down, fill) => { // legible on curves
      c.setLineDash([]);
      c.globalAlpha = 1;
      c.lineWidth = 4;
      c.lineJoin = "round";
      c.strokeStyle = paper();
      c.strokeText(words, across, down);
      c.fillStyle = fill;
      c.fillText(words, across, down);
    };
    const clipped = (draw) => {
      c.save();
      c.beginPath();
      c.rect(left - 2, top - 2, width + 4, height + 4);
      c.clip();
      draw();
      c.restore();
    };
    return {
      x, y, left, top, width, height,
      line(points, { stroke = ink(), dash = [], thick = 2, alpha = 1 } = {}) {
        clipped(() => {
          c.strokeStyle = stroke;
          c.setLineDash(dash);
          c.lineWidth = thick;
          c.globalAlpha = alpha;
          c.beginPath();
          let down = false; // a gap where a number is not finite
          for (const [a, b] of points) {
            if (!Number.isFinite(a) || !Number.isFinite(b)) { down = false; continue; }
            if (down) c.lineTo(x(a), y(b));
            else c.moveTo(x(a), y(b));
            down = true;
          }
          c.stroke();
        });
      },
      dot(a, b, { fill = ink(), size = 4 } = {}) {
        c.fillStyle = fill;
        c.beginPath();
        c.arc(x(a), y(b), size, 0, 2 * Math.PI);
        c.fill();
      },
      text(a, b, words, { fill = ink(), align = "left", dx = 6, dy = 0 } = {}) {
        c.textAlign = align;
        written(words, x(a) + dx, y(b) + dy, fill);
      },
      words(across, down, words, fill = ink()) { // at pixels
        c.textAlign = "left";
        written(words, across, down, fill);
      },
    };
  }

  // Makes something on a page answer to a pointer and to the arrow keys:
  // moved(x, y) with the pointer's place, in CSS pixels of the element;
  // nudged(dx, dy, large) with a key's direction
  function drag(element, { label, moved, nudged }) {
    element.tabIndex = 0;
    element.setAttribute("role", "application");
    element.setAttribute("aria-label", label);
    element.style.touchAction = "none";
    let held = false;
    const at = (event) => {
      const box = element.getBoundingClientRect();
      const scale = box.width / element.clientWidth || 1; // a slide is scaled
      moved((event.clientX - box.left) / scale, (event.clientY - box.top) / scale);
    };
    element.addEventListener("pointerdown", (event) => {
      held = true;
      element.setPointerCapture(event.pointerId);
      at(event);
    });
    element.addEventListener("pointermove", (event) => held && at(event));
    for (const end of ["pointerup", "pointercancel"]) element.addEventListener(end, () => (held = false));
    element.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!way) return;
      event.preventDefault();
      nudged(...way, event.shiftKey);
    });
  }

  // The fragment of a demonstration: #name?setting=value&hide=setting+setting&wait
  function fragment(name) {
    const [what, words] = location.hash.slice(1).split(/\?(.*)/s);
    return what === name ? new URLSearchParams(words) : null;
  }

  // What a control's text says, or the text itself if it is none
  function read(spec, text) {
    if (spec.choices) return text;
    if (typeof spec.value === "boolean") return text === "true" || text === "1";
    return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
  }

  // Refuses a value that its control does not allow
  function check(key, spec, value) {
    const { label, choices, least, most, whole } = spec;
    if (choices) {
      if (choices.some(([choice]) => choice === value)) return;
      refuse(`${label} = ${value}: take ${choices.map(([choice]) => choice).join(", ")}.`);
    }
    if (typeof spec.value !== "number") return;
    const kind = whole ? "a whole number" : "a number";
    if (typeof value !== "number" || !Number.isFinite(value) || (whole && !Number.isInteger(value))) {
      refuse(`${label} = ${value === "" ? "nothing" : value}: take ${kind} from ${least} to ${most}.`);
    }
    if (value < least || value > most) {
      refuse(`${label} = ${value}: take ${kind} from ${least} to ${most}.`);
    }
  }

  function control(key, spec, changed) {
    const { label, choices, slider, least, most, step } = spec;
    let input, out = "";
    if (choices) {
      input = made("select", {}, ...choices.map(([value, words]) => new Option(words ?? value, value)));
    } else if (typeof spec.value === "boolean") {
      input = made("input", { type: "checkbox" });
    } else if (slider) {
      input = made("input", { type: "range", min: least, max: most, step: step ?? "any" });
      out = made("span");
    } else {
      input = made("input", { type: "text", inputMode: "decimal", size: Math.max(6, String(spec.value).length), autocomplete: "off" });
    }
    input.name = key;
    const box = made("label", { className: `hlnb-lab-control${slider ? " wide" : ""}` }, `${label} `, input, out);
    const checkbox = input.type === "checkbox";
    input.addEventListener(slider ? "input" : "change", () =>
      changed(key, checkbox ? input.checked : read(spec, input.value)));
    return {
      box,
      show(value) {
        if (checkbox) input.checked = value;
        else input.value = value;
        if (!slider) return;
        out.textContent = spec.shown ? spec.shown(value) : number(value);
        input.setAttribute("aria-valuetext", out.textContent);
      },
    };
  }

  // Puts the demonstration that a box asks for into it
  function mount(root) {
    const name = root.dataset.lab, spec = demos[name];
    const apart = inDeck() || "apart" in root.dataset; // from the page's address
    if (!spec || root.classList.contains("live")) return null;
    const { settings, strides = [["Step", 1]] } = spec;
    const keys = Object.keys(settings), preset = new URLSearchParams(root.dataset.set ?? "");
    let values, hidden, waits, demo, queue = Promise.resolve();
    let playing = false, over = false, ready = false, turn = 0, seen = false, told = 0, writing;

    const controls = made("div", { className: "hlnb-lab-controls" });
    const transport = made("div", { className: "hlnb-lab-transport" });
    const refusal = made("p", { className: "hlnb-lab-refused", role: "alert" });
    const stage = made("div", { className: "hlnb-lab-stage" });
    const says = made("p", { className: "hlnb-lab-says", role: "status" });
    const foot = made("div", { className: "hlnb-lab-foot" });
    const live = made("div", { className: "hlnb-lab-live", role: "group" },
      controls, transport, refusal, says, stage, foot);
    live.setAttribute("aria-label", spec.title);

    const inputs = Object.fromEntries(keys.map((key) => [key, control(key, settings[key], change)]));
    controls.append(...keys.map((key) => inputs[key].box));
    const button = (words, act, parent = transport) => {
      const one = made("button", { type: "button", textContent: words });
      one.addEventListener("click", act);
      parent.append(one);
      return one;
    };
    const player = button("Play", () => (playing ? pause() : play()));
    player.classList.add("main");
    for (const [words, stride] of strides) {
      button(words, () => { pause(); then(() => advance(stride)); });
    }
    button("Rewind", () => { pause(); begin(); });
    button("Numbers (CSV)", save, foot);
    const table = made("table"), fold = made("details", {}, made("summary", { textContent: "Table" }), table);
    fold.addEventListener("toggle", fill);
    foot.append(fold);

    // One thing after the other; what stops with a sentence is told
    function then(act) {
      queue = queue.then(act).catch((error) => {
        pause();
        if (error.name !== "HlnbError") throw error;
        refusal.textContent = error.message;
        demo.stopped?.();
      });
      return queue;
    }
    function state() { // of the address before the page's own
      const given = (!apart && fragment(name)) || new URLSearchParams();
      const words = (key) => given.get(key) ?? preset.get(key);
      hidden = (words("hide") ?? "").split(/[\s,+]+/);
      waits = still.matches || words("wait") !== null;
      values = Object.fromEntries(keys.map((key) => [
        key, words(key) === null ? settings[key].value : read(settings[key], words(key)),
      ]));
      showControls();
    }
    function showControls() {
      for (const key of keys) {
        inputs[key].show(values[key]);
        const unused = settings[key].when && !settings[key].when(values);
        inputs[key].box.hidden = hidden.includes(key) || hidden.includes("all") || unused;
      }
      transport.hidden = hidden.includes("transport");
      root.dispatchEvent(new CustomEvent("hlnb-values", { detail: { ...values } }));
    }
    function write() {
      if (apart) return;
      const words = new URLSearchParams();
      for (const key of keys) {
        const own = preset.get(key) ?? String(settings[key].value);
        if (String(values[key]) !== own) words.set(key, values[key]);
      }
      for (const key of ["hide", "wait"]) {
        const given = fragment(name)?.get(key);
        if (given != null) words.set(key, given);
      }
      clearTimeout(writing); // browsers allow few changes a second
      writing = setTimeout(() => history.replaceState(null, "", `#${name}?${words}`), 250);
    }
    function change(key, value) {
      values[key] = value;
      showControls();
      write();
      const spec = settings[key];
      if (!spec.live || !ready) return begin(); // nothing goes on after a refusal
      try {
        check(key, spec, value);
      } catch (error) {
        refusal.textContent = error.message;
        return undefined;
      }
      refusal.textContent = "";
      over = false;
      return then(() => { demo.change?.(key, value, { ...values }); show(true); });
    }
    // Starts anew, playing on if it played
    function begin() {
      turn++;
      const was = playing;
      pause();
      return then(async () => {
        refusal.textContent = "";
        ready = false;
        keys.forEach((key) => check(key, settings[key], values[key]));
        over = false;
        await demo.start({ ...values });
        ready = true;
        show(true);
        if (was) play();
      });
    }
    async function advance(stride) {
      if (!ready) return;
      over = !(await demo.advance(stride));
      show(!playing || over);
    }
    function show(now) {
      demo.draw();
      const time = performance.now(), sentence = demo.says();
      if ((now || time - told > PAUSED) && sentence !== says.textContent) {
        told = time;
        says.textContent = sentence;
      }
      if (now) fill();
    }
    function pause() {
      playing = false;
      turn++;
      player.textContent = "Play";
    }
    async function play() {
      if (playing) return;
      if (over) await begin();
      if (!ready) return;
      const mine = ++turn;
      playing = true;
      player.textContent = "Pause";
      while (mine === turn) {
        const due = performance.now() + (spec.pace?.(values) ?? 0);
        if (seen) await then(() => mine === turn && advance(spec.stride?.(values) ?? 1));
        if (over && mine === turn) pause();
        do await new Promise(requestAnimationFrame);
        while (mine === turn && (performance.now() < due || !seen));
      }
    }

    function save() {
      if (!ready) return;
      const { columns, rows } = demo.table();
      const cell = (v) => (/[",\n]/.test(v) ? `"${String(v).replaceAll('"', '""')}"` : String(v));
      const text = [columns, ...rows].map((row) => row.map(cell).join()).join("\n");
      const link = made("a", { download: `${name}.csv`, href: URL.createObjectURL(
        new Blob([`${text}\n`], { type: "text/csv" })) });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    }
    function fill() {
      if (!fold.open || !ready) return;
      const { columns, rows } = demo.table(), every = Math.ceil(rows.length / SHOWN) || 1;
      const shown = rows.filter((_, i) => i % every === 0 || i === rows.length - 1);
      const cell = (v) => (typeof v === "number" ? number(v) : v);
      table.replaceChildren(
        made("thead", {}, made("tr", {}, ...columns.map((c) => made("th", { scope: "col" }, c)))),
        made("tbody", {}, ...shown.map((row) => made("tr", {}, ...row.map((v) => made("td", {}, cell(v)))))));
    }

    // A slide does not step on with the keys that a control takes
    live.addEventListener("keydown", (event) => {
      const { target, key } = event, pressed = target.matches("button, summary");
      if (pressed ? key === " " || key === "Enter" : key !== "Escape") event.stopPropagation();
    });
    root.append(live);
    root.classList.add("live");
    demo = spec.create({
      stage, foot, live, button,
      values: () => ({ ...values }), // now
      set(key, value) { change(key, value); },
      hides: (key) => hidden.includes(key) || hidden.includes("all"),
      playing: () => playing,
      again: begin, play, pause,
      update: () => show(true),
      tell(sentence) { says.textContent = sentence; },
      refuse(sentence) { refusal.textContent = sentence; },
    });
    state();
    const started = begin();
    new IntersectionObserver(async ([{ isIntersecting }], observer) => {
      const first = isIntersecting && !seen;
      seen = isIntersecting;
      if (!first || root.dataset.seen) return;
      root.dataset.seen = "yes"; // plays by itself once, unless less motion is asked for
      await started;
      if (!waits) play();
    }, { threshold: 0.1 }).observe(stage);
    if (!apart) {
      const asked = () => fragment(name) !== null;
      addEventListener("hashchange", () => {
        if (!asked()) return;
        state();
        begin();
        live.scrollIntoView();
      });
      if (asked()) live.scrollIntoView();
    }
    const close = () => { pause(); demo.close?.(); };
    return { play, pause, begin, close, demo };
  }

  function mountAll() {
    document.querySelectorAll(".hlnb-lab[data-lab]").forEach((root) => mount(root));
  }
  if (document.readyState === "complete") setTimeout(mountAll);
  else addEventListener("load", mountAll);

  return {
    // A demonstration: {title, settings, strides, stride, pace, create}
    add(name, spec) { demos[name] = spec; },
    demos, mount, made, refuse, number, canvas, axes, drag, colour, dashes, diverging,
    ink, muted, grid, paper, dark,
  };
})();
