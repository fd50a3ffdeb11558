"""The pictures of the guide's worked pages, made by the code that the pages show: python scripts/guide_pictures.py

It also prints what each page prints, for the blocks that show it.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
PICTURES = {"own_dags": "edges.png", "own_trees": "trees.png"}


def main() -> None:
    """Run each page in a folder of its own."""
    for page, picture in PICTURES.items():
        text = (ROOT / f"book/guide/{page}.md").read_text(encoding="utf-8")
        code = "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.M | re.S))
        with TemporaryDirectory() as folder:
            os.chdir(folder)
            print(f"--- {page}")
            exec(compile(code, page, "exec", dont_inherit=True), {"__name__": "__main__"})
            shutil.copy(picture, ROOT / f"book/_static/{page}.png")
            os.chdir(ROOT)


if __name__ == "__main__":
    main()
