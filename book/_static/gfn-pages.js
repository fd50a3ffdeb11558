/* A link to something inside a folded part of a page unfolds it; one to the section of a verdict unfolds its plots. */
(() => {
  function reveal() {
    let id;
    try {
      id = decodeURIComponent(location.hash.slice(1));
    } catch {
      return;
    }
    const target = id && document.getElementById(id);
    if (!target) return;
    let folded = false;
    for (let each = target; each; each = each.parentElement) {
      if (each.tagName === "DETAILS" && !each.open) {
        each.open = true;
        folded = true;
      }
    }
    const plots = target.closest("section")?.querySelector(":scope > .cell details.gfn-plots:not([open])");
    if (plots) {
      plots.open = true;
      folded = true;
    }
    if (folded) target.scrollIntoView();
  }
  addEventListener("hashchange", reveal);
  addEventListener("DOMContentLoaded", reveal);
})();
