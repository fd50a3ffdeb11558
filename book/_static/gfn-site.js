// Shows formulas in the snippets of the search as words, where Sphinx would show their source.
document.addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined" || !Search.htmlToText) return;
  const original = Search.htmlToText;
  const greek = { alpha: "α", beta: "β", gamma: "γ", epsilon: "ε", varepsilon: "ε", theta: "θ", tau: "τ", pi: "π",
    sigma: "σ", mu: "μ", lambda: "λ", nabla: "∇", sum: "∑", log: "log ", le: "≤", ge: "≥", to: "→", infty: "∞",
    times: "×", cdot: "·", in: "∈", pm: "±", neq: "≠", approx: "≈", E: "E", KL: "KL", PF: "P_F", PB: "P_B" };
  const words = (source) =>
    source
      .replace(/\\[()[\]]/g, "")
      .replace(/\\([A-Za-z]+)/g, (_, name) => greek[name] ?? "")
      .replace(/[{}\\$&]/g, "")
      .replace(/\s+/g, " ");
  Search.htmlToText = (html, anchor) => original(html, anchor).replace(/\\\([\s\S]*?\\\)|\\\[[\s\S]*?\\\]/g, words);
});

// Formulas that are wider than the page scroll, and are reached by keyboard.
window.addEventListener("load", () => {
  window.MathJax?.startup?.promise?.then(() => {
    for (const formula of document.querySelectorAll('mjx-container[display="true"]'))
      if (formula.scrollWidth > formula.clientWidth) formula.tabIndex = 0;
  });
});
