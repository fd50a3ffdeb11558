"""Groups of runs: every run once, cheaper and cheaper, and alike whether or not others are made beside them."""

from __future__ import annotations

import pytest

from gfn.study.experiments import every_run, figure_settings
from gfn.study.groups import groups, seconds


@pytest.mark.parametrize("profile", ["paper", "edition", "smoke"])
@pytest.mark.parametrize("share", [1 / 2, 1 / 6, 1 / 60])
def test_every_run_is_in_one_group(profile, share):
    """And a group is at most a run larger than the share of what was left."""
    specs = every_run(profile, "paper")
    left = sum(map(seconds, specs.values()))
    smallest = left / 50
    made = []
    for group, size in groups(specs, share):
        assert size == pytest.approx(sum(seconds(specs[key]) for key in group))
        assert size - seconds(specs[group[-1]]) < max(share * left, smallest)
        left -= size
        made += group
    assert sorted(made) == sorted(specs)


def test_smaller_shares_make_more_groups():
    specs = every_run("paper", "paper")
    assert len(list(groups(specs, 1 / 60))) > 2 * len(list(groups(specs, 1 / 6)))


def test_costs_follow_the_work():
    """More seeds or iterations cost more; a measurement of gradients more than the training that it follows."""
    paper, edition = (figure_settings("fig3", profile).specs() for profile in ("paper", "edition"))
    for label, spec in paper.items():
        assert 0 < 3 * seconds(spec) < seconds(edition[label]) < 4 * seconds(spec)
    longer = paper["sets", "tb"].model_copy(update={"iterations": 1024})
    assert seconds(longer) == pytest.approx(2 * seconds(paper["sets", "tb"]))
    for figure in ("fig2", "fig7"):
        for (task, _), spec in figure_settings(figure).specs().items():
            assert seconds(paper[task, "tb"]) < seconds(spec) < 3 * seconds(paper[task, "tb"])
    every = every_run("paper").values()
    assert all(seconds(spec) > 0 for spec in every)
