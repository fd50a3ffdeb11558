"""The book's page on speed, written from the results: no number in it is typed by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks import picture
from benchmarks.gains import description, summary
from benchmarks.gpu_section import gpu
from benchmarks.sections import against, costs, evaluation, growth, limit, measured, whole
from benchmarks.settings import BATCH, GIN_WIDTH, HIDDEN, PAGE, PICTURE
from benchmarks.targets import Parts
from benchmarks.verdicts import Verdicts

QUICK = """

```{warning}
These numbers come from the quick scale of the suite, which only shows that everything works: most tasks are small, and targets are not judged.
```
"""
HEAD = """<!-- Written by `python -m benchmarks page` from data/benchmarks.json: change neither by hand. -->
# Speed"""
ABOUT = f"""Unless said otherwise: trajectory balance (TB), {BATCH} trajectories an iteration, an MLP with hidden layers of {" and ".join(map(str, HIDDEN))} (phylogenetics: the graph network of width {GIN_WIDTH}), one seed, float32, one thread on one core of a CPU.
An iteration samples, computes the loss and its gradient, and makes a step of Adam.
Times are medians over rounds, with quartiles in brackets where there is room.
What is compared takes turns in the same run, and a ratio is the median over rounds of ratios of the same round: absolute times drift, and differ between machines."""


SECTIONS = (against, costs, limit, growth, evaluation, gpu, whole, measured)


def page(results: dict[str, Any], image: str = "../_static/speed.svg") -> str:
    """The whole page in MyST Markdown.

    Arguments:
        results: what was measured.
        image: where the picture lies, seen from the page.
    """
    parts: Parts = results["parts"]
    verdicts = Verdicts(parts, judge=not results["quick"])
    shown = description(parts)
    blocks = [
        HEAD + (QUICK if results["quick"] else ""),
        summary(parts, verdicts.judge),
        f"````{{div}} gfn-figure\n```{{raw}} html\n:file: {image}\n```\n````" if shown else "",
        ABOUT,
        *(section(parts, verdicts) for section in SECTIONS),
    ]
    return "\n\n".join(filter(None, (block.strip() for block in blocks))) + "\n"


def write(results: dict[str, Any], path: Path = PAGE) -> Path:
    """Write the page and its picture, beside it unless it is the book's; return where the picture is."""
    drawn = PICTURE if path == PAGE else path.with_suffix(".svg")
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(results["parts"], drawn)
    path.write_text(page(results) if path == PAGE else page(results, drawn.name), encoding="utf-8")
    return drawn
