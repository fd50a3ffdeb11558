"""Which edition a book is of: its profile, seeds, dates, source, package and paper, as its stored runs say."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

import gfn
from gfn.checkout import checkout_path
from gfn.runs.spec import Spec, TrainingSpec
from gfn.study.experiments import PROFILES, every_run
from gfn.study.results import METADATA_KEY, published_store

WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
PUBLISHED = ("edition", "paper")  # profiles of the paper's scale; others are for tests


@dataclass(frozen=True)
class Colophon:
    """What is known of the runs that a book shows.

    Attributes:
        profile: the profile that asks for most of them; empty where there are none.
        seeds: how many seeds most trainings have.
        runs: how many runs there are.
        dates: the first and the last day on which one was made, UTC; empty where there are none.
        sources: the fingerprints of the code that made them.
        versions: the versions of the package that made them.
    """

    profile: str
    seeds: int
    runs: int
    dates: tuple[str, ...]
    sources: tuple[str, ...]
    versions: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The edition in one sentence, as the footers of all pages and the README have it."""
        if not self.runs:
            return f"No runs are stored: nothing here is of an edition (package {gfn.__version__})."
        title = "Edition" if self.profile in PUBLISHED else "Not the published edition, but a test with small runs:"
        seeds = f"{WORDS[self.seeds] if self.seeds < len(WORDS) else self.seeds} seed{'s' if self.seeds != 1 else ''}"
        return (
            f"{title} of {seeds} (profile {self.profile}): {self.runs} runs, made {_days(self.dates)}"
            f" by source {', '.join(self.sources)} of package {', '.join(self.versions)}."
        ).replace(": of ", ": ")


def _days(dates: tuple[str, ...]) -> str:
    days = [datetime.fromisoformat(each) for each in dates]
    texts = [f"{day.day} {MONTHS[day.month - 1]} {day.year}" for day in days]
    return f"on {texts[0]}" if texts[0] == texts[-1] else f"from {texts[0]} to {texts[-1]}"


def colophon(store: Path | None = None) -> Colophon:
    """The edition that lies in a store of runs.

    Arguments:
        store: a folder of runs, by default the published ones or those that GFN_RESULTS names.
    """
    store = store or published_store()
    origins = {path.stem: found for path in sorted(store.glob("*.parquet")) if (found := _origin(path))}
    if not origins:
        return Colophon("", 0, 0, (), (), ())
    asked = {profile: _asked(profile) for profile in PROFILES["verdicts"]}
    profile = max(asked, key=lambda name: len(asked[name].keys() & origins.keys()))
    # Runs that other profiles have left in the same store are none of this edition.
    mine = {key: about for key, about in origins.items() if key in asked[profile]} or origins
    specs = [spec for key, spec in asked[profile].items() if key in mine and isinstance(spec, TrainingSpec)]
    seeds = Counter(len(spec.seeds) for spec in specs).most_common(1)
    days = sorted(about["written"][:10] for about in mine.values())
    return Colophon(
        profile,
        seeds[0][0] if seeds else 0,
        len(mine),
        (days[0], days[-1]),
        tuple(sorted({about.get("code", about["source"]) for about in mine.values()})),
        tuple(sorted({about["gfn"] for about in mine.values()})),
    )


@cache
def _asked(profile: str) -> dict[str, Spec]:
    return every_run(profile)  # some seconds in all


def _origin(path: Path) -> dict[str, str] | None:
    """Where a run comes from, from its file's end alone; None for what is no complete run."""
    try:
        about = json.loads((pq.read_metadata(path).metadata or {})[METADATA_KEY])
    except (KeyError, OSError, ValueError, pa.ArrowException):
        return None
    whole = about.get("status") == "complete" and {"written", "source", "gfn"} <= about.keys()
    return about if whole else None


def paper_line() -> tuple[str, str]:
    """The paper in a line, and where it is, as ``CITATION.cff`` has it."""
    paper = yaml.safe_load(checkout_path("CITATION.cff").read_text(encoding="utf-8"))["preferred-citation"]
    (arxiv,) = [each["value"] for each in paper["identifiers"] if each["value"].startswith("arXiv:")]
    where = f"{paper['conference']['name'].split()[0]} {paper['volume']} ({paper['year']})"
    return f"Paper: {arxiv}; figures are numbered as in the proceedings, {where}.", paper["url"]
