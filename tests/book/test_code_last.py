"""Code goes to the end of a page: in a small notebook that Sphinx makes a page of, once as it is and once executed by papermill."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from sphinx.application import Sphinx

import gfn

EXTENSIONS = Path(gfn.__file__).parents[1] / "book" / "_ext"
sys.path.append(str(EXTENSIONS))
from code_last import merged  # noqa: E402

CONFIGURATION = """
import sys
sys.path.insert(0, {path!r})
extensions = ["myst_nb", "code_last"]
nb_execution_mode = "off"
html_theme = "basic"
"""


def cell(source: str, html: str = "", **metadata):
    outputs = [new_output("display_data", {"text/html": html})] if html else []
    return new_code_cell(source, outputs=outputs, metadata=metadata)


def built(folder: Path, *given) -> str:
    """The page of a notebook with a figure, a table in a section, and perhaps papermill's cell."""
    own = cell('profile = "edition"\nseeds = None', tags=["parameters"])
    cells = [
        new_markdown_cell("# Page\n\nTo the {ref}`figure <figure-x>`."),
        own,
        *given,
        cell("settings = 1\nsettings_table(settings)", "<p>in force</p>"),
        cell("runs = obtain(settings)"),
        cell("draw()", "<p>drawn</p>", mystnb={"figure": {"name": "figure-x"}}),
        new_markdown_cell("## Numbers"),
        cell("table()", "<p>counted</p>"),
        cell("long_table()", "<p>in full</p>", tags=["hide-output"]),
    ]
    source = folder / "source"
    source.mkdir(parents=True)
    (source / "conf.py").write_text(CONFIGURATION.format(path=str(EXTENSIONS)), encoding="utf-8")
    nbformat.write(new_notebook(cells=cells), source / "index.ipynb")
    Sphinx(source, source, folder / "html", folder / "trees", "html", status=None, warning=None).build()
    return (folder / "html" / "index.html").read_text(encoding="utf-8")


def test_what_a_notebook_hides_is_folded(page):
    assert re.search(r"<details[^>]*><summary>Show the table</summary>(?:(?!</details>).)*<p>in full</p>", page, re.S)
    assert page.count("Show the table") == 1


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    return built(tmp_path_factory.mktemp("plain"))


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))


def test_results_come_first_and_code_last(page):
    """All of it in one folded section; settings in force before what can be set."""
    before, after = page.split('<details class="gfn-code">')
    assert "cell_input" not in before
    assert after.count('class="cell_input') == 6
    assert before.index("drawn") < before.index("Numbers") < before.index("counted")
    assert "in force" not in before
    inside = words(after.split("</details>")[0])
    order = ["in force", "seeds = None", "settings_table(", "obtain(", "draw()", "table()"]
    assert sorted(order, key=inside.index) == order
    assert before.count("<section") - before.count("</section>") == 2  # of the page, and of the code


def test_an_output_and_its_code_lead_to_each_other(page):
    links = dict(re.findall(r'href="#((?:code|output)-\d+)">(.*?)</a>', page))
    assert {target for target in links if target.startswith("code")} == {"code-4", "code-5", "code-6"}
    assert [words(links[f"output-{n}"]) for n in (4, 5, 6)] == ["output in “Page”"] + 2 * ["output in “Numbers”"]
    assert all(page.count(f'id="{target}"') == 1 for target in links)


def test_the_name_of_a_figure_is_that_of_its_output(page):
    assert page.count('id="figure-x"') == 1
    assert re.search(
        r'<div class="cell gfn-output[^>]*id="figure-x">\s*<div class="cell_output[^>]*>.*?drawn', page, re.S
    )
    assert 'href="#figure-x"' in page


OWN = """# What is trained
tasks = [
    "sets",  # α is as in the paper
    "dags",
]
text = '''one
two = 2
'''
seeds: tuple | None = None  # all
"""


@pytest.mark.parametrize(
    ("values", "old", "new"),
    [
        ({"tasks": "['banana']"}, OWN[OWN.index("[") : OWN.index("]") + 1], "['banana']"),
        ({"text": "'three'"}, "'''one\ntwo = 2\n'''", "'three'"),
        ({"seeds": "(1, 2)"}, "None  #", "(1, 2)  #"),
        ({"new": "5"}, "# all", "# all\nnew = 5"),
    ],
)
def test_values_take_the_place_of_those_of_several_lines(values, old, new):
    """And nothing else of the cell changes, comments neither."""
    assert merged(OWN, values) == OWN.replace(old, new).rstrip("\n")


def test_all_values_can_be_given():
    values = {"tasks": "['ü']", "text": "'a\\nb'", "seeds": "None", "new": "5"}
    given = {
        statement.targets[0].id if hasattr(statement, "targets") else statement.target.id: statement.value
        for statement in ast.parse(merged(OWN, values)).body
    }
    assert {name: ast.literal_eval(value) for name, value in given.items()} == {
        "tasks": ["ü"],
        "text": "a\nb",
        "seeds": None,
        "new": 5,
    }
    assert merged("", {"new": "5"}) == "new = 5"


def test_given_parameters_take_the_place_of_the_notebooks_own(tmp_path):
    """One cell, as a reader sees it."""
    page = words(built(tmp_path, cell('# Parameters\nprofile = "smoke"', tags=["injected-parameters"])))
    assert page.count("profile =") == 1
    assert "profile = 'smoke' seeds = None" in page
