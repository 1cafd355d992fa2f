// The engine behind messages, so that training never holds up the page.
//
// To the worker: {type: "init", settings}, {type: "run", epochs}, {type: "step"},
// {type: "stop"}, {type: "rewind"}. From it: {type: "ready", settings, patterns, phases, epochs, record}
// after init and rewind, {type: "record", record} after each epoch or step,
// {type: "stopped", over} when it comes to rest, {type: "refused", sentence}.
(self.hlnbLab ??= []).push(function worker(lab) {
  "use strict";

  // What takes a message; answers go to `post`
  lab.serve = function (post) {
    let run = null, left = 0, waiting = false;
    function ready() {
      const { settings, problem: { patterns }, phases, epochs, record } = run;
      post({ type: "ready", settings, patterns, phases, epochs, record });
    }
    function next() {
      waiting = left > 0 && !run.over;
      if (!waiting) {
        left = 0;
        return post({ type: "stopped", over: run.over });
      }
      left--;
      post({ type: "record", record: run.epoch() });
      setTimeout(next); // a message may wait
    }
    const take = {
      init({ settings }) {
        run = lab.training(settings);
        left = 0;
        ready();
      },
      run({ epochs }) {
        if (!run) lab.refuse("There is nothing to run: send the settings first.");
        if (!(Number.isInteger(epochs) && epochs > 0)) {
          lab.refuse(`epochs = ${epochs}: take a whole number from 1 up.`);
        }
        left = epochs;
        if (!waiting) next();
      },
      step() {
        if (!run) lab.refuse("There is nothing to train: send the settings first.");
        if (!run.over) post({ type: "record", record: run.step() });
        if (!waiting) post({ type: "stopped", over: run.over });
      },
      stop() {
        left = 0;
      },
      rewind() {
        if (!run) lab.refuse("There is nothing to rewind: send the settings first.");
        run.rewind();
        left = 0;
        ready();
      },
    };
    return function (message) {
      try {
        if (!(message.type in take)) {
          lab.refuse(`There is no message ${message.type}: send ${Object.keys(take).join(", ")}.`);
        }
        take[message.type](message);
      } catch (error) {
        if (error.name !== "HlnbError") throw error;
        post({ type: "refused", sentence: error.message });
      }
    };
  };

  // The text of a script that is this engine behind messages
  lab.source = (parts) => `const lab = {};
${parts.map((part) => `(${part})(lab);`).join("\n")}
const take = lab.serve((message) => postMessage(message));
onmessage = (event) => take(event.data);`;

  // A worker of it; from a Blob, since a page on a disk may load no other
  lab.start = function (parts = self.hlnbLab) {
    const source = new Blob([lab.source(parts)], { type: "text/javascript" });
    return new Worker(URL.createObjectURL(source));
  };
});
