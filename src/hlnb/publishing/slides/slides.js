const deck = new Reveal({
  width: 1280,
  height: 720,
  margin: 0,
  center: false,
  display: "flex",
  hash: true,
  slideNumber: "c/t",
  transition: "none",
  scrollActivationWidth: null,
  // key S: the speaker's view of a class, with its clock
  ...(self.RevealNotes ? { plugins: [RevealNotes], defaultTiming: 0 } : {}),
});
deck.on("slidechanged", fit);
deck.initialize().then(fit);
document.fonts.addEventListener("loadingdone", fit); // formulas may have grown

// what a slide cannot hold scrolls, with the keyboard too
function fit() {
  const body = document.querySelector("section.present > .body");
  if (body && body.scrollHeight > body.clientHeight + 1) {
    body.tabIndex = 0;
    body.setAttribute("role", "group");
    body.setAttribute("aria-label", "Slide, scrolls");
  }
}
