"""The study with torchgfn: what the page says follows from its runs, which go on where they were interrupted."""

from __future__ import annotations

import json
import math
import re
from typing import ClassVar

import pytest

from benchmarks import torchgfn
from benchmarks.processes import WorkerError
from benchmarks.suite import machine
from benchmarks.torchgfn import FULL, OBJECTIVES, PAGE, QUICK, RESULTS, main, measure, read, units
from benchmarks.torchgfn_page import (
    END,
    LINE,
    adapter,
    choice,
    contents,
    description,
    moments,
    ratio,
    report,
    verdict,
    write_page,
)

FACTORS = {"tb": 1.0, "tb_batch": 0.8, "vargrad": 0.5, "reverse_kl": 0.5, "renyi": 2.0, "forward_kl": 1.0}


def made_up(seeds: int = 10) -> dict:
    """Runs with errors that halve at each checkpoint; seeds differ by up to 10 %, forward KL by more than from TB."""
    settings = FULL | {"seeds": seeds}
    rows = []
    for seed in range(seeds):
        for task in settings["tasks"]:
            for objective in OBJECTIVES:
                noise = 1 + 0.01 * seed * (1 if objective == "tb" else -1)
                noise *= 1.5 ** (-1) ** seed if objective == "forward_kl" else 1
                l1 = [FACTORS[objective] * noise * 0.5**step for step in range(len(settings["checkpoints"]))]
                row = {"task": task, "objective": objective, "seed": seed, "l1": l1, "seconds": 5.0}
                rows.append(row | {"log_z": 4.0, "objects": 144})
    about = {"date": "2026-01-02T03:04:05", "minutes": 12.0, "machine": machine(), "load": 0.5}
    return about | {"versions": {"torchgfn": "2.4.1", "torch": "2.13.0"}, "settings": settings, "rows": rows}


def test_verdicts_follow_from_the_runs_of_all_seeds():
    results, last = made_up(), FULL["checkpoints"][-1]
    found = {name: ratio(results, "sets", name, last) for name in OBJECTIVES}
    words = {name: verdict(one) for name, one in found.items()}
    assert words == {
        "tb": "open",
        "tb_batch": "lower",
        "vargrad": "lower",
        "reverse_kl": "lower",
        "renyi": "higher",
        "forward_kl": "open",
    }
    assert found["renyi"].low < found["renyi"].middle < found["renyi"].high


def test_one_seed_tells_nothing_apart():
    results = made_up(seeds=1)
    assert {verdict(ratio(results, "dense", name, 256)) for name in OBJECTIVES} == {"open"}
    text = report(results, "picture.svg")
    assert "lower than TB" not in text
    assert text.count("these seeds tell no loss apart from TB") == 2 * len(FULL["tasks"])
    assert "on sets all of them." in choice(results)
    assert "(one seed), **open**" in text


def test_an_interval_is_student_s():
    """Against its formula, for two seeds whose ratios are 2 and 8."""
    results = made_up(seeds=2)
    for row in results["rows"]:
        row["l1"] = [(2.0, 8.0)[row["seed"]] if row["objective"] == "renyi" else 1.0] * len(FULL["checkpoints"])
    one = ratio(results, "sets", "renyi", 256)
    share = 0.1 / (5 * 3 * 2)
    quantile = 1 / math.tan(math.pi * share / 2)  # of one degree of freedom
    assert one.middle == pytest.approx(4)
    assert math.log(one.high) == pytest.approx(math.log(4) + quantile * math.log(2), rel=1e-6)
    assert one.low * one.high == pytest.approx(16)


def test_the_page_says_what_the_runs_say():
    """Each task once with a sentence and a table, numbers plain, the machine named."""
    results = made_up()
    text = report(results, "picture.svg")
    for task in ("Dense grid, 8 × 8, R0 = 0.1", "Sparse grid, 8 × 8, R0 = 1e−4", "Sets, 8 of 16 items"):
        assert text.count(f"**{task}**: ") == text.count(f"**{task}.**\n") == 1
    assert text.count("after 256 iterations".capitalize()) == len(FULL["tasks"])
    assert "lower than TB's with TB started from a batch (0.731 of it), log-partition variance (0.457 of it)" in text
    assert "higher than TB's with Rényi" in text
    assert "open with forward KL" in text
    assert "the error of the one is 1.00 of that of the other at the end (1.00 to 1.00 over" in text
    assert "Lowest at the end: log-partition variance." in text
    for said in (
        "torchgfn 2.4.1, torch 2.13.0",
        machine()["processor"],
        "10 seeds",
        "2026-01-02",
        "15.0 minutes",
        "seeds 0 to 9",
    ):
        assert said in text
    assert not re.search(r"\d[eE]-\d|nan|inf\b", text)


def test_what_to_take_follows_from_the_end():
    """A word in every cell; the best with what is not told apart from it."""
    text = choice(made_up())
    assert "| Rényi | higher | higher | higher |" in text
    assert "| log-partition variance | lower | lower | lower |" in text
    assert "| forward KL | open | open | open |" in text
    assert "on dense rewards log-partition variance and reverse KL; on sparse rewards" in text


def test_the_adapter_on_the_page_is_the_example_s():
    text = adapter()
    assert text.startswith("```{code-block} python\nimport gfn_divergences\n")
    assert "class DivergenceGFlowNet(TrajectoryBasedGFlowNet):" in text
    assert "def main" not in text
    assert len(text.splitlines()) <= 45


def test_the_page_is_written_between_its_lines(tmp_path):
    """All else stays; twice is as once; without the lines it is refused."""
    page = tmp_path / "page.md"
    places = "\n".join(
        f"{LINE.format(name=name)}\nold\n{END.format(name=name)}" for name in ("adapter", "results", "choice")
    )
    page.write_text(f"# Mine\n\n{places}\n\nAfter.\n")
    drawn = write_page(made_up(), page)
    once = page.read_text(), drawn.read_bytes()
    assert once[0].startswith("# Mine\n")
    assert once[0].endswith("\nAfter.\n")
    assert "\nold\n" not in once[0]
    assert (write_page(made_up(), page), page.read_text(), drawn.read_bytes()) == (drawn, *once)
    page.write_text("# Mine\n")
    with pytest.raises(ValueError, match="has no lines"):
        write_page(made_up(), page)


def test_the_committed_page_is_that_of_the_committed_results():
    results, page = read(RESULTS), PAGE.read_text(encoding="utf-8")
    for name, content in contents(results, "../_static/torchgfn.svg").items():
        assert f"{LINE.format(name=name)}\n{content}\n{END.format(name=name)}" in page
    drawn = (PAGE.parents[1] / "_static" / "torchgfn.svg").read_text(encoding="utf-8")
    assert f"<dc:description>{description(results)}</dc:description>" in drawn


def test_the_committed_results_are_whole():
    """Every training once, of the settings that the study has; seeds enough for words."""
    results = read(RESULTS)
    settings = results["settings"]
    assert settings | {"seeds": FULL["seeds"]} == FULL
    assert settings["seeds"] >= 3
    assert sorted((row["task"], row["objective"], row["seed"]) for row in results["rows"]) == sorted(units(settings))
    assert moments(results) == [64, FULL["checkpoints"][-1]]
    assert all(0 <= distance <= 2 for row in results["rows"] for distance in row["l1"])


class Made:
    """A worker that answers at once, and fails where it is told to."""

    asked: ClassVar[list] = []
    fails_at = None

    def __init__(self, name, path):
        assert name == "torchgfn study"

    def ask(self, do, **fields):
        if do == "about":
            return {"torchgfn": "2.4.1"}
        if len(self.asked) == self.fails_at:
            raise WorkerError("out of luck")
        self.asked.append((fields["objective"], fields["seed"]))
        return {"l1": [1.0] * len(fields["checkpoints"]), "seconds": 1.0, "log_z": 0.0, "objects": 2}

    def stop(self):
        pass


@pytest.fixture
def worker(monkeypatch, tmp_path):
    monkeypatch.setattr(torchgfn, "Worker", Made)
    monkeypatch.setattr(torchgfn, "BUILD", tmp_path)
    monkeypatch.setattr(Made, "asked", [])
    monkeypatch.setattr(Made, "fails_at", None)
    return Made


def test_an_interrupted_study_goes_on(worker, monkeypatch, tmp_path):
    kept = tmp_path / "parts" / "kept.jsonl"
    monkeypatch.setattr(worker, "fails_at", 7)
    with pytest.raises(WorkerError):
        measure(QUICK, kept)
    assert len(kept.read_text().splitlines()) == 7
    monkeypatch.setattr(worker, "fails_at", None)
    results = measure(QUICK, kept)
    assert len(worker.asked) == len(results["rows"]) == len(list(units(QUICK)))
    assert [row["task"] for row in results["rows"]] == sorted(
        (row["task"] for row in results["rows"]), key=list(QUICK["tasks"]).index
    )
    assert (tmp_path / "gfn_divergences" / "__init__.py").exists()


def test_the_command_ends_in_a_sentence(worker, monkeypatch, tmp_path, capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            main(list(map(str, arguments)))
        seen = capsys.readouterr()
        return left.value.code, seen.out, seen.err.splitlines()[-1] if seen.err else ""

    out = tmp_path / "found.json"
    assert run("run", "--quick", "--out", out) == (0, f"results: {out}\n", "")
    assert json.loads(out.read_text())["settings"] == QUICK
    assert not list((tmp_path / "parts").iterdir())
    assert run("page", "--results", tmp_path / "none.json")[0::2] == (
        2,
        f"benchmarks: {tmp_path}/none.json cannot be read: no such file or directory",
    )
    assert run("--help")[0] == 0
