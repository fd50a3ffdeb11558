// What the three things to play with share: controls, pictures, random numbers, and a start when one is scrolled to.
"use strict";
window.gfnPlay = (() => {
  const SVG = "http://www.w3.org/2000/svg";

  // An element with attributes, inside another one; text goes in as text.
  function add(parent, tag, attributes = {}, text = "") {
    const inSvg = tag === "svg" || parent.namespaceURI === SVG;
    const made = inSvg ? document.createElementNS(SVG, tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text) made.textContent = text;
    parent.appendChild(made);
    return made;
  }

  // A number with some significant digits, a true minus, and powers of ten where they are needed.
  function shown(value, digits = 3) {
    if (Number.isNaN(value)) return "none";
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
    if (value === 0) return "0";
    const size = Math.abs(value);
    const text = size >= 1e5 || size < 1e-3 ? value.toExponential(digits - 1) : String(Number(value.toPrecision(digits)));
    return text.replace(/e\+?(-?)(\d+)/, (_, sign, power) => ` × 10${sign ? "⁻" : ""}${raised(power)}`).replace(/-/g, "−");
  }
  const raised = (digits) => [...digits].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("");
  const percent = (share) => `${(100 * share).toFixed(1)}\u202f%`;

  let made = 0; // controls get numbers, so that labels find them

  // A slider with its label and value; `read` turns its position into a setting, `say` into words.
  function slider(parent, { label, min, max, step, value, read = Number, say = String, change }) {
    const box = add(parent, "div", { class: "gfn-play-control" });
    const id = `gfn-play-${++made}`;
    add(box, "label", { for: id }, label);
    const input = add(box, "input", { type: "range", id, min, max, step, value });
    const output = add(box, "output", { for: id });
    const tell = () => {
      output.textContent = say(read(input.value));
      input.setAttribute("aria-valuetext", output.textContent);
    };
    input.addEventListener("input", () => {
      tell();
      change();
    });
    tell();
    return {
      box,
      input,
      get value() {
        return read(input.value);
      },
      set(position) {
        input.value = position;
        tell();
      },
      able(yes) {
        input.disabled = !yes;
        box.classList.toggle("gfn-play-off", !yes);
      },
      tell,
    };
  }

  // A list to choose from; options are pairs of a value and what is read.
  function choice(parent, { label, options, value, change }) {
    const box = add(parent, "div", { class: "gfn-play-control" });
    const id = `gfn-play-${++made}`;
    add(box, "label", { for: id }, label);
    const select = add(box, "select", { id });
    const fill = (pairs, chosen) => {
      select.replaceChildren();
      for (const [each, words] of pairs) add(select, "option", { value: each }, words);
      if (chosen !== undefined) select.value = chosen;
      box.hidden = pairs.length < 2;
    };
    fill(options, value);
    select.addEventListener("change", change);
    return {
      box,
      select,
      fill,
      get value() {
        return select.value;
      },
    };
  }

  function button(parent, label, press) {
    const made = add(parent, "button", { type: "button" }, label);
    made.addEventListener("click", press);
    return made;
  }

  // Random numbers between 0 and 1 that are the same for the same seed (mulberry32).
  function generator(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    };
  }

  // Replace the still picture of a thing by the thing itself, once the reader is near it.
  function start(id, build) {
    const place = document.getElementById(id);
    if (!place) return;
    const begin = () => {
      if (place.dataset.started) return;
      place.dataset.started = "yes";
      const still = place.querySelector(".gfn-play-still");
      const live = document.createElement("div");
      live.className = "gfn-play-live";
      try {
        build(live);
      } catch (error) {
        delete place.dataset.started; // the still picture stays
        throw error;
      }
      still.hidden = true;
      place.appendChild(live);
    };
    if (!("IntersectionObserver" in window)) return begin();
    const watch = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watch.disconnect();
      begin();
    });
    watch.observe(place);
  }

  return { add, shown, percent, slider, choice, button, generator, start };
})();
