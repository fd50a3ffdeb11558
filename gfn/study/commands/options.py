"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gfn.study.flags import Named

FOLDER = Named(file_okay=False, path_type=Path)
HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


def device(**others: Any):
    """The option ``--device``."""
    text = "where to train: cpu, cuda, cuda:1, ... [default: cpu]"
    return click.option("--device", default="cpu", metavar="DEVICE", help=text, **others)
