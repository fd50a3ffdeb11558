"""What the pages to play with take from the book: its verdicts, and the densities of Figure 1, as scripts.

A page that is opened from a disk cannot fetch a file, but it can load a script that assigns a value.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gfn.study.claims import Evidence, Verdict, judge, over_seeds, ratio
from gfn.study.evidence.order_tables import order_densities, title
from gfn.study.evidence.planar import mass_table
from gfn.study.evidence.tables import final
from gfn.study.experiments import figure_settings
from gfn.study.intervals import LEVEL
from gfn.study.paper import load_claims
from gfn.study.plotting.style import TASKS
from gfn.study.presentation.all_runs import profile_of
from gfn.study.presentation.digits import neat
from gfn.study.presentation.measured import measured_on
from gfn.study.results import Run, published_store, read_stored, result_path

VARIATE = "both"  # the paper's control variates
RUNS = 7  # the place of the runs in a row
# Rows out of columns, as the pages read them: the two numbers of each seed and the margin stand together.
ROWS = f"""(columns, ids) => columns[0][1].map((_, row) => {{
  const [above, below, margin] = columns.slice(-3).map(([values, places]) => values[places[row]]);
  const said = columns.slice(0, -3).map(([values, places]) => values[places[row]]);
  said[{RUNS}] = said[{RUNS}].map((place) => ids[place]);
  return [...said, margin === null ? null : {{ above, below, margin }}];
}})"""


def read_table(path: Path) -> pd.DataFrame:
    """``verdicts.csv`` with budgets as numbers where they are, and blanks where a seed has no value; empty without one."""
    if not path.exists():
        return pd.DataFrame(
            columns=["claim", "test", "subject", "budget", "variate", "judged", "median", "low", "high", "margin"]
        )
    table = pd.read_csv(path, dtype={"budget": str})
    table["budget"] = [int(each) if each.isdigit() else each for each in table.budget]
    return table


def seeds_of(table: pd.DataFrame) -> list[str]:
    """The columns that hold values of seeds."""
    return _columns(table, "seed")


def _columns(table: pd.DataFrame, prefix: str) -> list[str]:
    return [name for name in table if name.startswith(f"{prefix} ")]


def evidence(rows: pd.DataFrame, margins: float = 1.0) -> list[Evidence]:
    """The measurements of a claim as they were before they were judged.

    Arguments:
        rows: of one claim and one choice of control variates, all that are judged together.
        margins: a factor of the margins of ratios; if it is not 1, ratios come from the two numbers of each seed.
    """
    seeds, above, below = (_columns(rows, prefix) for prefix in ("seed", "above", "below"))
    found = []
    for _, row in rows.iterrows():
        what, about = (row.test, row.subject), {"budget": row.budget, "variate": row.variate}
        if not np.isnan(row.standard_error):  # one estimate, and not one number for each seed
            found.append(Evidence(*what, (row["median"],), row.standard_error, **about))
        elif row.margin and margins != 1:
            sides = [row[each].set_axis(range(len(each))).astype(float) for each in (above, below)]
            found.append(ratio(*what, *sides, row.margin * margins, **about))
        else:
            found.append(over_seeds(*what, row[seeds].set_axis(range(len(seeds))), **about))
    return found


def verdicts(table: pd.DataFrame) -> dict[str, Verdict]:
    """Every claim of the table judged again, with the paper's control variates."""
    return {
        claim: judge(claim, evidence(rows))
        for claim, rows in table[table.variate == VARIATE].groupby("claim", sort=False)
    }


def verdicts_script(path: Path) -> str:
    """``window.gfnVerdicts``: the criteria of claims, the rows of the table, and what Python makes of them."""
    table, claims = read_table(path), load_claims()
    columns, judged, rows = seeds_of(table), verdicts(table), []
    for row in table.to_dict("records"):
        values = [float(row[name]) for name in columns]
        estimate = None if np.isnan(row["standard_error"]) else [row["median"], row["low"], row["high"]]
        key = [row["claim"], row["test"], measured_on(row["subject"]), row["budget"], row["variate"]]
        runs = re.split(r"[\s,;]+", row["runs"].strip()) if isinstance(row.get("runs"), str) else []
        sides = {side: [row[name] for name in _columns(table, side)] for side in ("above", "below")}
        compared = [*sides.values(), row["margin"]] if row["margin"] else [None] * 3
        rows.append([*key, None if estimate else values, estimate, runs, *compared])
    wanted = ("statement", "at_least", "at_most", "share", "budget", "premise")
    about = {
        claim: {
            "claim": each["claim"],
            "where": each["where"],
            "tests": {
                name: {k: test[k] for k in wanted if k in test} | {"statement": neat(test["statement"])}
                for name, test in each.get("tests", {}).items()
            },
            "book": {"outcome": judged[claim].outcome, "counted": judged[claim].counted} if claim in judged else None,
        }
        for claim, each in claims.items()
    }
    ids = list(dict.fromkeys(run for row in rows for run in row[RUNS]))
    place = {run: number for number, run in enumerate(ids)}
    rows = [[*row[:RUNS], [place[run] for run in row[RUNS]], *row[RUNS + 1 :]] for row in rows]
    data = _script({"level": LEVEL, "claims": about, "seeds": len(columns)})
    # Many rows have the same words, runs and numbers: each is there once for a column, and rows have its place.
    said = _script([_named_once([row[column] for row in rows]) for column in range(RUNS + 4)])
    return f"window.gfnVerdicts = {data};\ngfnVerdicts.rows = ({ROWS})({said}, {_script(ids)});\n"


def _named_once(column: list[Any]) -> list[Any]:
    """The different values of a column, and the place among them for each row."""
    places: dict[str, int] = {}
    rows = [places.setdefault(_script(value), len(places)) for value in column]
    return [[json.loads(value) for value in places], rows]


def _script(value: Any) -> str:
    """A value for a script, in which NaN and Infinity may stand."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def stored_densities() -> dict[tuple[str, str, float], Run]:
    """The book's runs of Figure 1 with the paper's control variates; none where they are not stored."""
    specs = {
        key: spec
        for key, spec in figure_settings("fig1", profile_of(published_store())).specs().items()
        if key[1] == VARIATE
    }
    paths = {key: result_path(spec, published_store()) for key, spec in specs.items()}
    if not all(path.exists() for path in paths.values()):
        return {}
    return {key: read_stored(path, specs[key]) for key, path in paths.items()}


def densities(runs: Mapping[tuple[str, str, float], Run]) -> list[dict[str, Any]]:
    """For each mixture of Figure 1 its pictures: the target and each order of the first seed, in 256 shades.

    The numbers beside them are means over all seeds: Jensen-Shannon divergence, mass missed and stray.
    """
    found = []
    for task in dict.fromkeys(name for name, _, _ in runs):
        of = {alpha: run for (name, _, alpha), run in runs.items() if name == task}
        seed = next(iter(of.values())).spec.seeds[0]
        panels, _ = order_densities(runs, task, VARIATE, seed)
        top = max(panel.max() for panel in panels.values())
        mass = mass_table(of).groupby("run")[["missed", "stray"]].mean()
        orders = [
            {
                "alpha": alpha,
                "jsd": float(final(run, "jsd").mean()),
                "missed": float(mass.missed[alpha]),
                "stray": float(mass.stray[alpha]),
                "shades": shades(panels[title(alpha)], top),
            }
            for alpha, run in of.items()
        ]
        side = len(panels["target"])
        about = {"name": TASKS[task], "side": side, "seed": seed, "target": shades(panels["target"], top)}
        found.append(about | {"orders": orders})
    return found


def shades(density: np.ndarray, top: float) -> str:
    """A density ``[cells (x1), cells (x2)]`` in steps of a 255th of ``top``, a row of the picture after the other."""
    rows = np.round(255 * np.asarray(density).T[::-1] / top).astype(np.uint8)
    return base64.b64encode(rows.tobytes()).decode()


def densities_script() -> str:
    """``window.gfnDensities``: a list, empty where the runs of Figure 1 are not stored."""
    return f"window.gfnDensities = {_script(densities(stored_densities()))};\n"
