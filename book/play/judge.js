// How a claim is judged, as in gfn/study/intervals.py and gfn/study/claims.py: intervals, outcomes, verdicts.
"use strict";
window.gfnJudge = (() => {
  const OUTCOMES = ["supported", "contradicted", "inconclusive"];

  // How often the interval from the k-th smallest to the k-th largest of `count` values misses the median, at most.
  function rankError(count, k) {
    let ways = 1;
    let below = 0;
    for (let i = 0; i < k; i++) {
      below += ways;
      ways = (ways * (count - i)) / (i + 1);
    }
    return (2 * below) / 2 ** count;
  }

  // The largest k for which `tests` such intervals hold together at the level; 0 if none does.
  function rank(count, tests, level) {
    let found = 0;
    for (let k = 1; k <= Math.floor(count / 2); k++) if (tests * rankError(count, k) <= 1 - level) found = k;
    return found;
  }

  function median(ordered) {
    if (!ordered.length || ordered.some(Number.isNaN)) return NaN;
    const half = ordered.length / 2;
    return half % 1 ? ordered[Math.floor(half)] : (ordered[half - 1] + ordered[half]) / 2;
  }

  // The interval of a median over seeds; from −∞ to ∞ where the seeds are too few, or one has no value.
  function interval(values, tests, level) {
    const ordered = Float64Array.from(values).sort();
    const k = rank(ordered.length, tests, level);
    const none = k === 0 || ordered.some(Number.isNaN);
    const [low, high] = none ? [-Infinity, Infinity] : [ordered[k - 1], ordered[ordered.length - k]];
    return { middle: median(ordered), low, high };
  }

  function outcome({ low, high }, { at_least = -Infinity, at_most = Infinity }) {
    if (at_least <= low && high <= at_most) return "supported";
    return high < at_least || low > at_most ? "contradicted" : "inconclusive";
  }

  const count = (rows) => OUTCOMES.map((name) => rows.filter((row) => row.outcome === name).length);
  const met = (rows, share = 1) => count(rows)[0] >= share * rows.length;

  // A claim's outcome from its measurements; the premise alone supports nothing.
  function decide(rows, tests) {
    const names = [...new Set(rows.map((row) => row.test))];
    const of = (name) => rows.filter((row) => row.test === name);
    for (const name of names.filter((each) => tests[each].premise)) {
      if (!met(of(name), tests[name].share)) return count(of(name))[2] ? "inconclusive" : "premise not met";
    }
    const [supported, contradicted] = count(rows.filter((row) => !tests[row.test].premise));
    if (names.every((name) => met(of(name), tests[name].share))) return "supported";
    if (!supported) return contradicted ? "contradicted" : "inconclusive";
    return "partly supported";
  }

  // The rows of a claim that are judged together, from those of the table.
  function choose(rows, tests, budget, variate) {
    const wanted = (row) => row.budget === (budget === "own" ? (tests[row.test].budget ?? "whole") : budget);
    const at = rows.filter(wanted);
    const key = (row) => `${row.test}|${row.subject}`;
    const other = new Map(at.filter((row) => row.variate === variate).map((row) => [key(row), row]));
    // The table has of other control variates only what differs from the paper's.
    return at.filter((row) => row.variate === "both").map((row) => other.get(key(row)) || row);
  }

  // A seed's values: with the book's margin those of the table, and with another one from the two numbers of each seed.
  function valuesOf({ values, ratio }, factor = 1) {
    if (!ratio || factor === 1) return values;
    const margin = factor * ratio.margin;
    return ratio.above.map((above, i) => (above + margin) / (ratio.below[i] + margin));
  }

  // A claim judged. `settings`: tests with their bounds, shares and margins (as factors of the book's), budget (or "own"), variate, seeds (the first so many), level.
  function judge(rows, { tests, budget = "own", variate = "both", seeds = Infinity, level = 0.9 }) {
    const chosen = choose(rows, tests, budget, variate);
    const judged = chosen.map((row) => {
      const test = tests[row.test];
      const many = chosen.filter((each) => each.test === row.test).length;
      const [middle, low, high] = row.estimate || [];
      const found = row.estimate ? { middle, low, high } : interval(valuesOf(row, test.margin).slice(0, seeds), many, level);
      return { ...row, ...found, outcome: outcome(found, test) };
    });
    return { rows: judged, counts: count(judged), outcome: judged.length ? decide(judged, tests) : "not judged" };
  }

  return { OUTCOMES, rank, rankError, interval, outcome, count, met, decide, judge };
})();
