// The theme labels its search button otherwise than it writes on it.
document.addEventListener("DOMContentLoaded", function () {
  document.querySelectorAll(".search-button-field[aria-label]").forEach(function (e) {
    e.removeAttribute("aria-label");
  });
});

// The theme scrolls the left bar to the page that is read, even where all of it fits.
window.addEventListener("load", function () {
  const bar = document.querySelector(".bd-sidebar-primary");
  const here = bar && bar.querySelector("nav .current.active");
  if (!here) return;
  const below = here.getBoundingClientRect().bottom - bar.getBoundingClientRect().top;
  if (below + bar.scrollTop < bar.clientHeight) bar.scrollTop = 0;
});

// What scrolls sideways can be reached by the keyboard.
function reachable() {
  const boxes = ".pst-scrollable-table-container, .bd-article figure, .hlnb-choice, " +
    ".hlnb-formula, span.math, .bd-article pre";
  document.querySelectorAll(boxes).forEach(function (box) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
}
window.addEventListener("load", reachable);
document.addEventListener("load", reachable, true); // a picture, of a film as well
window.addEventListener("resize", reachable);
document.addEventListener("change", reachable); // another card of a widget is shown
document.addEventListener("toggle", reachable, true); // what was folded has a width now

// An address inside of what is folded opens it; paper shows all but code.
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  let fold = target && target.closest("details");
  if (!fold) return;
  for (; fold; fold = fold.parentElement.closest("details")) fold.open = true;
  target.scrollIntoView();
}
window.addEventListener("hashchange", unfold);
window.addEventListener("beforeprint", function () {
  document.querySelectorAll(".hlnb-fold:not([open], .code)").forEach(function (fold) {
    fold.open = true;
    window.addEventListener("afterprint", () => (fold.open = false), { once: true });
  });
});

// Whoever reads again, or teaches, opens all answers; the choice holds for all chapters.
document.addEventListener("DOMContentLoaded", function () {
  const answers = [...document.querySelectorAll("details.answer")];
  const head = document.querySelector(".hlnb-head");
  if (!head || !answers.length) return;
  const key = "hlnb-answers";
  const button = document.createElement("button");
  function show(open) {
    answers.forEach((answer) => (answer.open = open));
    button.textContent = open ? "Hide the answers again" : "Open all answers";
    button.setAttribute("aria-pressed", open);
  }
  let kept = "";
  try {
    kept = localStorage.getItem(key);
  } catch {}
  button.className = "hlnb-answers";
  button.addEventListener("click", function () {
    const open = !answers.every((answer) => answer.open);
    show(open);
    try {
      localStorage.setItem(key, open ? "open" : "");
    } catch {} // a browser that keeps nothing for pages
  });
  show(kept === "open");
  head.append(button);
});
document.addEventListener("DOMContentLoaded", unfold); // when the answers stand as kept

// A question beside choices sets them to what answers it.
document.addEventListener("DOMContentLoaded", function () {
  document.querySelectorAll(".hlnb-presets").forEach(function (box) {
    const groups = [...box.parentElement.querySelectorAll("fieldset")];
    box.hidden = false;
    box.addEventListener("click", function (event) {
      if (!event.target.dataset.choice) return;
      event.target.dataset.choice.split(",").forEach(function (place, i) {
        groups[i].querySelectorAll("input")[place].checked = true;
      });
      groups[0].dispatchEvent(new Event("change", { bubbles: true }));
    });
  });
});

// From the explorer, the playground opens on what is chosen.
document.addEventListener("DOMContentLoaded", function () {
  const box = document.querySelector(".hlnb-explorer");
  const link = document.querySelector(".hlnb-to-playground a");
  if (!box || !link) return;
  const pairs = [ // as the explorer lists them
    ["simultaneous", "layer-wise"],
    ["layer-wise", "greedy"],
    ["simultaneous", "only conv"],
  ];
  function lead() {
    const [problem, pair, rate] = [...box.querySelectorAll("input:checked")];
    const [training, other] = pairs[pair.id.split("-").at(-1)];
    const [first, last] = [problem, rate].map((e) => e.parentElement.textContent.trim());
    const chosen = { problem: first[0], training, other, rate: last };
    link.hash = "playground?" + new URLSearchParams(chosen);
  }
  box.addEventListener("change", lead);
  lead();
});

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
