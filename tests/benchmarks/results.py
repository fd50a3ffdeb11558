"""Results of the benchmarks, made up."""

from __future__ import annotations

from benchmarks import settings, suite
from benchmarks.measure import spread
from benchmarks.settings import COMPARISONS, COSTED, FULL, sizes
from benchmarks.suite import PARTS
from gfn.environments import PAPER_TASKS


def a_spread(value):
    return {"median": value, "low": 0.9 * value, "high": 1.1 * value}


def made_up(quick=False):
    """Results with every kind of row, each quantity a number of its own; and a row of each part that failed."""
    against = [
        {
            "task": c.task,
            "batch": c.batch,
            "seeds": c.seeds,
            "peer": peer,
            "iterations": 3,
            "first": 2.5,
            "core_share": 1.0,
        }
        | {"ours": a_spread(3), "theirs": a_spread(30), "ratio": a_spread(0.1), "cpu_ratio": a_spread(0.11)}
        for c in COMPARISONS
        for peer in c.contenders
    ]
    limits = [
        {"task": task, "states": 2048, "operations": 142_000_000, "gflops": a_spread(98), "limit": a_spread(2.9)}
        | {"time": a_spread(4.1), "share": a_spread(0.71), "core_share": 1.0}
        for task in PAPER_TASKS
    ]
    costs = [
        {"task": task, "objective": name, "time": a_spread(4), "ratio": a_spread(1.03), "memory": 6.05}
        | {"core_share": 0.99}
        for task in COSTED
        for name in settings.objectives()
    ]
    growth = [
        {"axis": size.axis, "value": size.value, "time": a_spread(7.7), "core_share": 1.0} for size in sizes(FULL)
    ]
    evaluations = [
        {"task": task, "metric": "l1", "seconds": a_spread(0.28), "first": 0.4, "seeds": 3, "evaluations": [2, 17]}
        | {"run_seconds": a_spread(0.8), "runs": 8, "iterations": 4096, "time": a_spread(30), "share": a_spread(0.14)}
        for task in PAPER_TASKS
    ]
    growth.append({"axis": "taxa", "value": "99", "reason": "MemoryError: too large"})
    lines = {"gfn": 360, "gfn/environments": 1000, "gfn/rivals": 500, "gfn/runs": 1154}
    source = [{"folder": folder, "files": 4, "lines": many} for folder, many in lines.items()]
    book = {"profile": "paper", "cores": 2, "seeds": 3, "runs": 159, "minutes": spread([7.5]), "cpu_minutes": 14.4}
    book |= {"largest": spread([1.25]), "training": {"sets": {"runs": 20, "minutes": 5.5}}}
    longer = book | {"profile": "edition", "seeds": 10, "minutes": spread([18])}
    once = {"task": "sets", "objective": "tb", "batch": 128, "seeds": 1, "device": "a device", "iterations": 3}
    once |= {"cpu": a_spread(6), "captured": a_spread(0.5), "eager": a_spread(8)}
    once |= {"captured gain": a_spread(12), "eager gain": a_spread(0.75)}
    many = once | {"batch": 8192, "cpu": a_spread(400), "captured gain": a_spread(200)}
    whole = {"task": "dags", "objective": "tb", "batch": 128, "seeds": 10, "device": "a device", "whole": True}
    whole |= {"iterations": 512, "cpu seconds": 12.0, "captured seconds": 1.5}
    gpu = [{"device": "a device", "tests": {"passed": 184}}, once, many, whole]
    again = [
        {"run": "a", "task": "sets", "objective": "tb", "device": "a device", "agrees": agrees} for agrees in (1, 0)
    ]
    for row, difference in zip(again, (0.25, 1.25)):
        row["metrics"] = {"l1": {"stored": 1.0, "new": 1.1, "difference": difference, "allowed": 1.1}}
    made = dict(zip(PARTS, (against, limits, costs, growth, evaluations, source, [book], [longer], gpu, again)))
    about = {"date": "2026-01-02T03:04:05+00:00", "minutes": 1.5, "rounds": 15, "load": 0.1, "machine": suite.machine()}
    about |= {"versions": {"torch": "2.13.0", "gfnx": "0.0.1", "source": "abc"}}
    return {"quick": quick, "parts": {name: about | {"rows": found} for name, found in made.items()}}
