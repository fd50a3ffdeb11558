/* A click on a figure, or on its button, shows it as large as the window, to be scrolled; Escape closes. */
(() => {
  "use strict";
  const SCALE = 1.6; // pixels of an enlarged figure for a unit of its own, at least

  const make = (tag, name, text, label) => {
    const element = document.createElement(tag);
    element.className = name;
    if (text) element.textContent = text;
    if (label) element.setAttribute("aria-label", label);
    return element;
  };

  let dialog, pan, back;

  const prepare = () => {
    dialog = make("dialog", "gfn-dialog", "", "Enlarged figure");
    pan = make("div", "gfn-pan", "", "Figure, to be scrolled");
    pan.tabIndex = 0;
    pan.setAttribute("role", "region");
    const close = make("button", "gfn-close", "✕", "Close the enlarged figure");
    close.type = "button";
    close.addEventListener("click", () => dialog.close());
    dialog.append(pan, close);
    dialog.addEventListener("close", () => back && back());
    document.body.append(dialog);
  };

  // The picture itself moves, since a copy would have the same ids; what it leaves keeps its place.
  const open = (figure, button) => {
    if (!dialog) prepare();
    const picture = figure.querySelector("svg.gfn-wide");
    const place = document.createComment("figure");
    figure.style.minHeight = `${figure.offsetHeight}px`;
    picture.before(place);
    pan.style.setProperty("--gfn-width", `${SCALE * picture.viewBox.baseVal.width}px`);
    pan.append(picture);
    back = () => {
      place.replaceWith(picture);
      figure.style.minHeight = "";
      back = null;
      button.focus({ preventScroll: true });
    };
    dialog.showModal();
    pan.focus({ preventScroll: true });
    pan.scrollTo(0, 0);
  };

  const start = () => {
    const figures = document.querySelectorAll(".gfn-figure");
    if (!figures.length || typeof HTMLDialogElement === "undefined") return;
    document.documentElement.classList.add("gfn-script");
    for (const figure of figures) {
      const button = make("button", "gfn-enlarge", "⤢", "Enlarge the figure");
      button.type = "button";
      button.addEventListener("click", () => open(figure, button));
      figure.append(button);
      for (const picture of figure.querySelectorAll(":scope > svg")) {
        picture.addEventListener("click", () => {
          if (figure.contains(picture)) open(figure, button);
        });
      }
    }
  };

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
