"""The folded table of sources: every run with its hash, in readers' words, and a command that makes it again."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

import pytest
from click.testing import CliRunner

from gfn import cli
from gfn.runs.objective import Objective
from gfn.runs.spec import TrainingSpec, parse_spec
from gfn.study.experiments import every_run, figure_settings, runs
from gfn.study.plotting.style import TASKS
from gfn.study.presentation.run_words import aim_words, length_words, objective_words, seed_words, short_json
from gfn.study.presentation.sources import sources
from tests.made_up import ABOUT, made_up

CODE_NAMES = ("reverse_kl", "forward_kl", "vargrad", "subtb", "loo", "gaussian_mixture")


@pytest.fixture(scope="module")
def page():
    settings = figure_settings("table1", "smoke")
    return settings, {label: made_up(spec) for label, spec in settings.specs().items()}


def rows(html):
    body = re.search(r"<tbody>(.*)</tbody>", html, re.S)[1]
    return [
        [re.sub("<.*?>", "", cell) for cell in re.findall("<t[hd].*?>(.*?)</t[hd]>", row)]
        for row in body.split("</tr>")[:-1]
    ]


def test_every_run_has_a_row_that_leads_to_the_page_of_all_runs(page):
    settings, made = page
    html = sources(settings, made).data
    assert html.startswith('<details class="gfn-sources"><summary>')
    assert re.findall(r'href="\.\./guide/runs\.html#r-([0-9a-f]{16})"', html) == list(runs("table1", "smoke"))
    of = {row[0]: row[1:] for row in rows(html)}
    assert len(of) == len(made)
    tb, joint = (of[made["sets", line].spec.hash] for line in ("tb", "renyi_joint"))
    assert tb[:3] == [TASKS["sets"], "TB", "–"]
    assert joint[1:3] == ["Rényi, α = 0.5", "joint (ours)"]
    assert tb[-2:] == [ABOUT["source"], "2026-01-02"]
    assert not [name for name in CODE_NAMES if name in re.sub("<.*?>", " ", html)]


def test_days_and_machines_are_what_two_executions_may_differ_in(page):
    """All else must be the same, see scripts/nbval.cfg."""
    settings, made = page
    html = re.sub(r'<span class="gfn-when">[^<]*</span>', "", sources(settings, made).data)
    assert "2026" not in html
    assert "cores" not in html


def test_a_figure_can_show_its_own_runs_alone(page):
    settings, made = page
    html = sources(settings, made, only=lambda key: key[0] == "sets").data
    assert len(rows(html)) == len({run.spec.hash for (task, _), run in made.items() if task == "sets"})


def test_hundreds_of_runs_are_counted():
    settings = figure_settings("verdicts", "smoke")
    html = sources(settings).data
    assert f"{len(runs('verdicts', 'smoke'))} runs" in html
    assert 'href="../guide/runs.html?page=verdicts"' in html
    assert "<table" not in html
    assert "href" not in sources(figure_settings("table1", "smoke", seeds=(7,))).data


def test_the_command_makes_that_run(page, monkeypatch, tmp_path):
    """It is taken by the command line as it stands there."""
    settings, made = page
    asked = []
    monkeypatch.setattr("gfn.study.results.load_or_train", lambda spec, out, *_: asked.append((spec.hash, str(out))))
    given = re.search("<pre><code>gfn (.*?)</code></pre>", sources(settings, made).data)[1]
    result = CliRunner().invoke(cli.cli, shlex.split(given), catch_exceptions=False)
    assert result.exit_code == 0
    assert asked == [(next(iter(made.values())).spec.hash, "build/again")]


def test_runs_of_other_parameters_have_no_command_and_lead_nowhere():
    """For the page of all runs has only those of the profile: of both kinds, those of one kind."""
    settings = figure_settings("fig8", "smoke", seeds=(7,))
    made = {label: made_up(spec) for label, spec in settings.specs().items()}
    html = sources(settings, made).data
    assert "gfn reproduce" not in html
    assert "parameters of their own" in html
    assert "href" not in html
    assert [row[0] for row in rows(html)] == list({run.spec.hash: None for run in made.values()})
    known = figure_settings("fig8", "smoke").specs()
    html = sources(settings, {**made, "known": made_up(next(iter(known.values())))}).data
    assert re.findall(r"#r-(\w+)", html) == [next(iter(known.values())).hash]


def test_values_are_escaped(page, monkeypatch):
    settings, made = page
    about = ABOUT | {"source": "<b>", "written": "<b>", "machine": "<b>"}
    html = sources(settings, {"x": replace(next(iter(made.values())), provenance=about)}, title="<b>").data
    assert "<b>" not in html
    assert html.count("&lt;b&gt;") == 5  # the day of the run stands in its row and below


def test_a_specification_in_short_names_the_same_run():
    """What is left out is as by default."""
    for key, spec in every_run("smoke").items():
        assert parse_spec(short_json(spec)).hash == key


def test_words():
    assert objective_words(Objective(name="renyi", alpha=-2.0)) == "Rényi, α = −2"
    assert objective_words(Objective(name="tb", log_z="known")) == "TB, Z known"
    assert objective_words(Objective(name="tb", log_z_start=-20.0)) == "TB, log Z from −20"
    assert objective_words(Objective(name="tb", baseline="state")) == "TB, state baseline"
    spec = TrainingSpec(seeds=(0, 1, 2, 3), iterations=8, batch_size=4)
    assert (seed_words(spec), length_words(spec)) == ("0–3", "8 × 4")
    assert seed_words(spec.model_copy(update={"seeds": (4, 2)})) == "2, 4"
    for spec in every_run("smoke").values():
        assert not re.search("[a-z]_[a-z]", " ".join(aim_words(spec)))
