"""Verdicts in HTML: every kind of them, and of numbers; the same at every time, and well-formed."""

from __future__ import annotations

import re
from math import inf
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from gfn.study.claims import Evidence, Verdict, difference, judge, over_seeds, ratio
from gfn.study.presentation.digits import beside
from gfn.study.presentation.forest import Axis, forest
from gfn.study.presentation.measured import interval, measured_on, reason
from gfn.study.presentation.verdicts import badge, badges, overview

TESTS = {
    "more": {"statement": "a < b & more", "why": 'It is "so".', "at_least": 2, "share": 0.5},
    "less": {"statement": "less", "why": "So.", "at_most": 1},
    "alike": {"statement": "alike", "why": "So.", "at_least": 0.8, "at_most": 1.25},
    "there": {"statement": "it is there", "why": "So.", "at_least": 1, "premise": True},
}


def claims(*names):
    return {"C2": {"claim": "It <works> & more.", "tests": {name: TESTS[name] for name in names}}}


def ten(test, low, high, subject="sets, reverse_kl", **about):
    """Ten seeds whose interval is from one number to another."""
    return over_seeds(test, subject, pd.Series([low, *np.linspace(low, high, 8), high]), **about)


MANY = [ten("more", 1, 1.1 + 0.2 * k, f"{task}, α = -{k}") for task in ("sets", "gaussian_mixture") for k in range(10)]
SEEDS = range(10)
NOTHING, SOME = pd.Series(0.0, SEEDS), pd.Series([0.0, 0.0, 0.0, *np.linspace(1, 2, 7)], SEEDS)
KINDS = {
    "supported": judge("C2", [ten("more", 2, 3), ten("less", 0.2, 0.9)], claims=claims("more", "less")),
    "partly supported": judge(
        "C2", [ten("more", 2, 3), ten("less", 1.2, 1.9)], claims=claims("more", "less"), variations={"joint": []}
    ),
    "contradicted": judge("C2", [ten("alike", 2, 3)], claims=claims("alike")),
    "inconclusive": judge("C2", [ten("alike", 0.5, 3)], claims=claims("alike")),
    "premise not met": judge("C2", [ten("there", 0, 0.5), ten("less", 0, 0.5)], claims=claims("there", "less")),
    "not judged": judge("C2", [ten("more", 2, 3)], "smoke", claims("more")),
    "nothing measured": judge("C2", [], claims=claims("more")),
    "a part": judge("C2", [ten("more", 2, 3)], claims=claims("more", "less")),
    "one seed": judge("C2", [over_seeds("more", "sets", pd.Series([2.5]))], claims=claims("more")),
    "a seed without a value": judge("C2", [ratio("more", "sets", NOTHING, NOTHING)], claims=claims("more")),
    "infinite": judge("C2", [ratio("more", "sets", NOTHING + 1, NOTHING)], claims=claims("more")),
    "an infinite end": judge("C2", [ratio("more", "sets", NOTHING + 1, SOME)], claims=claims("more")),
    "minus infinite": judge("C2", [difference("less", "sets", NOTHING, NOTHING + inf)], claims=claims("less")),
    "estimates": judge(
        "C2", [Evidence("less", "a", (0.3,), 0.1), Evidence("less", "b", (-2e-5,), 3e-6)], claims=claims("less")
    ),
    "all the same": judge("C2", [ten("less", 1, 1)], claims=claims("less")),
    "nought": judge("C2", [ten("less", 0, 0)], claims=claims("less")),
    "many": judge("C2", MANY, claims=claims("more")),
    "other budgets": judge("C2", [ten("less", 0, 0.5), ten("less", 2, 3, budget=128)], claims=claims("less")),
}


def shown(verdict):
    """Its HTML, read as XML: who does not close or escape is noticed."""
    text = verdict._repr_html_()
    return text, ElementTree.fromstring(text.replace("&nbsp;", " "))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_verdict_is_shown(kind):
    """Well-formed and escaped, with its outcome as a word, and no number that is none."""
    verdict = KINDS[kind]
    text, tree = shown(verdict)
    words = " ".join("".join(tree.itertext()).split())
    assert words.startswith("C2")
    assert verdict.outcome in words
    assert "It <works> & more." in words
    assert not re.search(r"\b(inf|nan)\b", text)
    assert not re.search(r'="[^"]*(nan|inf)[%"]', text)
    assert verdict._repr_html_() == text
    for svg in tree.iter("svg"):
        assert svg.get("role") == "img" or svg.get("aria-hidden") or svg.get("overflow")
    plots = [svg for svg in tree.iter("svg") if svg.get("role") == "img"]
    assert len(plots) == verdict.judged.test.nunique()
    rows = [row for table in tree.iter("tbody") for row in table]
    assert len(rows) == len(verdict.judged)
    marks = [group for plot in plots for group in plot.iterfind("g/g")]
    assert [mark.get("class") for mark in marks] == [f"gfn-is-{outcome}" for outcome in verdict.judged.outcome]


def test_what_is_said_of_each_kind():
    said = {kind: " ".join("".join(shown(verdict)[1].itertext()).split()) for kind, verdict in KINDS.items()}
    assert "Its premise is not met. Without the premise there is nothing to judge" in said["premise not met"]
    assert "Premise: It is there." in said["premise not met"]
    assert "C2 (1 of 2 criteria): supported" in said["a part"]
    assert "This is not the verdict on the claim" in said["a part"]
    assert "none: 1 seed is too few" in said["one seed"]
    assert "none: a seed has no value" in said["a seed without a value"]
    assert "infinite in nearly every seed" in said["infinite"]
    assert "or more, without end" in said["an infinite end"]
    assert "The smoke profile is too small to tell." in said["not judged"]
    assert "met." not in said["not judged"]
    assert "Supported when all of the interval is at least 2; 10 of 20 must (50 %)." in said["many"]
    assert "Supported when all of the interval is from 0.8 to 1.25." in said["contradicted"]
    assert "At other budgets of iterations: 128: contradicted (0 / 1 / 0)." in said["other budgets"]
    assert "With joint in place of both: not judged." in said["partly supported"]
    assert "−2.00 × 10⁻⁵" in said["estimates"]


def test_criteria_have_true_minus_signs():
    """However they were written, for they are kept as they are."""
    about = claims("more")
    about["C2"]["tests"]["more"] = TESTS["more"] | {"statement": "at α = -2 more than at α = 2", "why": "It is -2."}
    text = judge("C2", [ten("more", 1, 3)], claims=about)._repr_html_()
    assert text.count("α = −2") == 3
    assert not re.search(r"[ =]-\d", re.sub(r"<svg.*?</svg>", "", text))


def test_no_colour_alone():
    """Each outcome has a shape of its own in the plot, and a sign beside it."""
    found = {}
    for outcome, (low, high) in {"supported": (2, 3), "contradicted": (0.5, 1), "inconclusive": (1, 3)}.items():
        plot = ElementTree.fromstring(forest(judge("C2", [ten("more", low, high)], claims=claims("more")).tests))
        (mark,) = plot.iterfind(".//g/g")
        shape = mark.find("svg")[0]
        found[outcome] = (shape.tag, shape.get("fill")), "".join(plot[2].itertext())
    assert [sign for _, sign in found.values()] == ["✓", "✗", "?"]
    assert len({shape for shape, _ in found.values()}) == 3


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (ten("more", 2, 3), "2.00 ≥ 2"),
        (ten("more", 1, 1.999), "1.999 < 2"),
        (ten("more", 1.64, 3.6), "1.64 < 2 ≤ 3.60"),
        (ten("less", 0.5, 1), "1.00 ≤ 1"),
        (ten("less", 1.001, 2), "1.001 > 1"),
        (ten("less", 0.9, 2), "0.900 ≤ 1 < 2.00"),
        (ten("alike", 0.9, 1.2), "0.900 ≥ 0.8 and 1.20 ≤ 1.25"),
        (ten("alike", 0.5, 1), "0.500 < 0.8 ≤ 1.00"),
        (ten("alike", 0.5, 2), "0.500 < 0.8 ≤ 2.00 and 0.500 ≤ 1.25 < 2.00"),
        (ten("alike", 0.5, 0.6), "0.600 < 0.8"),
    ],
)
def test_the_reason_is_an_end_of_the_interval_against_the_bound(evidence, words):
    """And not the median: 2.62 does not reach 2 where the interval starts at 1.64."""
    (row,) = judge("C2", [evidence], claims=claims("more", "less", "alike")).tests.itertuples()
    assert reason(row) == words
    ends = [beside(end, row.at_least, row.at_most) for end in (min(evidence.values), max(evidence.values))]
    assert interval(row) == " to ".join(ends)
    assert ends[0] in words or ends[1] in words


def test_budgets_are_escaped():
    other = judge("C2", [ten("less", 0, 0.5), ten("less", 2, 3, budget="<b>")], claims=claims("less"))
    assert "At other budgets of iterations: &lt;b&gt;: contradicted" in shown(other)[0]


def test_names_are_those_of_readers():
    assert measured_on("sets, reverse_kl over tb") == "Sets, reverse KL over TB"
    assert measured_on("gaussian_mixture, α = -2") == "Gaussian mixture, α = −2"
    assert measured_on("α = -0.5") == "α = −0.5"
    assert measured_on("sets, reverse_kl_centred, at the start") == "Sets, reverse KL, rewards over Z, at the start"
    assert measured_on("sets, renyi_joint, both") == "Sets, Rényi, joint (ours), both"
    assert measured_on("sets, tb, explored_replayed") == "Sets, TB, exploration and replay"
    assert measured_on("sets, tb, common 8 trajectories") == "Sets, TB, half are one, 8 trajectories"


def names(*subjects):
    """What stands beside the rows of a plot, one above the other."""
    found = judge("C2", [ten("more", 2, 3, subject) for subject in subjects], claims=claims("more")).tests
    return [text.text for text in ElementTree.fromstring(forest(found))[0].iter("text")]


def test_long_names_go_over_two_lines_and_say_only_what_differs():
    """Broken behind a comma where there is one near the middle."""
    assert names("sets, tb, explored", "dags, tb, explored") == ["Sets", "DAGs"]
    assert names("hypergrid_sparse, tb, explored", "hypergrid, tb, lagging") == [
        "Hypergrid (sparser),",
        "exploration",
        "Hypergrid, lag",
    ]
    assert names("sets", "sets, tb") == ["Sets", "Sets, TB"]


def test_names_of_small_groups_do_not_touch():
    """Of tasks with two measurements each, in a plot of many."""
    subjects = [f"{task}, α = {k}" for task in ("sets", "dags", "banana", "hypergrid") for k in range(2)]
    subjects += [f"sequences, α = {k}" for k in range(10)]
    found = judge("C2", [ten("more", 2, 3, subject) for subject in subjects], claims=claims("more")).tests
    heights = [float(text.get("y")) for text in ElementTree.fromstring(forest(found))[0].iter("text")]
    assert min(np.diff(heights)) >= 11


def test_ratios_have_a_logarithmic_axis_and_differences_a_linear_one():
    above, below = pd.Series(np.linspace(2, 300, 10)), pd.Series(np.ones(10))
    ratios = judge("C2", [ratio("more", "sets", above, below)], claims=claims("more")).tests
    assert Axis(ratios, (2,)).logarithmic
    assert Axis(ratios, (2,)).place(inf) == 100
    assert not Axis(
        judge("C2", [difference("more", "sets", above, below)], claims=claims("more")).tests, (2,)
    ).logarithmic
    assert not Axis(judge("C2", [ratio("more", "sets", -above, below)], claims=claims("more")).tests, (2,)).logarithmic
    middle = Axis(ratios, (2,)).place(np.sqrt(2 * ratios.high[0]))
    assert middle == pytest.approx(50)


@pytest.mark.parametrize("ends", [(0.5, 0.9), (0.01, 400), (-0.0003, 0.0009), (1, 1.0001), (3, 200000), (-5, 7e6)])
def test_ticks_are_few_round_and_inside(ends):
    axis = Axis(judge("C2", [ten("less", *ends)], claims=claims("less")).tests, ends)
    ticks = axis.ticks(230)
    assert 1 <= len(ticks) <= 4
    assert ticks == sorted(set(ticks))
    assert all(0 < axis.place(tick) < 100 for tick in ticks)


def test_a_badge_is_a_link_with_outcome_and_counts():
    """Of a question it leads to the answers, from the top of the book without going up; of a part it says so."""
    text = badge(KINDS["partly supported"])
    assert text == KINDS["partly supported"].badge == text._repr_html_()
    tree = ElementTree.fromstring(text.replace("&nbsp;", " "))
    assert (tree.tag, tree.get("class"), tree.get("href")) == ("a", "gfn-badge gfn-partly", "../paper/verdicts.html#c2")
    assert "".join(tree.itertext()) == "C2 partly supported · 1 ✓ supported, 1 ✗ contradicted, 0 ? inconclusive,"
    assert "(1 of 2 criteria)" in KINDS["a part"].badge
    assert 'href="paper/verdicts.html#c2"' in badge(KINDS["a part"], deep=False)
    question = Verdict("Q1", "Is it?", "not judged", KINDS["nothing measured"].tests)
    assert 'href="../beyond/answers.html#q1"' in question.badge
    assert "·" not in question.badge
    assert badges([question, question]).count("<a ") == 2


def test_the_overview_has_a_bar_and_a_link_a_claim():
    """With the parts of the whole, and nothing where nothing is judged."""
    verdicts = {"C1": KINDS["many"], "C2": KINDS["not judged"]}
    text = overview(verdicts, {"C1": [("Figure <1>", "../paper/fig1.html")]})
    tree = ElementTree.fromstring(text.replace("&nbsp;", " "))
    assert [a.get("href") for a in tree.iter("a")] == [
        "../paper/verdicts.html#c1",
        "../paper/fig1.html",
        "../paper/verdicts.html#c2",
    ]
    (bar,) = tree.iter("svg")
    assert sum(float(part.get("width")[:-1]) for part in bar.iter("rect")) == pytest.approx(100, abs=0.1)
    assert overview({}) == '<ol class="gfn-overview"></ol>'
