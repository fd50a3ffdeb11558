// The gradient estimates of gfn/estimators for a policy that chooses once among a few outcomes: p_B = 1, scores e_x − p.
"use strict";
window.gfnCloud = (() => {
  const NEAR_ONE = 0.01; // as in gfn/estimators/divergences.py
  const CANCELLING = 0.01; // as in gfn/estimators/control_variates.py

  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const mean = (values) => sum(values) / values.length;
  const dot = (a, b) => sum(a.map((value, i) => value * b[i]));

  function logSoftmax(logits) {
    const top = Math.max(...logits);
    const norm = top + Math.log(sum(logits.map((value) => Math.exp(value - top))));
    return logits.map((value) => value - norm);
  }

  // sgn(α) / (α − 1): makes every order a divergence to minimise.
  const orderFactor = (alpha) => Math.sign(alpha) / (alpha - 1);

  // Weights u of the pathwise term, v of the score term, and v / u where it is a constant, for log w of a batch.
  function terms(logW, { divergence, alpha, logScale = 0 }) {
    const zero = logW.map(() => 0);
    if (divergence === "reverse_kl") return { u: logW.map(() => 1), v: logW.map((each) => -each), ratio: null };
    if (divergence === "forward_kl") return { u: zero, v: logW.map((each) => -Math.exp(each - logScale)), ratio: null };
    const factor = orderFactor(alpha);
    const near = Math.abs(1 - alpha) < NEAR_ONE;
    const ratio = near ? null : 1 / (alpha - 1);
    if (divergence === "tsallis") {
      const logG = logW.map((each) => (1 - alpha) * (each - logScale));
      const v = logG.map((each) => factor * (near ? Math.expm1(each) : Math.exp(each)));
      return { u: logG.map((each) => factor * (alpha - 1) * Math.exp(each)), v, ratio };
    }
    // Rényi: g is divided by its mean over the batch.
    const logG = logW.map((each) => (1 - alpha) * each);
    const top = Math.max(...logG);
    const raised = logG.map((each) => Math.exp(each - top));
    const g = raised.map((each) => each / mean(raised));
    const u = g.map((each) => factor * (alpha - 1) * each);
    if (!near) return { u, v: g.map((each) => factor * each), ratio };
    const above = logG.map((each) => Math.expm1(each - top));
    const middle = mean(above);
    return { u, v: above.map((each) => (factor * (each - middle)) / (1 + middle)), ratio };
  }

  // Each value less the mean of the others (eq. 7 of the paper).
  function leaveOneOut(values) {
    if (values.length < 2) throw new Error("leave-one-out needs at least 2 trajectories");
    const middle = mean(values);
    return values.map((value) => ((value - middle) * values.length) / (values.length - 1));
  }

  // (1/N) Σ weight_n (e_{x_n} − p): the gradient of the weighted mean of log p_F.
  function weighted(weights, draws, p) {
    const total = mean(weights);
    const found = p.map((each) => -each * total);
    draws.forEach((x, n) => (found[x] += weights[n] / draws.length));
    return found;
  }

  // The paper's baseline from the same batch (eq. 6, with means).
  function baseline(u, draws, p, epsilon) {
    const meanF = weighted(u, draws, p);
    const meanScore = weighted(u.map(() => 1), draws, p);
    return dot(meanF, meanScore) / (epsilon + dot(meanScore, meanScore));
  }

  // One weight for each trajectory: what the control variate makes of u and v.
  function weights({ u, v, ratio }, variate, draws, p, epsilon) {
    if (variate === "none" || variate === "joint") {
      const cancels = ratio !== null && Math.abs(1 + ratio) < CANCELLING;
      const whole = u.map((each, n) => (cancels ? each * (1 + ratio) : each + v[n]));
      return variate === "joint" ? leaveOneOut(whole) : whole;
    }
    const score = variate === "score" ? v : leaveOneOut(v);
    if (variate === "loo") return u.map((each, n) => each + score[n]);
    const a = baseline(u, draws, p, epsilon);
    return u.map((each, n) => each - a + score[n]);
  }

  // The estimate of a batch: `draws` are outcomes 0, 1, 2, …; settings: logits, logReward, divergence, alpha, variate,
  // epsilon, logScale. A gradient in the logits.
  function estimate(draws, settings) {
    const logP = logSoftmax(settings.logits);
    const p = logP.map(Math.exp);
    const logW = draws.map((x) => settings.logReward[x] - logP[x]);
    let { variate } = settings;
    let parts = terms(logW, settings);
    // Leave-one-out takes the constant 1 of the reverse KL away, and the forward KL has one term alone.
    if (settings.divergence === "reverse_kl" && (variate === "loo" || variate === "both")) variate = "joint";
    if (settings.divergence === "forward_kl") {
      if (variate === "both") variate = "loo";
      // ∇w = −w ∇log p_F: the one term as a pathwise one.
      if (variate === "score") parts = { u: parts.v, v: parts.u, ratio: 0 };
    }
    return weighted(weights(parts, variate, draws, p, settings.epsilon), draws, p);
  }

  // The exact gradient of what the estimates are for.
  function exact(settings) {
    const { divergence, alpha, logReward, logScale = 0 } = settings;
    const logP = logSoftmax(settings.logits);
    const p = logP.map(Math.exp);
    const logW = logReward.map((each, x) => each - logP[x]);
    let weight;
    if (divergence === "reverse_kl") weight = logW.map((each) => -each);
    else if (divergence === "forward_kl") weight = logW.map((each) => -Math.exp(each - logScale));
    else {
      const scale = divergence === "tsallis" ? logScale : 0;
      const g = logW.map((each) => Math.exp((1 - alpha) * (each - scale)));
      const norm = divergence === "renyi" ? dot(p, g) : 1;
      // A constant more changes no expectation; near α = 1 it keeps what would be lost to rounding.
      weight = g.map((each) => (orderFactor(alpha) * alpha * (each - dot(p, g))) / norm);
    }
    const total = dot(p, weight);
    return p.map((each, x) => each * (weight[x] - total));
  }

  // Mean and trace of the covariance over all batches of N, each with its probability. Their order does not matter.
  function everyBatch(settings, count) {
    const logP = logSoftmax(settings.logits);
    const logFactorial = [0];
    for (let n = 1; n <= count; n++) logFactorial.push(logFactorial[n - 1] + Math.log(n));
    const found = [];
    for (let a = 0; a <= count; a++) {
      for (let b = 0; a + b <= count; b++) {
        const numbers = [a, b, count - a - b];
        const logShare = logFactorial[count] + sum(numbers.map((number, x) => number * logP[x] - logFactorial[number]));
        const draws = numbers.flatMap((number, x) => Array(number).fill(x));
        found.push([Math.exp(logShare), estimate(draws, settings)]);
      }
    }
    const middle = [0, 1, 2].map((i) => sum(found.map(([share, each]) => share * each[i])));
    const trace = sum(found.map(([share, each]) => share * sum(each.map((value, i) => (value - middle[i]) ** 2))));
    return { mean: middle, trace };
  }

  return { estimate, exact, everyBatch, logSoftmax };
})();
