"""The book says what the code does: values, names, references, code blocks, notebooks, environments."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import tomllib
from collections import Counter
from itertools import groupby, pairwise
from pathlib import Path

import nbformat
import pytest
import torch
import yaml
from packaging.requirements import Requirement
from packaging.version import Version
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import gfn
from gfn import policies
from gfn.environments import PAPER_TASKS, TASKS, digits
from gfn.estimators import control_variates
from gfn.evaluation import accuracy, measures, samples
from gfn.policies import mixture
from gfn.rivals import annealed, base, bit_gan, denoising, flow, gan, masked_diffusion, nuts, path_integral
from gfn.runs import objective, spec
from gfn.runs.objective import Objective
from gfn.study import plotting
from gfn.study.evidence import discovery
from gfn.study.evidence.questions import QUESTIONS
from gfn.study.evidence.registry import SOURCES
from gfn.study.experiments import BEYOND, FIGURES, PROFILES, comparisons, off_policy, tasks
from gfn.study.oracle import examination, family, situations
from gfn.study.oracle import tables as oracle_tables
from gfn.study.paper import load_claims
from gfn.study.said.pages import FINDINGS
from gfn.study.verdicts import page_of, title_of
from tests.test_house import FLOORS

ROOT = Path(gfn.__file__).parents[1]
BOOK = ROOT / "book"
PAGES = sorted(p for p in BOOK.rglob("*.md") if ".ipynb_checkpoints" not in p.parts)
NOTEBOOKS = sorted(p for p in BOOK.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def markdown(path: Path) -> str:
    """The words of a page or notebook."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


# What the assumption register may name.
CLASSES = {cls.__name__: cls for cls in (*TASKS.values(), Objective, policies.PolicySettings)}
CLASSES |= {
    cls.__name__: cls for cls in (spec.Draws, spec.TrainingSpec, spec.GradientSpec, spec.ReferenceSpec, spec.CostSpec)
}
MODULES = (mixture, control_variates, accuracy, measures, objective, tasks, comparisons, discovery, off_policy)
MODULES = (*MODULES, examination, family, oracle_tables, situations, digits, samples)
MODULES = (*MODULES, annealed, base, bit_gan, denoising, flow, gan, masked_diffusion, nuts, path_integral)
MODULES = {module.__name__.split(".")[-1]: module for module in MODULES}
REGISTER = (BOOK / "assumptions.md").read_text(encoding="utf-8")
# Every pair of backticks is taken in turn, so that words between two of them are not read as code.
VALUES = [tuple(code.split(" = ", 1)) for code in re.findall(r"`([^`]+)`", REGISTER) if " = " in code]


def default(model: type[BaseModel], field: str):
    found = model.model_fields[field]
    assert found.default is not PydanticUndefined
    return found.default


def in_code(expression: str):
    """The code's value of ``Class.field``, ``module.NAME`` or ``PROFILES[…]…``."""
    if expression.startswith("PROFILES"):
        keys = [ast.literal_eval(key) for key in re.findall(r"\[([^\]]+)\]", expression)]
        value = PROFILES
        for key in keys:
            value = value[key]
        return value
    owner, attribute = expression.split(".")
    return default(CLASSES[owner], attribute) if owner in CLASSES else getattr(MODULES[owner], attribute)


@pytest.mark.parametrize(("expression", "value"), VALUES, ids=[expression for expression, _ in VALUES])
def test_the_register_has_the_values_of_the_code(expression, value):
    assert in_code(expression) == ast.literal_eval(value)


def test_the_register_lists_every_law_and_the_choices_of_training():
    """All that the tasks leave open but their sizes, and all of a training but its identity."""
    listed = {expression for expression, _ in VALUES}
    sizes = {"task", "universe", "size", "alphabet", "length"}
    needed = {f"{t.__name__}.{f}" for t in PAPER_TASKS.values() for f in t.model_fields.keys() - sizes}
    needed -= {"Hypergrid.side", "Hypergrid.dimensions"}  # the paper's sizes
    needed -= {"DAGs.data", "Phylogenetics.alignment"}  # what stands there is described in words
    not_drawn = {"GaussianMixture", "Banana", "Hypergrid", "Phylogenetics"}
    needed -= {f"{name}.task_seed" for name in not_drawn}
    training = spec.TrainingSpec.model_fields.keys() - {
        "kind",
        "task",
        "objective",
        "policy",
        "draws",
        "iterations",
        "density",
    }
    needed.add("Draws.scheme")
    needed |= {f"TrainingSpec.{field}" for field in training}
    needed |= {f"PolicySettings.{field}" for field in policies.PolicySettings.model_fields}
    assert needed <= listed
    assert len(listed) == len(VALUES)


def test_the_register_describes_the_graph_that_the_seed_draws():
    """One edge more than are expected."""
    task = TASKS["dags"]()
    assert "has one edge more than are expected" in REGISTER
    assert int(task.true_graph.sum()) == task.nodes * task.edges_per_node + 1


ROLE = re.compile(r"\{py:(\w+)\}`([^`]+)`")
ROLES = sorted({match for path in (*PAGES, *NOTEBOOKS) for match in ROLE.findall(markdown(path))})


CONTENTS = yaml.safe_load((BOOK / "_toc.yml").read_text(encoding="utf-8"))
(API_PAGES,) = [
    [section["file"] for section in chapter["sections"]]
    for part in CONTENTS["parts"]
    for chapter in part["chapters"]
    if chapter["file"] == "guide/api"
]
API = "\n".join(markdown(BOOK / f"{page}.md") for page in API_PAGES)


def resolve(dotted: str):
    """The object of a dotted name."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            value = getattr(value, part)
        return value
    raise AssertionError(f"{dotted} cannot be imported")


@pytest.mark.parametrize(("role", "target"), ROLES, ids=[target for _, target in ROLES])
def test_every_reference_to_code_leads_somewhere(role, target):
    """And is of the kind that it says; the API page documents its module."""
    dotted = re.sub(r".*<(.+)>", r"\1", target).lstrip("~")
    found = resolve(dotted)
    kinds = {"class": isinstance(found, type), "func": callable(found), "meth": callable(found)}
    assert kinds.get(role, True)
    if role == "mod":
        assert found.__name__ == dotted
    documented = re.findall(r"auto(?:module|class|function):: (\S+)", API)
    assert any(dotted == entry or dotted.startswith(f"{entry}.") for entry in documented)


def test_the_api_documents_every_module():
    """Each on one page of book/guide/api/, that of its folder; the message names those that are missing."""
    documented = re.findall(r"automodule:: (\S+)", API)
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "gfn").rglob("*.py")
    }
    assert sorted(modules - {"gfn"} - set(documented)) == []
    assert sorted(documented) == sorted(modules - {"gfn"})


def test_the_api_is_a_staircase():
    """As it says: its pages are the rooms of the house, in order."""
    rooms = [set(re.findall(r"automodule:: gfn\.(\w+)", markdown(BOOK / f"{page}.md"))) for page in API_PAGES]
    assert [room for room, _ in groupby(rooms)] == [set(floor) for floor in FLOORS]
    shown = re.findall(r"\{doc\}`(api/\w+)`", markdown(BOOK / "guide" / "api.md"))
    assert [f"guide/{page}" for page in shown] == API_PAGES


def test_contents_are_all_pages():
    """Each page is in the table of contents once, and each entry is a page."""
    contents = CONTENTS
    chapters = [chapter for part in contents["parts"] for chapter in part["chapters"]]
    inside = [section["file"] for chapter in chapters for section in chapter.get("sections", [])]
    entries = [contents["root"], *(chapter["file"] for chapter in chapters), *inside]
    pages = [p.relative_to(BOOK).with_suffix("").as_posix() for p in (*PAGES, *NOTEBOOKS)]
    assert sorted(entries) == sorted(pages)


DOC = re.compile(r"\{doc\}`(?:[^`<]*<([^>`]+)>|([^`]+))`")
DOCS = [(path, a or b) for path in (*PAGES, *NOTEBOOKS) for a, b in DOC.findall(markdown(path))]


@pytest.mark.parametrize(("path", "target"), DOCS, ids=[f"{name(path)} {target}" for path, target in DOCS])
def test_every_reference_to_a_page_leads_to_one(path, target):
    place = BOOK / target.lstrip("/") if target.startswith("/") else path.parent / target
    assert any(place.with_name(place.name + suffix).exists() for suffix in (".md", ".ipynb"))


def test_every_equation_and_section_that_is_referred_to_has_its_label():
    text = "\n".join(markdown(path) for path in (*PAGES, *NOTEBOOKS))
    for role, labels in (("eq", re.findall(r":label: (\S+)", text)), ("ref", re.findall(r"^\((\S+)\)=$", text, re.M))):
        named = re.findall(rf"\{{{role}\}}`(?:[^`<]*<([^>`]+)>|([^`]+))`", text)
        assert {label or bare for label, bare in named} <= set(labels)
        assert len(labels) == len(set(labels))


ENTRIES = re.split(r"(?m)^@", (BOOK / "references.bib").read_text(encoding="utf-8"))[1:]
KEYS = [entry.split("{", 1)[1].split(",", 1)[0] for entry in ENTRIES]


def test_every_citation_is_in_the_bibliography():
    cited = {
        key.strip()
        for path in (*PAGES, *NOTEBOOKS)
        for keys in re.findall(r"\{cite:\w+\}`([^`]+)`", markdown(path))
        for key in keys.split(",")
    }
    assert cited <= set(KEYS)
    assert len(KEYS) == len(set(KEYS))
    assert "dasilva2024divergence" in cited


@pytest.mark.parametrize("entry", ENTRIES, ids=KEYS)
def test_every_entry_of_the_bibliography_is_complete(entry):
    """Who, what, when and where; links are secure."""
    fields = {key.lower(): value for key, value in re.findall(r"^\s*(\w+)\s*=\s*\{(.+)\},?$", entry, re.M)}
    assert {"title", "author", "year"} <= fields.keys()
    assert re.fullmatch(r"(19|20)\d\d", fields["year"])
    assert {"booktitle", "journal", "institution", "howpublished", "note"} & fields.keys()
    assert fields.get("url", "https://").startswith("https://")


def blocks(path: Path) -> str:
    """The Python blocks of a page, one after the other, each at its own line for messages."""
    lines, inside, out = path.read_text(encoding="utf-8").splitlines(), False, []
    for line in lines:
        fence = line.startswith("```")
        out.append(line if inside and not fence else "")
        inside = line.startswith("```python") or (inside and not fence)
    return "\n".join(out)


WITH_CODE = [path for path in PAGES if "```python" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", WITH_CODE, ids=name)
def test_code_in_the_book_runs(path, capsys, monkeypatch, tmp_path):
    """In order, as a reader would, in a folder of its own; the guide's own assertions hold, and what it shows comes out."""
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks(path), str(path), "exec", dont_inherit=True), {"__name__": "__main__"})
    shown = re.findall(r"^```text\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)
    if shown:
        assert alike(capsys.readouterr().out, "".join(shown))


def alike(printed: str, shown: str) -> bool:
    """The same words, and numbers that differ by no more than another machine may make of a training."""
    words, others = printed.split(), shown.split()
    return len(words) == len(others) and all(map(_alike, words, others))


def _alike(word: str, other: str) -> bool:
    if re.fullmatch(r"\d+\.\d+", word) and re.fullmatch(r"\d+\.\d+", other):
        return abs(float(word) - float(other)) <= 0.06
    return word == other


def test_what_a_page_shows_wrongly_is_noticed():
    assert alike("a 0.50\n", "a  0.52\n")
    for other in ("a 0.60", "b 0.50", "a", "a 0.50 c", "a 0.5x"):
        assert not alike("a 0.50", other)


def test_the_example_of_the_readme_runs():
    """With a model and a batch in the place of its dots: gradients come out."""
    code = blocks(ROOT / "README.md")
    assert code.count("...") == 1
    model = torch.nn.Linear(1, 4)
    categorical = torch.distributions.Categorical(logits=model(torch.ones(1))[None])
    drawn = categorical.sample((32,))[:, 0]
    three = categorical.log_prob(drawn[:, None])[:, 0], torch.zeros(32), drawn.double()
    code = code.replace("...", "three", 1)
    exec(compile(code, "README.md", "exec", dont_inherit=True), {"model": model, "three": three})
    assert all(parameter.grad.isfinite().all() and parameter.grad.any() for parameter in model.parameters())


def test_the_code_of_the_book_is_found():
    """So that the tests above are not empty."""
    assert BOOK / "guide" / "own_problem.md" in WITH_CODE
    assert len(ROLES) > 20
    assert len(DOCS) > 20
    assert len(VALUES) > 30


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_notebooks_have_their_parameters_and_no_algorithm(path):
    """One cell tagged ``parameters`` with exactly the figure's settings, None but for profile and device; no definitions."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    (tagged,) = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    assert tagged is cells[0]
    given = {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(tagged.source).body}
    assert list(given) == list(FIGURES[path.stem].model_fields)
    assert given == dict.fromkeys(given) | {"profile": "edition", "device": "cpu"}
    assert f'parameters("{path.stem}", globals())' in cells[1].source
    for cell in cells:
        kinds = {type(node) for node in ast.walk(ast.parse(cell.source))}
        assert not kinds & {ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_notebooks_ask_and_answer(path):
    """A question at the top; what was assumed, but for the page of verdicts; a verdict, where the page bears on claims."""
    text = markdown(path)
    assert text.startswith("# ")
    assert "**Question.**" in text.split("\n\n")[1]
    judging = {*SOURCES, "answers", *(question.page for question in QUESTIONS.values())}
    assert bool(re.search(r"^## Verdicts?$", text, re.M)) == (path.stem in judging)
    if path.stem == "verdicts":
        heads = re.findall(r"^## (.+)$", text, re.M)
        assert [head.split(": ")[0] for head in heads] == [
            *load_claims(),
            "At other budgets",
            "What changed from version 1",
        ]
    else:
        assert "## What was assumed" in text
        assert "assumptions>" in text


# Names in capitals are of tables and styles; those that draw are functions.
DRAWING = re.compile(rf"\b({'|'.join(n for n in plotting.__all__ if n.islower() and n != 'use_style')})\(")
# Pages that begin with what they found.
OPENED = [path for path in NOTEBOOKS if path.stem in FINDINGS]


@pytest.mark.parametrize("path", OPENED, ids=name)
def test_pages_open_with_what_was_found(path):
    """A question in three sentences at most; then the finding with its verdicts, and the first figure or table before any heading."""
    cells = nbformat.read(path, as_version=4).cells
    question = cells[0].source.split("\n\n", 1)[1]
    assert len(re.findall(r"[.?](?= |$)", question.removeprefix("**Question.** "))) <= 3
    opening = next(at for at, cell in enumerate(cells) if "opening(" in cell.source)
    assert all(cell.cell_type == "code" for cell in cells[1 : opening + 1])
    judged = re.findall(r"^(\w+) = judge\(", "\n".join(cell.source for cell in cells), re.M)
    assert cells[opening].source.endswith("".join(f", {verdict}" for verdict in judged) + ")")
    heading = next(at for at, cell in enumerate(cells) if at and re.search(r"^## ", cell.source, re.M))
    drawn = [at for at, cell in enumerate(cells) if DRAWING.search(cell.source)]
    assert not drawn or opening < drawn[0] < heading


@pytest.mark.parametrize("path", [path for path in OPENED if path.stem.startswith("fig")], ids=name)
def test_figures_have_the_papers_number(path):
    """In the title and in every caption: the proceedings' own."""
    cells = nbformat.read(path, as_version=4).cells
    number = path.stem.removeprefix("fig")
    assert cells[0].source.startswith(f"# Figure {number}: ")
    captions = [after for cell, after in pairwise(cells) if DRAWING.search(cell.source)]
    assert captions
    assert all(re.match(rf"\*\*\*Figure {number}[.,]", caption.source) for caption in captions)


def test_every_page_that_bears_on_claims_judges_them():
    """Exactly those that the registry has, from its evidence."""
    for figure in SOURCES:
        cells = nbformat.read(BOOK / f"{page_of(figure)}.ipynb", as_version=4).cells
        code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        assert f'evidence_of("{figure}", settings, runs)' in code
        judged = re.findall(r'judge\("(C\d+)", .*\["(C\d+)"\], settings.profile\)', code)
        assert judged
        assert all(claim == evidence for claim, evidence in judged)
        assert {claim for claim, _ in judged} == set(
            re.findall(r"[Cc]laim (C\d+)", markdown(BOOK / f"{page_of(figure)}.ipynb"))
        )


ASKED = Counter(question.page for question in QUESTIONS.values())  # how many questions a page has


@pytest.mark.parametrize("question", [name for name, each in QUESTIONS.items() if ASKED[each.page] == 1])
def test_the_page_of_a_question_judges_it(question):
    """It alone, by its own criteria, and opens with the answer in words."""
    cells = nbformat.read(BOOK / f"{page_of(QUESTIONS[question].page)}.ipynb", as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    given = r"evidence\(settings, runs\), settings.profile, claims=load_claims\("
    assert re.findall(rf'judge\("(\w+)", (?:\w+\.)?{given}"(\w+)"\)\)', "\n".join(code)) == [(question, "beyond")]
    assert re.search(r"opening\((?:\w+\.)?answer\(settings, runs\), verdict\)$", code[3])
    assert "verdict" in code


@pytest.mark.parametrize("page", [page for page, count in ASKED.items() if count > 1])
def test_a_page_of_several_questions_judges_each(page):
    """By its own criteria, with the answer in words above, and opens with all of them."""
    cells = nbformat.read(BOOK / f"{page_of(page)}.ipynb", as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    each = 'judge(name, QUESTIONS[name].evidence(settings, runs), settings.profile, claims=load_claims("beyond"))'
    assert f'asked = [name for name, question in QUESTIONS.items() if question.page == "{page}"]' in code[2]
    assert f"verdicts = {{name: {each} for name in asked}}" in code[2]
    assert re.search(r"opening\(\w+\(runs\), \*verdicts.values\(\)\)$", code[3])
    for name, question in QUESTIONS.items():
        if question.page == page:
            answer = f"Markdown({question.answer.__name__}(settings, runs))"
            assert code.index(answer) + 1 == code.index(f'verdicts["{name}"]')


def test_the_index_of_questions_has_an_answer_to_each():
    """Under its own anchor, with a link to its page."""
    cells = nbformat.read(BOOK / "beyond" / "answers.ipynb", as_version=4).cells
    code = {cell.source: place for place, cell in enumerate(cells)}
    for name, question in QUESTIONS.items():
        place = code[f'Markdown(answers["{name}"].text)']
        title = (
            re.escape(title_of(question.page)) if ASKED[question.page] == 1 else ".+"
        )  # each its own on a page of several
        assert re.search(rf"\({name.lower()}\)=\n### {name}: {title}\n", cells[place - 1].source)
        assert f"{{doc}}`{question.page}`" in cells[place - 1].source


def test_pages_beyond_the_paper_have_their_titles():
    """Those by which the index and others link to them."""
    shown = {path.stem: markdown(path).splitlines()[0] for path in NOTEBOOKS if path.stem in BEYOND}
    assert shown == {page: f"# {title_of(page)}" for page in shown}


TABLES_ONLY = ("calibration", "sensitivity", "table1", "which")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_every_figure_has_a_caption_a_name_and_words_in_its_place(path):
    """Cells that draw, and those that show a picture; some pages have tables alone. A caption stands in the cell or below it."""
    names = []
    cells = nbformat.read(path, as_version=4).cells
    for cell, after in zip(cells, [*cells[1:], None]):
        shown = [output.get("data", {}) for output in cell.get("outputs", [])]
        pictures = any("image/png" in data or "gfn-figure" in data.get("text/html", "") for data in shown)
        if cell.cell_type == "code" and (DRAWING.search(cell.source) or pictures):
            about = cell.metadata["mystnb"]
            assert len(about["image"]["alt"]) > 40
            below = after.source.split("\n\n")[0] if after and after.cell_type == "markdown" else ""
            assert about["figure"].get("caption", "").endswith(".") or re.fullmatch(r"\*{3}.+\*\*.*\*", below, re.S)
            names.append(about["figure"]["name"])
    assert bool(names) == (path.stem not in TABLES_ONLY)
    others = [other for other in NOTEBOOKS if other != path]
    assert len(names) == len(set(names))
    assert not any(f'"name": "{name}"' in other.read_text(encoding="utf-8") for other in others for name in names)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_every_page_offers_its_data_and_itself(path):
    """The data where the page saves any, under its own name, with columns that are there."""
    text = markdown(path)
    assert f"<{path.stem}.ipynb>" in text
    code = path.read_text(encoding="utf-8")
    assert ("save_data(" in code) == (f"{{download}}`Data of this page (CSV) <{path.stem}.csv>`" in text)
    assert ("save_data(" in code) == (path.stem != "tasks")
    assert "save_data(" not in code or f'save_data(\\"{path.stem}\\"' in code


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIRED = [*PROJECT["dependencies"], *EXTRAS["book"], *EXTRAS["test"]]


def test_the_conda_environment_is_that_of_the_package():
    """The same bounds, and the package itself with both extras."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, pip = environment["dependencies"]
    bounds = [line for line in pip["pip"] if not line.startswith("-")]
    assert bounds == REQUIRED
    assert "-e .[book,test]" in pip["pip"]
    assert environment["name"] == PROJECT["name"]
    (python,) = [line.split("=")[1] for line in conda if line.startswith("python=")]
    assert Version(python) in Requirement(f"python{PROJECT['requires-python']}").specifier


def test_every_requirement_is_pinned_within_its_bounds():
    """Each constraint is one exact version; torch's is the one that results were made with."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    versions = {}
    for pin in pins:
        (exact,) = pin.specifier
        assert exact.operator == "=="
        versions[canonical(pin.name)] = exact.version
    assert len(versions) == len(pins)
    for line in REQUIRED:
        requirement = Requirement(line)
        assert Version(versions[canonical(requirement.name)]) in requirement.specifier
    assert versions["torch"] == "2.13.0"


def canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_names_and_versions_agree():
    """Of the package, its metadata and its citation."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert PROJECT["version"] == gfn.__version__
    assert citation.get("version", gfn.__version__) == gfn.__version__
    assert PROJECT["name"] not in ("gfn", "torchgfn")
    assert PROJECT["name"] in (BOOK / "guide" / "install.md").read_text(encoding="utf-8")


COMMANDS = [
    command
    for page in ("install", "command_line", "own_data", "own_dags")
    for command in re.findall(r"^(gfn .+)$", (BOOK / "guide" / f"{page}.md").read_text(encoding="utf-8"), re.M)
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_the_guide_are_understood(command, monkeypatch, tmp_path, capsys):
    """Up to the work itself, which is left out."""
    from gfn import cli

    monkeypatch.chdir(tmp_path)
    Path("measurements.csv").write_text("a,b\n1,2.5\n3,4\n2,9\n7,1\n")
    if command.startswith("gfn table"):
        Path("measurements.csv").rename("measurements.tsv")
        Path("from_r.txt").write_text('"a" "b"\n"1" 1 2.5\n"2" 3 4\n"3" 2 9\n"4" 7 1\n')
        Path("from_excel.csv").write_text("a;b\n1;2,5\n3;4\n2;9\n7;1\n")
        Path("measurements.tsv").write_text("a\tb\n1\t2.5\n3\t4\n2\t9\n7\t1\n")
    Path("sequences.fasta").write_text(">a\nACGT\n>b\nACGA\n>c\nACTT\n")
    monkeypatch.setattr("gfn.study.results.load_or_train", lambda *arguments: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(SystemExit) as left:
        cli.main(shlex.split(command)[1:])
    error = capsys.readouterr().err
    assert left.value.code in (0, 130) or "does not exist" in error
