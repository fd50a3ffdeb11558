// Page "Gradient cloud": many estimates of one gradient in the plane, with their bias and spread.
"use strict";
(() => {
  const { add, shown, slider, choice, button, generator, start } = window.gfnPlay;
  const cloud = window.gfnCloud;
  const ESTIMATES = 500;
  const SIZES = [1, 2, 3, 4, 6, 8, 16, 32, 64];
  const LOG_REWARD = [1, 2, 6].map(Math.log);
  const LOG_Z = Math.log(9);
  const DIVERGENCES = [
    ["renyi", "Rényi"],
    ["tsallis", "Tsallis"],
    ["reverse_kl", "reverse KL"],
    ["forward_kl", "forward KL"],
  ];
  const VARIATES = [
    ["none", "none"],
    ["loo", "leave-one-out"],
    ["score", "score function"],
    ["both", "both"],
    ["joint", "joint (ours)"],
  ];
  const ONE = Math.SQRT1_2;
  const TWO = 1 / Math.sqrt(6);
  const norm = (vector) => Math.hypot(...vector);

  // Gradients of a softmax sum to zero, so two coordinates hold all of one.
  const plane = ([a, b, c]) => [ONE * (a - b), TWO * (a + b - 2 * c)];

  // `count` batches of N outcomes each, the same for the same seed.
  function batches(p, size, count, seed) {
    const random = generator(seed);
    const draw = () => {
      const at = random();
      return at < p[0] ? 0 : at < p[0] + p[1] ? 1 : 2;
    };
    return Array.from({ length: count }, () => Array.from({ length: size }, draw));
  }

  // Estimates of all batches, how far their mean is from the exact gradient, and how far they spread.
  function measure(settings, size, seed) {
    const p = cloud.logSoftmax(settings.logits).map(Math.exp);
    const found = batches(p, size, ESTIMATES, seed).map((draws) => cloud.estimate(draws, settings));
    const exact = cloud.exact(settings);
    const mean = [0, 1, 2].map((i) => found.reduce((total, each) => total + each[i], 0) / ESTIMATES);
    const squares = found.map((each) => norm(each.map((value, i) => value - mean[i])) ** 2);
    const trace = squares.reduce((total, each) => total + each, 0) / (ESTIMATES - 1);
    const every = cloud.everyBatch(settings, size);
    return {
      found,
      exact,
      mean,
      trace,
      bias: norm(mean.map((value, i) => value - exact[i])),
      error: Math.sqrt(trace / ESTIMATES),
      trueBias: norm(every.mean.map((value, i) => value - exact[i])),
      trueTrace: every.trace,
    };
  }

  // The smallest of 1, 2, 5 times a power of ten that is at least so large: the picture keeps its scale for a while.
  function rounded(reach) {
    const power = 10 ** Math.floor(Math.log10(reach));
    return power * [1, 2, 5, 10].find((each) => each * power >= reach);
  }

  function build(live) {
    let seed = 1;
    const controls = add(live, "div", { class: "gfn-play-controls" });
    const change = () => draw();
    const divergence = choice(controls, { label: "divergence", options: DIVERGENCES, value: "renyi", change });
    const variate = choice(controls, { label: "control variate", options: VARIATES, value: "none", change });
    const size = slider(controls, {
      label: "batch size N", min: 0, max: SIZES.length - 1, step: 1, value: SIZES.indexOf(8), read: (at) => SIZES[at], change,
    });
    const order = slider(controls, {
      label: "order α", min: -2, max: 3, step: 0.1, value: 0.5, say: (value) => shown(value), change,
    });
    const epsilon = slider(controls, {
      label: "regulariser ε", min: -4, max: 1, step: 0.1, value: Math.log10(0.03).toFixed(1),
      read: (at) => Number((10 ** Number(at)).toPrecision(1)), say: (value) => shown(value, 1), change,
    });
    const near = slider(controls, {
      label: "way to the target", min: 0, max: 1, step: 0.1, value: 0,
      say: (share) => `${Math.round(100 * share)} %`, change,
    });
    const row = add(controls, "div", { class: "gfn-play-buttons" });
    button(row, "New draws", () => {
      seed += 1;
      draw();
    });
    button(row, "Reset", () => {
      seed = 1;
      divergence.select.value = "renyi";
      variate.select.value = "none";
      size.set(SIZES.indexOf(8));
      order.set(0.5);
      epsilon.set(Math.log10(0.03).toFixed(1));
      near.set(0);
      draw();
    });

    const view = add(live, "div", { class: "gfn-play-view" });
    const svg = add(view, "svg", { viewBox: "-110 -110 220 220", class: "gfn-play-square", role: "img" });
    const facts = add(view, "div", { class: "gfn-play-facts", role: "status" });
    const key = add(live, "p", { class: "gfn-play-key" });
    key.innerHTML =
      '<span class="gfn-play-dot"></span> estimates, the more of the 500 the larger the dot · <span class="gfn-play-cross">+</span> exact gradient · ' +
      '<span class="gfn-play-ring"></span> mean of the estimates · the arrow starts at zero';

    function draw() {
      const ordered = divergence.value === "renyi" || divergence.value === "tsallis";
      order.able(ordered);
      epsilon.able(variate.value === "score" || variate.value === "both");
      const settings = {
        logits: LOG_REWARD.map((each) => near.value * each),
        logReward: LOG_REWARD,
        logScale: LOG_Z,
        divergence: divergence.value,
        variate: variate.value,
        alpha: order.value,
        epsilon: epsilon.value,
      };
      const refused = refuse(settings, size.value, ordered);
      svg.replaceChildren();
      facts.replaceChildren();
      live.dataset.state = refused ? "refused" : "drawn";
      if (refused) {
        svg.setAttribute("aria-label", refused);
        add(facts, "p", {}, refused);
        return;
      }
      const result = measure(settings, size.value, seed);
      picture(svg, result);
      tell(facts, result);
    }
    draw();
  }

  // Why there are no estimates at some settings, as the package says it.
  function refuse({ divergence, variate, alpha }, size, ordered) {
    const alone = ["loo", "both", "joint"].includes(variate) && size < 2;
    if (alone) return "Leave-one-out compares a trajectory with the others of its batch: it needs N = 2 at least.";
    if (ordered && alpha === 1) return `At α = 1 this is the reverse KL: choose that divergence. (Now: ${divergence === "renyi" ? "Rényi" : "Tsallis"}.)`;
    if (ordered && alpha === 0) return "At α = 0 the divergence is zero for every policy, and so is its gradient: choose another order.";
    return "";
  }

  function picture(svg, { found, exact, mean, trace }) {
    const points = found.map(plane);
    const far = points.map((point) => Math.hypot(...point)).sort((a, b) => a - b)[Math.floor(0.98 * ESTIMATES)];
    const reach = rounded(Math.max(far, Math.hypot(...plane(exact)), 1e-6) * 1.1);
    const place = (point) => point.map((value, i) => ((i ? -1 : 1) * 100 * value) / reach);
    add(svg, "line", { x1: -105, x2: 105, y1: 0, y2: 0, class: "gfn-play-axis" });
    add(svg, "line", { y1: -105, y2: 105, x1: 0, x2: 0, class: "gfn-play-axis" });
    // Batches with the same numbers of outcomes have one estimate: one dot, the larger the more there are.
    const spots = new Map();
    for (const [cx, cy] of points.map(place)) {
      const key = `${cx.toFixed(2)} ${cy.toFixed(2)}`;
      spots.set(key, { cx, cy, number: (spots.get(key)?.number || 0) + 1 });
    }
    for (const { cx, cy, number } of spots.values()) {
      if (Math.max(Math.abs(cx), Math.abs(cy)) > 108) continue;
      add(svg, "circle", { cx, cy, r: 1.2 * Math.sqrt(number) + 0.6, class: "gfn-play-estimate" });
    }
    const [x, y] = place(plane(exact));
    add(svg, "line", { x1: 0, y1: 0, x2: x, y2: y, class: "gfn-play-arrow" });
    add(svg, "path", { d: `M${x - 6} ${y}h12M${x} ${y - 6}v12`, class: "gfn-play-exact" });
    const [cx, cy] = place(plane(mean));
    add(svg, "circle", { cx, cy, r: 5, class: "gfn-play-mean" });
    add(svg, "line", { x1: 50, x2: 100, y1: 103, y2: 103, class: "gfn-play-scale" });
    add(svg, "text", { x: 75, y: 98, class: "gfn-play-text" }, shown(reach / 2));
    svg.setAttribute("aria-label", `${ESTIMATES} estimates around the exact gradient; trace of the covariance ${shown(trace)}`);
  }

  function tell(facts, { bias, error, trace, trueBias, trueTrace, exact }) {
    const list = add(facts, "dl");
    const say = (name, words) => {
      add(list, "dt", {}, name);
      add(list, "dd", {}, words);
    };
    say("bias of the 500 (its size ± standard error)", `${shown(bias)} ± ${shown(error, 2)}`);
    say("bias over all possible batches", trueBias < 1e-12 ? "0 (unbiased)" : shown(trueBias));
    say("trace of the covariance of the 500", shown(trace));
    say("trace over all possible batches", trueTrace < 1e-24 ? "0" : shown(trueTrace));
    say("size of the exact gradient", shown(norm(exact)));
  }

  window.gfnCloud.measure = measure;
  window.gfnCloud.batches = batches;
  start("gfn-cloud", build);
})();
