"""The edition as a research object: claims, the figures that bear on them, the runs behind those, and the code of the runs.

``data/ro-crate-metadata.json`` follows the profile `Workflow Run RO-Crate <https://w3id.org/ro/wfrun/workflow/0.5>`_. Its
root is the folder ``data``; what lies outside is named from there. Dates are those of the runs, so that the same edition
always has the same description.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from gfn.runs.spec import parse_spec
from gfn.study.claims import Verdict
from gfn.study.evidence.questions import QUESTIONS
from gfn.study.experiments import FIGURES, runs
from gfn.study.paper import load_claims
from gfn.study.results import METADATA_KEY, describe
from gfn.study.verdicts import page_of, title_of

FILE = "data/ro-crate-metadata.json"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
CRITERIA = {"claims": "paper/claims.yaml", "questions": "beyond/questions.yaml"}
VERSIONS = ("gfn", "code", "torch", "numpy", "python")
PARQUET, NOTEBOOK = "application/vnd.apache.parquet", "application/x-ipynb+json"


def write(
    root: Path, new: Path, profile: str, verdicts: Mapping[str, Verdict], figures: Mapping[str, list[str]]
) -> Path:
    """Describe an edition, beside its runs.

    Arguments:
        root: the folder of the checkout, with what is not part of an edition.
        new: the folder of the edition, with ``data/results`` and ``book``; the checkout itself, or what is to come there.
        profile: whose runs it has.
        verdicts, figures: from :func:`gfn.study.verdicts.gather`.

    Returns:
        The file.
    """
    graph = _Graph(root, new, profile)
    graph.add_figures()
    graph.add_claims(verdicts, figures)
    path = new / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(graph.text(), encoding="utf-8")
    return path


class _Graph:
    """A crate that is filled step by step."""

    def __init__(self, root: Path, new: Path, profile: str) -> None:
        self.root, self.new, self.profile = root, new, profile
        from rocrate.rocrate import ROCrate  # only in the extra ``book``

        self.crate = ROCrate(version="1.1")
        self.cited = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
        self.about = {path.stem: _about(path) for path in sorted((new / "data/results").glob("*.parquet"))}
        self.written = sorted(each["written"] for each in self.about.values())
        self._add_head()
        self.workflow = self._add_workflow()
        self.code: dict[tuple[str, ...], Any] = {}
        self.files = {key: self._add_run(key, about) for key, about in self.about.items()}
        self.pages: dict[str, list[Any]] = {}

    def _entity(self, identifier: str, kind: str, /, **properties: Any) -> Any:
        from rocrate.model import ContextEntity

        return self.crate.add(ContextEntity(self.crate, identifier, {"@type": kind} | properties))

    def _file(self, path: str, /, **properties: Any) -> Any:
        """A file by its path from ``data``, with its size and its SHA-256; words of a notebook may change after its edition."""
        if path.endswith(".ipynb"):
            return self.crate.add_file(dest_path=path, properties=properties)
        inside = self.new / "data" / path
        content = (inside if inside.exists() else self.root / "data" / path).read_bytes()
        about = {"contentSize": str(len(content)), "sha256": hashlib.sha256(content).hexdigest()}
        return self.crate.add_file(dest_path=path, properties=properties | about)

    def _add_head(self) -> None:
        from rocrate.model import Person

        head, paper = self.crate.root_dataset, self.cited["preferred-citation"]
        self.authors = self._entity("#authors", "Organization", name=self.cited["authors"][0]["name"])
        people = [
            self.crate.add(Person(self.crate, f"#{person['family-names'].replace(' ', '-')}", {"name": _name(person)}))
            for person in paper["authors"]
        ]
        article = {"name": paper["title"], "datePublished": str(paper["year"])}
        self.paper = self._entity(paper["url"], "ScholarlyArticle", author=people, **article)
        licence = {"name": "MIT License", "identifier": "MIT"}
        head["license"] = self._entity("https://spdx.org/licenses/MIT", "CreativeWork", **licence)
        head["name"] = self.cited["title"]
        head["description"] = (
            f"The published edition: {len(self.about)} runs of the profile {self.profile}, the figures and tables that they"
            " are shown in, and verdicts on the claims of the paper."
        )
        head["author"] = self.authors
        head["citation"] = self.paper
        head["datePublished"] = self.written[-1]
        head["conformsTo"] = [
            self._entity(address, "CreativeWork", name=name, version=version)
            for address, (name, version) in PROFILES.items()
        ]

    def _add_workflow(self) -> Any:
        workflow = self.crate.add_workflow(dest_path="../Snakefile", main=True, lang="snakemake")
        workflow["name"] = "Runs, notebooks, book: what depends on what"
        workflow["author"] = self.authors
        workflow["license"] = self.crate.root_dataset["license"]
        chosen = self._entity("#profile", "PropertyValue", name="profile", value=self.profile)
        self.given = {"profile": chosen}
        for name, path in CRITERIA.items():
            text = f"Criteria of the {name}, frozen before the runs"
            self.given[name] = self._file(path, name=text, encodingFormat="application/yaml")
        inputs = []
        for name, entity in self.given.items():
            kind = "Text" if name == "profile" else "File"
            parameter = {"name": name, "additionalType": kind, "workExample": entity, "valueRequired": True}
            inputs.append(self._entity(f"#input-{name}", "FormalParameter", **parameter))
            entity["exampleOfWork"] = inputs[-1]
        workflow["input"] = inputs
        return workflow

    def _add_run(self, key: str, about: Mapping[str, Any]) -> Any:
        file = self._file(f"results/{key}.parquet", name=about["words"], encodingFormat=PARQUET)
        self._act(
            f"#run-{key}",
            f"Run {key}: {about['words']}",
            instrument=self._code(about),
            result=[file],
            endTime=about["written"],
        )
        return file

    def _code(self, about: Mapping[str, Any]) -> Any:
        """The code that made a run, with the versions under it, each combination once."""
        versions = tuple(about[name] for name in VERSIONS)
        if versions not in self.code:
            used = ", ".join(f"{name} {about[name]}" for name in VERSIONS[2:])
            text = f"The folder gfn without what only looks at results, by its fingerprint; with {used}"
            name = "-".join(["#gfn", about["code"], *([str(len(self.code))] if self.code else [])])
            properties = {"name": "gfn", "version": about["gfn"], "identifier": about["code"], "description": text}
            properties |= {"author": self.authors, "license": self.crate.root_dataset["license"]}
            properties["programmingLanguage"] = f"Python {about['python']}"
            self.code[versions] = self._entity(name, "SoftwareSourceCode", **properties)
        return self.code[versions]

    def _act(self, key: str, name: str, /, instrument: Any, result: Iterable[Any], **properties: Any) -> Any:
        own = {"name": name, "agent": self.authors, "actionStatus": "http://schema.org/CompletedActionStatus"}
        return self.crate.add_action(instrument, key, result=list(result), properties=own | properties)

    def add_figures(self) -> None:
        """Every page with its notebook and its table, made from its runs; and all of them by the workflow."""
        for figure in FIGURES:
            page, files = page_of(figure), [("ipynb", NOTEBOOK), ("csv", "text/csv")]
            found = [(f"../book/{page}.{end}", kind) for end, kind in files if self._has(f"book/{page}.{end}")]
            title = title_of(figure)
            self.pages[figure] = [self._file(path, name=title, encodingFormat=kind) for path, kind in found]
            # Of its own page, verdicts and answers take whatever the others use.
            used = [self.files[key] for key in runs(figure, self.profile) if key in self.files]
            if self.pages[figure]:
                name = f"Make the page {title} from {len(used)} runs"
                made = {"object": used or [self.given["profile"]], "endTime": self.written[-1]}
                instrument = self._code(next(iter(self.about.values())))
                self._act(f"#figure-{figure}", name, instrument, self.pages[figure], **made)
        every = [file for files in self.pages.values() for file in files]
        whole = {"object": list(self.given.values()), "startTime": self.written[0], "endTime": self.written[-1]}
        self._act("#edition", "Make the edition", self.workflow, [*self.files.values(), *every], **whole)

    def _has(self, name: str) -> bool:
        return (self.new / name).exists()

    def add_claims(self, verdicts: Mapping[str, Verdict], figures: Mapping[str, list[str]]) -> None:
        """The paper's claims with the figures that bear on them and the verdicts; and our questions with their pages."""
        for claim, verdict in verdicts.items():
            pages = [file for figure in figures[claim] for file in self.pages.get(figure, [])]
            about = {"name": f"Claim {claim}", "description": verdict.text, "subjectOf": pages}
            stated = self._entity(f"#{claim}", "Claim", appearance=self.paper, **about)
            text = f"{verdict.short}: measurements that are supported, contradicted and inconclusive"
            own = {"name": f"Verdict on {claim}", "reviewBody": text, "itemReviewed": stated, "author": self.authors}
            self._entity(f"#verdict-{claim}", "Review", isBasedOn=pages, **own)
        for name, question in load_claims("beyond").items():
            pages = self.pages.get(QUESTIONS[name].page, [])
            text = " ".join(question["claim"].split())
            self._entity(f"#{name}", "Claim", name=f"Question {name}", description=text, subjectOf=pages)

    def text(self) -> str:
        """The description as JSON-LD, entities in a fixed order."""
        found = self.crate.metadata.generate()
        found["@graph"].sort(key=lambda entity: (entity["@id"] not in ("ro-crate-metadata.json", "./"), entity["@id"]))
        return json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _about(path: Path) -> dict[str, Any]:
    """Provenance of a stored run, with the run in a few words."""
    about = json.loads(pq.read_metadata(path).metadata[METADATA_KEY])
    # Before runs had fingerprints of their own, that of all code was called the source.
    return {"code": about["source"]} | about | {"words": describe(parse_spec(json.dumps(about["spec"])))}


def _name(person: Mapping[str, str]) -> str:
    return f"{person['given-names']} {person['family-names']}"
