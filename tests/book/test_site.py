"""What is published: small, of one edition, described, citable, with one setting for the repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml
from docutils import nodes
from docutils.utils import new_document

import gfn
from gfn.study.claims import judge, over_seeds
from gfn.study.colophon import Colophon, colophon, paper_line
from tests.book.built import BUILT, ROOT, each_book, needs_a_book, pages

EXTENSIONS = ROOT / "book" / "_ext"
sys.path.append(str(EXTENSIONS))
import figure_words  # noqa: E402
import gfn_site  # noqa: E402
from gfn_pages import mended  # noqa: E402
from gfn_search import apart, fold  # noqa: E402
from gfn_site import in_letters, site_of  # noqa: E402
from gfn_slim import used, without_outputs  # noqa: E402

STORES = {"smoke": ROOT / "build/smoke/results", "preview": ROOT / "data/results"}
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
CLAIM = {"C2": {"claim": "It is.", "tests": {"x": {"statement": "so", "why": "So.", "at_least": 1}}}}
MEGABYTE = 1_000_000


def size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / MEGABYTE


@needs_a_book
@each_book
def test_a_book_is_small(book):
    """Formulas are a tenth of it at most; no source maps, no second copies of notebooks, and one way to show icons."""
    assert size(book) <= 15
    assert size(book / "_static/mathjax") <= 1.2
    assert not list(book.rglob("*.map"))
    assert not (book / "_sources").exists()
    assert not (book / "_static/scripts/fontawesome.js").exists()
    assert list((book / "_static").glob("vendor/**/fa-solid-900.woff"))


@needs_a_book
@each_book
def test_pages_load_little_before_they_are_shown(book):
    """One style sheet, and another where there is something to play with; scripts that wait; the index of the search on its page alone; nothing declared twice."""
    for path in pages(book):
        head = re.search(r"<head>.*?</head>", path.read_text(encoding="utf-8"), re.S)[0]
        assert len(re.findall(r'rel="stylesheet"', head)) == 1 + (path.parent.name == "play"), path
        assert "thebe" not in head.lower(), path
        assert [tag for tag in re.findall(r"<script[^>]*src=[^>]*>", head) if " defer" not in tag] == [], path
        assert ("searchindex.js" in path.read_text(encoding="utf-8")) == (path.name == "search.html"), path


@needs_a_book
@each_book
def test_every_page_names_its_edition_and_describes_itself(book):
    for path in pages(book):
        text = path.read_text(encoding="utf-8")
        assert text.count('class="gfn-edition"') == 1, path
        assert 'rel="icon"' in text, path
        if path.name not in ("search.html",):
            (description,) = re.findall(r'<meta name="description" content="([^"]*)"', text)
            assert 30 < len(description) < 260, path
            assert not re.search(r"[\\$]", description), path
            assert '<meta property="og:image"' in text, path


@needs_a_book
@pytest.mark.parametrize("name", [name for name in BUILT if name in STORES])
def test_the_edition_is_that_of_the_store(name):
    """Word for word what the runs say that the book was built from."""
    text = (BUILT[name] / "intro.html").read_text(encoding="utf-8")
    (said,) = re.findall(r'class="gfn-edition">(.*?)<br', text)
    assert unescape(said) == colophon(STORES[name]).sentence
    assert ("a test with small runs" in said) == (name == "smoke")


def test_an_edition_in_words():
    made = Colophon("edition", 10, 408, ("2026-11-25", "2026-11-26"), ("abc",), ("0.1.0",))
    assert made.sentence == (
        "Edition of ten seeds (profile edition): 408 runs, made from 25 November 2026 to 26 November 2026"
        " by source abc of package 0.1.0."
    )
    small = Colophon("smoke", 1, 2, ("2026-11-25", "2026-11-25"), ("abc",), ("0.1.0",))
    assert small.sentence.startswith("Not the published edition, but a test with small runs: one seed (profile smoke)")
    assert "on 25 November 2026" in small.sentence


def test_a_store_says_its_edition(tmp_path):
    """What is no run is passed over, and an empty store has no edition."""
    assert colophon(tmp_path).sentence.startswith("No runs are stored")
    (tmp_path / "0123456789abcdef.parquet").write_bytes(b"PAR1")
    assert colophon(tmp_path).runs == 0
    stored = sorted((ROOT / "data/results").glob("*.parquet"))[:3]
    for path in stored:
        shutil.copy(path, tmp_path)
    assert colophon(tmp_path).runs == len(stored)


def test_the_paper_has_its_number_and_its_proceedings():
    line, link = paper_line()
    assert "arXiv:2410.09355" in line
    assert "NeurIPS 37 (2024)" in line
    assert link == "https://arxiv.org/abs/2410.09355"


def test_citation_zenodo_and_package_agree():
    zenodo = json.loads((ROOT / ".zenodo.json").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert zenodo["title"] == CITATION["title"]
    assert zenodo["version"] == CITATION["version"] == project["version"] == gfn.__version__
    assert zenodo["license"] == CITATION["license"] == project["license"]
    assert zenodo["keywords"] == CITATION["keywords"] == project["keywords"]
    authors = [each["name"] for each in project["authors"]]
    assert [each["name"] for each in zenodo["creators"]] == [each["name"] for each in CITATION["authors"]] == authors
    (paper,) = CITATION["preferred-citation"]["identifiers"]
    assert [each["identifier"] for each in zenodo["related_identifiers"]] == [paper["value"]]


def test_the_page_to_cite_says_what_the_files_say():
    page = (ROOT / "book/cite.md").read_text(encoding="utf-8")
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").strip() in page
    entry = (ROOT / "book/references.bib").read_text(encoding="utf-8").split("\n\n")[0]
    assert entry.startswith("@inproceedings{dasilva2024divergence")
    assert entry in page
    assert f"version = {{{gfn.__version__}}}" in page


def test_only_pages_of_the_api_are_written_for_sphinx_alone():
    """So that the others can move to another builder; notebooks hold nothing of it."""
    sources = [path for path in (ROOT / "book").rglob("*") if path.suffix in (".md", ".ipynb")]
    held = {
        path.parent.name for path in sources if re.search(r"\{(eval-rst|auto\w+|toctree)\}", path.read_text("utf-8"))
    }
    assert held == {"api"}


BOOKLET = {
    "_toc.yml": "format: jb-book\nroot: intro\nchapters:\n  - file: paper/page\n",
    "intro.md": "# Start\n\nThe first page of a small book, which says in some words what it is about: Rényi's $\\alpha$.\n",
    "paper/page.ipynb": json.dumps(
        {
            "cells": [
                {
                    "cell_type": "markdown",
                    "metadata": {},
                    "source": "# Page\n\nA run is `0123456789abcdef`.\n\n| | b |\n|-|-|\n| 1 | 2 |",
                }
            ],
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    ),
}


@pytest.fixture(scope="module", params=["", "https://github.com/someone/dummy"], ids=["no address", "address"])
def booklet(request, tmp_path_factory):
    """A book of two pages, with and without the address of a repository."""
    folder = tmp_path_factory.mktemp("booklet")
    for name, text in BOOKLET.items():
        path = folder / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    shutil.copytree(EXTENSIONS, folder / "book" / "_ext")
    shutil.copytree(ROOT / "book/_static", folder / "source" / "_static")
    (folder / "source/references.bib").write_text("", encoding="utf-8")
    config = (ROOT / "_config.yml").read_text(encoding="utf-8")
    (folder / "_config.yml").write_text(config, encoding="utf-8")
    environment = os.environ | {"GFN_REPOSITORY": request.param, "PYTHONPATH": str(ROOT)}
    command = [Path(sys.executable).with_name("jupyter-book"), "build", "--quiet", "source", "--config", "_config.yml"]
    done = subprocess.run([*command, "--path-output", "."], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return request.param, folder / "_build/html"


def test_one_address_turns_on_all_that_needs_it(booklet):
    """And without it there is none of it, and no request to anybody."""
    address, out = booklet
    text = (out / "paper/page.html").read_text(encoding="utf-8")
    expected = [
        "https://mybinder.org/v2/gh/someone/dummy/main?urlpath=lab/tree/book/paper/page.ipynb",
        "https://colab.research.google.com/github/someone/dummy/blob/main/book/paper/page.ipynb",
        "https://github.com/someone/dummy/edit/main/book/paper/page.ipynb",
        "https://github.com/someone/dummy/issues/new",
        '<a href="https://github.com/someone/dummy/blob/main/data/results/0123456789abcdef.parquet">',
        '<link rel="canonical" href="https://someone.github.io/dummy/paper/page.html" />',
        '<meta property="og:image" content="https://someone.github.io/dummy/_static/results.png" />',
    ]
    assert [each for each in expected if each in unescape(text)] == (expected if address else [])
    assert ("someone" in text) == bool(address)
    sitemap = out / "sitemap.xml"
    assert sitemap.exists() == bool(address)
    if address:
        listed = re.findall(r"<loc>(.*?)</loc>", sitemap.read_text(encoding="utf-8"))
        assert listed == [f"https://someone.github.io/dummy/{page}.html" for page in ("intro", "paper/page")]
    # The address has a button with its host's icon.
    assert bool(list(out.glob("_static/vendor/**/fa-brands-*"))) == bool(address)
    assert list(out.glob("_static/vendor/**/fa-solid-*"))
    lost = (out / "404.html").read_text(encoding="utf-8")
    assert f'href="{"/dummy" if address else ""}/_static/book-' in lost


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (("gfn.runs.spec", "TrainingSpec.hash"), "gfn/runs/spec.py"),
        (("gfn.estimators.control_variates", "surrogate"), "gfn/estimators/control_variates.py"),
        (("gfn.estimators.control_variates", "EPSILON"), None),
        (("torch", "tensor"), None),
        (("gfn.estimators.control_variates", "no_such_name"), None),
    ],
)
def test_names_lead_to_their_lines(name, path, monkeypatch):
    """In the repository; nowhere without its address."""
    monkeypatch.syspath_prepend(EXTENSIONS)
    from source_links import line_of

    info = dict(zip(("module", "fullname"), name))
    link = line_of("https://host/someone/dummy", "py", info)
    assert line_of("", "py", info) is None
    if path is None:
        assert link is None
        return
    found, first, last = re.fullmatch(r"https://host/someone/dummy/blob/main/(.+)#L(\d+)-L(\d+)", link).groups()
    lines = (ROOT / found).read_text(encoding="utf-8").splitlines()[int(first) - 1 : int(last)]
    assert found == path and any(f"def {name[1].split('.')[-1]}" in line for line in lines)


def test_a_page_is_described_in_words(booklet):
    text = (booklet[1] / "intro.html").read_text(encoding="utf-8")
    about = "The first page of a small book, which says in some words what it is about: Rényi’s α."
    assert unescape(re.search(r'name="description" content="([^"]*)"', text)[1]) == about
    search = (booklet[1] / "search.html").read_text(encoding="utf-8")
    assert json.loads(re.search(r"window.gfnLetters = ({.*?});", search)[1])["alpha"] == "α"
    assert "gfnLetters" not in text
    assert '"renyi"' in (index := (booklet[1] / "searchindex.js").read_text(encoding="utf-8")) or "renyi:" in index


def test_what_the_theme_writes_is_mended():
    head = '<head><script defer src="a/fontawesome.js"></script><script src="searchindex.js"></script></head>'
    page = head + '<th class="head"><p></p></th><th>x</th><div class="citation" id="a" role="doc-biblioentry">'
    assert mended(page).endswith('<td class="head"></td><th>x</th><div class="citation" id="a">')
    assert "searchindex" not in mended(page)
    assert "searchindex" in mended(page, search=True)
    assert mended(mended(page)) == mended(page)


def test_rules_that_nobody_uses_go():
    css = '@charset "x";a{b:c}.on>.off{d:e}.on:not(.off),.off{f:"}"}@media print{.off{a:b}}@media screen{.on{a:b}}'
    expected = '@charset "x";a{b:c}.on:not(.off),.off{f:"}"}@media screen{.on{a:b}}'
    assert used(css, {"on"}) == expected


def test_the_foot_of_a_page_is_escaped(monkeypatch):
    monkeypatch.setattr(gfn_site, "colophon", lambda: SimpleNamespace(sentence="<b>"))
    monkeypatch.setattr(gfn_site, "paper_line", lambda: ("<b>: <b>; <b>", 'https://"<b>'))
    assert "<b>" not in gfn_site.footer()
    assert gfn_site.footer().count("&lt;b&gt;") == 5


def test_no_two_regions_of_a_page_have_one_name():
    """They are counted from the top, whoever was made first; a figure has the words of its cell."""
    document = new_document("page")
    cell = nodes.container(cell_metadata={"mystnb": {"image": {"alt": "Seen \\ <b>"}}})
    region, figure = (
        '<div role="region" aria-label="{}">',
        '<div class="gfn-figure"><svg class="x" role="img" aria-label="a">',
    )
    cell += [nodes.raw("", text, format="html") for text in (region.format("A"), figure, region.format("B"))]
    document += [cell, nodes.raw("", region.format("A") * 2, format="html")]
    figure_words.relabel(None, document)
    figure_words.number(None, document)
    names = re.findall('aria-label="(.*?)"', document.astext())
    assert names == ["A", "Seen \\ &lt;b&gt;", "B", "A (2)", "A (3)"]


@pytest.mark.parametrize(("kind", "wide"), [("gfn-table gfn-dense", True), ("gfn-table", False)])
def test_wide_tables_have_the_margin(kind, wide):
    document = new_document("page")
    cell = nodes.container(nb_element="cell_code", classes=["cell"])
    cell += nodes.raw("", f'<div class="{kind}">', format="html")
    document += cell
    for _ in range(2):
        figure_words.widen(None, document)
    assert cell["classes"] == ["cell", "tag_full-width"][: 1 + wide]


def test_plots_are_folded_where_an_overview_is_first():
    """And open on all other pages."""
    plots = judge("C2", [over_seeds("x", "sets", pd.Series(range(10)))], claims=CLAIM)._repr_html_()
    assert plots.count(figure_words.OPEN) == 1
    for first, open_ in (('<ol class="gfn-overview">', False), ("<p>", True)):
        document = new_document("page")
        document += [nodes.raw("", text, format="html") for text in (first, plots)]
        figure_words.fold(None, document)
        assert (figure_words.OPEN in document.astext()) == open_
        assert '<details class="gfn-plots"' in document.astext()


def test_cells_of_a_table_are_words_of_their_own_to_the_search():
    """And parts of one word stay together."""
    document = new_document("page")
    document += nodes.raw("", "<td>one<b>s</b></td><td>two</td>", format="html")
    apart(None, document, "page")
    assert re.sub("<[^<]+?>", "", document.astext()) == "ones two"


def test_small_helpers():
    assert fold("Rényi") == "Renyi"
    assert in_letters(r"\alpha < {1}") == "α < 1"
    assert site_of("https://github.com/Some/name") == "https://some.github.io/name/"
    assert site_of("https://example.org/some/name") == ""
    cell = {"cell_type": "code", "outputs": [1], "execution_count": 3, "source": "1"}
    (bare,) = json.loads(without_outputs(json.dumps({"cells": [cell]})))["cells"]
    assert bare == cell | {"outputs": [], "execution_count": None}
