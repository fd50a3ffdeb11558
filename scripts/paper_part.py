"""Leave the part beyond the paper out of a copy of the book's sources: `paper_part.py FOLDER`.

Its pages go, and their places in the table of contents. Links to them keep their words and lead nowhere.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import yaml

TARGET = r"(?:\.\./|/)?beyond/\w+"
LINKS = (
    re.compile(rf"\{{doc\}}`([^`<]*[^`<\s])\s*<{TARGET}>`"),
    re.compile(rf"\[([^\]]+)\]\({TARGET}(?:\.\w+)?(?:#[\w-]*)?\)"),
)


def main() -> None:
    (folder,) = map(Path, sys.argv[1:])
    contents = yaml.safe_load((folder / "_toc.yml").read_text(encoding="utf-8"))
    for part in contents["parts"]:
        part["chapters"] = [page for page in part["chapters"] if not page["file"].startswith("beyond/")]
    contents["parts"] = [part for part in contents["parts"] if part["chapters"]]
    (folder / "_toc.yml").write_text(yaml.safe_dump(contents, sort_keys=False, allow_unicode=True), encoding="utf-8")
    shutil.rmtree(folder / "beyond", ignore_errors=True)
    for page in [*folder.rglob("*.md"), *folder.rglob("*.ipynb")]:
        text = words = page.read_text(encoding="utf-8")
        for link in LINKS:
            words = link.sub(r"\1", words)
        if words != text:
            page.write_text(words, encoding="utf-8")


if __name__ == "__main__":
    main()
