// The theme labels its search button otherwise than it writes on it.
document.addEventListener("DOMContentLoaded", function () {
  document.querySelectorAll(".search-button-field[aria-label]").forEach(function (e) {
    e.removeAttribute("aria-label");
  });
});
