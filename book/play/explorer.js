// Page "Verdict explorer": the bounds, the margin, the seeds and the budget of a claim are moved, and it is judged again.
"use strict";
(() => {
  const { add, shown, slider, choice, button, start } = window.gfnPlay;
  const { OUTCOMES, judge, count, met } = window.gfnJudge;
  const SIGNS = { supported: "✓", contradicted: "✗", inconclusive: "?" };
  const KEYS = ["claim", "test", "subject", "budget", "variate", "values", "estimate", "runs", "ratio"];
  const VARIATES = { both: "the paper’s (both)", joint: "joint (ours)", none: "none" };
  const data = window.gfnVerdicts;
  const ROWS = data.rows.map((row) => Object.fromEntries(KEYS.map((key, i) => [key, row[i]])));
  const RUNS = "../guide/runs.html#r-";
  const WIDE = 240; // of a row's picture

  const rowsOf = (claim) => ROWS.filter((row) => row.claim === claim);
  const plain = (name) => name.replace(/_/g, " ");
  const wanted = ({ at_least: low, at_most: high }) =>
    low !== undefined && high !== undefined ? `${shown(low)} to ${shown(high)}` : low !== undefined ? `≥ ${shown(low)}` : `≤ ${shown(high)}`;

  // A claim at the book's settings, with some of them changed: tests by name, budget, variate, seeds.
  function judgeClaim(claim, changes = {}) {
    const own = data.claims[claim].tests;
    const tests = Object.fromEntries(Object.entries(own).map(([name, test]) => [name, { ...test, ...(changes.tests || {})[name] }]));
    return { ...judge(rowsOf(claim), { level: data.level, seeds: data.seeds, ...changes, tests }), tests };
  }

  function build(live) {
    const known = Object.keys(data.claims).filter((claim) => rowsOf(claim).length);
    if (!known.length) {
      add(live, "p", { class: "gfn-play-note" }, "This build of the book has no verdicts.");
      return;
    }
    let changed = {}; // by test: the bounds, the share and the margin that were moved
    const controls = add(live, "div", { class: "gfn-play-controls" });
    const claim = choice(controls, {
      label: "claim", options: known.map((each) => [each, `${each}: ${data.claims[each].claim}`]), value: known[0], change: () => open(),
    });
    claim.box.style.gridColumn = "1 / -1"; // sentences are long
    const test = choice(controls, { label: "criterion", options: [], change: () => aim() });
    test.box.style.gridColumn = "1 / -1";
    const words = add(controls, "p", { class: "gfn-play-words" });
    // Bounds move by factors: from a tenth to tenfold, and 0 is the book's.
    const factor = (at) => 10 ** (Number(at) / 100);
    const bound = (label, key) =>
      slider(controls, {
        label, min: -100, max: 100, step: 1, value: 0, read: factor,
        say: (by) => shown((data.claims[claim.value].tests[test.value] || {})[key] * by, 3), change: () => move(key),
      });
    const bounds = { at_least: bound("bound: at least", "at_least"), at_most: bound("bound: at most", "at_most") };
    const share = slider(controls, {
      label: "share demanded", min: 5, max: 100, step: 5, value: 100, read: (at) => at / 100,
      say: (value) => `${Math.round(100 * value)} %`, change: () => move("share"),
    });
    // Margins differ by measurement, so they move by a factor, too; at the left end there is none.
    const marginsOf = () => [...new Set(rowsOf(claim.value).filter((row) => row.test === test.value && row.ratio).map((row) => row.ratio.margin))];
    const margin = slider(controls, {
      label: "margin", min: -100, max: 100, step: 1, value: 0, read: (at) => (Number(at) === -100 ? 0 : factor(at)),
      say: (by) => (by === 0 ? "none" : marginsOf().map((each) => shown(each * by, 3)).join(", ")), change: () => move("margin"),
    });
    const seeds = slider(controls, {
      label: "seeds: the first", min: 1, max: Math.max(1, data.seeds), step: 1, value: data.seeds, change: () => draw(),
    });
    const budget = choice(controls, { label: "budget (iterations)", options: [], change: () => draw() });
    const variate = choice(controls, { label: "control variates", options: [], change: () => draw() });
    const row = add(controls, "div", { class: "gfn-play-buttons" });
    button(row, "Back to the book’s settings", () => open());
    const verdict = add(live, "p", { class: "gfn-play-verdict", role: "status" });
    const marks = add(live, "ul", { class: "gfn-play-criteria" });
    const list = add(live, "ol", { class: "gfn-play-forest", tabindex: "0", "aria-label": "measurements of the criterion" });

    // Another claim, at the book's settings.
    function open() {
      changed = {};
      const tests = data.claims[claim.value].tests;
      const rows = rowsOf(claim.value);
      const measured = Object.keys(tests).filter((name) => rows.some((each) => each.test === name));
      test.fill(measured.map((name) => [name, tests[name].statement]));
      const budgets = [...new Set(rows.map((each) => each.budget))];
      budget.fill([["own", "as the book judges"], ...(budgets.length > 1 ? budgets.map((each) => [each, String(each)]) : [])]);
      const variates = [...new Set(rows.map((each) => each.variate))];
      variate.fill(variates.map((name) => [name, VARIATES[name] || name]));
      seeds.set(data.seeds);
      aim();
    }
    // Another criterion: its sliders stand where they were left.
    function aim() {
      const own = data.claims[claim.value].tests[test.value];
      const now = { ...own, ...changed[test.value] };
      words.textContent = `${own.statement}.`;
      for (const [key, control] of Object.entries(bounds)) {
        control.box.hidden = own[key] === undefined;
        if (own[key] !== undefined) control.set(Math.round(100 * Math.log10(now[key] / own[key])));
      }
      share.set(Math.round(100 * (now.share ?? 1)));
      margin.box.hidden = !marginsOf().length;
      margin.set(now.margin === 0 ? -100 : Math.round(100 * Math.log10(now.margin ?? 1)));
      draw();
    }
    function move(key) {
      const own = data.claims[claim.value].tests[test.value];
      const value = key in bounds ? own[key] * bounds[key].value : { share, margin }[key].value;
      changed[test.value] = { ...changed[test.value], [key]: value };
      draw();
    }
    function draw() {
      const at = budget.value === "own" || budget.value === "whole" ? budget.value : Number(budget.value);
      const found = judgeClaim(claim.value, { tests: changed, budget: at, variate: variate.value, seeds: seeds.value });
      const book = data.claims[claim.value].book;
      live.dataset.outcome = found.outcome;
      verdict.replaceChildren();
      add(verdict, "strong", {}, `${claim.value}: ${found.outcome}`);
      verdict.append(` (${found.counts.map((number, i) => `${number} ${OUTCOMES[i]}`).join(", ")}). `);
      if (book) verdict.append(`At the book’s settings: ${book.outcome} (${book.counted}).`);
      criteria(marks, found, test.value);
      forest(list, found, test.value);
    }
    open();
  }

  // Each criterion with its wish and whether it is met.
  function criteria(place, { rows, tests }, chosen) {
    place.replaceChildren();
    for (const name of new Set(rows.map((row) => row.test))) {
      const of = rows.filter((row) => row.test === name);
      const share = tests[name].share ?? 1;
      const demanded = share < 1 ? `, by ${Math.round(100 * share)} %` : "";
      const came = count(of).map((number, i) => `${number} ${SIGNS[OUTCOMES[i]]}`).join(" ");
      const [yes, , unsure] = count(of);
      const missed = yes + unsure >= share * of.length ? "open" : "not met"; // whatever came of what is inconclusive
      const item = add(place, "li", name === chosen ? { class: "gfn-play-chosen" } : {});
      item.textContent = `${tests[name].statement} (${wanted(tests[name])}${demanded}): ${came}, ${met(of, share) ? "met" : missed}`;
    }
  }

  // One line a measurement: interval, median and sign, with the bounds behind them.
  function forest(place, { rows, tests }, chosen) {
    const of = rows.filter((row) => row.test === chosen);
    const limits = [tests[chosen].at_least, tests[chosen].at_most].filter((each) => each !== undefined);
    const axis = scale([...limits, ...of.flatMap((row) => [row.low, row.high, row.middle])]);
    place.replaceChildren();
    for (const row of of) {
      const item = add(place, "li", { class: `gfn-play-${row.outcome}` });
      const run = (row.runs || [])[0];
      const label = add(item, run ? "a" : "span", run ? { href: RUNS + run } : {}, row.subject || plain(row.test));
      label.classList.add("gfn-play-subject");
      line(item, row, limits, axis);
      const range = Number.isFinite(row.low) ? `${shown(row.low)} to ${shown(row.high)}` : "no interval";
      add(item, "span", { class: "gfn-play-numbers" }, `${SIGNS[row.outcome]} ${shown(row.middle)} (${range})`);
      add(item, "span", { class: "gfn-play-heard" }, row.outcome);
    }
  }

  // Where numbers are in a row's picture: on a logarithmic axis where all are above zero.
  function scale(values) {
    const finite = values.filter(Number.isFinite);
    const logarithmic = finite.every((value) => value > 0);
    const turn = logarithmic ? Math.log : (value) => value;
    const [low, high] = [Math.min(...finite.map(turn)), Math.max(...finite.map(turn))];
    const room = (high - low || 1) * 0.06;
    return (value) => {
      if (value === Infinity) return WIDE;
      if (value === -Infinity) return 0;
      return (WIDE * (turn(value) - low + room)) / (high - low + 2 * room || 1);
    };
  }

  function line(item, row, limits, axis) {
    const svg = add(item, "svg", { viewBox: `0 0 ${WIDE} 16`, class: "gfn-play-row", "aria-hidden": "true" });
    for (const limit of limits) add(svg, "line", { x1: axis(limit), x2: axis(limit), y1: 0, y2: 16, class: "gfn-play-bound" });
    add(svg, "line", { x1: axis(row.low), x2: axis(row.high), y1: 8, y2: 8, class: "gfn-play-interval" });
    if (Number.isNaN(row.middle)) return;
    const x = axis(row.middle);
    if (row.outcome === "contradicted") add(svg, "path", { d: `M${x - 4} 4l8 8m0 -8l-8 8`, class: "gfn-play-mark" });
    else add(svg, "circle", { cx: x, cy: 8, r: 4, class: "gfn-play-mark" });
  }

  window.gfnExplorer = { judgeClaim };
  start("gfn-explorer", build);
})();
