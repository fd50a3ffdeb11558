"""The assumption register: every entry has an anchor, and every link to one leads there."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import pytest

import gfn

ROOT = Path(gfn.__file__).parents[1]
BOOK = ROOT / "book"
REGISTER = BOOK / "assumptions.md"
PAGES = sorted(
    path for path in BOOK.rglob("*") if path.suffix in (".md", ".ipynb") and ".ipynb_checkpoints" not in path.parts
)
ENTRY = re.compile(r"^\((?P<label>[\w-]+)\)=\n### (?P<term>.+)$", re.M)
LINK = re.compile(r"\{ref\}`(?:[^`<]*<)?(a-[\w-]+)>?`|assumptions(?:\.md|\.html)?#(a-[\w-]+)")


def words(path: Path) -> str:
    """A page, or the cells of a notebook without what they put out."""
    text = path.read_text(encoding="utf-8")
    return text if path.suffix == ".md" else "\n\n".join("".join(c["source"]) for c in json.loads(text)["cells"])


def slug(term: str) -> str:
    """The label of an entry, from its heading."""
    plain = term.lower().replace("ε", "epsilon").replace("α", "alpha").replace("'", "")
    plain = unicodedata.normalize("NFKD", plain)
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return "-".join(["a", *re.findall(r"[a-z0-9]+", plain)])


ENTRIES = {match["label"]: match["term"] for match in ENTRY.finditer(words(REGISTER))}


def links(text: str) -> list[str]:
    return [one or other for one, other in LINK.findall(text)]


def test_every_entry_has_its_anchor():
    """No heading of an entry without one, none twice, and each by the rule that the page states."""
    heads = re.findall(r"^### (.+)$", words(REGISTER), re.M)
    assert len(heads) > 50
    assert list(ENTRIES.values()) == heads
    assert {slug(term): term for term in heads} == ENTRIES


def test_every_entry_says_why_and_whether_it_matters():
    for entry in re.split(r"^### ", words(REGISTER), flags=re.M)[1:]:
        body = entry.split("\n(a-")[0].split("\n## ")[0]
        assert re.search(r"^\S.+\n\n\*Why\.\* .+\n\n\*Matters\?\* .+", body.split("\n", 2)[2], re.M), entry


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(BOOK).as_posix())
def test_every_link_to_an_entry_leads_there(path):
    assert not set(links(words(path))) - set(ENTRIES)


def test_links_are_seen():
    """So that the test above is not empty, in each of their forms."""
    forms = (
        "{ref}`a-batch`, {ref}`words\non it <a-batch>`, [words](../assumptions.md#a-batch), assumptions.html#a-batch"
    )
    assert links(forms) == ["a-batch"] * 4
    assert links(words(REGISTER))
