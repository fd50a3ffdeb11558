"""Write the first picture among the outputs of a notebook to a file."""

from __future__ import annotations

import argparse
import base64
from pathlib import Path

import nbformat

from gfn.runs.training import replacing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=Path, help="an executed notebook")
    parser.add_argument("picture", type=Path, help="the PNG file to write")
    arguments = parser.parse_args()
    cells = nbformat.read(arguments.notebook, as_version=4).cells
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    first = next((data["image/png"] for data in outputs if "image/png" in data), None)
    if first is None:
        parser.error(f"{arguments.notebook} shows no picture")
    with replacing(arguments.picture) as partial:
        partial.write_bytes(base64.b64decode(first))


if __name__ == "__main__":
    main()
