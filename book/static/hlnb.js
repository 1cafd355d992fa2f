// The theme labels its search button otherwise than it writes on it.
document.addEventListener("DOMContentLoaded", function () {
  document.querySelectorAll(".search-button-field[aria-label]").forEach(function (e) {
    e.removeAttribute("aria-label");
  });
});

// What scrolls sideways can be reached by the keyboard.
function reachable() {
  const boxes = ".pst-scrollable-table-container, .bd-article figure";
  document.querySelectorAll(boxes).forEach(function (box) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
}
window.addEventListener("load", reachable);
window.addEventListener("resize", reachable);
