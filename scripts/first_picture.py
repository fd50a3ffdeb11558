"""Draw the picture of the README and of the landing page, Figure 3, from stored runs: as PNG, and as HTML beside it."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from gfn.runs.objective import OBJECTIVES
from gfn.runs.training import replacing
from gfn.study.evidence.convergence import comparison_frame
from gfn.study.evidence.importance import estimate_noise
from gfn.study.experiments import figure_settings
from gfn.study.notebook import obtain
from gfn.study.plotting import comparison_panels, use_style, with_error_bar
from gfn.study.presentation.figures import html

COLOURS = 128  # of the PNG


def drawn(profile: str) -> Figure:
    """The first figure of the page of Figure 3."""
    runs = obtain(figure_settings("fig3", profile=profile))
    curves = comparison_frame({(task, line): run for (task, line), run in runs.items() if line in OBJECTIVES})
    noise = estimate_noise({line: run for (task, line), run in runs.items() if task == "sets" and line in OBJECTIVES})
    use_style()
    figure = comparison_panels(curves)
    if noise.empty:
        return figure
    return with_error_bar(figure, "sets", noise.l1.median(), 2 * noise.error.median(), "error on Sets")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path, help="the PNG file to write; the HTML has the same name")
    parser.add_argument("--profile", default="edition", help="scale of the runs [default: %(default)s]")
    arguments = parser.parse_args()
    figure = drawn(arguments.profile)
    with replacing(arguments.picture.with_suffix(".html")) as partial:
        partial.write_text(html(figure) + "\n", encoding="utf-8")
    drawn_in = io.BytesIO()
    figure.savefig(drawn_in, format="png", dpi=110)
    with replacing(arguments.picture) as partial:
        # No time, no version: the same runs give the same file. Few colours: a third of the size.
        Image.open(drawn_in).convert("RGB").quantize(COLOURS).save(partial, format="png", optimize=True)


if __name__ == "__main__":
    main()
