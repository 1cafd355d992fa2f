// A film: a slider and a button that show one picture after another.
const PAUSE = 900; // milliseconds that a picture stays

function film(figure) {
  const frames = [...figure.querySelectorAll(".hlnb-film-frames img")];
  const controls = figure.querySelector(".hlnb-film-controls");
  const [button, slider, value] = controls.querySelectorAll("button, input, span");
  let timer = 0;

  function show(at) {
    slider.value = at;
    frames.forEach((frame, i) => (frame.hidden = i !== at));
    value.textContent = frames[at].dataset.label;
    slider.setAttribute("aria-valuetext", frames[at].dataset.label);
  }
  function stop() {
    clearInterval(timer);
    timer = 0;
    button.textContent = "Play";
  }
  function step() {
    show(Number(slider.value) + 1);
    if (slider.value === slider.max) stop();
  }
  function play() {
    if (slider.value === slider.max) show(0);
    timer = setInterval(step, PAUSE);
    button.textContent = "Pause";
  }
  function fetchAll() {
    for (const frame of frames) frame.loading = "eager";
  }
  slider.addEventListener("input", () => {
    stop();
    show(Number(slider.value));
  });
  button.addEventListener("click", () => (timer ? stop() : play()));
  controls.addEventListener("pointerenter", fetchAll);
  controls.addEventListener("focusin", fetchAll);
  // who asks for less motion has no button, and the slider
  matchMedia("(prefers-reduced-motion: reduce)").addEventListener("change", stop);
  controls.hidden = false;
}

document.querySelectorAll(".hlnb-film").forEach(film);
