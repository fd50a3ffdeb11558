"""The description of an edition: valid by its profiles, whole, and the same every time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import rocrate
from rocrate_validator import models, services
from rocrate_validator.utils.http import HttpRequester

import gfn
from gfn.environments import Sets
from gfn.policies import PolicySettings
from gfn.runs.objective import Objective
from gfn.runs.provenance import package_fingerprint
from gfn.runs.spec import TrainingSpec
from gfn.study import crate
from gfn.study.claims import Verdict
from gfn.study.results import load_or_train

ROOT = Path(gfn.__file__).parents[1]
CONTEXT = "https://w3id.org/ro/crate/1.1/context"
KEPT = ("Snakefile", "CITATION.cff", *(f"data/{path}" for path in crate.CRITERIA.values()))
SPECS = [
    TrainingSpec(
        task=Sets(universe=4, size=2),
        objective=Objective(name=name),
        policy=PolicySettings(hidden=(4,)),
        iterations=2,
        batch_size=4,
    )
    for name in ("tb", "reverse_kl")
]
FOUND = {
    "C2": Verdict("C2", "It is accurate.", "supported", pd.DataFrame({"outcome": ["supported"], "judged": [True]}))
}


@pytest.fixture(scope="module")
def edition(tmp_path_factory):
    """A checkout with two runs, of which one page shows one, and with its description."""
    root = tmp_path_factory.mktemp("edition")
    for name in (*KEPT, "book/paper/table1.ipynb", "book/paper/table1.csv", "book/paper/fig3.ipynb"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    for spec in SPECS:
        load_or_train(spec, root / "data/results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crate, "runs", lambda figure, profile: [SPECS[0].hash] if figure == "table1" else [])
        path = crate.write(root, root, "smoke", FOUND, {"C2": ["table1"]})
        first = path.read_bytes()
        assert crate.write(root, root, "smoke", FOUND, {"C2": ["table1"]}).read_bytes() == first
    return root


def graph(edition):
    found = json.loads((edition / crate.FILE).read_text())["@graph"]
    return {entity["@id"]: entity for entity in found}


def ids(value):
    return [each["@id"] for each in (value if isinstance(value, list) else [value])]


def test_a_claim_leads_to_figures_a_figure_to_runs_and_a_run_to_code(edition):
    of = graph(edition)
    pages = ids(of["#C2"]["subjectOf"])
    assert pages == ["../book/paper/table1.ipynb", "../book/paper/table1.csv"]
    (figure,) = (each for each in of.values() if each["@type"] == "CreateAction" and ids(each["result"]) == pages)
    (run,) = ids(figure["object"])
    assert run == f"results/{SPECS[0].hash}.parquet"
    (action,) = (each for each in of.values() if each["@type"] == "CreateAction" and ids(each["result"]) == [run])
    code = of[action["instrument"]["@id"]]
    assert (code["@type"], code["name"]) == ("SoftwareSourceCode", "gfn")
    assert code["identifier"] == package_fingerprint()


def test_every_reference_is_to_something_and_every_file_is_there(edition):
    of = graph(edition)
    for entity in of.values():
        for name, value in entity.items():
            if name != "@type":
                refs = [
                    each["@id"] for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)
                ]
                assert not [ref for ref in refs if ref not in of and not ref.startswith("http")], (entity["@id"], name)
        if "File" in entity["@type"]:
            assert (edition / "data" / entity["@id"]).is_file()


def vocabulary():
    """The vocabulary of RO-Crate 1.1, by the library's copy of 1.2, in which only the terms of workflows have moved."""
    found = json.loads((Path(rocrate.__file__).parent / "data/ro-crate.jsonld").read_text())
    named = {term: f"https://bioschemas.org/{term}" for term in ("ComputationalWorkflow", "FormalParameter")}
    named |= {term: f"https://bioschemas.org/ComputationalWorkflow#{term}" for term in ("input", "output")}
    found["@context"] |= named
    return found


def test_the_validator_finds_nothing(edition, monkeypatch, tmp_path):
    """By the profile of workflow runs and those that it builds on, without the network."""
    context = vocabulary()

    def get(self, address, **about):
        assert address == CONTEXT
        kind = {"Content-Type": "application/ld+json"}
        return SimpleNamespace(status_code=200, headers=kind, text=json.dumps(context), json=lambda: context)

    monkeypatch.setattr(HttpRequester, "get", get, raising=False)
    settings = services.ValidationSettings(
        rocrate_uri=str(edition / "data"),
        profile_identifier="workflow-run-crate",
        requirement_severity=models.Severity.REQUIRED,
        cache_path=tmp_path / "cache",
        offline=True,
    )
    found = [f"{issue.check.identifier}: {issue.message}" for issue in services.validate(settings).get_issues()]
    assert found == []
    damaged = edition / crate.FILE
    whole = damaged.read_text()
    damaged.write_text(whole.replace('"instrument"', '"description"'))
    assert services.validate(settings).get_issues()
    damaged.write_text(whole)
