// Loaded after require.js and before the widget manager, on pages that have widgets.
(function () {
  "use strict";
  var here = document.currentScript.src.replace(/[^/]*$/, "");

  // The manager asks for its fonts beside the page; they lie beside the manager.
  if (document.querySelector('script[src*="vendor/require.js"]')) {
    var folder = here + "vendor/html-manager";
    window.require.config({
      paths: {
        "@jupyter-widgets/html-manager": folder,
        "@jupyter-widgets/html-manager/dist": folder,
      },
    });
  }

  // Font Awesome of the theme replaces <i> by <svg>, which breaks the Play widget.
  window.FontAwesomeConfig = Object.assign({}, window.FontAwesomeConfig, {
    autoReplaceSvg: "nest",
  });
  if (window.FontAwesome && window.FontAwesome.config) {
    window.FontAwesome.config.autoReplaceSvg = "nest";
  }

  // The manager asks for the hub of MathJax 2; the book has MathJax 3.
  document.addEventListener("DOMContentLoaded", function () {
    var mathjax = window.MathJax;
    if (!mathjax || mathjax.Hub) return;
    mathjax.Hub = {
      Queue: function () {
        Array.prototype.forEach.call(arguments, function (job) {
          var element = job && job[2];
          if (
            job && job[0] === "Typeset" && element && mathjax.typesetPromise &&
            /\$|\\\(/.test(element.textContent)
          ) {
            mathjax.typesetPromise([element]);
          }
        });
      },
    };
  });

  // Screen readers: name the slider handles and the buttons that show an icon only.
  var ICONS = { repeat: "Loop", pause: "Pause", stop: "Stop", play: "Play" };
  function name() {
    document.querySelectorAll('.widget-label[title="null"]').forEach(function (label) {
      label.removeAttribute("title");
    });
    document
      .querySelectorAll(".noUi-handle[role=slider]:not([aria-label])")
      .forEach(function (handle) {
        var box = handle.closest(".widget-inline-hbox");
        var label = box && box.querySelector(".widget-label");
        var text = label && label.textContent.trim();
        handle.setAttribute("aria-label", text || "value");
      });
    document
      .querySelectorAll(".jupyter-widgets button.jupyter-button:not([aria-label])")
      .forEach(function (button) {
        if (button.textContent.trim()) return;
        var icon = button.querySelector("i, svg");
        var shown = Object.keys(ICONS).filter(function (key) {
          return icon && icon.outerHTML.indexOf(key) >= 0;
        });
        button.setAttribute("aria-label", shown.length ? ICONS[shown[0]] : "Button");
      });
  }
  new MutationObserver(name).observe(document.documentElement, {
    childList: true,
    subtree: true,
  });
})();
