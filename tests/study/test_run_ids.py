"""Every number is known by the runs that it is from: evidence by evidence, and row by row in the tables behind pages."""

from __future__ import annotations

import pandas as pd
import pytest

from gfn.study.claims import judge
from gfn.study.evidence.convergence import comparison_frame, final_table
from gfn.study.evidence.gradient_tables import divergence_variances
from gfn.study.evidence.order_tables import order_table
from gfn.study.evidence.questions import QUESTIONS
from gfn.study.evidence.registry import evidence_of
from gfn.study.evidence.tables import final, late, learning_frame
from gfn.study.evidence.variance import bias_table
from gfn.study.experiments import figure_settings
from gfn.study.notebook import mean_and_spread, save_data
from gfn.study.verdicts import verdict_table
from tests.made_up import made_up

FIGURES = ("fig2", "fig3", "fig4", "fig6", "fig7", "fig8", "fig9", "table1", "exact")
COUNTED = ("various",)  # a small whole number, which does not move with every run


def of(figure):
    settings = figure_settings(figure, "smoke")
    return settings, {label: made_up(spec) for label, spec in settings.specs().items()}


def flat(settings, runs, figure):
    found = evidence_of(figure, settings, runs)
    return {(claim, e.test, e.subject, e.budget): e for claim, each in found.items() for e in each}


@pytest.mark.parametrize("figure", FIGURES)
def test_evidence_names_the_runs_that_it_is_from(figure):
    """Those, and no others: with other numbers in one run, what names it changes, and what does not name it stays."""
    settings, runs = of(figure)
    before = flat(settings, runs, figure)
    assert all(item.runs for item in before.values())
    labels = list(runs)
    for label in {labels[0], labels[len(labels) // 2], labels[-1]}:
        key = runs[label].spec.hash
        after = flat(settings, runs | {label: made_up(runs[label].spec, salt=1)}, figure)
        assert before.keys() == after.keys()
        changed = {name for name in before if before[name].values != after[name].values}
        named = {name for name, item in before.items() if key in item.runs}
        assert changed <= named
        assert all(name[1] in COUNTED for name in named - changed)


@pytest.mark.parametrize("name", ["Q1", "Q2", "Q3", "Q5", "Q6", "Q7"])
def test_evidence_on_questions_names_runs_of_their_pages(name):
    question = QUESTIONS[name]
    settings, runs = of(question.page)
    own = {run.spec.hash for run in runs.values()}
    found = question.evidence(settings, runs)
    assert found
    assert all(item.runs and set(item.runs) <= own for item in found)


def test_verdicts_pass_the_runs_on():
    """In the table behind them, several hashes with blanks between."""
    settings, runs = of("table1")
    evidence = evidence_of("table1", settings, runs)["C2"]
    table = verdict_table({"C2": judge("C2", evidence)})
    pair = [runs["sets", name].spec.hash for name in ("reverse_kl", "tb")]
    assert table.runs[(table.test == "accurate") & (table.subject == "sets, reverse_kl")].unique().tolist() == [
        " ".join(pair)
    ]


def saved(name, table, tmp_path, monkeypatch):
    monkeypatch.setenv("GFN_DATA_OUT", str(tmp_path))
    save_data(name, table)
    return pd.read_csv(tmp_path / f"{name}.csv")


def test_the_table_of_errors_comes_out_of_the_runs_that_its_rows_name(tmp_path, monkeypatch):
    _, runs = of("table1")
    table = saved("table1", final_table(runs).drop(columns="shown"), tmp_path, monkeypatch)
    by = {run.spec.hash: run for run in runs.values()}
    for row in table.itertuples():
        error = late(by[row.run], row.metric)
        assert (row.mean, row.median) == pytest.approx((error.mean(), error.median()), rel=1e-5)
        assert row.last == pytest.approx(final(by[row.run], row.metric).median(), rel=1e-5)


def test_the_divergences_of_figure_1_are_those_that_its_page_shows(tmp_path, monkeypatch):
    """At the end and at the start of training, seed by seed."""
    settings = figure_settings("fig1", "smoke")
    runs = {label: made_up(spec.model_copy(update={"density": 0})) for label, spec in settings.specs().items()}
    table = order_table(runs)
    kept = saved("fig1", table.rename(columns={"error": "jsd", "start": "jsd_at_start"}), tmp_path, monkeypatch)
    keys = ["task", "control_variate", "alpha"]
    shown = table.groupby(keys, sort=False).error.agg(mean_and_spread)
    assert kept.groupby(keys, sort=False).jsd.agg(mean_and_spread).to_dict() == shown.to_dict()
    by = {run.spec.hash: run.frame for run in runs.values()}
    for row in kept.itertuples():
        values = by[row.run][by[row.run].seed == row.seed].set_index("iteration").value
        assert (row.jsd_at_start, row.jsd) == pytest.approx((values.iloc[0], values.iloc[-1]), rel=1e-5)


def test_intervals_are_not_clipped_for_an_axis():
    """A picture with a logarithmic axis does that itself."""
    _, runs = of("fig2")
    table = divergence_variances(runs)
    below = table[table.low < table.value / 10]
    assert len(below)
    assert (table.value - table.low).to_numpy() == pytest.approx((table.high - table.value).to_numpy())


@pytest.mark.parametrize(
    ("figure", "build"),
    [("fig3", comparison_frame), ("fig4", lambda runs: learning_frame(runs, "top_k")), ("exact", bias_table)],
)
def test_rows_carry_the_hash_of_their_run(figure, build):
    _, runs = of(figure)
    table = build(runs)
    own = {run.spec.hash: run.spec for run in runs.values()}
    assert set(table.run) == {
        key for key, spec in own.items() if figure != "fig4" or "l1" in set(made_up(spec).frame.metric)
    }
    assert all(own[key].task.task == task for key, task in zip(table.run, table.task))
