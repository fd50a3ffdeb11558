// Shows formulas in the snippets of the search as words, where Sphinx would show their source.
document.addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined" || !Search.htmlToText) return;
  const original = Search.htmlToText;
  const letters = window.gfnLetters ?? {}; // on the page of the search, from gfn_site.py
  const words = (source) =>
    source
      .replace(/\\[()[\]]/g, "")
      .replace(/\\([A-Za-z]+)/g, (_, name) => letters[name] ?? "")
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
