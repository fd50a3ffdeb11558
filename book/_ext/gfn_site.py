"""Sphinx extension: the edition in every footer, one address that turns on all that needs a repository, slim and accessible pages."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from docutils import nodes
from gfn_pages import mend
from gfn_slim import slim
from sphinx.util import logging

from gfn.study.colophon import colophon, paper_line
from gfn.study.paper import project_folder
from gfn.study.results import published_store

ADDRESS = "GFN_REPOSITORY"  # environment variable that has precedence over the setting gfn_repository
BRANCH = "main"
PUBLISHED = "data/results"  # the folder of runs in the repository
HERE = Path(__file__).resolve().parent
RUN = re.compile(r"<code([^>]*)>(?:<span class=\"pre\">)?([0-9a-f]{16})(?:</span>)?</code>")
LONGEST = 200  # characters of a description
# Commands of formulas as plain letters, here and in what the search shows (gfn-site.js).
GREEK = dict(
    zip(
        ["alpha", "beta", "gamma", "epsilon", "varepsilon", "theta", "tau", "pi", "sigma", "mu", "lambda"],
        "αβγεεθτπσμλ",
    )
)
SIGNS = dict(
    zip(
        ["nabla", "sum", "sim", "le", "ge", "neq", "approx", "to", "infty", "in", "times", "cdot", "pm"],
        "∇∑~≤≥≠≈→∞∈×·±",
    )
)
LETTERS = GREEK | SIGNS | {"PF": "P_F", "PB": "P_B", "KL": "KL", "E": "E", "log": "log "}
log = logging.getLogger(__name__)


def address(config) -> str:
    """Where the repository is, without a slash at its end; empty where nobody has said so."""
    # Jupyter Book's settings are overrides, which are there before all extensions have said what can be set.
    given = os.environ.get(ADDRESS) or config.overrides.get("gfn_repository") or ""
    return str(given).strip().rstrip("/")


def files(config) -> str:
    """Where the files of this book's runs can be fetched; empty without an address, and for runs that are not published."""
    published = published_store().resolve() == (project_folder() / PUBLISHED).resolve()
    return f"{address(config)}/blob/{BRANCH}" if published and address(config) else ""


def site_of(repository: str) -> str:
    """Where GitHub or GitLab publishes the pages of a repository; empty for other hosts."""
    parts = urlsplit(repository)
    owner, _, name = parts.path.strip("/").partition("/")
    host = {"github.com": "github.io", "gitlab.com": "gitlab.io"}.get(parts.netloc)
    return f"https://{owner.lower()}.{host}/{name}/" if host and owner and name else ""


def configure(app, config) -> None:
    """Footer on all books; buttons, canonical addresses and sitemap where there is an address."""
    options = config.html_theme_options
    options["extra_footer"] = footer()
    options["use_download_button"] = False  # its files would be second copies; pages offer their own
    config.ogp_site_name, config.ogp_image = config.html_title, "_static/results.png"
    config.ogp_social_cards = {"enable": False}
    config.notfound_urls_prefix = "/"
    if not (repository := address(config)):
        return
    options |= {
        "repository_url": repository,
        "repository_branch": BRANCH,
        "path_to_docs": "book",
        "use_repository_button": True,
        "use_edit_page_button": True,
        "use_issues_button": True,
        "launch_buttons": {"binderhub_url": "https://mybinder.org", "notebook_interface": "jupyterlab"},
    }
    if urlsplit(repository).netloc == "github.com":
        options["launch_buttons"]["colab_url"] = "https://colab.research.google.com"
    config.html_baseurl = config.gfn_site or site_of(repository)
    if config.html_baseurl:
        config.ogp_site_url = config.html_baseurl
        config.sitemap_url_scheme = "{link}"
        config.sitemap_excludes = ["404.html", "search.html"]
        config.notfound_urls_prefix = urlsplit(config.html_baseurl).path or "/"
    else:
        log.warning("no site is known for %s: set gfn_site for canonical addresses and a sitemap", repository)


def footer() -> str:
    """The edition, as the runs say that the book is built from."""
    paper, link = paper_line()
    about, _, rest = paper.partition(": ")
    number, _, where = rest.partition(";")
    edition = escape(colophon().sentence)
    paper = f'{escape(about)}: <a href="{escape(link)}">{escape(number)}</a>;{escape(where)}'
    return f'<p class="gfn-edition">{edition}<br/>{paper}</p>'


def page(app, pagename, templatename, context, doctree) -> None:
    """Scripts that no page needs go from the head, and ids of runs lead to their files where there is an address."""
    if pagename == "search":
        app.add_js_file(None, body=f"window.gfnLetters = {json.dumps(LETTERS, ensure_ascii=False)};")
    context["script_files"] = [each for each in context.get("script_files", []) if "thebe" not in str(each).lower()]
    context["css_files"] = [each for each in context.get("css_files", []) if "thebe" not in str(each).lower()]
    if (folder := files(app.config)) and "body" in context:
        runs = rf'<a href="{escape(folder)}/{PUBLISHED}/\2.parquet"><code\1>\2</code></a>'
        context["body"] = RUN.sub(runs, context["body"])


def describe(app, pagename, templatename, context, doctree) -> None:
    """The description of a page: the beginning of its first paragraph, with formulas as words."""
    text = next((text for text in map(plain, paragraphs(doctree)) if len(text) > 40), "") if doctree else ""
    if not text:
        return
    text = text if len(text) <= LONGEST else text[:LONGEST].rsplit(" ", 1)[0].rstrip(",;:") + " …"
    context["meta"] = {**(context.get("meta") or {}), "og:description": escape(text)}
    context["metatags"] += f'<meta name="description" content="{escape(text)}" />\n'


def paragraphs(doctree) -> Iterator[nodes.paragraph]:
    """Those of the page itself, and not of its tables, lists and notes."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section):
            yield paragraph


def plain(node: nodes.Node) -> str:
    """The words of a node, its formulas in plain letters, and without the question's own name."""
    if isinstance(node, nodes.math):
        return in_letters(node.astext())
    if isinstance(node, nodes.Text):
        return str(node)
    text = "".join(map(plain, node.children))
    return " ".join(text.removeprefix("Question. ").split()) if isinstance(node, nodes.paragraph) else text


def in_letters(formula: str) -> str:
    r"""A formula as plain text: ``\alpha < 1`` is α < 1."""
    text = re.sub(r"\\([A-Za-z]+)", lambda name: LETTERS.get(name[1], ""), formula)
    return re.sub(r"[{}\\$]", "", text)


def finish(app, exception) -> None:
    """What Sphinx and the theme have written is mended and made smaller."""
    if exception is None and app.builder.format == "html":
        out = Path(app.outdir)
        mend(out)
        slim(out)


def setup(app):
    app.add_config_value("gfn_repository", "", "html")
    app.add_config_value("gfn_site", "", "html")
    app.setup_extension("gfn_search")
    app.setup_extension("sphinxext.opengraph")
    app.setup_extension("notfound.extension")
    if address(app.config):
        app.setup_extension("sphinx_sitemap")
    app.connect("config-inited", configure, priority=900)
    app.connect("html-page-context", describe, priority=400)  # before sphinxext.opengraph, which takes it from here
    app.connect("html-page-context", page, priority=950)
    app.connect("build-finished", finish, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
