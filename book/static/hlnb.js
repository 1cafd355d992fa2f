// The theme labels its search button otherwise than it writes on it.
document.addEventListener("DOMContentLoaded", function () {
  document.querySelectorAll(".search-button-field[aria-label]").forEach(function (e) {
    e.removeAttribute("aria-label");
  });
});

// What scrolls sideways can be reached by the keyboard.
function reachable() {
  document.querySelectorAll(".pst-scrollable-table-container").forEach(function (box) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
}
window.addEventListener("load", reachable);
window.addEventListener("resize", reachable);
