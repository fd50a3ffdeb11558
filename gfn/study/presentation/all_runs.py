"""The page of all runs: a row a run, with an anchor to which every number's source leads, and a field that searches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from html import escape
from pathlib import Path

from gfn.runs.spec import TrainingSpec
from gfn.study import experiments
from gfn.study.evidence.convergence import accuracy_metric
from gfn.study.evidence.tables import final
from gfn.study.plotting.style import ACCURACY
from gfn.study.presentation.digits import DASH, spread
from gfn.study.presentation.run_words import (
    KINDS,
    aim_words,
    day,
    length_words,
    seed_words,
    short_json,
    task_words,
)
from gfn.study.presentation.sources import command
from gfn.study.results import ResultError, Run, read_run
from gfn.study.verdicts import page_of, title_of

HEADS = ("run", "kind", "task", "objective", "control variate", "seeds", "iterations × batch", "error at the end")
HEADS += ("pages",)
EVERYTHING = ("verdicts", "answers")  # pages that use whatever others use
SCRIPT = """<script>
(() => {
  const field = document.getElementById("gfn-find"), said = document.getElementById("gfn-found");
  const rows = [...document.querySelectorAll("#all-runs tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const page = new URLSearchParams(location.search).get("page");
  const show = () => {
    const words = field.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let many = 0;
    rows.forEach((row, k) => {
      const pages = row.dataset.p.split(" ");
      const fits = words.every((word) => word.startsWith("page:") ? pages.includes(word.slice(5)) : texts[k].includes(word));
      row.hidden = !fits;
      many += fits;
    });
    said.textContent = `${many} of ${rows.length} runs`;
  };
  const open = () => {
    const row = /^#r-[0-9a-f]{16}$/.test(location.hash) && document.getElementById(location.hash.slice(1));
    if (!row) return;
    row.hidden = false;
    row.querySelector("details").open = true;
    row.scrollIntoView({block: "center"});
  };
  let waiting;
  field.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(show, 120); });
  document.querySelector(".gfn-find").hidden = false;
  if (page) field.value = `page:${page}`;
  show();
  addEventListener("hashchange", open);
  open();
})();
</script>"""


def profile_of(store: Path) -> str:
    """The profile whose runs a store has most of, by their names."""
    stored = {path.stem for path in store.glob("*.parquet")}
    profiles = experiments.PROFILES["verdicts"]
    return max(profiles, key=lambda profile: len(stored & experiments.every_run(profile).keys()))


def users(profile: str, pages: Container[str] | None = None) -> dict[str, list[str]]:
    """The figures that use each run, by its hash; those whose page the book has, if ``pages`` are given."""
    found: dict[str, list[str]] = {}
    for figure in experiments.FIGURES:
        if pages is None or page_of(figure) in pages:
            for key in experiments.runs(figure, profile):
                found.setdefault(key, []).append(figure)
    return found


def html(store: Path, pages: Container[str] | None = None, shown: str = "data/results") -> str:
    """All stored runs that pages of the book use.

    Arguments:
        store: where they are.
        pages: the book's, without suffix, from its folder; by default those of all figures.
        shown: the path of the store as readers have it.
    """
    profile = profile_of(store)
    rows, found = [], []
    for key, figures in users(profile, pages).items():
        path = store / f"{key}.parquet"
        try:
            run = read_run(path)
        except ResultError:
            continue  # the book is built from what there is
        found.append(run)
        rows.append(_row(run, figures, profile))
    if not rows:
        return "<p>No runs are stored.</p>"
    codes = Counter(each.provenance.get("code", each.provenance["source"]) for each in found)
    code = ", ".join(
        f"<code>{escape(name)}</code>" + (f" ({many} runs)" if len(codes) > 1 else "") for name, many in codes.items()
    )
    heads = "".join(f'<th scope="col">{head}</th>' for head in HEADS)
    return (
        f"<p>{len(rows)} runs of the profile <code>{escape(profile)}</code>, made by code {code}; settings that are as by default are left out. "
        f"The file of a run is <code>{escape(shown)}/</code>, its name and <code>.parquet</code>.</p>"
        '<div class="gfn-find" hidden><label for="gfn-find">Search</label>'
        '<input id="gfn-find" type="search" autocomplete="off" placeholder="for example: sets tsallis joint"/>'
        '<span id="gfn-found" role="status"></span></div>'
        '<div id="all-runs"><div class="gfn-scroll" tabindex="0" role="region" aria-label="All runs">'
        f'<table class="gfn-runs"><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table></div></div>{SCRIPT}'
    )


def _row(run: Run, figures: list[str], profile: str) -> str:
    spec, key, (aim, variate) = run.spec, run.spec.hash, aim_words(run.spec)
    own = [name for name in figures if name not in EVERYTHING] or figures
    links = ", ".join(f'<a href="../{escape(page_of(name))}.html">{escape(_title(name))}</a>' for name in own)
    texts = [KINDS[spec.kind], task_words(spec), aim, variate, seed_words(spec), length_words(spec), error_words(run)]
    cells = "".join(f"<td>{cell}</td>" for cell in (*map(escape, texts), links))
    return (
        f'<tr id="r-{key}" data-p="{escape(" ".join(figures))}"><th scope="row"><code>{key}</code>'
        f"{_more(run, own[0], profile)}</th>{cells}</tr>\n"
    )


def _title(figure: str) -> str:
    title = title_of(figure)
    return title[0].upper() + title[1:]


def _more(run: Run, figure: str, profile: str) -> str:
    texts = (f"made on {day(run.provenance)}", command(figure, profile, run.spec.hash), short_json(run.spec))
    # No <pre>: the theme measures each one, which for hundreds of them takes half a minute.
    typed = "".join(f"<div>{escape(each, quote=False)}</div>" for each in texts)
    return f"<details><summary>specification</summary>{typed}</details>"


def error_words(run: Run) -> str:
    """Mean and standard deviation over seeds of a training's error at its end; a dash for what has none."""
    if not isinstance(run.spec, TrainingSpec):
        return DASH
    values = final(run, accuracy_metric(run))
    if values.empty:
        return DASH
    name = ACCURACY[accuracy_metric(run)].split()[0]
    return f"{name} {spread(values.mean(), values.std())}"
