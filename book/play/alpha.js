// Page "What α does": gradient descent of the Rényi divergence by quadrature, one model on two modes.
"use strict";
(() => {
  const { add, shown, percent, slider, choice, button, start } = window.gfnPlay;
  const POINTS = 601;
  const REACH = 12; // the grid runs from −12 to 12
  const STEP = (2 * REACH) / (POINTS - 1);
  const GRID = Array.from({ length: POINTS }, (_, i) => -REACH + i * STEP);
  const HEAVY = 0.6; // weight of the mode on the right
  const WIDTH = 1; // standard deviation of both modes
  const RATE = 0.2;
  const LONGEST = 0.1; // length of a step at most
  const THINNEST = Math.log(0.2); // of the model, so that the grid can see it
  const ENOUGH = 1e-6; // a step shorter than that ends a run
  const TENTH = 0.1;
  const STARTS = { one: [0.5, 0], two: [0, -0.5, 0, 1.5, 0] };
  const TWO_PI = Math.log(2 * Math.PI);
  const total = (values) => values.reduce((sum, value) => sum + value, 0);

  const logNormal = (x, mean, logDeviation) =>
    -0.5 * ((x - mean) / Math.exp(logDeviation)) ** 2 - logDeviation - TWO_PI / 2;

  function logSum(a, b) {
    const top = Math.max(a, b);
    return top + Math.log(Math.exp(a - top) + Math.exp(b - top));
  }

  // Logarithm of the target on the grid, normalised by quadrature.
  function target(distance) {
    const found = GRID.map((x) =>
      logSum(
        Math.log(HEAVY) + logNormal(x, distance / 2, Math.log(WIDTH)),
        Math.log(1 - HEAVY) + logNormal(x, -distance / 2, Math.log(WIDTH)),
      ),
    );
    const norm = Math.log(total(found.map(Math.exp)) * STEP);
    return found.map((value) => value - norm);
  }

  // Log density of the model at x and its derivatives. One Gaussian is (mean, log deviation); two are
  // (logit of the first one's weight, mean, log deviation, mean, log deviation).
  function model(x, theta) {
    const slopes = (mean, logDeviation) => {
      const z = (x - mean) / Math.exp(logDeviation);
      return [z / Math.exp(logDeviation), z * z - 1];
    };
    if (theta.length === 2) return { log: logNormal(x, ...theta), score: slopes(...theta) };
    const [logit, a, b, c, d] = theta;
    const first = -Math.log1p(Math.exp(-logit)) + logNormal(x, a, b);
    const second = -Math.log1p(Math.exp(logit)) + logNormal(x, c, d);
    const log = logSum(first, second);
    const share = Math.exp(first - log);
    const weight = 1 / (1 + Math.exp(-logit));
    const score = [share - weight, ...slopes(a, b).map((s) => share * s), ...slopes(c, d).map((s) => (1 - share) * s)];
    return { log, score };
  }

  // The Rényi divergence over α, with its limits at 0 (forward KL) and 1 (reverse KL), and its gradient in theta.
  function divergence(theta, alpha, logQ) {
    const at = GRID.map((x) => model(x, theta));
    const slope = (weights) => theta.map((_, k) => total(at.map(({ score }, i) => score[k] * weights[i])));
    if (alpha === 1) {
      const weights = at.map(({ log }, i) => Math.exp(log) * (log - logQ[i]) * STEP);
      return { value: total(weights), gradient: slope(weights) };
    }
    const power = at.map(({ log }, i) => alpha * log + (1 - alpha) * logQ[i]);
    const top = Math.max(...power);
    const raised = power.map((value) => Math.exp(value - top));
    const sum = total(raised);
    const gradient = slope(raised).map((value) => value / sum / (alpha - 1));
    if (alpha === 0) {
      return { value: total(at.map(({ log }, i) => Math.exp(logQ[i]) * (logQ[i] - log) * STEP)), gradient };
    }
    return { value: (top + Math.log(sum * STEP)) / (alpha * (alpha - 1)), gradient };
  }

  // One step of descent, not too long, so that a steep start does not throw the model out of sight.
  function step(theta, alpha, logQ) {
    const move = divergence(theta, alpha, logQ).gradient.map((value) => RATE * value);
    const length = Math.hypot(...move);
    const kept = Math.min(1, LONGEST / Math.max(length, 1e-300));
    const found = theta.map((value, k) => value - move[k] * kept);
    const deviations = theta.length === 2 ? [1] : [2, 4];
    for (const k of deviations) found[k] = Math.max(found[k], THINNEST);
    return { theta: found, length: length * kept };
  }

  // Target mass where the model's density is below a tenth of the target's, and the converse.
  function masses(theta, logQ) {
    const p = GRID.map((x) => Math.exp(model(x, theta).log));
    const q = logQ.map(Math.exp);
    return {
      p,
      q,
      missed: total(q.filter((value, i) => p[i] < TENTH * value)) * STEP,
      astray: total(p.filter((value, i) => q[i] < TENTH * value)) * STEP,
    };
  }

  const NAMES = { 0: " (forward KL)", 1: " (reverse KL)", 0.5: " (the paper’s)" };

  function build(live) {
    let theta = STARTS.one;
    let steps = 0;
    let running = 0;
    const controls = add(live, "div", { class: "gfn-play-controls" });
    const order = slider(controls, {
      label: "order α", min: -2, max: 3, step: 0.1, value: 0.5,
      say: (value) => shown(value) + (NAMES[value] || ""), change: () => draw(),
    });
    const distance = slider(controls, {
      label: "distance of the modes", min: 0, max: 10, step: 0.5, value: 6, say: (value) => shown(value), change: () => draw(),
    });
    const kind = choice(controls, {
      label: "model", options: [["one", "one Gaussian"], ["two", "two Gaussians"]], value: "one", change: () => reset(),
    });
    const row = add(controls, "div", { class: "gfn-play-buttons" });
    const run = button(row, "Run", () => (running ? pause() : begin()));
    button(row, "Step", () => {
      pause();
      advance();
      draw();
    });
    button(row, "Reset", () => reset());

    const view = add(live, "div", { class: "gfn-play-view" });
    const svg = add(view, "svg", { viewBox: "0 0 400 230", class: "gfn-play-wide", role: "img" });
    const list = add(view, "dl", { class: "gfn-play-facts" });
    const key = add(live, "p", { class: "gfn-play-key" });
    key.innerHTML =
      '<span class="gfn-play-line gfn-play-dashed"></span> target · <span class="gfn-play-line"></span> model · ' +
      '<span class="gfn-play-patch gfn-play-missed"></span> mass missed · <span class="gfn-play-patch gfn-play-stray"></span> mass astray';
    const heard = add(live, "p", { class: "gfn-play-heard", role: "status" });
    const stored = add(live, "div", { class: "gfn-play-stored" });

    function advance() {
      const made = step(theta, order.value, target(distance.value));
      theta = made.theta;
      steps += 1;
      return made.length;
    }
    function begin() {
      run.textContent = "Pause";
      if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
        for (let i = 0; i < 400 && advance() > ENOUGH; i++);
        return pause();
      }
      const frame = () => {
        const moved = Math.min(advance(), advance());
        draw();
        if (moved < ENOUGH || !live.isConnected) return pause();
        running = requestAnimationFrame(frame);
      };
      running = requestAnimationFrame(frame);
    }
    function pause() {
      cancelAnimationFrame(running);
      running = 0;
      run.textContent = "Run";
      draw();
      heard.textContent = `After ${steps} steps: ${live.dataset.words}.`;
    }
    function reset() {
      theta = STARTS[kind.value];
      steps = 0;
      pause();
    }
    function draw() {
      const logQ = target(distance.value);
      const found = masses(theta, logQ);
      const { value } = divergence(theta, order.value, logQ);
      live.dataset.words = `mass missed ${percent(found.missed)}, mass astray ${percent(found.astray)}`;
      live.dataset.theta = theta.join(" ");
      curves(svg, found);
      svg.setAttribute("aria-label", `Target and model at α = ${shown(order.value)}: ${live.dataset.words}`);
      list.replaceChildren();
      const facts = [
        ["divergence / α (nats)", shown(value)],
        ["mass missed", percent(found.missed)],
        ["mass astray", percent(found.astray)],
        ["steps", String(steps)],
      ];
      for (const [name, words] of facts) {
        add(list, "dt", {}, name);
        add(list, "dd", {}, words);
      }
      beside(stored, order.value);
    }
    draw();
  }

  // The two densities as lines, with what is missed and astray below them.
  function curves(svg, { p, q }) {
    const top = [0.45, 0.9, 1.8, 3.6].find((each) => each >= Math.max(...p, ...q)) || 3.6;
    const x = (i) => 200 + (GRID[i] / REACH) * 195;
    const y = (value) => 205 - (Math.min(value, top) / top) * 195;
    const shown = GRID.map((_, i) => i).filter((i) => i % 2 === 0);
    const line = (density) => `M${shown.map((i) => `${x(i).toFixed(1)} ${y(density[i]).toFixed(1)}`).join("L")}`;
    // Under one density, where it is more than ten times the other.
    const area = (one, other) =>
      shown
        .filter((i) => other[i] < TENTH * one[i])
        .map((i) => `M${(x(i) - 0.7).toFixed(1)} 205V${y(one[i]).toFixed(1)}h1.4V205Z`)
        .join("");
    svg.replaceChildren();
    add(svg, "path", { d: area(q, p), class: "gfn-play-missed" });
    add(svg, "path", { d: area(p, q), class: "gfn-play-stray" });
    add(svg, "path", { d: line(q), class: "gfn-play-target" });
    add(svg, "path", { d: line(p), class: "gfn-play-model" });
    add(svg, "line", { x1: 5, x2: 395, y1: 205, y2: 205, class: "gfn-play-axis" });
    for (const at of [-10, -5, 0, 5, 10]) {
      add(svg, "text", { x: 200 + (at / REACH) * 195, y: 222, class: "gfn-play-text" }, String(at).replace("-", "−"));
    }
  }

  // The stored densities of Figure 1 for the order that is nearest.
  function beside(place, alpha) {
    const mixtures = window.gfnDensities || [];
    if (!mixtures.length) {
      place.textContent = "The densities of Figure 1 are not stored beside this book.";
      return;
    }
    const order = mixtures[0].orders.reduce((best, each) =>
      Math.abs(each.alpha - alpha) < Math.abs(best.alpha - alpha) ? each : best,
    ).alpha;
    if (place.dataset.order === String(order)) return;
    place.dataset.order = order;
    place.replaceChildren();
    add(place, "p", {}, `From Figure 1, the nearest order that was trained: α = ${shown(order)}. Target and one policy (seed ${mixtures[0].seed}), and means over seeds:`);
    const row = add(place, "div", { class: "gfn-play-pictures" });
    for (const mixture of mixtures) {
      const of = mixture.orders.find((each) => each.alpha === order);
      const words = `JSD ${shown(of.jsd)}, missed ${percent(of.missed)}, astray ${percent(of.stray)}`;
      image(row, mixture.side, mixture.target, mixture.name, "target");
      image(row, mixture.side, of.shades, `${mixture.name}, α = ${shown(order)}`, words);
    }
  }

  function image(row, side, shades, title, words) {
    const figure = add(row, "figure");
    const canvas = add(figure, "canvas", { width: side, height: side, role: "img", "aria-label": `${title}: ${words}` });
    add(figure, "figcaption", {}, `${title}: ${words}`);
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(side, side);
    const bytes = atob(shades);
    for (let i = 0; i < bytes.length; i++) {
      // A blue that is to be seen on light and on dark, the denser the stronger.
      pixels.data.set([38, 139, 210, Math.round(255 * Math.sqrt(bytes.charCodeAt(i) / 255))], 4 * i);
    }
    context.putImageData(pixels, 0, 0);
  }

  window.gfnAlpha = { target, divergence, step, masses, STARTS };
  start("gfn-alpha", build);
})();
