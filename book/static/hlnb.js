// The theme labels its search button otherwise than it writes on it.
document.addEventListener("DOMContentLoaded", function () {
  document.querySelectorAll(".search-button-field[aria-label]").forEach(function (e) {
    e.removeAttribute("aria-label");
  });
});

// What scrolls sideways can be reached by the keyboard.
function reachable() {
  const boxes = ".pst-scrollable-table-container, .bd-article figure, .hlnb-choice, " +
    ".hlnb-formula, span.math";
  document.querySelectorAll(boxes).forEach(function (box) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
}
window.addEventListener("load", reachable);
document.addEventListener("load", reachable, true); // a picture, of a film as well
window.addEventListener("resize", reachable);
document.addEventListener("change", reachable); // another card of a widget is shown

// The list of claims: choose a source and a verdict. Without this script all are shown.
document.addEventListener("DOMContentLoaded", function () {
  const place = document.querySelector(".hlnb-filter");
  if (!place) return;
  const sections = [...document.querySelectorAll(".bd-article section section")].filter(
    (section) => section.querySelector("table.hlnb-claims")
  );
  const title = (section) =>
    section.querySelector("h2").firstChild.textContent.trim();
  const verdicts = [...new Set(
    [...document.querySelectorAll("table.hlnb-claims .verdict")].map((v) => v.textContent)
  )];
  function select(label, all, options) {
    const box = document.createElement("label");
    const menu = document.createElement("select");
    box.textContent = label + " ";
    menu.append(new Option(all, ""), ...options.map((o) => new Option(o, o)));
    menu.addEventListener("change", show);
    box.append(menu);
    place.append(box);
    return menu;
  }
  const source = select("Source", "all sources", sections.map(title));
  const verdict = select("Verdict", "all verdicts", verdicts);
  const count = document.createElement("p");
  count.setAttribute("role", "status");
  place.append(count);
  function show() {
    let shown = 0;
    for (const section of sections) {
      let here = 0;
      for (const row of section.querySelectorAll("table.hlnb-claims tbody tr")) {
        const fits = !verdict.value || row.querySelector(".verdict").textContent === verdict.value;
        row.hidden = !fits;
        here += fits;
      }
      section.hidden = here === 0 || (source.value !== "" && title(section) !== source.value);
      shown += section.hidden ? 0 : here;
    }
    count.textContent = shown + (shown === 1 ? " claim" : " claims");
  }
  show();
});
