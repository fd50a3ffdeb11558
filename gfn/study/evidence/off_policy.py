"""What training off policy does to errors, modes and weights, with losses and with divergences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from gfn.study.claims import Evidence, counts, judge, over_seeds, ratio
from gfn.study.evidence.answering import decimals, listed, spread, word
from gfn.study.evidence.convergence import accuracy_metric
from gfn.study.evidence.tables import from_run, late
from gfn.study.experiments.off_policy import LINES, LOSSES, ON, SPARSE, Key
from gfn.study.paper import load_claims, margin
from gfn.study.plotting.off_policy import WAYS
from gfn.study.presentation.digits import DASH
from gfn.study.results import Run

Runs = Mapping[Key, Run]
SAID = {way: label for way, (label, *_) in WAYS.items()}
# What is said of objectives together, and of each where weights do not matter.
GROUPS = {
    "losses": LOSSES,
    "truncated weights": ("reverse_kl_truncated", "renyi_truncated"),
    "full weights": ("renyi_full",),
}
SHORT = {
    "tb_batch": "TB",
    "reverse_kl_truncated": "the reverse KL",
    "f_tb_half": "f-TB of order ½",
    "js_tb": "Jensen–Shannon TB",
    "renyi_truncated": "the Rényi divergence of order ½",
}
EXPLORING = ("explored", "explored_replayed")
# What seeks modes, and is known to lose some on the sparser hypergrid: both have the reverse KL's gradient on policy.
SEEKING = ("tb_batch", "reverse_kl_truncated")
# Of a divergence with these weights, which line on policy it is held against.
UNWEIGHTED = {"renyi_full": "renyi_truncated", "renyi_unweighted": "renyi_truncated"}


def on_policy(runs: Runs, task: str, line: str) -> Run:
    """The training on policy that a line is compared with: on policy, all weights are one."""
    return runs["training", task, UNWEIGHTED.get(line, line), ON]


def trainings(runs: Runs) -> Iterator[tuple[str, str, str, Run]]:
    """Task, line, way and run of each training."""
    return ((*key[1:], run) for key, run in runs.items() if key[0] == "training")


def at_end(run: Run, metric: str, cell: int | None = None) -> pd.Series:
    """The last value of a measure for each seed, of several the one with a number."""
    frame = run.frame[(run.frame.metric == metric) & (run.frame.iteration == run.frame.iteration.max())]
    frame = frame if cell is None else frame[frame.cell == cell]
    return from_run(run, frame.set_index("seed").value)


def covered(run: Run) -> pd.Series | None:
    """The share of modes that the policy covers at the end, of the highest that are counted; None where there are none."""
    cells = run.frame[run.frame.metric == "covered"].cell
    if cells.empty:
        return None
    return at_end(run, "covered", None if cells.isna().all() else int(cells.max()))


def evidence(settings: Any, runs: Runs) -> list[Evidence]:
    """Evidence for Q7: modes lost on policy, errors on policy over off policy, and what weights do."""
    found: list[Evidence] = []
    for task, line, way, run in trainings(runs):
        metric = accuracy_metric(run)
        error, least = late(run, metric), margin(metric)
        subject = f"{task}, {line}, {way}"
        losing = task == SPARSE and line in SEEKING
        if way == ON:
            if losing:
                found.append(over_seeds("modes_lost", f"{task}, {line}", covered(run)))
            continue
        plain = late(on_policy(runs, task, line), metric)
        if losing and way in EXPLORING:
            found.append(ratio("modes_found", subject, plain, error, least))
        if not losing and LINES[line][1] != "none":
            found.append(ratio("harmless", subject, error, plain, least))
        if task == SPARSE and line == "renyi_unweighted" and way in EXPLORING:
            truncated = late(runs["training", task, "renyi_truncated", way], metric)
            found.append(ratio("weights_needed", subject, error, truncated, least))
        if line == "renyi_full":
            truncated = late(runs["training", task, "renyi_truncated", way], metric)
            found.append(ratio("truncated", subject, error, truncated, least))
    return found


def table(runs: Runs) -> pd.DataFrame:
    """Each training in numbers, medians over seeds: a row a task, line and way.

    Returns:
        Columns ``task, objective, way, error`` (late in training), ``ratio`` (over that on policy, seed by seed), ``covered``
        (share of the modes at the end), ``found`` (modes met in training), ``effective`` (effective sample size as a share of
        the batch, late in training), ``run``.
    """
    rows = []
    for task, line, way, run in trainings(runs):
        metric = accuracy_metric(run)
        error = late(run, metric)
        plain = late(on_policy(runs, task, line), metric)
        ratios = (error + margin(metric)) / (plain + margin(metric))
        row = {"task": task, "objective": line, "way": way, "error": error.median(), "ratio": ratios.median()}
        share = covered(run)
        row["covered"] = float("nan") if share is None else share.median()
        modes = run.frame[run.frame.metric == "modes"]
        row["found"] = at_end(run, "modes", int(modes.cell.max())).median() if len(modes) else float("nan")
        off = (run.frame.metric == "effective_share").any()
        row["effective"] = late(run, "effective_share").median() if off else float("nan")
        rows.append(row | {"run": run.spec.hash})
    return pd.DataFrame(rows)


def curves(runs: Runs, task: str) -> pd.DataFrame:
    """Errors during training on a task: columns ``objective, way, seed, trajectories, metric, value, run``."""
    parts = []
    for each, line, way, run in trainings(runs):
        if each == task:
            frame = run.frame[run.frame.metric == accuracy_metric(run)]
            frame = frame[["seed", "trajectories", "metric", "value"]]
            parts.append(frame.assign(metric=frame.metric.astype(object), objective=line, way=way, run=run.spec.hash))
    return pd.concat(parts, ignore_index=True)


def variances(runs: Runs) -> pd.DataFrame:
    """Variance of each divergence's gradient at one policy, over that on policy: medians over seeds.

    Returns:
        Columns ``task, objective, way, weights, ratio, run``.
    """
    rows = []
    for key, run in runs.items():
        if key[0] != "variance" or key[2] == ON:
            continue
        task, way, weights = key[1:]
        own, plain = (_variance(each) for each in (run, runs["variance", task, ON]))
        for objective, ratios in (own / plain).items():
            about = {"task": task, "objective": objective, "way": way, "weights": weights}
            rows.append({**about, "ratio": ratios.median(), "run": run.spec.hash})
    return pd.DataFrame(rows)


def _variance(run: Run) -> pd.DataFrame:
    frame = run.frame[run.frame.metric == "variance"]
    return frame.astype({"objective": object}).pivot(index="seed", columns="objective", values="value")


def advice(runs: Runs) -> pd.DataFrame:
    """What each way does to losses and to a divergence with truncated weights, over tasks: a row a way, with what to do."""
    found = table(runs)
    rows = {}
    for way in (way for way in SAID if way != ON and way in set(found.way)):
        of = found[found.way == way]
        sparse, others = of[of.task == SPARSE], of[of.task != SPARSE]
        row = {}
        for name, lines in (("losses", LOSSES), ("Rényi, weights truncated", ("renyi_truncated",))):
            for where, part in (("where modes are lost", sparse), ("elsewhere", others)):
                values = part[part.objective.isin(lines)].ratio
                row[name, where] = spread(values) if len(values) else DASH
        row["weights", "effective share of a batch"] = spread(of[of.objective.isin(LOSSES)].effective)
        rows[SAID[way]] = row
    return pd.DataFrame(rows).T


def answer(settings: Any, runs: Runs) -> str:
    """The question's answer in a few sentences: modes, where none are lost, and weights."""
    verdict = judge("Q7", evidence(settings, runs), settings.profile, claims=load_claims("beyond"))
    held = {test: counts(part) for test, part in verdict.judged.groupby("test", sort=False)}
    found = table(runs)
    sparse = found[found.task == SPARSE]
    seeking, ways = sparse[sparse.objective.isin(SEEKING)], [way for way in SAID if way in set(found.way)]
    share = {way: decimals(seeking[seeking.way == way].covered.median()) for way in ways}
    modes = listed(f"{share[way]} with {SAID[way]}" for way in ways if way != ON)
    elsewhere = _elsewhere(found)
    harm = listed(
        f"{spread(elsewhere[elsewhere.objective.isin(lines)].ratio)} with {said}"
        for said, lines in GROUPS.items()
        if elsewhere.objective.isin(lines).any()
    )
    explored = sparse[sparse.way.isin(EXPLORING)]
    without, truncated = (
        explored[explored.objective == line].error.median() for line in ("renyi_unweighted", "renyi_truncated")
    )
    covering = sparse[(sparse.way == ON) & sparse.objective.isin(("f_tb_half", "renyi_truncated"))].covered.median()
    return (
        f"{word(verdict)} On the sparser hypergrid, TB and the reverse KL cover {share[ON]} of the modes on policy, {modes}"
        f" (shares, medians over both and seeds); objectives of order ½ cover {decimals(covering)} on policy. Exploration"
        f" certainly halves the late error of TB and the reverse KL there in {_of(held, 'modes_found')} measurements."
        f" Elsewhere the late error off policy is {harm} times that on policy (medians over tasks, objectives and ways, in"
        f" brackets their range); in {_of(held, 'harmless')} measurements it is certainly at most a quarter larger. With"
        f" exploration, Rényi's error on the sparser hypergrid ends at {decimals(without)} without weights, and at"
        f" {decimals(truncated)} with truncated ones; full weights are certainly no better than truncated ones in"
        f" {_of(held, 'truncated')} measurements."
    )


def _elsewhere(found: pd.DataFrame) -> pd.DataFrame:
    """Off policy with the weights that are due, but for what loses modes on policy."""
    weighted = found[(found.way != ON) & (found.objective != "renyi_unweighted")]
    return weighted[~((weighted.task == SPARSE) & weighted.objective.isin(SEEKING))]


def lessons(runs: Runs) -> str:
    """What to use when, a list in Markdown with the numbers that say so; medians over seeds and what is together."""
    found = table(runs)
    sparse, price = found[found.task == SPARSE], _elsewhere(found)
    covers = sparse[sparse.way == ON].set_index("objective").covered
    kept = listed(f"{decimals(covers[line])} with {SHORT[line]}" for line in SHORT if line in covers)
    brought = sparse[sparse.objective.isin(SEEKING)].groupby("way").covered.median()
    ways = [way for way in SAID if way != ON]
    back = listed(f"{decimals(brought[way])} with {SAID[way]}" for way in ways if way in brought)
    explored = sparse[sparse.way.isin(EXPLORING)].groupby("objective")[["error", "effective"]].median()
    weighed = {
        "without weights": "renyi_unweighted",
        "with full ones": "renyi_full",
        "with truncated ones": "renyi_truncated",
    }
    errors = listed(
        f"{decimals(explored.error[line])} {said}" for said, line in weighed.items() if line in explored.index
    )
    paid = listed(f"{spread(price[price.way == way].ratio)} with {SAID[way]}" for way in ways if way in set(price.way))
    return "\n".join(
        (
            "- **First try another order on policy**, which needs no other trajectories: TB and the reverse KL seek modes,"
            f" lower orders cover more. Training on policy covers this share of the modes of the sparser hypergrid: {kept}.",
            "- **Lost modes come back only if something draws them.** TB and the reverse KL there cover"
            f" {decimals(brought[ON])} on policy; {back}. Uniform choices find modes to which few steps lead.",
            "- **A balance or an f-divergence loss takes any trajectories**: its minimum is at the target whatever they are"
            " drawn from. It does not have the gradient of its divergence then, nor what that does for modes. Where trajectories"
            " can be drawn that the policy has all but excluded, as in the plane, take one whose slope is not exponential: TB,"
            " VarGrad or Jensen–Shannon.",
            "- **A divergence needs the probability of each trajectory under what drew it** (`log_q`), for weights that are"
            " truncated or not. Without weights the estimate is that of another gradient: with exploration, Rényi's late error"
            f" there is {errors}. The weights leave an effective sample size of"
            f" {decimals(explored.effective.median())} of a batch.",
            "- **Where no modes are lost, other trajectories may have a price.** The late error over that on policy is"
            f" {paid} (medians over tasks and objectives, in brackets their range).",
        )
    )


def _of(held: Mapping[str, tuple[int, ...]], test: str) -> str:
    return f"{held[test][0]} of {sum(held[test])}" if test in held else "0 of 0"
