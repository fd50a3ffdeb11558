"""What is left out of pages, of formulas and of the index of the search is what no reader meets."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from tests.book.built import each_book, needs_a_book, pages
from tests.book.play import extension

FORMULAS, ICONS, MARKUP, SLIM = (extension(f"gfn_{name}") for name in ("formulas", "icons", "markup", "slim"))
SOURCE = Path(importlib.import_module("sphinx-mathjax-offline").__file__).parent / "static" / "mathjax"
CONFIGURED = '<script>window.MathJax = {"options": {"enableMenu": false}}</script>'
PAGE = '<!DOCTYPE html><html lang="en"><head><title>x</title>%s<script defer src="_static/mathjax/tex-chtml.js"></script></head><body><p>%s</p></body></html>'
CODE = '<div class="highlight-{} notranslate"><div class="highlight"><pre><span></span><span class="n">a</span> <span class="o">=</span>\n\n   <span class="p">(</span></pre></div></div>'
SHEET = """html[data-theme="light"] .highlight { background: #fefefe; color: #080808 }
html[data-theme="light"] .highlight .n { color: #080808 } html[data-theme="dark"] .highlight { background: #000; color: #F8F8F2 }
html[data-theme="dark"] .highlight .n { color: #F8F8F2 } html[data-theme="dark"] .highlight .p { color: #f8f8f2 }
html[data-theme="light"] .highlight .p { color: #080809 } html[data-theme="light"] .highlight .b { color: #080808; font-weight: bold }
html[data-theme="dark"] .highlight .b { color: #F8F8F2 } html[data-theme="light"] .highlight .w { color: #080808 }"""


def test_words_of_code_have_an_element_if_they_look_different():
    """In both themes; and only in Python, of which our style sheet knows."""
    assert MARKUP.plain_words(SHEET) == {"n"}
    python, other = (MARKUP.lean(CODE.format(name), frozenset("n")) for name in ("ipython3", "bash"))
    assert '<pre><span></span>a <span class="o">=</span>\n\n   <span class="p">(</span></pre>' in python
    assert other == CODE.format("bash")


def test_lines_for_a_terminal_do_not_break_within_an_option():
    code = CODE.format("bash").replace("<pre>", "<pre>run --one-two 3 -p a-b &lt;-- x\n", 1)
    options = re.findall(r'<span class="gfn-option">(.*?)</span>', MARKUP.lean(code))
    assert options == ["--one-two", "-p"]
    coloured = CODE.format("bash").replace(
        "<pre>", '<pre>run<span class="a-b"> </span>--one-two<span class="m -p">3</span>', 1
    )
    options = re.findall(r'<span class="gfn-option">(.*?)</span>', MARKUP.lean(coloured))
    assert options == ["--one-two"]


def test_names_in_text_and_in_signatures_have_one_element():
    code = '<code class="xref py docutils literal notranslate"><span class="pre">a</span> <span class="pre">&lt;b</span></code>'
    assert MARKUP.lean(code) == '<code class="xref py docutils literal notranslate">a &lt;b</code>'
    kept = '<code class="gfn"><span class="pre">a</span></code>'
    assert MARKUP.lean(kept) == kept
    name = '<em class="sig-param"><span class="n"><span class="pre">x</span></span><span class="o"><span class="pre">=</span></span></em>'
    signature = f'<dt class="sig sig-object py" id="f">{name}</dt>'
    assert '<em class="sig-param"><span class="n pre">x</span><span class="o pre">=</span></em>' in MARKUP.lean(
        signature
    )
    assert MARKUP.lean(name) == name


def test_lines_between_elements_are_one_and_what_is_written_stays():
    assert MARKUP.lean("<p>a\n  b</p>\n \n\n  <p>") == "<p>a\n  b</p>\n<p>"
    assert MARKUP.lean("<td>a</td> <td><i>b</i> <i>c</i></td>") == "<td>a</td><td><i>b</i> <i>c</i></td>"
    assert MARKUP.lean("<pre>a\n\n  <b></pre>\n\n<i>") == "<pre>a\n\n  <b></pre>\n<i>"


def test_the_index_of_the_search_says_the_same(tmp_path):
    """But that a name of the code, which is an object of it, is no entry of an index, too."""
    said = {"terms": {"rényi": [1, 2], 'a "b"': 3}, "titles": [], "objects": {"gfn": [[1, 0, 1, "", "load"]]}}
    said["indexentries"] = {"divergence": [[2, "term-divergence", False]]}
    written = said | {"indexentries": said["indexentries"] | {"load() (in module gfn)": [[1, "gfn.load", False]]}}
    (tmp_path / "searchindex.js").write_text(f"Search.setIndex({json.dumps(written)})", encoding="utf-8")
    SLIM._index(tmp_path)
    written = (tmp_path / "searchindex.js").read_text(encoding="utf-8")
    assert json.loads(written.removeprefix("Search.setIndex(").removesuffix(")")) == said
    assert '{"terms":{"rényi":[1,2],' in written


def test_extensions_are_those_that_commands_ask_for():
    """With what they need themselves, and without what is part of the program."""
    assert FORMULAS.extensions(SOURCE, {"frac", "def", "label", "align"}) == set()
    assert FORMULAS.extensions(SOURCE, {"cancel", "CD"}) == {"cancel", "enclose", "amscd"}
    assert FORMULAS.extensions(SOURCE, {"require"}) > {"mathtools", "physics"}


@pytest.mark.parametrize(
    ("font", "command"),
    [
        ("Fraktur-Bold", "mathfrak"),
        ("Main-Bold", "mathbf"),
        ("Main-Italic", "textit"),
        ("SansSerif-Italic", "mathsfit"),
    ],
)
def test_fonts_are_those_that_commands_ask_for(font, command):
    assert FORMULAS.is_asked(f"MathJax_{font}.woff", {"alpha", command})
    assert not FORMULAS.is_asked(f"MathJax_{font}.woff", {"alpha", "mathbb", "limits", "scriptstyle"})
    assert FORMULAS.is_asked("MathJax_AMS-Regular.woff", set())


def test_formulas_are_shown_with_what_is_there(browser, tmp_path):
    """Seen, and heard by those who do not see them; nothing that is asked for is missing."""
    formula = r"\(\frac{\mathfrak{g}}{\cancel{x}} \mathbb{E}\)"
    (tmp_path / "page.html").write_text(PAGE % (CONFIGURED, formula), encoding="utf-8")
    FORMULAS.formulas(tmp_path)
    assert {path.stem for path in tmp_path.glob("_static/**/extensions/*.js")} == {"cancel", "enclose"}
    assert not list(tmp_path.glob("_static/**/*Script*.woff"))
    page, missing, asked = browser.new_page(), [], []
    page.on("requestfailed", lambda request: missing.append(request.url))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "page.html").as_uri())
    page.evaluate("async () => { await MathJax.startup.promise; await document.fonts.ready; }")
    assert page.locator("mjx-container mjx-menclose").count() == 1
    assert page.locator("mjx-assistive-mml mfrac").count() == 1
    assert missing == []
    assert any("Fraktur-Regular" in url for url in asked)
    page.close()


@needs_a_book
@each_book
def test_a_book_has_the_extensions_and_fonts_of_its_formulas(book):
    """No page can ask for what is not there."""
    there = {path.stem for path in (book / FORMULAS.FOLDER / FORMULAS.EXTENSIONS).glob("*.js")}
    commands = {name for path in pages(book) for name in FORMULAS.COMMAND.findall(path.read_text(encoding="utf-8"))}
    assert FORMULAS.extensions(SOURCE, commands) <= there
    fonts = {path.name for path in (book / FORMULAS.FOLDER / FORMULAS.FONTS).iterdir()}
    wanted = {path.name for path in (SOURCE / FORMULAS.FONTS).iterdir() if FORMULAS.is_asked(path.name, commands)}
    assert wanted <= fonts
    assert not re.search("thebe", (book / "intro.html").read_text(encoding="utf-8"))


@needs_a_book
@each_book
def test_fonts_of_icons_have_those_of_the_style_sheets_and_no_other(book):
    (font,) = (book / ICONS.FOLDER).iterdir()
    css = "".join(path.read_text(encoding="utf-8") for path in book.glob("_static/book-*.css"))
    asked = {int(found, 16) for found in ICONS.CHARACTER.findall(css)}
    assert {0xF002, 0xF0C9} <= asked  # to search, and to open the list of pages
    assert {code for code in TTFont(font).getBestCmap() if code >= 0xF000} == {code for code in asked if code >= 0xF000}
    assert f"{font.name})" in css
    assert not re.search(r"fa-[a-z]+-\d+\.(woff2|ttf)", css)
