"""Every bad input ends in one sentence with the status that is due, and nothing is written."""

from __future__ import annotations

from collections import Counter

import pytest

from tests import campaign
from tests.bad_inputs import CASES, Case, complaint, tried


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_input_is_one_sentence(case, tmp_path):
    assert complaint(case, tried(case, tmp_path), tmp_path) is None


def test_cases_differ():
    assert Counter(case.name for case in CASES).most_common(1)[0][1] == 1


def test_the_campaign_counts(tmp_path, monkeypatch, capsys):
    """And names those that do not end as they should."""
    good, other = (Case(says, ("fly",), says) for says in ("No such command", "No such bird"))
    monkeypatch.setattr(campaign, "CASES", [good, other])
    assert campaign.PARTS["inputs"](tmp_path, 0, None) == {"of 2 in one sentence": 1}
    assert capsys.readouterr().out == "No such bird: no 'No such bird': gfn: No such command 'fly'.\n"
